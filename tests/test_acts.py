"""Acts: carried out once, with a receipt; heavy ones wait for a second person."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import examples

from commands.acts import ATTEMPTS, Asked, Done, KeyReused, carry_out
from commands.approvals import Settle
from commands.organizations import LINK_ORGANIZATION, UNLINK_ORGANIZATION, LinkOrganization, UnlinkOrganization
from commands.rejecting import REJECT, waiting_act
from commands.subjects import ERASE_SUBJECT, EraseSubject
from ledger.errors import Invalid, NotFound, Refused, StreamMoved
from ledger.events import Metadata, NewEvent, OrganizationLinked, ReceiptKept, Recorded
from ledger.ids import link_stream, receipt_stream
from ledger.store import Appended, Conflict, Log, Outcome

WHOSE = {"mode": "test", "account": "platform", "customer": "cus_1"}
LINK = LinkOrganization(**WHOSE, org="acme")
STREAM = link_stream("test", "platform", "cus_1")
ERASE = EraseSubject(subject="test/platform/cus_1")


def asked(key: str = "k1", person: str = "ada", **more: Any) -> Asked:
    given: dict[str, Any] = {"reason": "she asked by mail", "now_s": 1_760_000_000, "origin": "cli", **more}
    return Asked(person=person, idempotency_key=key, **given)


def link_to(org: str) -> LinkOrganization:
    return LinkOrganization(**WHOSE, org=org)


def told(log: Log, stream: str = STREAM) -> list[Any]:
    return [r.event for r in log.read_stream(stream)]


class Memory:
    """A journal without a database."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Recorded]] = {}
        self.position = 0

    def read_stream(self, stream: str) -> Sequence[Recorded]:
        return list(self.streams.get(stream, ()))

    def append(self, *events: NewEvent) -> Outcome:
        taken = tuple(e.stream for e in events if len(self.streams.get(e.stream, ())) >= e.version)
        if taken:
            return Conflict(taken)
        positions = []
        for event in events:
            self.position += 1
            recorded = Recorded(self.position, event.stream, event.version, event.event, b"", self.position)
            self.streams.setdefault(event.stream, []).append(recorded)
            positions.append(self.position)
        return Appended(tuple(positions))


def test_an_act_appends_what_follows_and_its_receipt(log: Log):
    done = carry_out(log, LINK_ORGANIZATION, LINK, asked())
    assert told(log) == [OrganizationLinked(**WHOSE, org="acme")]
    (receipt,) = told(log, receipt_stream("ada", "k1"))
    assert isinstance(receipt, ReceiptKept)
    assert (receipt.act, receipt.person, receipt.reason, receipt.subject, receipt.org) == (
        "link_organization", "ada", "she asked by mail", "customer/platform/cus_1", "acme"
    )  # fmt: skip
    assert done.events == ({"event": "organization.linked", **WHOSE, "org": "acme"},)
    assert done.changed and not done.repeated and done.waiting is None


def test_the_same_key_again_answers_what_was_answered_and_does_nothing(log: Log):
    first = carry_out(log, LINK_ORGANIZATION, LINK, asked())
    carry_out(log, UNLINK_ORGANIZATION, UnlinkOrganization(**WHOSE), asked("k2"))
    again = carry_out(log, LINK_ORGANIZATION, LINK, asked())
    assert again == msgspec.structs.replace(first, repeated=True)
    assert len(told(log)) == 2


def test_what_is_so_already_leaves_a_receipt_alone(log: Log):
    carry_out(log, LINK_ORGANIZATION, LINK, asked())
    done = carry_out(log, LINK_ORGANIZATION, LINK, asked("k2"))
    assert not done.changed and done.position is not None
    assert len(told(log)) == 1
    assert carry_out(log, LINK_ORGANIZATION, LINK, asked("k2")).repeated


@pytest.mark.parametrize("other", [("acme", {"reason": "another reason"}), ("globex", {})])
def test_the_same_key_for_something_else_is_refused(log: Log, other: tuple[str, dict[str, str]]):
    carry_out(log, LINK_ORGANIZATION, LINK, asked())
    org, more = other
    with pytest.raises(KeyReused):
        carry_out(log, LINK_ORGANIZATION, link_to(org), asked(**more))
    assert len(told(log)) == 1


