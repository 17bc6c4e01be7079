"""What the launch gate cites is what a simulated history of Stripe really held, and live mode may cite test mode."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import psycopg
import pytest
from databases import fresh_database
from histories import ingest
from outgoing import DAY, Installation
from samples import Delivery
from test_cli import Cli

from api.launch_evidence import evidence_of
from api.postgres import EmbeddedPostgres
from commands.plan_definition import PlanDefinition, Price, SetupStep, written
from commands.service_policies import POLICIES, EnforcePolicy
from commands.setup import SETUPS, ApproveSetupStep
from ledger.events import OverrideGranted, PlanPublished
from ledger.ids import Mode, override_stream, plans_stream, service_policies_stream, setup_stream
from ledger.launch_events import END_TO_END
from ledger.store import as_role
from replay.simulator import Scenario, simulate

Json = dict[str, Any]
HISTORY = [
    e
    for e in simulate(
        Scenario(
            orgs=8, months=5, seed=4, payment_failures=0.5, trials=0.2, connected_accounts=0,
            api_versions=("2025-06-30.basil",),
        )
    )
    if "data" in e
]  # fmt: skip
START: int = HISTORY[0]["created"]
#: Sold with steps of setup.
STEPPED = next(e["data"]["object"] for e in HISTORY if e["data"]["object"].get("name") == "Business")["id"]


def published(history: list[Json]) -> Iterator[PlanPublished]:
    """A plan a product, under all of its recurring prices, since before anything was sold."""
    made = [e["data"]["object"] for e in history if e["type"] == "price.created" and e["data"]["object"]["recurring"]]
    for product, prices in itertools.groupby(sorted(made, key=lambda p: str(p["product"])), lambda p: p["product"]):
        definition = PlanDefinition(
            key=product.lower(),
            name=product,
            model="subscription",
            features=("agents",),
            prices=tuple(
                Price(interval=p["recurring"]["interval"], currency=p["currency"], price=p["id"]) for p in prices
            ),
            setup_steps=(SetupStep(key="scope", title="Scope"),) if product == STEPPED else (),
        )
        yield PlanPublished(
            mode="test", catalogue="shop", plan=product.lower(), version=1, effective_s=START - DAY,
            definition=written(definition),
        )  # fmt: skip


class Told(Installation):
    """An installation to which the history was told, a week at a time, while reactions and deadlines ran."""

    def whole(self) -> None:
        stream = service_policies_stream("test")
        for said in POLICIES.decide(EnforcePolicy(mode="test", policy="standard"), POLICIES.initial):
            self.append(stream, said)
        for plan in published(HISTORY):
            self.append(plans_stream("test"), plan)
        self.react(hold_from=100_000)  # reactions look from here on
        for _, told in itertools.groupby(HISTORY, lambda e: (e["created"] - START) // (7 * DAY)):
            events = list(told)
            self.tell(*events)
            self.pass_until(events[-1]["created"])

    def pass_until(self, now_s: int) -> None:
        self.now_s = now_s
        self.react()
        while self.tick():
            self.react()

    def evidence(self, area: str, mode: Mode = "test", org: str | None = None) -> tuple[Json, ...]:
        with psycopg.connect(as_role(self.conninfo, "recount_reader"), autocommit=True) as conn:
            return evidence_of(conn, self.log, area, mode, org)

    def cited(self, evidence: tuple[Json, ...]) -> list[Any]:
        """The events behind some evidence, which is as it says."""
        found = []
        for told in evidence:
            recorded = self.log.read_stream(told["stream"])[told["version"] - 1]
            assert told["event"] == recorded.event.NAME
            found.append(recorded.event)
        return found


def of_stripe(kind: str, **fields: Any) -> list[Json]:
    """The events of the history of a kind whose object has these fields."""
    return [e for e in HISTORY if e["type"] == kind and all(e["data"]["object"].get(k) == v for k, v in fields.items())]


def customer_of(org: str) -> str:
    found: str = next(
        e["data"]["object"]["id"]
        for e in HISTORY
        if e["type"] == "customer.created" and e["data"]["object"]["metadata"].get("org_id") == org
    )
    return found


def every(told: Told) -> dict[str, tuple[Json, ...]]:
    """The evidence of each area."""
    return {area: told.evidence(area) for area in END_TO_END}


class Story(NamedTuple):
    """The history, and what was found on the way."""

    told: Told
    first: dict[str, tuple[Json, ...]]
    """When it was told."""
    waiting: str
    """Who bought nothing but what waits to be set up."""
    overridden: tuple[Json, ...]
    """Of their entitlements, and of those of somebody who has left, when an operator granted the same."""
    listed: tuple[Json, ...]
    """Of entitlements, when a newer purchase was listed, and never delivered."""
    last: dict[str, tuple[Json, ...]]
    """When they were set up, and who was suspended had paid."""


@pytest.fixture(scope="module")
def story(server: EmbeddedPostgres, template: str) -> Iterator[Story]:
    with fresh_database(server, template) as database, closing(Told(database, START)) as told:
        told.whole()
        first = every(told)
        case = told.rows(
            "SELECT org, account, placement FROM {r}.setups s WHERE live_s IS NULL AND closed IS NULL AND NOT EXISTS"
            " (SELECT FROM {r}.plan_placements p WHERE p.org = s.org AND p.subscription <> s.placement)"
        )[0]
        waiting = case[0]
        have_left(told, "org_gone")
        for org in (waiting, "org_gone"):
            granted = {"limit": None, "from_s": None, "until_s": None, "reason": "a promise"}
            grant = OverrideGranted(mode="test", org=org, feature="agents", **granted)
            told.append(override_stream("test", org, "agents"), grant)
        told.project()
        overridden = (*told.evidence("entitlements", org=waiting), *told.evidence("entitlements", org="org_gone"))
        list_a_purchase(told)
        listed = told.evidence("entitlements")
        set_up(told, *case)
        pay(told, told.cited(first["suspension"])[0].org)
        yield Story(told, first, waiting, overridden, listed, every(told))


def have_left(told: Told, org: str) -> None:
    """Somebody bought, and cancelled."""
    joined = of_stripe("customer.created")[0]
    who = {**joined["data"]["object"], "id": "cus_gone", "metadata": {"org_id": org}}
    bought = max(of_stripe("customer.subscription.created"), key=lambda e: e["created"])
    ended = {"status": "canceled", "ended_at": bought["created"], "canceled_at": bought["created"]}
    what = {**bought["data"]["object"], "id": "sub_gone", "customer": "cus_gone", "metadata": {}, **ended}
    told.tell(
        {**joined, "id": "evt_who", "data": {"object": who}}, {**bought, "id": "evt_what", "data": {"object": what}}
    )
    told.project()
    assert told.rows("SELECT org FROM {r}.plan_placements WHERE subscription = 'sub_gone'") == [(org,)]


def list_a_purchase(told: Told) -> None:
    newest = max(of_stripe("customer.subscription.created"), key=lambda e: e["created"])
    bought = {**newest["data"]["object"], "id": "sub_listed", "created": newest["created"] + DAY}
    listed = {**newest, "id": "evt_listed", "created": newest["created"] + DAY, "data": {"object": bought}}
    ingest(told.log, [Delivery(listed, "list")])
    told.project()
    assert told.rows("SELECT plan FROM {r}.plan_placements WHERE subscription = 'sub_listed'") != []


def set_up(told: Told, org: str, account: str, placement: str) -> None:
    state = SETUPS.initial
    for step in ("scope", "go_live"):
        approve = ApproveSetupStep(
            mode="test", account=account, placement=placement, org=org, plan=STEPPED, version=1, step=step,
            steps=("scope", "go_live"), closed=False, artefact="doc", authorizes="going on", by="ada", why="seen",
            at_s=int(told.now_s),
        )  # fmt: skip
        for said in SETUPS.decide(approve, state):
            told.append(setup_stream("test", account, placement), said)
            state = SETUPS.evolve(state, said)
    told.project()


def pay(told: Told, org: str) -> None:
    at_s = int(told.now_s) + DAY
    for (invoice,) in told.rows("SELECT id FROM {r}.debts WHERE org = %s", org):
        last = of_stripe("invoice.payment_failed", id=invoice)[-1]
        paid = {**last["data"]["object"], "status": "paid", "amount_remaining": 0, "amount_paid": 1}
        told.tell({**last, "id": f"evt_{invoice}", "type": "invoice.paid", "created": at_s, "data": {"object": paid}})
    told.pass_until(at_s)


def test_a_purchase_is_cited_by_the_event_that_began_it(story: Story) -> None:
    (said,) = story.first["entitlements"]
    (began,) = story.told.cited(story.first["entitlements"])
    org, bought = said["shows"].split(" ")[0], said["shows"].split(" ")[2].rstrip(",")
    (event,) = of_stripe("customer.subscription.created", id=bought)
    assert (began.event_id, event["data"]["object"]["customer"]) == (event["id"], customer_of(org))
    assert said["stream"] == f"stripe/test/platform/{event['id']}"


def test_a_step_is_cited_whose_payment_failed(story: Story) -> None:
    (step,) = story.told.cited(story.first["failed_payment"])
    failed = of_stripe("invoice.payment_failed", id=step.because["invoice"])
    assert failed and failed[0]["data"]["object"]["customer"] == customer_of(step.org)
    assert (step.before, step.state) == ("active", "past_due")


def test_a_closing_is_cited_that_had_an_effect(story: Story) -> None:
    (closed,) = story.told.cited(story.first["suspension"])
    assert closed.enforced and closed.state in ("paused", "suspended", "cancelled")
    asked = [e for e in story.told.logged("enforcement.asked") if (e.org, e.wanted) == (closed.org, "zero")]
    assert asked and asked[0].at_s >= closed.at_s


def test_to_be_past_due_once_more_is_no_recovery_and_to_have_paid_is(story: Story) -> None:
    # a customer who has another card is given time: the service is open, and owes
    assert story.first["recovery"] == ()
    shut, opened = story.told.cited(story.last["recovery"])
    steps = [e.state for e in story.told.logged("service.stepped") if e.org == shut.org and e.at_s < opened.at_s]
    assert "past_due" in steps[steps.index("suspended") :]
    assert (shut.enforced, opened.state, opened.org) == (True, "active", shut.org) and shut.at_s < opened.at_s


def test_nothing_is_cited_of_who_waits_or_has_left_whoever_grants_it(story: Story) -> None:
    assert story.first["setup_gating"] == () and story.overridden == ()
    (last,) = story.told.cited(story.last["setup_gating"])
    assert (last.org, last.step, last.last) == (story.waiting, "go_live", True)


def test_a_newer_purchase_that_was_only_listed_hides_no_older_one(story: Story) -> None:
    assert story.listed == story.first["entitlements"] != ()


def test_live_mode_cites_test_mode_and_test_mode_never_live_mode(story: Story) -> None:
    cli = Cli(story.told.conninfo, STRIPE_WEBHOOK_SECRET="live:whsec_1")
    kept = cli.json("launch", "check", "--mode", "live", "--reason", "we go live")["events"]
    proven = {e["area"]: e for e in kept if e["event"] == "launch.evidence_recorded"}
    assert {(a, e["mode"], e["proven_in"]) for a, e in proven.items()} == {(a, "live", "test") for a in END_TO_END}
    assert {a: tuple(e["events"]) for a, e in proven.items()} == story.last
    assert cli.json("launch", "check", "--mode", "live", "--reason", "again")["events"] == []
    # and what is live proves nothing for test mode
    assert all(story.told.evidence(area, "live") == () for area in END_TO_END)
    mine = cli.json("launch", "check", "--reason", "test")["events"]
    assert {e["proven_in"] for e in mine if "proven_in" in e} == {"test"}
