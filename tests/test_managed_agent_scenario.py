"""Managed agents, from a closed gate to a paid invoice: on one clock, and however Stripe's events travel."""

import json
from collections.abc import Iterator
from typing import Any

import oracle
import oracle.invoicing as judge
import pytest
from billing_story import Post
from books import differences, plain
from databases import fresh_database
from histories import Rows, different, rows_of
from managed_agents import PERIOD, Agents, billed, managed, open_it, opened, sold
from oracle.passthrough import passthrough_rows
from samples import Delivery
from sightings import Seen
from test_cli import Cli

from api.launch import check_launch
from api.operations import asked_by
from api.postgres import EmbeddedPostgres
from ledger.events import NoticeRaised, StripeEventReceived
from ledger.launch_events import END_TO_END, CheckoutClosed, LaunchAreaReopened
from ledger.stripe_call_events import StripeObjectObserved
from replay.verify import verify

#: What a story leaves behind that no late event may change.
BOOKS = (
    "launch_areas", "launch_gates", "setups", "plan_placements", "subscriptions", "entitlements", "org_links",
    "cost_policies", "provider_charges", "pass_through_budgets", "reconciliation_batches", "reconciliation_lines",
    "issuances", "invoices", "payments", "service_states", "service_steps", "debts",
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(server: EmbeddedPostgres, template: str) -> Iterator[Agents]:
    """The whole way, whose every shortcut is refused; who looks at it changes nothing."""
    with fresh_database(server, template) as database, managed(database) as agents:
        opened(agents)
        sold(agents)
        billed(agents)
        yield agents


@pytest.fixture(scope="module")
def selling(server: EmbeddedPostgres, template: str) -> Iterator[Agents]:
    """Checkout that all eleven areas opened; who closes it opens it again."""
    with fresh_database(server, template) as database, managed(database) as agents:
        opened(agents)
        open_it(agents)
        yield agents


def books(agents: Agents) -> dict[str, Any]:
    """Amounts, states and counts."""
    return {model: [plain(row) for row in agents.told.rows(model)] for model in BOOKS}


def test_what_was_charged_is_invoiced_once_to_the_cent_and_paid(whole: Agents) -> None:
    batch, invoice = whole.told.one("reconciliation_batches"), whole.invoice()
    issuance = whole.told.one("issuances", source_kind="reconciliation_batch")
    # 1551.25 and a tenth
    assert batch["state"] == "paid"
    assert batch["total_minor"] == issuance["total_minor"] == invoice["total"] == invoice["amount_paid"] == 1_706
    assert [line["amount"] for line in invoice["lines"]["data"]] == [line["amount_minor"] for line in batch["lines"]]
    charges = whole.told.rows("provider_charges")
    assert {(c["status"], c["batch"], c["policy_version"]) for c in charges} == {("accepted", f"{PERIOD}.1", 1)}
    received = [p["received_minor"] for p in whole.told.rows("payments") if p["customer"] == whole.customer("realty")]
    assert sorted(received) == [1_706, 4_900]


def test_the_whole_history_is_what_an_oracle_says_that_looks_at_it_at_once(whole: Agents) -> None:
    ours, theirs = rows_of(whole.told.conninfo), judged(whole)
    assert {"launch_areas", "setups", "entitlements", "reconciliation_batches", "invoices"} <= ours.keys() & theirs
    assert different({m: ours[m] for m in theirs}, theirs) == []


def test_a_rebuild_is_what_is_live(whole: Agents) -> None:
    assert [v.differences for v in verify(whole.told.conninfo)] == [(), ()]


def judged(agents: Agents) -> Rows:
    """Every row of which the oracle knows, from the log and Stripe's own list of events."""
    recorded = agents.told.log.read(0, 100_000)
    received = (StripeEventReceived, StripeObjectObserved)
    own = [(r.event, r.recorded_at_us) for r in recorded if not isinstance(r.event, received)]
    seen = [
        Seen(json.loads(bytes(e.payload)), e.observed_at_s, e.api_version, e.account, e.mode == "live", e.why)
        for r in recorded
        if isinstance(e := r.event, StripeObjectObserved)
    ]
    rows = oracle.recount([Delivery(e) for e in agents.told.stripe.events()], decided=own, seen=seen)
    rows |= passthrough_rows(e for e, _ in own)
    failed = {key[-1] for key in rows["payment_failures"]}
    for row in rows["issuances"].values():
        invoice = rows["invoices"].get((row["mode"], row["account"], row["invoice"]))
        row["standing"] = judge.standing(row, invoice, row["invoice"] in failed)
    del rows["observations"]  # these are told apart by a digest under a key that a judge has not
    return rows


@pytest.mark.parametrize("seed", range(2))
def test_webhooks_shuffled_twice_and_three_days_late_end_in_the_same_books(
    database: str, whole: Agents, seed: int
) -> None:
    with managed(database, post=lambda: Post(seed)) as agents:
        opened(agents)
        sold(agents)
        billed(agents)
        apart = differences(books(agents), books(whole))
        assert not apart, "\n".join(d[:200] for d in apart)
        assert [v.differences for v in verify(agents.told.conninfo)] == [(), ()]


def test_a_price_that_is_archived_closes_checkout_by_itself_and_somebody_is_told_why(selling: Agents) -> None:
    # given somebody who listens
    assert selling.act("ada", "add_endpoint", url="https://alerts.example/recount") == "done"
    assert selling.begin() == "done"
    # when the price is archived in Stripe, whose webhook says so
    selling.told.stripe.post(f"/v1/prices/{selling.price}", active=False)
    selling.told.settle()
    # then
    why = "agent_month is no active price in platform"
    gate, area = selling.told.one("launch_gates"), selling.told.one("launch_areas", mode="test", area="prices")
    assert (gate["open"], gate["by"], gate["why"]) == (False, "system", f"prices: {why}")
    assert (area["signed"], area["reopened"]) == (False, [why])
    assert selling.begin() == "checkout_closed"
    told = {r.event.type: r.event.said for r in selling.told.log.read(0, 100_000) if type(r.event) is NoticeRaised}
    assert told[LaunchAreaReopened.NAME] == {"area": "prices", "because": [why]}
    assert told[CheckoutClosed.NAME] == {"area": "prices", "by": "system", "why": f"prices: {why}"}
    # and when it is back, it is still two persons who open
    selling.told.stripe.post(f"/v1/prices/{selling.price}", active=True)
    selling.told.settle()
    assert selling.act("ada", "open_checkout") == "launch_blocked"
    assert selling.sign_off("prices") == ["done"]
    open_it(selling)
    assert selling.begin() == "done"


def test_what_is_refunded_before_it_is_live_is_set_up_no_more(selling: Agents) -> None:
    assert selling.begin() == "done"
    selling.buys()
    selling.passes()
    assert selling.step("realty", "scope") == ["done"]
    # when
    charges = selling.told.stripe.get("/v1/charges", customer=selling.customer("realty"))["data"]
    selling.told.stripe.post("/v1/refunds", charge=charges[0]["id"])
    selling.told.settle()
    # then
    case = selling.told.one("setups", org="realty")
    assert (case["state"], case["closed"], case["next_step"]) == ("cancelled", "refunded", None)
    assert selling.step("realty", "access") == ["setup_closed"]
    assert selling.may() == "pending_setup"
    assert [v.differences for v in verify(selling.told.conninfo)] == [(), ()]


def test_a_payment_link_that_still_sells_is_told_while_checkout_is_closed(selling: Agents) -> None:
    told, cli = selling.told, Cli(selling.told.conninfo)

    def links() -> list[str]:
        told.settle()
        found: list[str] = told.read("/v1/launch", told.key("operator"))["selling_links"]
        return found

    # given a link that was made while checkout was open
    link = told.post("/v1/payment-links", {"plan": "agent"}).json["payment_link"]
    assert links() == []
    # when
    assert selling.act("ada", "close_checkout") == "done"
    # then
    assert links() == [link]
    assert f"recount checkout close-link {link}" in cli("launch", "status").stdout
    assert told.post(f"/v1/payment-links/{link}/close", {}).status_code == 200
    assert links() == []
    assert cli.json("launch", "status")["selling_links"] == []
    open_it(selling)


def test_live_mode_may_cite_what_was_proven_in_test_mode(selling: Agents) -> None:
    here = selling.told.context
    done = check_launch(here.database, here.settings, mode="live", org=None, asked=asked_by("ada", "we open"))
    cited = {e["area"]: e["proven_in"] for d in done for e in d.events if e["event"] == "launch.evidence_recorded"}
    assert cited == dict.fromkeys(END_TO_END, "test")
