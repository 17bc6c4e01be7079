"""What is set aside: operators release what can be applied now and dismiss the rest; the log keeps it, and live rows
are what a rebuild says.

A translation that was wrong is played by one that quarantines chosen events; mending it is taking that away.
"""

import dataclasses
import json
import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import oracle
import psycopg
import pytest
from click.testing import CliRunner, Result
from histories import built, different, ingest, project, rows_of
from samples import Delivery, T, customer, event, small_shop

from api import set_aside
from api.database import Database
from api.operations import asked_by
from api.set_aside import Acted
from commands.quarantine import SET_ASIDE, Handled, HandleEvent, HandleKey
from ledger.errors import Invalid, NotFound, RecountError, Refused, StoreUnavailable
from ledger.events import (
    Event,
    ParkedKeyDismissed,
    ParkedKeyReleased,
    StripeEventDismissed,
    StripeEventReleased,
)
from ledger.facts import Quarantined
from ledger.ids import event_item, item_parts, parked_item
from ledger.store import Log
from projections import BILLING, CUSTOMERS, MODELS
from projections.base import Entry, Group, Key, Projection
from replay import fold, refold, work_list
from replay.cli import recount as command
from replay.live import Projector
from replay.own_events import NeedsRebuild
from replay.rebuild import rebuild
from replay.verify import verify

TEST: Any = "test"
NO_FIELDS = ("handled", "handled_by", "handled_why")


class Cli:
    """Runs commands against one database."""

    def __init__(self, database: str) -> None:
        self._environment = {"DATABASE_URL": database, "RECOUNT_MASTER_KEY": b64encode(b"m" * 32).decode()}

    def __call__(self, *words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(command, words, env=self._environment)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code).stdout)


def misread(monkeypatch: pytest.MonkeyPatch, *event_ids: str) -> None:
    """As a release did that could not read these events."""
    right = fold.translate
    wrong = Quarantined("lacks what a later release reads")
    monkeypatch.setattr(fold, "translate", lambda e: wrong if e.event_id in event_ids else right(e))


def breaking(projection: Projection, is_bad: Callable[[Entry], bool]) -> Projection:
    """A projection whose fold fails for some entries."""

    def apply(state: bytes | None, entry: Entry) -> bytes | None:
        if is_bad(entry):
            raise ValueError("a fault of ours")
        return projection.apply(state, entry)

    return dataclasses.replace(projection, apply=apply)


def with_projection(projection: Projection) -> Group:
    parts = tuple(projection if p.name == projection.name else p for p in BILLING.projections)
    return dataclasses.replace(BILLING, projections=parts)


def release(conninfo: str, item: str, why: str = "mended", by: str = "ada", **how: Any) -> Acted:
    database = Database(conninfo, conninfo, None)
    return set_aside.release(database, None, mode=how.get("mode", TEST), item=item, asked=asked_by(by, why))


def dismiss(conninfo: str, item: str, why: str = "a test of ours", by: str = "ada") -> Acted:
    return set_aside.dismiss(Database(conninfo, conninfo, None), None, mode=TEST, item=item, asked=asked_by(by, why))


def refused(act: Callable[..., Acted], *args: Any, **how: Any) -> str:
    """The stable code of a refusal."""
    with pytest.raises(RecountError) as caught:
        act(*args, **how)
    return caught.value.code


