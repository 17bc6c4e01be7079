"""Everything of hosting and service control in one history: verified, as the oracle says, and the same in any order.

Environments that are moved, placed anew and priced by another card; cost events, corrections, rates and outages in
mid-month; limits with a stop; a provider's ledger that mends the past; months that are closed; tax; invoices that fail,
are paid, are written off, are credited; every step of a service, operators' words, and deployments at zero and back.
"""

import json
from collections.abc import Iterable
from typing import Any

import books
import oracle
from billing_story import DAY, HOUR, Post, Story, story
from databases import fresh_database
from histories import different, rows_of
from hosting import at, cost
from oracle import hosting as judge
from samples import Delivery
from sandbox_world import META
from sightings import Seen

from commands.environments import ChangeRateCard, CreditOutage, MoveEnvironment
from commands.service import SERVICES, ExtendGrace, PauseService, ResumeService
from commands.service_debts import DEBTS, WriteOffDebt
from commands.service_policies import POLICIES, EnforcePolicy
from commands.spending_limits import SetSpendingLimit
from commands.tax_terms import TAX_TERMS, SetTaxTerms
from ledger.events import NewEvent, StripeEventReceived
from ledger.hosting_billing_events import UsageDifference, UsageReconciled
from ledger.ids import debt_stream, reconciled_usage_stream, service_policies_stream, service_stream, tax_terms_stream
from ledger.service_events import ServiceStepped
from ledger.stripe_call_events import StripeObjectObserved
from replay.verify import verify

MODE = "test"
#: Who pays late, who pays at once, whose debt is let go.
LATE, PROMPT, POOR = "late", "prompt", "poor"
START = at("2028-01-03")


def say(told: Story, stream: str, decider: Any, command: Any) -> None:
    """What a person has done."""
    history = told.log.read_stream(stream)
    events = decider.decide(command, decider.fold(r.event for r in history))
    assert events, command
    told.log.append(*(NewEvent(stream, len(history) + 1 + i, e, META) for i, e in enumerate(events)))


def word(told: Story, command: Any) -> None:
    """What an operator says of a service."""
    say(told, service_stream(MODE, command.org, command.service), SERVICES, command)
    told.settle()


def set_up(told: Story) -> None:
    """Policies, taxes, rates, customers in Germany, environments."""
    told.stripe.post("/v1/tax/settings", head_office={"address": {"country": "DE"}})
    standard = {"type": "standard", "standard": {"place_of_supply_scheme": "standard"}}
    told.stripe.post("/v1/tax/registrations", country="DE", active_from="now", country_options={"de": standard})
    say(told, service_policies_stream(MODE), POLICIES, EnforcePolicy(mode=MODE, policy="standard"))
    terms = SetTaxTerms(mode=MODE, automatic_tax=True, tax_behavior="exclusive")
    say(told, tax_terms_stream(MODE, None), TAX_TERMS, terms)
    told.hosting.rates(0, {"cpu": "100", "memory": "7"})
    told.hosting.rates(0, {"cpu": "33"}, card="cheap")
    for org, card in ((LATE, "pm_card_chargeCustomerFail"), (PROMPT, "pm_card_visa"), (POOR, None)):
        customer = told.stripe.post(
            "/v1/customers", metadata={"org_id": org}, address={"country": "DE", "postal_code": "10115"}
        )["id"]
        if card is not None:
            told.card(customer, card)
        told.hosting.create(f"env_{org}", org)
        told.hosting.place("namespace", f"ns_{org}", f"env_{org}", 0)
    told.settle()


