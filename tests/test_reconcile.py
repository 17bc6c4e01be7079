"""Reconciling: what Stripe lists and the log lacks is appended; what does not agree is found, said, and mended."""

import random
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import msgspec
import psycopg
import pytest
import structlog
from histories import built, different, folded, ingest, logged, remembered, rows_of
from hypothesis import given
from hypothesis import strategies as st
from reading import Live, OwnStripe, silent
from samples import BASIL, Delivery, T, customer, event, invoice, price, small_shop, subscription, summary

from api.calls.client import Reply
from api.reconciling import Reconciler
from api.stripe_reading import StripeReader
from commands.reconciling import (
    LISTED_FOR_S,
    RECONCILIATIONS,
    UNSETTLED_S,
    Reconcile,
    differing,
    drift_of,
    is_due,
)
from ledger import codec, inbox
from ledger.errors import NotFound
from ledger.events import Metadata, NewEvent
from ledger.ids import observed_stream, stripe_reconciliation_stream, stripe_stream
from ledger.keys import KeyStore, MasterKey
from ledger.store import Log
from projections.comparisons import joined
from replay import tables
from replay.coverage import ALARM_AFTER_S, coverage, gaps_between

HOUR = 3_600


class World:
    """A log, read models, a Stripe that lists, and whoever compares."""

    def __init__(self, database: str, log: Log, keys: KeyStore) -> None:
        self.database, self.log, self.keys = built(database), log, keys
        self.live = Live(database)
        self.stripe = OwnStripe(T + 10 * 86_400)
        self.now_s = float(self.stripe.now_s)
        self.events: list[Any] = []
        self.reconciler = Reconciler(
            database, log, keys, StripeReader(self.stripe), lambda: self.now_s, settle=self.live
        )

    def tell(self, *events: Any) -> None:
        """Stripe's webhooks, which came."""
        ingest(self.log, [Delivery(e, "connect" if "account" in e else "platform") for e in events])
        self.live()

    def holds(self, events: list[Any], account: str = "platform") -> None:
        """What Stripe lists: the newest first, and without the account that was asked."""
        newest = sorted(events, key=lambda e: (e["created"], e["id"]), reverse=True)
        listed = [{k: v for k, v in e.items() if k != "account"} for e in newest]
        self.stripe.put_list("/v1/events", listed, account)

    def has(self, account: str = "platform", **lists: list[Any]) -> None:
        """Stripe's objects; those that are not named are none."""
        paths = {"customers": "customers", "prices": "prices", "subscriptions": "subscriptions", "invoices": "invoices"}
        for name, path in paths.items():
            self.stripe.put_list(f"/v1/{path}", lists.get(name, []), account)
            for obj in lists.get(name, []):
                self.stripe.put(f"/v1/{path}/{obj['id']}", obj, account)
        self.stripe.put_list("/v1/entitlements/active_entitlements", lists.get("entitlements", []), account)

    def run(self, what: str, account: str | None = "platform", **how: Any) -> Any:
        """One comparison of one account."""
        self.live()
        (found,) = self.reconciler.run(what, account, **how).compared
        self.live()
        return found

    def ask(self, what: str, *, repair: bool = False, id: str = "rcn_1") -> Any:
        """What a person asks for."""
        command = Reconcile(id=id, mode="test", what=what, repair=repair, by="ada", why="the night said so")  # type: ignore[arg-type]
        (requested,) = RECONCILIATIONS.decide(command, RECONCILIATIONS.initial)
        metadata = Metadata(occurred_at_s=int(self.now_s), actor="ada", reason="the night said so", mode="test")
        self.log.append(NewEvent(stripe_reconciliation_stream(id), 1, requested, metadata))
        self.live()
        worked = self.reconciler.step()
        self.live()
        return worked

    @property
    def rows(self) -> Any:
        return rows_of(self.database)

    @property
    def drift(self) -> dict[str, str]:
        return {key[3]: row["kind"] for key, row in self.rows["drift"].items()}


@pytest.fixture
def world(database: str, log: Log) -> Iterator[World]:
    keys = KeyStore(database, MasterKey(bytes(32)))
    it = World(database, log, keys)
    with closing(it.live), closing(it.reconciler), closing(keys):
        yield it


# ---- events ---------------------------------------------------------------------------------