@contextmanager
def looking(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        yield conn


def listed(conninfo: str, **given: Any) -> list[tuple[str, str, str]]:
    """(item, kind, status) of the list."""
    with looking(conninfo) as conn:
        return [(i.item, i.kind, i.status) for i in work_list.items(conn, mode="test", **given)]


def counted(conninfo: str) -> dict[str, int]:
    with looking(conninfo) as conn:
        return {k: n for k, n in work_list.open_counts(conn).items() if n}


def appended(log: Log, after: int | None) -> list[str]:
    """What came to the log since."""
    assert after is not None
    return [e.event.NAME for e in log.read(after, 1000)]


def differences(conninfo: str) -> list[Any]:
    return [d for v in verify(conninfo) for d in v.differences]


def told(*events: dict[str, Any]) -> list[Delivery]:
    return [Delivery(e, "connect" if "account" in e else "platform") for e in events]


def ada(number: int, balance: int, **how: Any) -> dict[str, Any]:
    kind = "customer.created" if number == 1 else "customer.updated"
    return event(number, kind, customer("cus_1", balance=balance, org="org_a"), at=T + number, **how)


def ledger_row(conninfo: str, event_id: str) -> dict[str, Any]:
    return rows_of(conninfo)["stripe_events"]["test", "platform", event_id]


# ---- deciding -------------------------------------------------------------------------------


def about_event(**change: Any) -> HandleEvent:
    given: dict[str, Any] = {
        "mode": "test", "account": "platform", "event_id": "evt_1", "release": True, "by": "ada", "why": "mended",
        "state": "quarantined", "versions": 1, "lacks": None, "fault": None,
    }  # fmt: skip
    return HandleEvent(**given | change)


def about_key(**change: Any) -> HandleKey:
    given: dict[str, Any] = {
        "mode": "test", "model": "customers", "key": ("test", "platform", "cus_1"), "release": True, "by": "ada",
        "why": "mended", "fault": "ValueError", "still": None,
    }  # fmt: skip
    return HandleKey(**given | change)


def decided(command: Any, *history: Event) -> tuple[Event, ...]:
    return SET_ASIDE.decide(command, SET_ASIDE.fold(history))


def test_a_release_names_who_why_and_what_it_covers() -> None:
    assert decided(about_event(versions=3)) == (
        StripeEventReleased(mode="test", account="platform", event_id="evt_1", versions=3, by="ada", why="mended"),
    )
    assert decided(about_key()) == (
        ParkedKeyReleased(
            mode="test",
            model="customers",
            key=("test", "platform", "cus_1"),
            fault="ValueError",
            by="ada",
            why="mended",
        ),
    )


@pytest.mark.parametrize("make", [about_event, about_key])
def test_the_same_act_again_is_no_event(make: Callable[..., Any]) -> None:
    for release in (True, False):
        first = decided(make(release=release))
        assert len(first) == 1
        done = make(release=release, **({"state": "applied"} if make is about_event else {"fault": None}))
        assert decided(done, *first) == ()
    assert decided(make(release=False), *decided(make(release=False))) == ()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (about_event(lacks="lacks created"), "still_quarantined"),
        (about_event(fault="ValueError"), "still_parked"),
        (about_event(state="conflict"), "conflict_stays"),
        (about_event(state="applied"), "not_set_aside"),
        (about_event(state="waiting", release=False), "not_set_aside"),
        (about_event(state=None), "not_found"),
        (about_event(why=" "), "reason_required"),
        (about_event(why="x" * 501), "reason_required"),
        (about_event(by=""), "reason_required"),
        (about_event(mode="both"), "unknown_mode"),
        (about_key(still="ValueError"), "still_parked"),
        (about_key(fault=None), "not_set_aside"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_stable_code(command: Any, code: str) -> None:
    with pytest.raises((Refused, Invalid, NotFound)) as caught:
        decided(command)
    assert caught.value.code == code


def test_a_dismissal_holds_for_what_was_there() -> None:
    # given a conflict and a parked key that were dismissed
    conflict = decided(about_event(state="conflict", versions=2, release=False))
    parked = decided(about_key(release=False))
    assert isinstance(conflict[0], StripeEventDismissed) and isinstance(parked[0], ParkedKeyDismissed)
    # then one more content, or another error, is dismissed by itself
    assert decided(about_event(state="conflict", versions=2, release=False), *conflict) == ()
    assert len(decided(about_event(state="conflict", versions=3, release=False), *conflict)) == 1
    assert len(decided(about_key(release=False, fault="KeyError"), *parked)) == 1
    assert SET_ASIDE.fold(parked) == Handled(False, "ValueError")


def test_an_items_name_says_what_it_is_whatever_is_in_it() -> None:
    odd = "a:b/c%3Ad"
    assert item_parts(event_item("acct_1", odd)) == ("acct_1", odd)
    assert item_parts(parked_item("prices", ("live", "platform", odd))) == ("prices", "platform", odd)
    assert parked_item("api_keys", ("key_1",)) == "api_keys:key_1"
    assert "/" not in event_item(odd, odd)


# ---- quarantined events ---------------------------------------------------------------------


def test_a_released_event_is_applied_and_rebuild_equals_live(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an event in the midst of others that a release could not read
    history = told(
        ada(1, 10), ada(2, 20), ada(3, 15, previous={"balance": 20}), event(9, "customer.created", customer("cus_9"))
    )
    built(database)
    with monkeypatch.context() as old:
        misread(old, "evt_0003")
        ingest(log, history)
        project(database)
    assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 20
    assert listed(database) == [("platform:evt_0003", "quarantined", "open")] and counted(database) == {
        "quarantined": 1
    }
    # and the mended one, with which live and rebuilt rows differ
    assert {(d.model, d.key[2]) for d in differences(database)} == {
        ("customers", "cus_1"),
        ("stripe_events", "evt_0003"),
    }
    # when it is released
    found = release(database, "platform:evt_0003", "0.4 reads it")
    # then it is applied at once, and its act shows as soon as that is folded
    assert (found.done.changed, found.done.position, found.refolded) == (True, log.head(), 2)
    assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 15
    assert ledger_row(database, "evt_0003")["state"] == "applied"
    project(database)
    row = ledger_row(database, "evt_0003")
    assert (row["handled"], row["handled_by"], row["handled_why"]) == ("released", "ada", "0.4 reads it")
    assert listed(database) == [] and counted(database) == {}
    assert listed(database, status="released") == [("platform:evt_0003", "quarantined", "released")]
    # and live rows are what the log says, now and after a rebuild
    assert differences(database) == []
    expected = oracle.recount(history)
    expected["stripe_events"]["test", "platform", "evt_0003"] |= {n: row[n] for n in NO_FIELDS}
    assert different(rows_of(database), expected) == []
    rebuild(database)
    assert different(rows_of(database), expected) == []
    # and to release it again changes nothing, which its receipt says
    again = release(database, "platform:evt_0003")
    assert (again.done.changed, again.done.position, again.refolded) == (False, log.head(), 0)
    assert appended(log, found.done.position) == ["receipt.kept"]


@pytest.mark.parametrize("seed", range(4))
def test_however_many_are_released_in_whatever_order_all_is_what_the_log_says(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # given a shop's history, a part of it misread, and a leader that goes on
    rnd = random.Random(seed)
    history = small_shop()
    rnd.shuffle(history)
    expected = oracle.recount(history)
    unreadable = {key for key, row in expected["stripe_events"].items() if row["state"] == "quarantined"}
    first, later = history[: len(history) * 3 // 4], history[len(history) * 3 // 4 :]
    bad = rnd.sample([d.event for d in first], 6)
    built(database)
    with closing(Projector(database, BILLING)) as leader:
        assert leader.lead()
        with monkeypatch.context() as old:
            misread(old, *(e["id"] for e in bad))
            ingest(log, first)
            leader.catch_up()
        with looking(database) as conn:
            items = work_list.items(conn)
        # when they are released one by one, while more comes
        rnd.shuffle(items)
        for item in items:
            if tuple(item.key) in unreadable:
                assert refused(release, database, item.item) == "still_quarantined"
            elif still_open(database, item):  # another one's release may have read it along
                release(database, item.item, mode=item.mode)
            if later and rnd.random() < 0.5:
                ingest(log, [later.pop()])
            if rnd.random() < 0.5:
                leader.catch_up()
        ingest(log, later)
        leader.catch_up()
    # then only what nobody can read is set aside, and all rows are what the log says
    with looking(database) as conn:
        assert {tuple(i.key) for i in work_list.items(conn)} == unreadable
    assert differences(database) == []
    for key, row in rows_of(database)["stripe_events"].items():
        expected["stripe_events"][key] |= {n: row[n] for n in NO_FIELDS}
    assert different(rows_of(database), expected) == []


def still_open(conninfo: str, item: work_list.Item) -> bool:
    with looking(conninfo) as conn:
        found = work_list.find(conn, item.mode, item.item)
    assert found is not None or item.state == "quarantined"
    return found is not None and found.status == "open"


def test_an_event_that_still_cannot_be_read_is_refused_and_nothing_happens(database: str, log: Log) -> None:
    # given an event that lacks what its type must have
    built(database)
    ingest(log, told(ada(1, 10), event(2, "customer.created", {"object": "customer", "id": "cus_2"})))
    project(database)
    before, head = rows_of(database), log.head()
    # when it is released
    # then that is refused, and nothing has changed: the log holds the attempts, as far as there was something to try
    assert refused(release, database, "platform:evt_0002") == "still_quarantined"
    assert refused(release, database, "platform:evt_0002", why="") == "reason_required"
    assert refused(release, database, "platform:evt_0001") == "not_set_aside"
    assert refused(release, database, "platform:evt_0003") == "not_found"
    assert refused(release, database, "evt_0002") == "not_found"
    assert refused(release, database, "platform:evt_0002", mode="live") == "not_found"
    project(database)
    assert rows_of(database) == before
    assert appended(log, head) == ["attempt.denied", "attempt.denied"]


def test_events_of_the_same_object_that_can_be_read_now_are_read_along(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given two misread events of one customer, and one of another
    built(database)
    other = event(7, "customer.created", customer("cus_7"))
    with monkeypatch.context() as old:
        misread(old, "evt_0002", "evt_0003", "evt_0007")
        ingest(log, told(ada(1, 10), ada(2, 20), ada(3, 30), other))
        project(database)
    assert counted(database) == {"quarantined": 3}
    # when one of the two is released
    assert release(database, "platform:evt_0002").refolded == 3
    # then the customer is whole, both are applied, and the other's is left alone
    project(database)
    assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 30
    assert ledger_row(database, "evt_0003")["state"] == "applied"
    assert ("test", "platform", "cus_7") not in rows_of(database)["customers"]
    assert [i for i, _, _ in listed(database)] == ["platform:evt_0007"]
    assert {d.key[2] for d in differences(database)} == {"evt_0007", "cus_7"}


def test_what_a_crash_left_undone_is_done_by_releasing_again(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a release that was recorded and then died
    built(database)
    with monkeypatch.context() as old:
        misread(old, "evt_0002")
        ingest(log, told(ada(1, 10), ada(2, 20)))
        project(database)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(set_aside, "refold", die)
        with pytest.raises(KeyboardInterrupt):
            release(database, "platform:evt_0002")
    project(database)
    # then it is still open
    assert listed(database) == [("platform:evt_0002", "quarantined", "open")]
    # when it is released again, then no release is recorded twice, and it is applied
    head = log.head()
    assert not release(database, "platform:evt_0002").done.changed
    assert appended(log, head) == ["receipt.kept"]
    assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 20
    assert listed(database) == [] and differences(database) == []


def test_a_dismissed_event_stays_as_it_is_and_says_by_whom_and_why(database: str, log: Log) -> None:
    # given an event that cannot be read
    built(database)
    ingest(log, told(event(2, "customer.created", {"object": "customer", "id": "cus_2"})))
    project(database)
    # when it is dismissed, twice
    assert dismiss(database, "platform:evt_0002", "sent by a mock").done.changed
    assert not dismiss(database, "platform:evt_0002").done.changed
    project(database)
    # then it is on nobody's list, and still quarantined
    row = ledger_row(database, "evt_0002")
    assert (row["state"], row["reason"]) == ("quarantined", "lacks created")
    assert (row["handled"], row["handled_by"], row["handled_why"]) == ("dismissed", "ada", "sent by a mock")
    assert listed(database) == [] and counted(database) == {}
    assert listed(database, status="dismissed") == [("platform:evt_0002", "quarantined", "dismissed")]
    assert differences(database) == []
    rebuild(database, ["stripe_events"])
    assert ledger_row(database, "evt_0002") == row


def test_a_dismissed_conflict_is_open_again_when_more_comes(database: str, log: Log) -> None:
    # given one id with two contents
    built(database)
    ingest(log, told(ada(1, 10), ada(1, 11)))
    project(database)
    assert listed(database) == [("platform:evt_0001", "conflict", "open")]
    # then it is never applied, and can be dismissed
    assert refused(release, database, "platform:evt_0001") == "conflict_stays"
    assert dismiss(database, "platform:evt_0001").done.changed
    project(database)
    assert listed(database) == [] and ledger_row(database, "evt_0001")["state"] == "conflict"
    # when a third content comes, then it asks for a person again, and can be dismissed again
    ingest(log, told(ada(1, 12)))
    project(database)
    assert listed(database) == [("platform:evt_0001", "conflict", "open")]
    assert ledger_row(database, "evt_0001")["handled"] is None
    assert dismiss(database, "platform:evt_0001").done.changed
    project(database)
    assert listed(database) == [] and differences(database) == []


def test_the_command_line_works_the_list_off(database: str, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    # given an event that could not be read, and one that still cannot be
    built(database)
    with monkeypatch.context() as old:
        misread(old, "evt_0002")
        ingest(log, told(ada(1, 10), ada(2, 20), event(3, "customer.created", {"object": "customer", "id": "cus_3"})))
        project(database)
    rebuild(database, ["api_keys"])
    recount = Cli(database)
    # then they are listed, with why and since when
    lines = recount("quarantine", "list").stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["platform:evt_0002", "quarantined", "customer.updated"],
        ["platform:evt_0003", "quarantined", "customer.created"],
    ]
    assert "lacks created" in lines[1]
    found = recount.json("quarantine", "show", "platform:evt_0003")
    assert (found["status"], found["reason"], found["obstacle"]) == ("open", "lacks created", "lacks created")
    assert "release     possible" in recount("quarantine", "show", "platform:evt_0002").stdout
    assert "release     not now: lacks created" in recount("quarantine", "show", "platform:evt_0003").stdout
    # when the one is released and the other dismissed
    why = ("--actor", "ada", "--reason", "0.4 reads it")
    done = recount.json("quarantine", "release", "platform:evt_0002", *why)
    assert (done["changed"], done["refolded"]) == (True, 2)
    assert "was released already" in recount("quarantine", "release", "platform:evt_0002", *why).stdout
    assert (
        recount.json("quarantine", "release", "platform:evt_0003", *why, code=2)["error"]["code"] == "still_quarantined"
    )
    assert recount.json("quarantine", "dismiss", "platform:evt_0003", code=2)["error"]["code"] == "reason_required"
    assert "is dismissed, recorded at position" in recount("quarantine", "dismiss", "platform:evt_0003", *why).stdout
    project(database)
    # then nothing is open, and what was done is told
    assert recount("quarantine", "list").stdout == ""
    assert [i["status"] for i in recount.json("quarantine", "list", "--status", "all")["data"]] == [
        "released",
        "dismissed",
    ]
    assert recount.json("status")["open"] == {"quarantined": 0, "conflict": 0, "parked": 0}
    assert "dismissed   by ada: 0.4 reads it" in recount("quarantine", "show", "platform:evt_0003").stdout
    assert recount.json("quarantine", "show", "platform:evt_0001", code=2)["error"]["code"] == "not_found"


# ---- parked keys ----------------------------------------------------------------------------


def parked_customer(database: str, log: Log) -> None:
    """A customer whose second event a broken fold could not take."""
    built(database)
    ingest(log, told(ada(1, 10), ada(2, 20)))
    broken = breaking(CUSTOMERS, lambda e: getattr(e.said, "event_id", "") == "evt_0002")
    with closing(Projector(database, with_projection(broken))) as projector:
        assert projector.lead()
        projector.catch_up()


def test_a_released_key_is_whole_again_and_a_running_leader_takes_it_up(database: str, log: Log) -> None:
    # given a parked customer, and a leader that knows it as parked
    parked_customer(database, log)
    assert listed(database) == [("customers:platform:cus_1", "parked", "open")] and counted(database) == {"parked": 1}
    with closing(Projector(database, BILLING)) as leader:
        assert leader.lead()
        ingest(log, told(ada(3, 30)))
        leader.catch_up()
        assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 10
        # when it is released
        done = release(database, "customers:platform:cus_1")
        # then it holds everything that came meanwhile
        assert (done.done.changed, done.refolded) == (True, 1)
        assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 30
        # and the leader goes on with it
        ingest(log, told(ada(4, 40)))
        leader.catch_up()
    assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 40
    with looking(database) as conn:
        assert conn.execute("SELECT FROM read_models.customers WHERE stale").fetchall() == []
    assert counted(database) == {} and differences(database) == []
    assert listed(database, status="released") == [("customers:platform:cus_1", "parked", "released")]
    # and to release it again changes nothing, which its receipt says
    head = log.head()
    again = release(database, "customers:platform:cus_1")
    assert (again.done.changed, again.done.position, again.refolded) == (False, log.head(), 0)
    assert appended(log, head) == ["receipt.kept"]


def test_a_key_that_raises_even_now_stays_parked(database: str, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a parked key whose fold was not mended
    parked_customer(database, log)
    before, head = rows_of(database), log.head()
    broken = breaking(CUSTOMERS, lambda e: getattr(e.said, "event_id", "") == "evt_0002")
    monkeypatch.setitem(MODELS, "customers", broken)
    # when it is released, then that is refused, and nothing has changed
    assert refused(release, database, "customers:platform:cus_1") == "still_parked"
    assert (rows_of(database), counted(database)) == (before, {"parked": 1})
    assert appended(log, head) == ["attempt.denied"]
    with pytest.raises(refold.StillParked):
        refold.refold(database, [("customers", ("test", "platform", "cus_1"))])
    assert counted(database) == {"parked": 1}


def test_a_dismissed_key_stays_parked_until_it_raises_something_else(database: str, log: Log) -> None:
    parked_customer(database, log)
    # when it is dismissed
    assert dismiss(database, "customers:platform:cus_1", "left us").done.changed
    project(database)
    # then nobody need work on it, though it is parked
    assert counted(database) == {}
    assert listed(database, status="dismissed") == [("customers:platform:cus_1", "parked", "dismissed")]
    # when it raises another error, then it asks for a person again
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE read_models.parked SET error = 'KeyError: x'")
    assert counted(database) == {"parked": 1}
    # and what a rebuild made whole is no item any more, with what was said about it
    rebuild(database, ["customers"])
    assert listed(database) == []
    assert listed(database, status="dismissed") == [("customers:platform:cus_1", "parked", "dismissed")]


def test_a_parked_derivation_is_derived_anew_with_what_hangs_on_it(database: str, log: Log) -> None:
    # given a link of a customer that could not be derived, and so no organization
    built(database)
    ingest(log, told(ada(1, 10)))
    (links,) = (d for d in BILLING.derivations if d.name == "org_links")

    def fails(key: Key, rows: Any) -> Any:
        raise ValueError("a fault of ours")

    failing = dataclasses.replace(links, derive=fails)
    parts = tuple(failing if d is links else d for d in BILLING.derivations)
    with closing(Projector(database, dataclasses.replace(BILLING, derivations=parts))) as projector:
        assert projector.lead()
        projector.catch_up()
    assert listed(database) == [("org_links:platform:cus_1", "parked", "open")]
    # when it is released
    assert release(database, "org_links:platform:cus_1").refolded == 1
    # then it is there, and so is the organization
    assert ("test", "org_a") in rows_of(database)["organizations"]
    project(database)
    assert counted(database) == {} and differences(database) == []


@pytest.mark.parametrize("model", ["stripe_events", "operator_links", "parked_acts"])
def test_a_parked_row_of_our_own_events_is_folded_from_its_streams(database: str, log: Log, model: str) -> None:
    # given a key of a model that is not of Stripe's objects, parked by hand
    from histories import Link, link

    parked_customer(database, log)
    dismiss(database, "customers:platform:cus_1")
    link(log, Link("cus_1", "org_b"))
    project(database)
    before = rows_of(database)
    (key,) = list(before[model])[:1]
    with psycopg.connect(database, autocommit=True) as conn:
        where = " AND ".join(f"{k} = %s" for k in MODELS[model].table.key)
        conn.execute(f"UPDATE read_models.{model} SET stale = true WHERE {where}", list(key))
        conn.execute("INSERT INTO read_models.parked VALUES (%s, %s, 1, 'ValueError: x')", [model, list(key)])
    # when it is released, then it is as it was, and folded on
    assert release(database, parked_item(model, key)).done.changed
    assert rows_of(database) == before
    with looking(database) as conn:
        assert conn.execute(f"SELECT FROM read_models.{model} WHERE stale").fetchall() == []


def test_a_model_that_nothing_tells_the_events_of_needs_a_rebuild(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(database)
    foreign = dataclasses.replace(CUSTOMERS, reads=("something.happened",))
    monkeypatch.setitem(MODELS, "customers", foreign)
    with pytest.raises(NeedsRebuild) as caught:
        refold.refold(database, [("customers", ("test", "platform", "cus_1"))])
    assert caught.value.code == "needs_rebuild"


# ---- in one transaction with the leader -----------------------------------------------------


def test_a_refold_waits_for_whoever_holds_the_checkpoint(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a leader in the midst of a step
    parked_customer(database, log)
    monkeypatch.setattr(refold, "_LOCK_WAIT_MS", 50)
    with psycopg.connect(database) as leader:
        leader.execute("SELECT FROM read_models.checkpoints WHERE name = 'billing' FOR UPDATE")
        # when a key is released, then nothing is done under its hands
        with pytest.raises(StoreUnavailable):
            release(database, "customers:platform:cus_1")
        assert counted(database) == {"parked": 1}
    # and afterwards it is done
    assert release(database, "customers:platform:cus_1").refolded == 1
    assert counted(database) == {}


def test_nobody_else_holds_the_checkpoint_during_a_refold(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a look at the checkpoint from beside, while keys are made anew
    parked_customer(database, log)
    make_all, looked = refold._make_all, []

    def making(*given: Any) -> Any:
        with psycopg.connect(database) as leader, pytest.raises(psycopg.errors.LockNotAvailable):
            leader.execute("SELECT FROM read_models.checkpoints WHERE name = 'billing' FOR UPDATE NOWAIT")
        looked.append(True)
        return make_all(*given)

    # when a key is released, then no leader could step in between
    monkeypatch.setattr(refold, "_make_all", making)
    release(database, "customers:platform:cus_1")
    assert looked == [True]


def test_a_refold_folds_no_further_than_the_checkpoint(database: str, log: Log) -> None:
    # given events that the leader has not folded
    parked_customer(database, log)
    ingest(log, told(ada(3, 30)))
    # when the key is released, then it stands where everything else does
    release(database, "customers:platform:cus_1")
    assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 20
    assert differences(database) == []
    project(database)
    assert rows_of(database)["customers"]["test", "platform", "cus_1"]["balance_minor"] == 30
    assert differences(database) == []