def test_keys_of_two_persons_are_two_keys(log: Log):
    carry_out(log, LINK_ORGANIZATION, LINK, asked())
    carry_out(log, LINK_ORGANIZATION, link_to("globex"), asked(person="bob"))
    assert [e.org for e in told(log)] == ["acme", "globex"]


def test_a_refusal_is_not_remembered_for_its_key(log: Log):
    with pytest.raises(Refused):
        carry_out(log, UNLINK_ORGANIZATION, UnlinkOrganization(**WHOSE), asked())
    carry_out(log, LINK_ORGANIZATION, LINK, asked("k2"))
    assert carry_out(log, UNLINK_ORGANIZATION, UnlinkOrganization(**WHOSE), asked()).changed


def test_a_dry_run_tells_the_events_and_appends_none(log: Log):
    done = carry_out(log, LINK_ORGANIZATION, LINK, asked(dry_run=True))
    assert [e["event"] for e in done.events] == ["organization.linked"]
    assert done.position is None
    assert told(log) == [] and told(log, receipt_stream("ada", "k1")) == []


def test_one_key_from_sixteen_threads_acts_once_and_all_get_the_same_answer(log: Log):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: carry_out(log, LINK_ORGANIZATION, LINK, asked()), range(16)))
    assert len(told(log)) == 1
    assert {msgspec.structs.replace(a, repeated=False) for a in map(hashable, answers)} == {hashable(answers[0])}


def hashable(done: Done) -> Any:
    return msgspec.structs.replace(done, repeated=False, events=tuple(str(e) for e in done.events))  # type: ignore[arg-type]