def january(told: Story) -> None:
    """What is used, and whatever changes in mid-month."""
    hosting = told.hosting
    for org, quantity in ((LATE, "31.003"), (PROMPT, "12.5"), (POOR, "7.77")):
        hosting.costs(cost(f"{org}-1", f"ns_{org}", at("2028-01-04"), at("2028-01-08"), quantity))
    hosting.limit(SetSpendingLimit(mode=MODE, org=PROMPT, limit_minor=900, currency="eur", hard_stop=True))
    told.now_s = at("2028-01-09")
    hosting.accrue(int(told.now_s))
    hosting.check(int(told.now_s))
    told.settle()
    assert told.one("enforcements", org=PROMPT)["wanted"] == "zero"
    hosting.limit(SetSpendingLimit(mode=MODE, org=PROMPT, limit_minor=90_000, currency="eur", hard_stop=True))
    hosting.check(int(told.now_s))
    hosting.rates(at("2028-01-06T12:00"), {"cpu": "120", "memory": "7"}, markup="10")
    hosting.costs(cost("late-2", f"ns_{LATE}", at("2028-01-07"), quantity="-1.003", corrects="late-1"))
    hosting.environment(
        CreditOutage(mode=MODE, environment=f"env_{PROMPT}", outage="net", from_s=at("2028-01-05"),
                     until_s=at("2028-01-05T06:00"), percent="50", reason="it was down")
    )  # fmt: skip
    hosting.environment(
        ChangeRateCard(mode=MODE, environment=f"env_{POOR}", rate_card="cheap", at_s=at("2028-01-07T01:00"))
    )
    hosting.create("env_shared", PROMPT)
    hosting.place("namespace", f"ns_{LATE}", "env_shared", at("2028-01-07T18:00"))
    hosting.environment(MoveEnvironment(mode=MODE, environment="env_shared", org=LATE, at_s=at("2028-01-07T20:00")))
    told.settle()


def closed(told: Story, month: str) -> dict[str, str]:
    """The month is closed, and its invoices are out: organization -> Stripe's invoice."""
    told.hosting.close_months(int(told.now_s))
    told.settle()
    told.until(int(told.now_s) + 2 * HOUR)
    return {r["org"]: r["invoice"] for r in told.rows("hosting_invoices") if r["month"] == month and r["invoice"]}


def corrected(told: Story) -> None:
    """The provider's ledger says otherwise, and somebody agreed; and something of January is told in February."""
    less = UsageDifference(f"ns_{LATE}", "2028-01-05", "cpu", -2 * 10**9)
    more = UsageDifference(f"ns_{PROMPT}", "2028-01-06", "memory", 3_333_333_333)
    said = UsageReconciled(mode=MODE, id="rcn_1", source="provider", differences=(less, more))
    told.log.append(NewEvent(reconciled_usage_stream(MODE, "rcn_1"), 1, said, META))
    told.hosting.costs(cost("prompt-late", f"ns_{PROMPT}", at("2028-01-20"), quantity="2.5"))
    for org in (LATE, PROMPT, POOR):
        told.hosting.costs(cost(f"{org}-feb", f"ns_{org}", at("2028-02-10"), quantity="9.001"))
    told.hosting.accrue(int(told.now_s))  # which has the ledger's differences be cost events


def paid(told: Story, invoice: str) -> None:
    """With a card that works."""
    customer = told.stripe.get(f"/v1/invoices/{invoice}")["customer"]
    told.card(customer, "pm_card_visa")
    told.stripe.post(f"/v1/invoices/{invoice}/pay")
    told.settle()


def state(told: Story, org: str) -> str:
    return next((r["state"] for r in told.rows("service_steps") if r["org"] == org), "active")


