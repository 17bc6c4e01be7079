"""What is wanted from Stripe: what rows leave open is looked at, a bounded number of times, and then listed."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import oracle
import psycopg
import pytest
from histories import built, different, ingest, logged, rows_of
from reading import Live, OwnStripe, silent
from samples import ACACIA, Delivery, T, customer, event, invoice, subscription, summary
from sightings import Seen, see

from api.calls.client import Reply
from api.fetching import Fetcher
from api.observing import Observer
from api.stripe_reading import Absent, StripeReader
from commands.stripe_reads import READS
from ledger.keys import KeyStore, MasterKey
from ledger.store import Log
from replay import rebuild, tables
from replay.fetches_wanted import MAX_LOOKS, Want, fetches_wanted


class World:
    """A log, read models, a Stripe, and a clock."""

    def __init__(self, database: str, log: Log, keys: KeyStore) -> None:
        self.database, self.log = built(database), log
        self.live = Live(database)
        self.stripe = OwnStripe()
        self.now_s = float(self.stripe.now_s)
        self.fetcher = Fetcher(database, log, Observer(log, keys), StripeReader(self.stripe), lambda: self.now_s)

    def tell(self, *events: Any) -> None:
        ingest(self.log, [Delivery(e) for e in events])
        self.live()

    def fetch(self) -> bool:
        looked = self.fetcher.step()
        self.live()
        return looked

    def wanted(self) -> list[Want]:
        with psycopg.connect(tables.projector_conninfo(self.database), autocommit=True) as conn:
            return fetches_wanted(conn, tuple(READS), self.now_s)

    @property
    def rows(self) -> Any:
        return rows_of(self.database)


@pytest.fixture
def world(database: str, log: Log) -> Iterator[World]:
    keys = KeyStore(database, MasterKey(bytes(32)))
    it = World(database, log, keys)
    # the log's own clock says when a look was kept; the fetcher's goes on from there
    with psycopg.connect(database) as conn:
        row = conn.execute("SELECT extract(epoch FROM now())::float8").fetchone()
        assert row is not None
        it.now_s = row[0] + 10
    with closing(it.live), closing(it.fetcher), closing(keys):
        assert it.fetcher.lead()
        yield it


def thin(number: int, object_type: str, object_id: str, **fields: Any) -> Any:
    return {
        "id": f"evt_thin_{number}", "object": "v2.core.event", "type": f"v1.{object_type}.updated",
        "created": "2025-10-09T08:53:20Z", "livemode": False, "context": None,
        "related_object": {"id": object_id, "type": object_type, "url": f"/v1/{object_type}s/{object_id}"},
        **fields,
    }  # fmt: skip


def tied(customer_id: str = "cus_1") -> list[Any]:
    return [event(f"{customer_id}_{n}", "customer.updated", customer(customer_id, delinquent=n == 1)) for n in (1, 2)]


def test_the_object_of_a_thin_event_is_looked_at_and_folded(world: World) -> None:
    world.tell(thin(1, "subscription", "sub_1"), thin(2, "v2.unheard_of", "x_1"))
    world.stripe.put("/v1/subscriptions/sub_1", subscription())
    assert [(w.object_id, w.why) for w in world.wanted()] == [("sub_1", ("thin_event",))]
    assert world.fetch()
    assert world.rows["subscriptions"]["test", "platform", "sub_1"]["status"] == "active"
    assert world.wanted() == [] and not world.fetch()


def test_a_tie_is_settled_by_a_look_and_replay_needs_no_other(world: World) -> None:
    world.tell(*tied())
    world.stripe.put("/v1/customers/cus_1", customer(delinquent=True, balance=7))
    assert world.fetch()
    row = world.rows["customers"]["test", "platform", "cus_1"]
    assert (row["undecided"], row["delinquent"], row["balance_minor"]) == (False, True, 7)
    asked = len(world.stripe.asked)
    rebuild.rebuild(world.database)
    assert len(world.stripe.asked) == asked
    assert world.rows["customers"]["test", "platform", "cus_1"] == row


def test_a_list_that_was_cut_short_is_read_whole(world: World) -> None:
    line = {"object": "line_item", "amount": 100, "currency": "eur", "description": "Agents", "quantity": 1}
    lines = [{**line, "id": f"il_{n}"} for n in range(10)]
    held = {"object": "list", "data": lines[:2], "has_more": True, "url": "/v1/invoices/in_1/lines"}
    whole = invoice()
    world.tell(event(1, "invoice.finalized", {**whole, "lines": held}))
    world.stripe.put("/v1/invoices/in_1", {**whole, "lines": held})
    world.stripe.put_list("/v1/invoices/in_1/lines", lines)
    assert [w.why for w in world.wanted()] == [("cut_short",)]
    assert world.fetch()
    row = world.rows["invoices"]["test", "platform", "in_1"]
    assert row["lines_complete"] is True and len(row["lines"]) == 10
    assert world.wanted() == []


def test_a_summary_that_was_cut_short_is_made_of_the_list(world: World) -> None:
    cut = summary("cus_1", ["agents"])
    cut["entitlements"]["has_more"] = True
    world.tell(event(1, "entitlements.active_entitlement_summary.updated", cut))
    active = [
        {"id": f"ent_{n}", "object": "entitlements.active_entitlement", "feature": f"feat_{n}", "lookup_key": f"f{n}",
         "customer": "cus_1"}
        for n in range(5)
    ]  # fmt: skip
    world.stripe.put_list("/v1/entitlements/active_entitlements", active)
    assert world.fetch()
    row = world.rows["entitlement_summaries"]["test", "platform", "cus_1"]
    assert [e["lookup_key"] for e in row["entitlements"]] == ["f0", "f1", "f2", "f3", "f4"] and row["complete"]


def test_a_booking_that_a_charge_names_is_looked_at(world: World) -> None:
    charge = {
        "object": "charge", "id": "ch_1", "amount": 900, "amount_captured": 900, "amount_refunded": 0,
        "currency": "eur", "status": "succeeded", "captured": True, "paid": True, "created": T, "customer": "cus_1",
        "balance_transaction": "txn_1",
    }  # fmt: skip
    booking = {
        "object": "balance_transaction", "id": "txn_1", "amount": 900, "currency": "eur", "fee": 51, "net": 849,
        "fee_details": [], "source": "ch_1", "status": "pending", "type": "charge", "created": T, "available_on": T,
        "reporting_category": "charge",
    }  # fmt: skip
    world.tell(event(1, "charge.succeeded", charge))
    assert [(w.object, w.object_id, w.why) for w in world.wanted()] == [("balance_transaction", "txn_1", ("booking",))]
    world.stripe.put("/v1/balance_transactions/txn_1", booking)
    assert world.fetch()
    assert world.rows["balance_transactions"]["test", "platform", "txn_1"]["net_minor"] == 849
    assert world.rows["bookings_missing"] == {} and world.wanted() == []


def test_a_look_in_vain_is_tried_ever_less_often_and_then_listed(world: World) -> None:
    world.tell(thin(1, "subscription", "sub_gone"))
    pauses = []
    for _ in range(MAX_LOOKS):
        assert world.fetch() and not world.fetch()
        (want,) = world.wanted()
        if want.next_s is not None:
            assert want.looked_us is not None
            pauses.append(want.next_s - want.looked_us // 1_000_000)
            world.now_s = want.next_s + 1
    # then it is given up, and said so, with what Stripe said
    (want,) = world.wanted()
    assert (want.looks, want.next_s, want.status, want.code) == (MAX_LOOKS, None, 404, "resource_missing")
    assert pauses == [60, 240, 960, 3840]
    world.now_s += 100_000
    before = logged(world.database)
    assert not world.fetch() and logged(world.database) == before
    # until Stripe tells of it anew
    world.tell(thin(2, "subscription", "sub_gone"))
    assert world.fetch()


def test_an_answer_that_settles_nothing_does_not_loop(world: World) -> None:
    # given a tie on a field of which what Stripe answers is silent
    world.tell(*tied())
    silent_about_it = {k: v for k, v in customer().items() if k != "delinquent"}
    world.stripe.put("/v1/customers/cus_1", silent_about_it)
    # when it is looked at for a week, every minute
    for _ in range(60):
        world.fetch()
        world.now_s += 3 * 3600
    # then it was bounded, and stands on the list
    assert len(world.stripe.asked) == MAX_LOOKS
    assert [(w.looks, w.next_s) for w in world.wanted()] == [(MAX_LOOKS, None)]


def test_while_stripe_does_not_answer_nothing_is_kept_and_it_is_asked_less_and_less(world: World) -> None:
    world.tell(*tied(), *tied("cus_2"))
    before = logged(world.database)
    for answer in (silent, lambda r: Reply(429, {}, ""), lambda r: Reply(500, {}, ""), lambda r: Reply(401, {}, "")):
        world.stripe.answers_as = answer
        world.now_s += 1000
        assert not world.fetch() and not world.fetch()
    assert len(world.stripe.asked) == 4 and logged(world.database) == before
    world.stripe.answers_as = lambda request: None
    world.stripe.put("/v1/customers/cus_1", customer())
    world.now_s += 1000
    assert world.fetch()


def test_one_object_at_which_stripe_fails_does_not_keep_the_others(world: World) -> None:
    world.tell(*tied(), *tied("cus_2"))
    world.stripe.put("/v1/customers/cus_2", customer("cus_2"))
    world.stripe.answers_as = lambda r: Reply(500, {}, "") if r.path.endswith("cus_1") else None
    assert not world.fetch()
    world.now_s += 10
    assert world.fetch()
    assert [w.object_id for w in world.wanted()] == ["cus_1"]


def test_what_was_seen_is_not_looked_at_again_before_read_models_know(world: World) -> None:
    world.tell(*tied())
    world.stripe.put("/v1/customers/cus_1", customer())
    assert world.fetcher.step() and not world.fetcher.step()
    assert len(world.stripe.asked) == 1


def test_another_mode_than_the_keys_is_listed_and_not_asked_for(world: World) -> None:
    world.tell(*(e | {"livemode": True} for e in tied()))
    assert [w.mode for w in world.wanted()] == ["live"]
    assert not world.fetch() and world.stripe.asked == []


def test_one_fetches_and_another_stands_by(world: World) -> None:
    other = Fetcher(world.database, world.log, None, StripeReader(world.stripe), lambda: 0.0)  # type: ignore[arg-type]
    with closing(other):
        assert not other.lead()


def test_ids_with_strange_letters_are_asked_for_as_they_are(world: World) -> None:
    world.stripe.put("/v1/coupons/50% off/x?y", {"object": "coupon", "id": "50% off/x?y", "deleted": True})
    seen = StripeReader(world.stripe).one("platform", "coupon", "50% off/x?y", "fetch")
    assert not isinstance(seen, Absent) and seen.object_id == "50% off/x?y"
    assert world.stripe.asked[-1].path == "/v1/coupons/50%25%20off%2Fx%3Fy"


def test_what_is_of_the_other_mode_is_not_taken(world: World) -> None:
    world.stripe.put("/v1/customers/cus_1", customer(livemode=True))
    assert StripeReader(world.stripe).one("platform", "customer", "cus_1", "fetch") == Absent(200, "other_mode")


def test_missing_bookings_are_what_the_oracle_says(world: World) -> None:
    charge = {
        "object": "charge", "amount": 900, "amount_refunded": 0, "currency": "eur", "status": "succeeded",
        "captured": True, "paid": True, "created": T,
    }  # fmt: skip
    told = [
        Delivery(
            event(n, "charge.succeeded", {**charge, "id": f"ch_{n}", "balance_transaction": booking}, version=ACACIA)
        )
        for n, booking in enumerate(("txn_1", None, "txn_3"))
    ]
    seen = [Seen({
        "object": "balance_transaction", "id": "txn_3", "amount": 900, "currency": "eur", "fee": 51, "net": 849,
        "fee_details": [], "source": "ch_2", "status": "available", "type": "charge", "created": T, "available_on": T,
    })]  # fmt: skip
    ingest(world.log, told)
    see(world.log, *seen)
    world.live()
    assert different(world.rows, oracle.recount(told, seen=seen)) == []
    assert [key[2] for key in world.rows["bookings_missing"]] == ["ch_0"]