def test_with_a_part_of_the_webhooks_dropped_the_log_is_healed_from_the_list(world: World) -> None:
    # given a shop of which a third of the deliveries never came
    every = [d.event for d in small_shop() if "account" not in d.event and not d.event["livemode"]]
    shop = list({e["id"]: e for e in every}.values())
    world.holds(shop)
    dropped = random.Random(3).sample(shop, len(shop) // 3)
    world.tell(*(e for e in shop if e not in dropped))
    # when
    found = world.run("events")
    # then the log holds all that Stripe has, and rows are what they are when nothing is lost
    lost = {e["id"] for e in dropped}
    assert (found.appended, found.listed) == (len(lost), len(shop))
    assert found.appended + found.held == found.listed
    whole = rows_of(world.database)
    with psycopg.connect(world.database) as conn:
        endpoints = dict(conn.execute("SELECT id, endpoint FROM read_models.stripe_events").fetchall())
    assert {id for id, endpoint in endpoints.items() if endpoint == "list"} == lost
    told = folded(remembered([Delivery(e) for e in shop]))
    told["event_coverage"] = whole["event_coverage"]
    assert different(whole, told) == []


def test_what_was_healed_is_a_redelivery_when_it_comes_late(world: World) -> None:
    late = event(1, "customer.created", customer())
    world.holds([late])
    assert world.run("events").appended == 1
    before = logged(world.database)
    (stored,) = world.log.read_stream(stripe_stream("test", "platform", late["id"]))
    key = world.keys.ensure(["test/platform/cus_1"])["test/platform/cus_1"]
    again = inbox.receive(inbox.open_envelope(Delivery(late).body), key, "platform", bytes)
    assert inbox.after_conflict(again, [stored]) is None
    assert world.run("events").appended == 0 and logged(world.database) == before + 1


def test_persons_in_a_listed_event_are_sealed_and_found(world: World) -> None:
    world.holds([event(1, "customer.created", customer())])
    world.run("events")
    (stored,) = world.log.read_stream(stripe_stream("test", "platform", "evt_0001"))
    assert b"Ada Lovelace" not in bytes(stored.event.payload) and stored.event.endpoint == "list"
    assert world.keys.subjects_with_email("cus_1@example.com") == ["test/platform/cus_1"]


def test_a_sellers_events_are_kept_as_the_sellers(world: World) -> None:
    theirs = event(1, "customer.created", customer(), account="acct_1")
    world.holds([theirs], "acct_1")
    assert world.run("events", "acct_1").appended == 1
    assert list(world.rows["customers"]) == [("test", "acct_1", "cus_1")]
    assert world.stripe.asked[-1].account == "acct_1"


def test_the_next_look_goes_on_where_the_last_one_ended(world: World) -> None:
    events = [event(n, "ping", {"object": "ping"}, at=T + n * HOUR) for n in range(30)]
    world.holds(events)
    first = world.run("events")
    asked = len(world.stripe.asked)
    # given a day later, with one event more
    world.stripe.now_s += 86_400
    world.holds([*events, event(99, "ping", {"object": "ping"}, at=world.stripe.now_s - HOUR)])
    second = world.run("events")
    assert (first.appended, second.appended, second.listed) == (30, 1, 1)
    assert len(world.stripe.asked) == asked + 1 and second.from_s <= first.to_s
    (row,) = world.rows["event_coverage"].values()
    assert row["covered"] == [{"from_s": first.from_s, "to_s": second.to_s}] and row["appended_ever"] == 31


def test_nothing_is_said_to_be_whole_when_stripe_stops_answering_midway(world: World) -> None:
    world.holds([event(n, "ping", {"object": "ping"}, at=T + n) for n in range(9)])
    world.stripe.answers_as = lambda request: Reply(500, {}, "") if len(world.stripe.asked) > 1 else None
    assert not world.reconciler.step()
    assert world.rows["event_coverage"] == {}
    assert len(world.rows["stripe_events"]) in (0, 3)
    world.stripe.answers_as = lambda request: None
    world.now_s += 100_000
    assert world.reconciler.step()
    world.live()
    assert len(world.rows["stripe_events"]) == 9


def test_an_event_of_the_other_mode_and_what_is_no_event_are_counted_and_not_kept(world: World) -> None:
    world.holds([event(1, "ping", {"object": "ping"}, live=True), {"id": "x", "object": "event", "created": T}])
    found = world.run("events")
    assert (found.listed, found.appended, found.unreadable) == (2, 0, 2)


def test_an_account_that_stripe_does_not_show_is_named_and_does_not_keep_the_others(world: World) -> None:
    world.holds([event(1, "ping", {"object": "ping"})])
    seller = {"object": "account", "id": "acct_gone", "charges_enabled": True, "payouts_enabled": True}
    world.tell(event(2, "account.updated", seller, account="acct_gone"))
    result = world.reconciler.run("events", None)
    assert (len(result.compared), result.refused) == (1, ("acct_gone",))


def test_coverage_joins_what_touches_and_warns_while_a_gap_can_be_healed() -> None:
    now = T + LISTED_FOR_S + 5 * 86_400
    healable, lost = now - 86_400 * 10, T
    spans = [(T - 100, lost), (lost + 50, healable), (healable + HOUR, now - HOUR)]
    gaps = gaps_between(spans, now)
    assert [(g.from_s, g.to_s, g.healable) for g in gaps] == [
        (lost, lost + 50, False),
        (healable, healable + HOUR, True),
    ]
    assert gaps_between([(T, now - ALARM_AFTER_S)], now) == []
    assert [g.healable for g in gaps_between([(T, now - ALARM_AFTER_S - 1)], now)] == [True]
    assert gaps_between([], now) == []


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))), st.randoms(use_true_random=False))
def test_joined_spans_cover_the_same_seconds_in_any_order(spans: list[tuple[int, int]], rnd: random.Random) -> None:
    shuffled = rnd.sample(spans, len(spans))
    found = joined(spans)
    assert joined(shuffled) == found
    assert {s for a, b in found for s in range(a, b)} == {s for a, b in spans for s in range(a, b)}
    assert all(a[1] < b[0] for a, b in pairwise(found))