def lived(told: Story) -> dict[str, list[str]]:
    """All of it. Returns the steps of each organization's service."""
    set_up(told)
    january(told)
    told.everything_arrives()
    told.now_s = at("2028-02-02T03:00")
    first = closed(told, "2028-01")
    assert first.keys() == {LATE, PROMPT, POOR}
    corrected(told)
    told.everything_arrives()
    # who does not pay goes down step by step, with a word from an operator in between
    told.until(at("2028-02-02") + 22 * DAY, 3 * DAY)
    told.everything_arrives()
    word(told, ExtendGrace(mode=MODE, org=LATE, until_s=int(told.now_s) + 5 * DAY, reason="promised on the phone"))
    say(told, debt_stream(MODE, "platform", first[POOR]), DEBTS,
        WriteOffDebt(mode=MODE, invoice=first[POOR], reason="not worth it"))  # fmt: skip
    word(told, PauseService(mode=MODE, org=PROMPT, reason="asked for it"))
    told.now_s = max(told.now_s, at("2028-03-02T03:00"))
    told.settle()
    second = closed(told, "2028-02")
    told.until(at("2028-03-12"), 4 * DAY)
    told.everything_arrives()
    word(told, ResumeService(mode=MODE, org=PROMPT, reason="back again"))
    assert state(told, LATE) == "suspended"
    for row in told.rows("enforcements"):
        if row["state"] != "acknowledged":
            told.acknowledge(row["org"], row["environment"])
    # when everything is paid, everything comes back; of one invoice a part is credited
    for invoice in (first[LATE], second[LATE]):
        paid(told, invoice)
    told.stripe.post("/v1/credit_notes", invoice=second[PROMPT], amount=119, refund_amount=119)
    told.until(int(told.now_s) + 2 * DAY, 2 * DAY)
    told.everything_arrives()
    assert state(told, LATE) == "active"
    for row in told.rows("enforcements"):
        if row["state"] != "acknowledged":
            told.acknowledge(row["org"], row["environment"])
    steps: dict[str, list[str]] = {}
    for recorded in told.log.read(0, 100_000):
        if isinstance(recorded.event, ServiceStepped):
            steps.setdefault(recorded.event.org, []).append(recorded.event.state)
    return steps


class Noting(Post):
    """Keeps every event that it delivers: Stripe tells of the last thirty days alone."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed, DAY)
        self.delivered: dict[str, dict[str, Any]] = {}

    def mix(self, waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.delivered |= {each["id"]: each for each in waiting}
        return super().mix(waiting)


def judged(told: Story, delivered: Iterable[dict[str, Any]]) -> None:
    """Verify is clean, and an oracle that looks at the whole log says the same of every row that it knows."""
    Story.judged(told)
    assert [found.differences for found in verify(told.conninfo)] == [()] * 2
    log = list(told.log.read(0, 100_000))
    decided = [(r.event, r.recorded_at_us) for r in log if not isinstance(r.event, StripeEventReceived)]
    seen = [
        Seen(json.loads(bytes(e.payload)), e.observed_at_s, e.api_version, e.account, e.mode == "live", e.why)
        for e, _ in decided
        if isinstance(e, StripeObjectObserved)
    ]
    expected = oracle.recount([Delivery(e) for e in delivered], seen=seen, decided=decided)
    ours = rows_of(told.conninfo)
    for key, row in expected["issuances"].items():
        row["standing"] = ours["issuances"][key]["standing"]  # which `told.judged` has looked at
    known = expected.keys() - _KEYED
    assert different({m: ours[m] for m in known}, {m: expected[m] for m in known}) == []
    assert {"enforcements", "spending_limits", "service_steps", "debts", "tax_terms"} <= {m for m in known if ours[m]}
    accrued = {(r[0], r[1], at(r[2]) // DAY): amount for r, amount in told.hosting.accrued().items()}
    assert accrued == judge.accruals([r.event for r in log])


#: Rows that a key of ours is part of.
_KEYED = frozenset({"stripe_events", "observations"})
#: What a history leaves behind that no order of Stripe's events may change.
BOOKS = (
    "hosting_invoices", "issuances", "invoices", "payments", "service_states", "debts", "accruals", "environments",
    "spending_limits", "hosting_months",
)  # fmt: skip


def test_everything_in_one_history_verifies_and_is_what_the_oracle_says_also_with_webhooks_shuffled(
    server: Any, template: str
) -> None:
    found = []
    for post in (Noting(), Noting(3)):
        with fresh_database(server, template) as database, story(database, START, post=lambda p=post: p) as told:
            told.judged = lambda: None  # type: ignore[method-assign] # once, in the end
            steps = lived(told)
            judged(told, post.delivered.values())
            assert steps[LATE] == ["past_due", "grace", "suspended", "active"]
            found.append(books.plain({model: told.rows(model) for model in BOOKS}))
    differences = books.differences(found[1], found[0])
    assert not differences, "\n".join(d[:150] for d in differences)
