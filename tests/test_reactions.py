"""Reactions: each acts once, from where the log stood when it began; many differences at once wait for an operator."""

import base64
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from outgoing import MASTER, Installation
from samples import T, customer, event, price, product, subscription
from test_engine import eventually

from api.database import running
from api.endpoints import add_endpoint
from api.settings import load
from commands import reactions
from commands.acts import Asked
from commands.consequences import Follow
from commands.differences import HELD, ReleaseDifferences
from commands.notices import NOTICES, RaiseNotice
from commands.reactions import REACTIONS, WATCHES, Difference, Reaction, take
from ledger.errors import NotFound, Refused
from ledger.events import (
    DifferenceClosed,
    Metadata,
    NewEvent,
    NoticeRaised,
    OrganizationLinked,
    ReactionTaken,
    Recorded,
)
from ledger.ids import held_stream, link_stream, notice_stream, reaction_stream
from ledger.store import Log, Outcome
from projections import BILLING
from replay import rebuild, verify
from replay.outgoing import outgoing

LINKED = REACTIONS[0]


@pytest.fixture
def here(database: str) -> Iterator[Installation]:
    with closing(Installation(database, T + 100)) as found:
        yield found


def shop(here: Installation, orgs: int = 1, *, at: int = T) -> None:
    """Organizations that all have the same plan, and so the feature `agents`."""
    here.tell(
        event("evt_p", "product.created", product("prod_1", "agents", limits={"agents": "5"}), at=at),
        event("evt_q", "price.created", price("price_1", "prod_1"), at=at),
        *(
            event(f"evt_c{n}", "customer.created", customer(f"cus_{n}", org=f"org_{n}"), at=at)
            for n in range(1, orgs + 1)
        ),
        *(
            event(f"evt_s{n}", "customer.subscription.created", subscription(f"sub_{n}", f"cus_{n}"), at=at)
            for n in range(1, orgs + 1)
        ),
    )


def upgraded(here: Installation, limit: int, number: int = 2) -> None:
    """The plan allows another number of agents: everybody's entitlements change."""
    sold = product("prod_1", "agents", limits={"agents": str(limit)})
    here.tell(event(f"evt_p{number}", "product.updated", sold, at=T + number))


def release(here: Installation, *, silent: bool) -> None:
    command = ReleaseDifferences(reaction="entitlement_changes", mode="test", silent=silent, held=True)
    (said,) = HELD.decide(command, None)
    here.append(held_stream("entitlement_changes", "test"), said)


def status(here: Installation) -> dict[tuple[str, str | None], Any]:
    import psycopg

    with psycopg.connect(here.conninfo, autocommit=True) as conn:
        return {(r.name, r.mode): r for r in outgoing(conn).reactions}


# ---- to an event -----------------------------------------------------------------------------


def test_an_event_is_reacted_to_once_with_a_receipt_that_names_its_cause(here: Installation):
    here.listen()
    here.react()
    here.link("cus_1", "acme")
    here.react()
    here.react()
    (notice,) = here.notices()
    assert (notice.type, notice.org, notice.said) == (
        "organization.linked", "acme", {"account": "platform", "customer": "cus_1"}
    )  # fmt: skip
    stream = link_stream("test", "platform", "cus_1")
    (receipt,) = here.log.read_stream(reaction_stream(LINKED.name, stream, 1))
    assert receipt.event == ReactionTaken(reaction=LINKED.name, cause_stream=stream, cause_version=1)


def test_a_new_reaction_starts_at_the_head_of_the_log(here: Installation):
    here.listen()
    here.link("cus_1", "before")
    here.react()
    here.link("cus_1", "after")
    here.react()
    assert [n.org for n in here.notices()] == ["after"]


def test_while_nobody_listens_nothing_is_told(here: Installation):
    here.react()
    here.link("cus_1", "acme")
    here.react()
    here.listen()
    here.react()
    assert here.notices() == []
    here.link("cus_1", "globex")
    here.react()
    assert [n.org for n in here.notices()] == ["globex"]