def test_of_concurrent_acts_on_one_subject_each_is_decided_after_the_other(log: Log):
    orgs = [f"org_{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda o: carry_out(log, LINK_ORGANIZATION, link_to(o), asked(o)), orgs))
    assert all(d.changed for d in done)
    assert sorted(e.org for e in told(log)) == orgs
    assert [r.version for r in log.read_stream(STREAM)] == list(range(1, 9))


class Contested:
    """A log in which others come first, each time that something is to be appended."""

    def __init__(self, log: Log, orgs: Sequence[str]) -> None:
        self._log = log
        self._orgs = list(orgs)

    def read_stream(self, stream: str) -> Sequence[Recorded]:
        return self._log.read_stream(stream)

    def append(self, *events: NewEvent) -> Outcome:
        if self._orgs:
            version = len(self._log.read_stream(STREAM)) + 1
            event = OrganizationLinked(**WHOSE, org=self._orgs.pop(0))
            meta = Metadata(occurred_at_s=1_760_000_000, actor="bob")
            assert isinstance(self._log.append(NewEvent(STREAM, version, event, meta)), Appended)
        return self._log.append(*events)


def test_a_stream_that_moved_is_read_and_decided_anew(log: Log):
    assert carry_out(Contested(log, ["globex", "initech"]), LINK_ORGANIZATION, LINK, asked()).changed
    assert [e.org for e in told(log)] == ["globex", "initech", "acme"]


def test_what_another_did_meanwhile_counts(log: Log):
    assert not carry_out(Contested(log, ["globex", "acme"]), LINK_ORGANIZATION, LINK, asked()).changed


def test_a_stream_that_never_rests_is_given_up_with_nothing_appended(log: Log):
    others = [f"other_{n % 2}" for n in range(ATTEMPTS)]
    with pytest.raises(StreamMoved):
        carry_out(Contested(log, others), LINK_ORGANIZATION, LINK, asked())
    assert told(log, receipt_stream("ada", "k1")) == []


# ---- a second person ----------------------------------------------------------------------------


def test_a_heavy_act_waits_and_a_second_person_carries_it_out(log: Log):
    done = carry_out(log, ERASE_SUBJECT, ERASE, asked())
    assert done.waiting is not None
    assert told(log, "subject/test/platform/cus_1") == []
    requested = waiting_act(log, done.waiting)
    assert (requested.act, requested.input) == ("erase_subject", {"subject": "test/platform/cus_1"})
    assert (requested.mode, requested.account, requested.person) == ("test", "platform", "ada")
    approved = carry_out(log, ERASE_SUBJECT, ERASE, asked("k2", "bob", approval=done.waiting))
    assert [e["event"] for e in approved.events] == ["approval.granted", "subject.erased"]
    assert len(told(log, "subject/test/platform/cus_1")) == 1


def test_who_asked_cannot_approve_with_whatever_key(log: Log):
    done = carry_out(log, ERASE_SUBJECT, ERASE, asked())
    with pytest.raises(Refused) as caught:
        carry_out(log, ERASE_SUBJECT, ERASE, asked("k2", key_id="key_2", approval=done.waiting))
    assert caught.value.code == "second_person"
    assert told(log, "subject/test/platform/cus_1") == []


def test_a_rejected_act_is_never_carried_out(log: Log):
    done = carry_out(log, ERASE_SUBJECT, ERASE, asked())
    assert done.waiting is not None
    carry_out(log, REJECT, Settle(id=done.waiting, person="bob", granted=False), asked("k2", "bob"))
    with pytest.raises(Refused) as caught:
        carry_out(log, ERASE_SUBJECT, ERASE, asked("k3", "bob", approval=done.waiting))
    assert caught.value.code == "already_rejected"


def test_an_approval_counts_once(log: Log):
    done = carry_out(log, ERASE_SUBJECT, ERASE, asked())
    carry_out(log, ERASE_SUBJECT, ERASE, asked("k2", "bob", approval=done.waiting))
    with pytest.raises(Refused) as caught:
        carry_out(log, ERASE_SUBJECT, ERASE, asked("k3", "eve", approval=done.waiting))
    assert caught.value.code == "already_granted"


def test_an_installation_of_one_person_sets_the_weight_above_every_act(log: Log):
    done = carry_out(log, ERASE_SUBJECT, ERASE, asked(second_person_from=100))
    assert done.waiting is None and done.changed


def test_no_act_waits_under_an_id_that_nobody_gave(log: Log):
    with pytest.raises(NotFound):
        waiting_act(log, "apr_none")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"person": " "}, "person_required"),
        ({"reason": ""}, "reason_required"),
        ({"reason": "x" * 501}, "reason_required"),
        ({"key": ""}, "bad_idempotency_key"),
        ({"key": "ключ"}, "bad_idempotency_key"),
        ({"key": "x" * 256}, "bad_idempotency_key"),
    ],
)
def test_an_act_names_who_and_why_and_under_which_key(log: Log, more: dict[str, str], code: str):
    with pytest.raises(Invalid) as caught:
        carry_out(log, LINK_ORGANIZATION, LINK, asked(**more))
    assert caught.value.code == code
    assert told(log) == []


@examples(200)
@given(
    st.lists(
        st.tuples(st.sampled_from(["acme", "globex", None]), st.sampled_from("abcd"), st.sampled_from(["ada", "bob"])),
        max_size=12,
    )
)
def test_each_key_of_a_person_acts_at_most_once_and_answers_alike_ever_after(
    wanted: list[tuple[str | None, str, str]],
):
    journal = Memory()
    first: dict[tuple[str, str], tuple[str | None, Done]] = {}
    for org, key, person in wanted:
        before = len(journal.read_stream(STREAM))
        act = LINK_ORGANIZATION if org is not None else UNLINK_ORGANIZATION
        command: Any = link_to(org) if org is not None else UnlinkOrganization(**WHOSE)
        known = first.get((person, key))
        try:
            done = carry_out(journal, act, command, asked(key, person))
        except KeyReused:
            assert known is not None and known[0] != org
        except Refused:
            assert known is None
        else:
            if known is None:
                first[person, key] = org, done
                assert len(journal.read_stream(STREAM)) == before + done.changed
                continue
            assert msgspec.structs.replace(done, repeated=False) == known[1]
        assert len(journal.read_stream(STREAM)) == before