# ---- objects --------------------------------------------------------------------------------


def shop(**fields: Any) -> tuple[Any, Any, Any]:
    return customer(), price(), subscription("sub_1", "cus_1", "price_1", BASIL, **fields)


def tell_shop(world: World, **fields: Any) -> tuple[Any, Any, Any]:
    buyer, what, bought = shop(**fields)
    world.tell(
        event(1, "customer.created", buyer),
        event(2, "price.created", what),
        event(3, "customer.subscription.created", bought),
    )
    return buyer, what, bought


def test_where_everything_agrees_nothing_is_said(world: World) -> None:
    buyer, what, bought = tell_shop(world)
    world.has(customers=[buyer], prices=[what], subscriptions=[bought])
    found = world.run("objects")
    assert found.found == {} and world.drift == {}
    assert {k: n for k, n in found.compared.items() if n} == {"customer": 1, "price": 1, "subscription": 1}


def test_a_subscription_that_ended_without_an_event_is_unpaid_but_active_and_repair_ends_it(world: World) -> None:
    buyer, what, bought = tell_shop(world)
    ended = {**bought, "status": "canceled", "ended_at": T + 50, "canceled_at": T + 50}
    world.has(customers=[buyer], prices=[what], subscriptions=[ended])
    # when it is only looked at, it is found, and nothing of what we believe changes
    assert world.run("objects").found == {"unpaid_but_active": 1}
    assert world.drift == {"sub_1": "unpaid_but_active"}
    row = next(iter(world.rows["drift"].values()))
    assert row["fields"]["status"] == ["active", "canceled"] and row["customer"] == "cus_1"
    assert world.rows["subscriptions"]["test", "platform", "sub_1"]["status"] == "active"
    # and when a person asks for repair, what Stripe holds is observed in that person's name
    assert world.ask("objects", repair=True)
    assert world.rows["subscriptions"]["test", "platform", "sub_1"]["status"] == "canceled"
    assert world.drift == {}
    (seen,) = world.log.read_stream(observed_stream("test", "platform", "sub_1"))
    said = codec.decode_metadata(seen.metadata)
    assert (said.actor, said.reason, seen.event.why) == ("ada", "the night said so", "reconcile")
    assert said.cause is not None and said.cause.stream == stripe_reconciliation_stream("rcn_1")
    (asked,) = world.rows["reconciliations"].values()
    assert (asked["state"], asked["differences"], asked["mended"]) == ("done", 1, 1)
    # then nothing is left to say
    assert world.run("objects").found == {}


def test_each_kind_of_difference_is_found(world: World) -> None:
    buyer, what, bought = tell_shop(world, status="canceled")
    other = customer("cus_2")
    open_one, paid_one = invoice("in_1", "cus_1", status="open"), invoice("in_1", "cus_1", status="paid")
    world.tell(event(4, "customer.created", other), event(5, "invoice.finalized", open_one))
    world.has(
        customers=[{**buyer, "delinquent": True}, customer("cus_3")],
        prices=[what],
        subscriptions=[{**bought, "status": "active"}],
        invoices=[paid_one],
    )
    world.stripe.put("/v1/customers/cus_2", {"object": "customer", "id": "cus_2", "deleted": True})
    world.run("objects")
    assert world.drift == {
        "cus_1": "stale",
        "cus_2": "missing_there",
        "cus_3": "missing_here",
        "sub_1": "paid_but_blocked",
        "in_1": "paid_but_blocked",
    }