def test_an_endpoint_of_the_other_mode_hears_nothing(here: Installation):
    here.listen(mode="live")
    here.react()
    here.link("cus_1", "acme")
    here.react()
    assert here.notices() == []


def test_who_listens_is_not_taken_from_read_models_that_are_late(here: Installation):
    here.react()
    here.stop_reacting()
    reactor = here.reactor()
    here.link("cus_0", "acme")  # in the log before anybody listens
    here.append("endpoint/ep_9", _added("ep_9"))
    here.link("cus_1", "acme")
    assert reactor.lead()
    reactor.step()  # nothing is folded: it cannot know yet, so it does not pass over anything
    here.project()
    reactor.step()
    assert [n.said["customer"] for n in here.notices()] == ["cus_1"]


def _added(id: str) -> Any:
    from ledger.events import EndpointAdded

    return EndpointAdded(endpoint_id=id, mode="test", url="https://x.example.com", types=(), org=None, label=None)


def test_a_cause_is_taken_once_from_sixteen_threads(log: Log):
    stream = link_stream("test", "platform", "cus_1")
    said = OrganizationLinked(mode="test", account="platform", customer="cus_1", org="acme")
    log.append(NewEvent(stream, 1, said, Metadata(occurred_at_s=5, actor="ada")))
    (cause,) = log.read_stream(stream)
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda _: take(log, LINKED, cause), range(16)))
    assert any(done)
    assert len(log.read_stream(notice_stream(_only_notice(log)))) == 1


def _only_notice(log: Log) -> str:
    (found,) = [r.event.notice_id for r in log.read(0, 100) if isinstance(r.event, NoticeRaised)]
    return str(found)


def test_three_reactors_at_once_react_once_in_the_order_of_the_log(here: Installation):
    here.listen()
    here.react()
    here.stop_reacting()
    orgs = [f"org_{n}" for n in range(20)]
    for org in orgs:
        here.link("cus_1", org)
    here.project()
    three = [here.reactor() for _ in range(3)]
    for each in three:  # as if the lock had failed: all of them believe that they lead
        each._leads = True
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda r: r.step(), three))
    assert [n.org for n in here.notices()] == orgs


def test_one_leads_and_another_follows_when_it_is_gone(here: Installation):
    first, second = here.reactor(), here.reactor()
    assert first.lead() and not second.lead()
    first.close()
    assert eventually(second.lead)


