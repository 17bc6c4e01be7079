"""Reconciling against a strict Stripe, over HTTP and through its own SDK: a log that lost its webhooks heals itself."""

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from histories import built, ingest, rows_of
from reading import Live
from samples import Delivery
from sandboxes import CLOVER, KEY, Asked

from api.calls.client import Stripe
from api.fetching import Fetcher
from api.observing import Observer
from api.reconciling import Reconciler
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from api.stripe_reading import StripeReader
from commands.reconciling import RECONCILIATIONS, Reconcile
from ledger.events import Metadata, NewEvent
from ledger.ids import stripe_reconciliation_stream
from ledger.keys import KeyStore, MasterKey
from ledger.store import Log
from replay.rebuild import rebuild

DAY = 86_400


class Free:
    """A pace that holds nobody back."""

    def wait(self, urgency: str) -> None: ...


class World:
    """A sandbox that was asked for a while, and a Recount that heard a part of it."""

    def __init__(self, database: str, log: Log, url: str, sandbox: Sandbox, keys: KeyStore) -> None:
        self.database, self.log, self.live = database, log, Live(database)
        self.sandbox, self.asked = sandbox, Asked(sandbox, CLOVER)
        self.client = Stripe(KEY, base=url, api_version=CLOVER, pace=Free(), clock=lambda: float(sandbox.wall_s))
        self.reader = StripeReader(self.client)
        self.reconciler = Reconciler(database, log, keys, self.reader, lambda: float(sandbox.wall_s), settle=self.live)
        self.fetcher = Fetcher(database, log, Observer(log, keys), self.reader, lambda: float(sandbox.wall_s))

    def later(self, seconds: int) -> None:
        self.sandbox.turn(self.sandbox._ahead_s + seconds)

    def compare(self, what: str) -> Any:
        self.live()
        (found,) = self.reconciler.run(what, "platform").compared
        self.live()
        return found

    def repair(self) -> None:
        command = Reconcile(id="rcn_1", mode="test", what="objects", repair=True, by="ada", why="drift")
        (requested,) = RECONCILIATIONS.decide(command, RECONCILIATIONS.initial)
        metadata = Metadata(occurred_at_s=self.sandbox.wall_s, actor="ada", reason="drift", mode="test")
        self.log.append(NewEvent(stripe_reconciliation_stream("rcn_1"), 1, requested, metadata))
        self.live()
        assert self.reconciler.step()
        self.live()

    @property
    def rows(self) -> Any:
        return rows_of(self.database)


@pytest.fixture
def world(database: str, log: Log) -> Iterator[World]:
    sandbox = Sandbox(version=CLOVER)
    keys = KeyStore(database, MasterKey(bytes(32)))
    with serving(sandbox, "127.0.0.1", 0) as url, closing(keys):
        it = World(built(database), log, url, sandbox, keys)
        with closing(it.live), closing(it.reconciler), closing(it.fetcher):
            assert it.fetcher.lead()
            yield it


def trade(world: World, days: int = 5) -> list[str]:
    """A few days of a shop: who signs up, pays, upgrades, cancels. Returns the subscriptions."""
    asked, rnd = world.asked, random.Random(5)
    product = asked.post("/v1/products", name="Agents")
    feature = asked.post("/v1/entitlements/features", name="Agents", lookup_key="agents")
    asked.post(f"/v1/products/{product['id']}/features", entitlement_feature=feature["id"])
    monthly = {"interval": "month"}
    prices = [
        asked.post("/v1/prices", product=product["id"], currency="usd", unit_amount=n, recurring=monthly)["id"]
        for n in (900, 2900)
    ]
    made: list[str] = []
    for day in range(days):
        who = asked.post("/v1/customers", email=f"c{day}@example.com", metadata={"org_id": f"org_{day}"})
        method = asked.post("/v1/payment_methods/pm_card_visa/attach", customer=who["id"])
        settings = {"default_payment_method": method["id"]}
        asked.post(f"/v1/customers/{who['id']}", invoice_settings=settings)
        bought = asked.post("/v1/subscriptions", customer=who["id"], items=[{"price": prices[0]}])
        made.append(bought["id"])
        if day % 2:
            item = bought["items"]["data"][0]["id"]
            asked.post(f"/v1/subscriptions/{bought['id']}", items=[{"id": item, "price": prices[1]}])
        if day == 3:
            asked.delete(f"/v1/subscriptions/{made[rnd.randrange(2)]}")
        world.later(DAY)
    return made


def test_with_the_stream_cut_for_days_and_a_fifth_dropped_the_log_heals_itself(world: World) -> None:
    # given five days of trade, of which all but the first two never came, and of these a fifth was lost
    began = world.sandbox.wall_s
    trade(world)
    every = world.asked.events()
    early = [e for e in every if e["created"] < began + 2 * DAY]
    came = random.Random(1).sample(early, len(early) * 4 // 5)
    ingest(world.log, [Delivery(e) for e in came])
    # when nobody but the reconciler does anything
    found = world.compare("events")
    # then every event is there, and our rows are what Stripe holds
    assert found.appended == len(every) - len(came) > 30 and found.held == len(came)
    assert {key[2] for key in world.rows["stripe_events"]} == {e["id"] for e in every}
    assert world.compare("objects").found == {}
    # and a second look finds nothing
    assert world.compare("events").appended == 0


def test_a_subscription_that_ended_and_sent_no_event_is_found_and_mended(world: World) -> None:
    bought = trade(world, 3)
    assert world.compare("events").appended > 0
    world.sandbox.state.faults.add({"kind": "webhook_never", "types": ["*"], "times": None})
    world.asked.delete(f"/v1/subscriptions/{bought[2]}")
    world.sandbox.state.faults.clear()
    world.later(60)
    # when
    assert world.compare("events").appended == 0
    found = world.compare("objects")
    # then
    drift = {key[3]: row["kind"] for key, row in world.rows["drift"].items()}
    assert drift[bought[2]] == "unpaid_but_active" and found.found["unpaid_but_active"] >= 1
    world.repair()
    assert world.rows["subscriptions"]["test", "platform", bought[2]]["status"] == "canceled"
    assert world.rows["drift"] == {} and world.compare("objects").found == {}


def test_bookings_of_the_trade_are_fetched_and_replay_makes_no_request(world: World) -> None:
    trade(world, 2)
    world.compare("events")
    assert world.rows["bookings_missing"] != {}
    while world.fetcher.step():
        world.live()
    assert world.rows["bookings_missing"] == {}
    assert len(world.rows["balance_transactions"]) >= 2
    before = len(world.sandbox.asked)
    rows = world.rows
    rebuild(world.database)
    assert len(world.sandbox.asked) == before and world.rows == rows
