"""A world in which everything waits for a person that may: for tests of the queue, and of who sees what of it.

Knows how each thing comes about. Refuses to know what should be said of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
from billing_world import Counter, counter
from databases import fresh_database
from passthrough import Office, charge, lines_of
from samples import T, customer, event, subscription
from test_cli import Cli
from test_reviews import AGENTS
from test_stripe_checkout import publish

from api.passthrough.books import LogBooks
from api.postgres import EmbeddedPostgres
from commands.issuing import request_issuance
from commands.issuing_terms import RequestIssuance
from ledger.events import (
    ApprovalRequested,
    DeliveryFailed,
    EndpointAdded,
    EndpointRemoved,
    Event,
    NewEvent,
    NoticeRaised,
    StripeEventConflicted,
    StripeEventReceived,
)
from ledger.ids import (
    approval_stream,
    call_stream,
    cost_policy_stream,
    delivery_stream,
    drift_stream,
    endpoint_stream,
    enforcement_stream,
    issuance_stream,
    launch_stream,
    notice_stream,
    stripe_stream,
)
from ledger.issuing_events import Discrepancy, IssuanceFailed, IssuanceHeld, IssuanceLine
from ledger.launch_events import LaunchAreaReopened
from ledger.passthrough_events import CostPolicyProposed
from ledger.reconcile_events import DriftFound
from ledger.service_events import EnforcementAsked
from ledger.stripe_call_events import StripeCallRequested, StripeCallUnknown

#: An organization's id may hold blanks and quotes: a command that names it must survive a shell.
ORG = "Ann & Bob's"
CALL = {"account": "platform", "operation": "invoices.pay", "org": ORG}


class Desk:
    """A world, and how its log is told."""

    def __init__(self, world: Counter) -> None:
        self.world = world
        self.cli = Cli(world.conninfo)

    def say(self, stream: str, *events: Event) -> None:
        version = len(self.world.log.read_stream(stream))
        for number, said in enumerate(events, version + 1):
            self.world._append(NewEvent(stream, number, said, self.world.said_by_ops))

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.world.conninfo, autocommit=True) as conn:
            conn.execute(statement)

    def queue(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page: Any = {"next_cursor": None}
        while not found or page["next_cursor"]:
            after = f"&cursor={page['next_cursor']}" if found else ""
            page = self.world.read(f"/v1/reviews?limit=5{after}", self.world.key("operator"))
            found += page["data"]
            self.world.now_s += 1  # and a page may be asked for a second later
        return found


def _unknown_call(desk: Desk, mode: str = "test", id: str = "call_1") -> None:
    asked: dict[str, Any] = {"path": ("in_1",), "params": {}, "urgency": "background", "awaited": False}
    requested = StripeCallRequested(call_id=id, mode=mode, **CALL, **asked, instead_of=None)  # type: ignore[arg-type]
    lost = StripeCallUnknown(call_id=id, mode=mode, **CALL, why="no_answer", at_s=T)  # type: ignore[arg-type]
    desk.say(call_stream("live" if mode == "live" else "test", id), requested, lost)


def _issuances(desk: Desk) -> None:
    for source, state in (("1", "held"), ("2", "failed")):
        line = IssuanceLine(key="a", description="Hours", amount_minor=100)
        asked = RequestIssuance(
            mode="test", account="platform", org=ORG, currency="eur", source_kind="manual", source=source, lines=(line,)
        )
        follow = request_issuance(asked)
        stream = issuance_stream("test", asked.issuance)
        (requested,) = follow.decider.decide(follow.command, follow.decider.fold([]))
        of = {"issuance": asked.issuance, "mode": "test", "org": ORG, "account": "platform", "at_s": T}
        differs = (Discrepancy("total", "100", "90"),)
        what: dict[str, Event] = {
            "held": IssuanceHeld(**of, step="compare", invoice="in_1", discrepancies=differs, total_minor=90),
            "failed": IssuanceFailed(**of, step="draft", call="call_9", type="card_error", code=None),
        }
        desk.say(stream, requested, what[state])


def _enforcement(desk: Desk) -> None:
    for attempt in (1, 2):
        asked = EnforcementAsked(
            mode="test", org=ORG, environment="default", request="enf_1", wanted="zero", attempt=attempt,
            at_s=T + 600 * attempt, due_s=T + 600 * (attempt + 1), because={},
        )  # fmt: skip
        desk.say(enforcement_stream("test", ORG, "default"), asked)


def _costs(desk: Desk) -> None:
    office = Office(LogBooks(desk.world.log))
    office.policy(1_000, stop_rule="block_new")
    office.charge(charge("c1", 400), charge("c2", 600), charge("h1", 100, org=ORG))
    office.batch("open_batch", currency="usd", found=lines_of(r.event for r in desk.world.log.read(0, 1_000)))
    office.batch("start_review", 1, statements={"openai": Decimal(1_000)})
    proposed = CostPolicyProposed(
        mode="test", org=ORG, category="voices", version=1, billing_owner="cus_1", currency="usd", cap_minor=5,
        warn_percent=None, stop_rule="notify", markup_bps=0, from_s=None, until_s=None, by="ada", why="agreed",
    )  # fmt: skip
    desk.say(cost_policy_stream("test", ORG, "voices"), proposed)


def _delivery(desk: Desk) -> None:
    for endpoint in ("ep_1", "ep_gone"):
        url = "https://hooks.example/x"
        added = EndpointAdded(endpoint_id=endpoint, mode="test", url=url, types=(), org=None, label=None)
        desk.say(endpoint_stream(endpoint), added)
    raised = NoticeRaised(
        notice_id="ntc_1", type="override.ending", mode="test", org=ORG, at_s=T, said={}, endpoint_id=None
    )
    desk.say(notice_stream("ntc_1"), raised)
    for endpoint in ("ep_1", "ep_gone"):
        failed = DeliveryFailed(
            mode="test", endpoint_id=endpoint, notice_id="ntc_1", attempt=9, status=500, fault="http_500", at_s=T,
            next_s=None,
        )  # fmt: skip
        desk.say(delivery_stream(endpoint, "ntc_1"), failed)
    desk.say(endpoint_stream("ep_gone"), EndpointRemoved(endpoint_id="ep_gone", mode="test"))


def _stripe(desk: Desk) -> None:
    """A purchase to set up, an event that cannot be applied, and one of which there are two contents."""
    broken = subscription("sub_9")
    del broken["status"]
    desk.world.tell(
        event(1, "customer.created", customer("cus_1", org=ORG)),
        event(2, "customer.subscription.created", subscription("sub_1", price_id="price_a")),
        event(9, "customer.subscription.updated", broken),
    )
    stream = stripe_stream("test", "platform", "evt_0001")
    (known,) = desk.world.log.read_stream(stream)
    assert isinstance(known.event, StripeEventReceived)
    fields = {f: getattr(known.event, f) for f in StripeEventConflicted.__struct_fields__}
    desk.say(stream, StripeEventConflicted(**fields))


@contextmanager
def waiting(server: EmbeddedPostgres, template: str) -> Iterator[Desk]:
    """Everything that may wait for a person does."""
    with fresh_database(server, template) as database, counter(database) as world:
        found = Desk(world)
        publish(world, AGENTS)
        _stripe(found)
        _unknown_call(found)
        _unknown_call(found, "live", "call_live")
        _issuances(found)
        _enforcement(found)
        _costs(found)
        _delivery(found)
        drift = DriftFound(
            mode="test", account="acct_1", object="invoice", object_id="in_1", kind="missing_there", fields={},
            customer=None, seen_s=T,
        )  # fmt: skip
        found.say(drift_stream("test", "acct_1", "invoice", "in_1"), drift)
        found.say(launch_stream("test"), LaunchAreaReopened(mode="test", area="prices", because=("archived",)))
        asked = ApprovalRequested(
            id="apr_1", act="suspend_service", input={}, person="ada", reason="they ask for it", subject="service/x",
            mode=None, account=None, org=None,
        )  # fmt: skip
        found.say(approval_stream("apr_1"), asked)
        world.project()
        found.sql(
            "INSERT INTO read_models.parked (model, key, position, error)"
            f" VALUES ('entitlements', ARRAY['test', '{ORG.replace(chr(39), chr(39) * 2)}'], 1, 'ValueError: x')"
        )
        found.sql(
            "INSERT INTO ledger.reactions (name, mode, position, held) VALUES ('entitlement_changes', 'test', 1, 1)"
        )
        yield found