class Dying:
    """A log whose process dies just after an append."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def read_stream(self, stream: str) -> Sequence[Recorded]:
        return self._log.read_stream(stream)

    def append(self, *events: NewEvent) -> Outcome:
        self._log.append(*events)
        raise KeyboardInterrupt


def test_a_reactor_that_dies_between_the_receipt_and_its_checkpoint_repeats_nothing(here: Installation):
    here.listen()
    here.react()
    here.link("cus_1", "acme")
    here.project()
    with pytest.raises(KeyboardInterrupt):
        here.react(journal=Dying(here.log))
    assert len(here.notices()) == 1
    here.react(journal=here.log)
    assert len(here.notices()) == 1
    assert status(here)[LINKED.name, None].position > 0


def test_a_reaction_that_raises_stands_still_and_the_others_go_on(here: Installation):
    def broken(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
        raise ValueError("a fault of ours")

    faulty = Reaction("when_organization_linked_then_break", LINKED.reads, broken)
    here.listen()
    here.react(to=(faulty, LINKED))
    here.link("cus_1", "acme")
    here.react(to=(faulty, LINKED))
    assert [n.org for n in here.notices()] == ["acme"]
    assert status(here)[faulty.name, None].fault == "ValueError: a fault of ours"
    # mended, it takes what it stood before
    mended = Reaction(faulty.name, LINKED.reads, LINKED.react)
    here.react(to=(mended, LINKED))
    assert [n.org for n in here.notices()] == ["acme", "acme"]
    assert status(here)[faulty.name, None].fault is None


def test_what_is_refused_leaves_the_receipt_alone(log: Log):
    def refuse(command: Any, state: Any) -> tuple[Any, ...]:
        raise Refused("not now")

    from commands.base import Decider

    refusing: Decider[Any, Any] = Decider(None, lambda state, e: None, refuse)
    never = Reaction("when_x_then_y", (), lambda cause, org, receipt: (Follow(refusing, "x/1", None),))
    said = OrganizationLinked(mode="test", account="platform", customer="cus_1", org="acme")
    cause = Recorded(1, "org_link/test/platform/cus_1", 1, said, b'{"occurred_at_s":1,"actor":"ada"}', 1)
    assert take(log, never, cause)
    assert [type(r.event) for r in log.read(0, 10)] == [ReactionTaken]
    assert not take(log, never, cause)


# ---- to a derivation -------------------------------------------------------------------------


def test_a_change_of_what_an_organization_may_use_is_told_with_what_changed(here: Installation):
    here.listen()
    here.react()
    shop(here)
    here.react()
    upgraded(here, 9)
    here.react()
    first, second = here.notices()
    assert (first.type, first.org, first.said["feature"], first.said["before"]) == (
        "entitlement.changed", "org_1", "agents", None
    )  # fmt: skip
    assert [s["limit"] for s in first.said["now"]] == [5]
    assert second.said["before"] == first.said["now"]
    assert [s["limit"] for s in second.said["now"]] == [9]


def test_a_feature_that_is_gone_is_told_as_nothing(here: Installation):
    here.listen()
    here.react()
    shop(here)
    here.react()
    here.tell(event("evt_x", "product.updated", product("prod_1", ""), at=T + 5))
    here.react()
    assert here.notices()[-1].said["now"] is None
    assert here.rows("SELECT * FROM {r}.entitlement_changes") == []


def test_what_stood_before_anybody_listened_is_no_news(here: Installation):
    shop(here, 3)
    here.react()
    here.listen()
    here.react()
    assert here.notices() == []
    upgraded(here, 9)
    here.react()
    assert sorted(n.org for n in here.notices()) == ["org_1", "org_2", "org_3"]


def test_what_changes_once_an_endpoint_is_said_to_listen_is_news(here: Installation, monkeypatch: pytest.MonkeyPatch):
    """However late whoever reacts learns of the endpoint: nothing in between is taken for what stood before."""
    shop(here)
    here.react()
    reactor = here.reactor(watches=WATCHES)
    here.stop_reacting()
    assert eventually(reactor.lead)
    monkeypatch.setenv("DATABASE_URL", here.conninfo)
    monkeypatch.setenv("RECOUNT_MASTER_KEY", base64.b64encode(MASTER).decode())
    settings = load()
    asked = Asked(person="ada", reason="they listen", idempotency_key="k", now_s=int(here.now_s), origin="cli")
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(
            add_endpoint, running(settings), settings, mode="test", url="https://example.com/hooks", asked=asked
        )
        time.sleep(0.3)  # as long as it takes until it reacts again
        assert not adding.done()
        here.project()
        reactor.step()
        assert adding.result(10).endpoint_id
    upgraded(here, 9)
    here.project()
    reactor.step()
    assert [n.said["feature"] for n in here.logged(NoticeRaised.NAME)] == ["agents"]


def test_what_changed_while_nobody_listened_is_no_news_either(here: Installation):
    here.listen()
    shop(here)
    here.react()
    here.unlisten()
    here.react()
    upgraded(here, 9)
    here.react()
    here.listen("ep_2")
    here.react()
    seen = len(here.notices())
    upgraded(here, 11, 3)
    here.react()
    assert [s["limit"] for s in here.notices()[-1].said["before"]] == [9]
    assert len(here.notices()) == seen + 1


def test_what_changed_there_and_back_before_anybody_looked_is_not_told(here: Installation):
    here.listen()
    shop(here)
    here.react()
    told = len(here.notices())
    upgraded(here, 9)
    upgraded(here, 5, 3)
    here.react()
    assert len(here.notices()) == told


@pytest.mark.parametrize("seed", range(5))
def test_in_whatever_order_things_come_the_last_that_is_told_is_what_is(here: Installation, seed: int):
    here.listen()
    here.react()
    told = [
        event("evt_p", "product.created", product("prod_1", "agents", limits={"agents": "5"}), at=T),
        event("evt_q", "price.created", price("price_1", "prod_1"), at=T),
        event("evt_c", "customer.created", customer("cus_1", org="org_1"), at=T),
        event("evt_s", "customer.subscription.created", subscription("sub_1", "cus_1"), at=T),
        event("evt_p2", "product.updated", product("prod_1", "agents", limits={"agents": "9"}), at=T + 2),
        event("evt_s2", "customer.subscription.deleted", subscription("sub_1", "cus_1", status="canceled"), at=T + 3),
    ]
    chance = random.Random(seed)
    chance.shuffle(told)
    for each in [*told, *chance.choices(told, k=3)]:
        here.tell(each)
        if chance.random() < 0.6:
            here.react()
    here.react()
    (segments,) = here.rows("SELECT segments FROM {r}.entitlements WHERE feature = 'agents'")
    last = [n for n in here.notices() if n.said["feature"] == "agents"][-1]
    assert [s["state"] for s in last.said["now"]] == [s["state"] for s in segments[0]] == ["revoked"]
    # each notice begins where the one before ended
    chain = [n.said for n in here.notices()]
    assert all(b["before"] == a["now"] for a, b in pairwise(chain))


def test_a_difference_is_closed_once_by_however_many(here: Installation):
    here.listen()
    here.react()
    shop(here)
    here.project()
    (row,) = here.rows("SELECT mode, org, feature, was, now, closed FROM {r}.entitlement_changes")
    difference = Difference(row[0], (row[1], row[2]), *row[3:])
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda _: reactions.close(here.log, WATCHES[0], difference, T), range(16)))
    assert any(done)
    assert len(here.notices()) == 1


def test_many_differences_at_once_wait_for_an_operator(here: Installation):
    here.listen()
    shop(here, 6)
    here.react(hold_from=100)
    told = len(here.notices())
    upgraded(here, 9)
    here.react(hold_from=5)
    here.react()
    found = status(here)["entitlement_changes", "test"]
    assert (found.held, found.waiting) == (True, 6)
    assert len(here.notices()) == told
    # what comes while they are held waits too
    here.tell(event("evt_c9", "customer.created", customer("cus_9", org="org_9"), at=T))
    here.tell(event("evt_s9", "customer.subscription.created", subscription("sub_9", "cus_9"), at=T))
    here.react()
    assert len(here.notices()) == told


def test_released_they_are_acted_on_and_afterwards_it_goes_on_by_itself(here: Installation):
    here.listen()
    shop(here, 6)
    here.react(hold_from=100)
    told = len(here.notices())
    upgraded(here, 9)
    here.react(hold_from=5)
    release(here, silent=False)
    here.react()
    assert len(here.notices()) == told + 6
    assert not status(here)["entitlement_changes", "test"].held
    # the flood that was released is not counted against what comes then
    here.tell(event("evt_c9", "customer.created", customer("cus_9", org="org_9"), at=T))
    here.tell(event("evt_s9", "customer.subscription.created", subscription("sub_9", "cus_9"), at=T))
    here.react()
    assert here.notices()[-1].org == "org_9"


def test_passed_over_they_are_closed_and_nobody_is_told(here: Installation):
    here.listen()
    shop(here, 6)
    here.react(hold_from=100)
    told = len(here.notices())
    upgraded(here, 9)
    here.react(hold_from=5)
    release(here, silent=True)
    here.react()
    assert len(here.notices()) == told
    assert here.rows("SELECT * FROM {r}.entitlement_changes") == []
    upgraded(here, 11, 3)
    here.react(hold_from=10)
    assert [s["limit"] for s in here.notices()[-1].said["before"]] == [9]


def test_a_flood_that_trickles_in_is_one_too(here: Installation):
    here.listen()
    here.react(hold_from=3)
    for n in range(1, 8):
        here.tell(
            event("evt_p", "product.created", product("prod_1", "agents"), at=T),
            event(f"evt_c{n}", "customer.created", customer(f"cus_{n}", org=f"org_{n}"), at=T),
            event(f"evt_s{n}", "customer.subscription.created", subscription(f"sub_{n}", f"cus_{n}"), at=T),
        )
        here.react()
    assert status(here)["entitlement_changes", "test"].held
    assert len(here.notices()) <= 3


def test_only_what_is_held_can_be_released():
    given = {"mode": "test", "silent": False}
    with pytest.raises(Refused) as refused:
        HELD.decide(ReleaseDifferences(reaction="entitlement_changes", held=False, **given), None)  # type: ignore[arg-type]
    assert refused.value.code == "not_held"
    with pytest.raises(NotFound):
        HELD.decide(ReleaseDifferences(reaction="none", held=True, **given), None)  # type: ignore[arg-type]


def test_a_rebuild_reacts_to_nothing_and_what_was_told_stays_told(here: Installation):
    here.listen()
    here.react()
    shop(here, 3)
    here.link("cus_1", "acme")
    here.react()
    before = here.log.head()
    rebuild.rebuild(here.conninfo)
    assert here.log.head() == before
    here.react()
    assert here.log.head() == before
    assert [found.differences for found in verify.verify(here.conninfo)] == [()] * 2


def test_the_oracle_agrees_on_what_nobody_was_told_of(here: Installation):
    from oracle.outgoing import entitlement_changes

    here.listen()
    here.react()
    shop(here, 3)
    here.react()
    upgraded(here, 9)
    here.tell(event("evt_c7", "customer.updated", customer("cus_2", org="other"), at=T + 7))
    here.project()
    entitlements = {(m, o, f): {"segments": s} for m, o, f, s in here.rows("SELECT mode, org, feature, segments"
                    " FROM {r}.entitlements")}  # fmt: skip
    told: dict[tuple[str, ...], tuple[Any, int]] = {}
    for closed in here.logged(DifferenceClosed.NAME):
        key = (closed.mode, *closed.key)
        told[key] = (closed.done, told.get(key, (None, 0))[1] + 1)
    wanted = entitlement_changes({"entitlements": entitlements}, told)
    names = ("mode", "org", "feature", "was", "now", "closed")
    found = {
        tuple(row[:3]): dict(zip(names, row, strict=True))
        for row in here.rows("SELECT mode, org, feature, was, now, closed FROM {r}.entitlement_changes")
    }
    assert found == wanted and len(found) == 4


def test_every_watched_derivation_tells_was_now_and_how_often_it_was_closed():
    tables = {d.name: d.table for d in BILLING.derivations}
    for watch in WATCHES:
        assert {"was", "now", "closed"} <= set(tables[watch.name].names)
        assert tables[watch.name].key[0] == "mode"


def test_what_a_reaction_does_is_in_its_name():
    assert all(r.name.startswith("when_") and "_then_" in r.name for r in REACTIONS)
    assert len({r.name for r in (*REACTIONS, *WATCHES)}) == len(REACTIONS) + len(WATCHES)


def test_a_notice_is_raised_once():
    command = RaiseNotice(notice_id="msg_1", type="test", mode="test", org=None, at_s=1, said={})
    (raised,) = NOTICES.decide(command, NOTICES.initial)
    assert NOTICES.decide(command, NOTICES.fold([raised])) == ()