def test_repair_mends_what_is_missing_on_either_side(world: World) -> None:
    buyer, _, bought = tell_shop(world)
    world.has(customers=[buyer, customer("cus_3")], prices=[], subscriptions=[bought])
    assert world.ask("objects", repair=True)  # the price is 404, the customer was never heard of
    rows = world.rows
    assert rows["prices"]["test", "platform", "price_1"]["deleted"] is True
    assert rows["customers"]["test", "platform", "cus_3"]["currency"] == "eur"
    assert world.drift == {} and world.run("objects").found == {}


def test_features_that_stripe_grants_and_we_do_not_know_are_paid_but_blocked(world: World) -> None:
    world.tell(event(1, "customer.created", customer()))
    world.tell(event(2, "entitlements.active_entitlement_summary.updated", summary("cus_1", ["agents"])))
    active = [
        {"id": f"ent_{f}", "object": "entitlements.active_entitlement", "feature": f"feat_{f}", "lookup_key": f,
         "customer": "cus_1"}
        for f in ("agents", "sso")
    ]  # fmt: skip
    world.has(customers=[customer()], entitlements=active)
    world.run("objects")
    assert world.drift == {"cus_1": "paid_but_blocked"}
    world.has(customers=[customer()], entitlements=[])
    world.run("objects")
    assert world.drift == {"cus_1": "unpaid_but_active"}


def test_an_event_that_arrives_between_two_looks_is_no_difference(world: World) -> None:
    buyer, what, bought = tell_shop(world)
    ended = {**bought, "status": "canceled"}
    world.has(customers=[buyer], prices=[what], subscriptions=[ended])
    late = event(4, "customer.subscription.deleted", ended, at=T + 50)
    world.reconciler._objects._settle = lambda: world.tell(late)  # it was on its way
    assert world.run("objects").found == {} and world.drift == {}


def test_a_difference_is_said_once_and_closed_when_it_is_gone(world: World) -> None:
    buyer, what, bought = tell_shop(world)
    world.has(customers=[{**buyer, "delinquent": True}], prices=[what], subscriptions=[bought])
    world.run("objects")
    before = logged(world.database)
    world.run("objects")
    assert logged(world.database) == before + 1  # the comparison itself, and no second word on the difference
    world.tell(event(9, "customer.updated", {**buyer, "delinquent": True}, at=T + 99))
    world.run("objects")
    assert world.drift == {}


def test_a_row_that_is_newer_than_the_look_is_right(world: World) -> None:
    buyer, what, bought = tell_shop(world)
    world.has(customers=[buyer], prices=[what], subscriptions=[bought])
    world.tell(event(9, "customer.updated", {**buyer, "delinquent": True}, at=world.stripe.now_s + 999))
    assert world.run("objects").found == {}


# ---- by itself, and what it means -------------------------------------------------------------


def test_it_comes_every_night_and_not_twice() -> None:
    day = 1_760_054_400  # midnight UTC
    assert is_due(None, day, 3)
    assert not is_due(day + 3 * HOUR, day + 20 * HOUR, 3)
    assert not is_due(day + 4 * HOUR, day + 26 * HOUR, 3)
    assert is_due(day + 4 * HOUR, day + 27 * HOUR, 3)
    assert is_due(day + HOUR, day + 3 * HOUR, 3)


def test_the_nightly_one_compares_events_first_and_then_objects(world: World) -> None:
    buyer, what, bought = shop()
    told = [event(1, "customer.created", buyer), event(2, "price.created", what)]
    world.holds([*told, event(3, "customer.subscription.created", bought)])
    world.has(customers=[buyer], prices=[what], subscriptions=[bought])
    with psycopg.connect(world.database) as conn:
        row = conn.execute("SELECT extract(epoch FROM now())::bigint").fetchone()
    assert row is not None
    world.now_s = row[0]
    assert world.reconciler.step()
    world.live()
    assert world.reconciler.step()
    world.live()
    assert not world.reconciler.step()
    assert world.drift == {} and len(world.rows["event_coverage"]) == len(world.rows["object_comparisons"]) == 1


