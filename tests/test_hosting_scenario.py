"""Hosting, from what it costs to a suspension and back: on one clock, and however Stripe's events travel."""

from collections.abc import Iterator
from typing import Any

import pytest
from billing_story import DAY, HOUR, META, Post, Story, story
from books import differences, plain
from databases import fresh_database
from hosting import at, cost

from api.postgres import EmbeddedPostgres
from commands.service_policies import POLICIES, EnforcePolicy
from commands.spending_limits import SetSpendingLimit
from ledger.events import NewEvent
from ledger.ids import service_policies_stream
from ledger.service_events import ServiceStepped

ORG = "acme"
MONTH = "2028-02"
MARCH_2 = at("2028-03-02")
#: 2 of 100 minor units, 3.5 of them, and what is rounded away.
TOTAL = 550


def enforced(told: Story) -> None:
    """The standard policy is enforced."""
    stream = service_policies_stream("test")
    for number, said in enumerate(POLICIES.decide(EnforcePolicy(mode="test", policy="standard"), POLICIES.initial), 1):
        told.log.append(NewEvent(stream, number, said, META))


def used(told: Story) -> None:
    """Two environments are in use for a month, and a card is on file that will be declined."""
    hosting = told.hosting
    hosting.rates(0, {"cpu": "100"})
    for environment, namespace, quantity in (("env_1", "shop", "2"), ("env_2", "blog", "3.5001")):
        hosting.create(environment, ORG)
        hosting.place("namespace", namespace, environment, 0)
        hosting.costs(cost(f"c-{namespace}", namespace, at("2028-02-10"), quantity=quantity))
    customer = told.stripe.post("/v1/customers", email="a@acme.example", metadata={"org_id": ORG})["id"]
    told.card(customer, "pm_card_chargeCustomerFail")
    told.settle()


def closed(told: Story) -> str:
    """The month is closed and invoiced. Returns Stripe's invoice."""
    told.hosting.close_months(int(told.now_s))
    told.settle()
    told.until(int(told.now_s) + 2 * HOUR)
    found: str = told.one("hosting_invoices", month=MONTH)["invoice"]
    return found


def state(told: Story) -> str:
    return next((r["state"] for r in told.rows("service_steps")), "active")


def wanted(told: Story) -> dict[str, tuple[str, str]]:
    return {r["environment"]: (r["wanted"], r["state"]) for r in told.rows("enforcements")}


def steps(told: Story) -> list[tuple[str, int]]:
    said = [r.event for r in told.log.read(0, 100_000) if isinstance(r.event, ServiceStepped)]
    return [(s.state, s.at_s) for s in said]


def paid(told: Story, invoice: str) -> None:
    """With a card that works."""
    customer = told.stripe.get(f"/v1/invoices/{invoice}")["customer"]
    told.card(customer, "pm_card_visa")
    told.stripe.post(f"/v1/invoices/{invoice}/pay")
    told.settle()


def test_hosting_goes_from_cost_to_suspension_and_back(database: str) -> None:
    with story(database, MARCH_2) as told:
        enforced(told)
        used(told)
        # when the month is closed, the card is declined, and again three times
        invoice = closed(told)
        told.until(MARCH_2 + 14 * DAY)
        assert told.one("hosting_invoices", month=MONTH)["state"] == "overdue"
        assert (state(told), wanted(told)) == ("active", {})
        # then each stage comes at its boundary, and none before
        told.until(MARCH_2 + 26 * DAY, HOUR * 3)
        assert [s for s, _ in steps(told)] == ["past_due", "grace", "suspended"]
        (_, over_s), (_, grace_s), (_, suspended_s) = steps(told)
        start_s = told.one("debts", id=invoice)["start_s"]
        assert 15 * DAY <= start_s - MARCH_2 < 15 * DAY + 6 * HOUR
        for at_s, boundary_s in ((over_s, start_s), (grace_s, start_s + 3 * DAY), (suspended_s, start_s + 10 * DAY)):
            assert boundary_s <= at_s <= boundary_s + 4 * HOUR
        # and deployments are at zero when the deployment system says so
        assert {e: w for e, (w, _) in wanted(told).items()} == {"env_1": "zero", "env_2": "zero"}
        assert ("zero", "acknowledged") not in wanted(told).values()
        for environment in ("env_1", "env_2"):
            told.acknowledge(ORG, environment)
        assert set(wanted(told).values()) == {("zero", "acknowledged")}
        # when it is paid, everything comes back
        paid(told, invoice)
        assert told.one("hosting_invoices", month=MONTH)["state"] == "paid"
        assert state(told) == "active"
        assert wanted(told) == {"env_1": ("up", "asked"), "env_2": ("up", "asked")}
        for environment in ("env_1", "env_2"):
            told.acknowledge(ORG, environment)
        assert set(wanted(told).values()) == {("up", "acknowledged")}