def test_while_stripe_does_not_answer_it_is_asked_less_and_less(world: World) -> None:
    world.stripe.answers_as = silent
    assert not world.reconciler.step() and not world.reconciler.step()
    assert len(world.stripe.asked) == 1


def test_whoever_compares_is_alone_and_lets_others_have_their_turn(world: World) -> None:
    other = Reconciler(world.database, world.log, world.keys, StripeReader(world.stripe), lambda: world.now_s)
    world.holds([event(1, "ping", {"object": "ping"})])
    with closing(other):
        with other.turn():
            assert not world.reconciler.step() and world.stripe.asked == []
        assert world.reconciler.step()
        with other.turn():
            assert not world.reconciler.step()


def test_what_was_asked_for_is_made_once_and_told_to_whoever_comes_later(world: World) -> None:
    world.holds([event(1, "ping", {"object": "ping"})])
    assert world.ask("events")
    asked = len(world.stripe.asked)
    (found,) = world.reconciler.carry_out("rcn_1").compared
    assert (found.appended, found.request, len(world.stripe.asked)) == (1, "rcn_1", asked)
    with pytest.raises(NotFound):
        world.reconciler.carry_out("rcn_2")


def test_coverage_is_read_with_its_gaps(world: World) -> None:
    world.holds([event(1, "ping", {"object": "ping"})])
    found = world.run("events")
    with psycopg.connect(tables.projector_conninfo(world.database), autocommit=True) as conn:
        (told,) = coverage(conn, found.to_s + HOUR)
        (later,) = coverage(conn, found.to_s + 3 * 86_400, "test")
        assert coverage(conn, found.to_s, "live") == []
    assert (told.to_s, told.gaps, told.appended) == (found.to_s, (), 1)
    assert found.to_s == world.stripe.now_s - UNSETTLED_S
    assert [g.healable for g in later.gaps] == [True]


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "means"),
    [
        ("subscription", {"status": "active"}, {"status": "unpaid"}, "unpaid_but_active"),
        ("subscription", {"status": "trialing"}, None, "unpaid_but_active"),
        ("subscription", {"status": "canceled"}, None, "missing_there"),
        ("subscription", {"status": "incomplete"}, {"status": "active"}, "paid_but_blocked"),
        ("subscription", {"status": "active"}, {"status": "past_due"}, "stale"),
        ("subscription", None, {"status": "active"}, "missing_here"),
        ("invoice", {"status": "paid"}, {"status": "uncollectible"}, "unpaid_but_active"),
        ("invoice", {"status": "open"}, {"status": "paid"}, "paid_but_blocked"),
        ("invoice", {"status": "open"}, {"status": "void"}, "stale"),
        ("customer", {"deleted": False}, {"deleted": True}, "missing_there"),
        ("price", {"active": True}, {"active": False}, "stale"),
    ],
)
def test_what_a_difference_means(kind: str, ours: Any, theirs: Any, means: str) -> None:
    assert drift_of(kind, ours, theirs) == means


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("pqr"), json_values), st.dictionaries(st.sampled_from("pqr"), json_values))
def test_what_differs_is_the_same_from_both_sides_and_nothing_differs_from_itself(one: Any, two: Any) -> None:
    assert differing(one, one) == {}
    assert differing(one, msgspec.json.decode(msgspec.json.encode(one))) == {}
    assert {k: v[::-1] for k, v in differing(one, two).items()} == differing(two, one)
    assert all(k in one and k in two and one[k] != two[k] for k in differing(one, two))


def test_versions_that_leave_out_what_is_inside_agree() -> None:
    ours = {"items": [{"id": "si_1", "quantity": 1, "current_period_end_s": None}]}
    theirs = {"items": [{"id": "si_1", "quantity": 1, "current_period_end_s": 5}]}
    assert differing(ours, theirs) == {}
    assert differing(ours, {"items": [{"id": "si_1", "quantity": 2}]}) != {}


def test_a_gap_that_can_still_be_closed_is_warned_of_once_an_hour(world: World) -> None:
    world.holds([event(1, "ping", {"object": "ping"})])
    found = world.run("events")
    # given that nothing was compared for three days, since Stripe does not answer
    world.stripe.answers_as = silent
    world.now_s = found.to_s + 3 * 86_400
    with structlog.testing.capture_logs() as said:
        for _ in range(4):
            world.reconciler.step()
            world.now_s += 600
    warned = [s for s in said if s["event"] == "gap"]
    assert [(s["account"], s["from_s"], s["log_level"]) for s in warned] == [("platform", found.to_s, "warning")]
    assert "recount reconcile events" in warned[0]["detail"]