def test_the_hosting_invoice_its_issuance_and_stripes_invoice_are_equal_to_the_cent(database: str) -> None:
    with story(database, MARCH_2) as told:
        used(told)
        invoice = closed(told)
        ours = told.one("hosting_invoices", month=MONTH)
        issuance = told.one("issuances", id=ours["issuance"])
        stripes = told.stripe.get(f"/v1/invoices/{invoice}")
        assert ours["total_minor"] == ours["invoiced_minor"] == issuance["total_minor"] == stripes["total"] == TOTAL
        lines = {line["metadata"]["recount_line"]: line["amount"] for line in stripes["lines"]["data"]}
        assert lines == {str(n): line["amount_minor"] for n, line in enumerate(ours["lines"]) if line["amount_minor"]}
        assert len(told.invoices()) == 1
        # and closing anew, or reacting anew, bills nothing again
        told.hosting.close_months(int(told.now_s) + DAY)
        told.until(int(told.now_s) + DAY)
        assert len(told.invoices()) == 1


def test_a_hard_stop_asks_for_zero_and_is_undone_when_the_limit_is_raised_or_the_month_turns(database: str) -> None:
    with story(database, MARCH_2) as told:
        hosting = told.hosting
        hosting.rates(0, {"cpu": "100"})
        hosting.create("env_1", ORG)
        hosting.place("namespace", "shop", "env_1", 0)
        limit = {"mode": "test", "org": ORG, "currency": "eur", "hard_stop": True}
        hosting.limit(SetSpendingLimit(limit_minor=300, **limit))
        hosting.costs(cost("c1", "shop", at("2028-03-01"), quantity="2.5"))
        told.settle()
        looked(told)
        assert wanted(told) == {}
        # when the limit is reached
        hosting.costs(cost("c2", "shop", at("2028-03-02"), quantity="0.5"))
        looked(told)
        assert wanted(told) == {"env_1": ("zero", "asked")}
        assert told.one("enforcements")["because"] == {"spending_limit": "stopped"}
        told.acknowledge(ORG, "env_1")
        # then raising it lets deployments up again
        hosting.limit(SetSpendingLimit(limit_minor=400, **limit))
        looked(told)
        assert wanted(told) == {"env_1": ("up", "asked")}
        # and when it is reached again, they are down until the next month
        hosting.costs(cost("c3", "shop", at("2028-03-03"), quantity="1"))
        looked(told)
        assert wanted(told)["env_1"][0] == "zero"
        told.now_s = at("2028-03-31T23:59")
        looked(told)
        assert wanted(told)["env_1"][0] == "zero"
        told.now_s = at("2028-04-01")
        looked(told)
        assert wanted(told)["env_1"][0] == "up"


def looked(told: Story) -> None:
    """Spending is held against its limit, and what follows is done."""
    told.hosting.check(int(told.now_s))
    told.settle()


#: What a story leaves behind that no late event may change.
BOOKS = ("hosting_invoices", "issuances", "invoices", "payments", "service_states", "debts", "org_links", "accruals")


def books(told: Story) -> dict[str, Any]:
    """Amounts, states and counts. Stripe's ids are another's each time, and so are seconds, by a few."""
    found: dict[str, Any] = {model: [plain(row) for row in told.rows(model)] for model in BOOKS}
    asked = {r["environment"]: (r["wanted"], r["state"]) for r in told.rows("enforcements")}
    return {**found, "wanted": {e: w for e, w in asked.items() if w[0] != "up"}, "state": state(told)}


def whole(told: Story) -> dict[str, Any]:
    enforced(told)
    used(told)
    told.everything_arrives()  # that the card is on file was told long before the month ended
    told.until(MARCH_2 + 4 * DAY)
    invoice = closed(told)
    told.until(MARCH_2 + 34 * DAY, DAY)
    told.everything_arrives()
    assert state(told) == "suspended"
    paid(told, invoice)
    told.everything_arrives()
    assert [s for s, _ in steps(told)] == ["past_due", "grace", "suspended", "active"]
    return books(told)


@pytest.fixture
def other_database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """A second one, beside `database`."""
    with fresh_database(server, template) as conninfo:
        yield conninfo


@pytest.mark.parametrize("seed", range(2))
def test_webhooks_shuffled_twice_and_three_days_late_end_in_the_same_books(
    database: str, other_database: str, seed: int
) -> None:
    with story(database, MARCH_2) as told:
        expected = whole(told)
    with story(other_database, MARCH_2, post=lambda: Post(seed)) as told:
        found = whole(told)
    different = differences(found, expected)
    assert not different, "\n".join(d[:150] for d in different)
