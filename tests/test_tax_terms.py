"""Tax terms: what Recount bills by itself is taxed as they say, on top of lines that stay equal to the cent."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from billing_story import DAY, HOUR, Story, story
from hosting import at, cost
from hypothesis import given
from hypothesis import strategies as st
from passthrough import ORG, Office, charge, lines_of
from sandbox_world import META
from test_cli import Cli, catch_up

from api.passthrough.books import LogBooks
from commands.issuing_terms import RequestIssuance
from commands.tax_terms import TAX_TERMS, DropTaxTerms, SetTaxTerms, taxed, terms_streams
from ledger.errors import Invalid
from ledger.events import NewEvent
from ledger.ids import tax_terms_stream
from ledger.issuing_events import IssuanceLine, TaxRate
from ledger.passthrough import period_of
from replay.rebuild import ensure_built
from replay.verify import verify

MARCH_2 = at("2028-03-02")
RATE = TaxRate("txr_1", "19", False)


# ---- what may be said ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"automatic_tax": True, "tax_rates": ("txr_1",), "rates": (RATE,)}, "two_taxes"),
        ({"tax_behavior": "exclusive"}, "bad_tax_terms"),
        ({"tax_code": "txcd_10103001"}, "bad_tax_terms"),
        ({"tax_exempt": True}, "bad_tax_terms"),
        ({"tax_exempt": True, "automatic_tax": True}, "bad_tax_terms"),
        ({"tax_rates": ("txr_1", "txr_2"), "rates": (RATE,)}, "unknown_tax_rate"),
        ({"tax_rates": ("txr_1",), "rates": (TaxRate("txr_1", "190", False),)}, "bad_tax_rates"),
        ({"automatic_tax": True, "tax_code": "books"}, "bad_tax_code"),
        ({"org": " x"}, "not_an_organization"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(said: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        TAX_TERMS.decide(SetTaxTerms(mode="test", **said), None)
    assert refused.value.code == code


terms = st.sampled_from([
    {}, {"automatic_tax": True}, {"automatic_tax": True, "tax_behavior": "inclusive", "tax_code": "txcd_10103001"},
    {"tax_rates": ("txr_1",), "rates": (RATE,)}, {"tax_rates": ("txr_1",), "rates": (RATE,), "tax_exempt": True},
])  # fmt: skip
courses = st.lists(st.none() | terms, max_size=5)


@given(courses, courses)
def test_an_organizations_own_terms_hold_before_everybodys_and_dropped_they_hold_no_more(
    everybodys: list[dict[str, Any] | None], own: list[dict[str, Any] | None]
) -> None:
    last: Any = next((said[-1] for said in (own, everybodys) if said and said[-1] is not None), None)
    billed = RequestIssuance(
        mode="test", account="platform", org="acme", currency="eur", source_kind="manual", source="1",
        lines=(IssuanceLine(key="a", description="a", amount_minor=5),),
    )  # fmt: skip
    found = taxed(billed, told(everybodys, None), told(own, "acme"))
    if last is None:
        assert found == billed
        return
    assert found.automatic_tax is last.get("automatic_tax", False)
    assert (found.tax_behavior, found.tax_code) == (last.get("tax_behavior"), last.get("tax_code"))
    assert [line.tax_rates for line in found.lines] == [last.get("rates", ())]
    assert found.tax_exempt is last.get("tax_exempt", False)


def told(course: list[dict[str, Any] | None], org: str | None) -> list[Any]:
    events: list[Any] = []
    for said in course:
        command = SetTaxTerms(mode="test", org=org, **said) if said is not None else DropTaxTerms(mode="test", org=org)
        events += TAX_TERMS.decide(command, TAX_TERMS.fold(events))
    return events


def test_the_same_terms_again_and_dropping_what_is_not_there_are_no_events() -> None:
    (said,) = TAX_TERMS.decide(SetTaxTerms(mode="test", automatic_tax=True), None)
    assert TAX_TERMS.decide(SetTaxTerms(mode="test", automatic_tax=True), TAX_TERMS.fold([said])) == ()
    assert TAX_TERMS.decide(DropTaxTerms(mode="test"), None) == ()


def test_everybodys_terms_are_in_no_organizations_stream() -> None:
    assert terms_streams("test", "everybody") == ("tax_terms/test/everybody", "tax_terms/test/org/everybody")


# ---- with Stripe --------------------------------------------------------------------------------


@pytest.fixture
def here(database: str) -> Iterator[Story]:
    with story(database, MARCH_2) as it:
        it.stripe.post(
            "/v1/tax/settings", head_office={"address": {"country": "DE"}}, defaults={"tax_behavior": "inclusive"}
        )
        standard = {"type": "standard", "standard": {"place_of_supply_scheme": "standard"}}
        it.stripe.post("/v1/tax/registrations", country="DE", active_from="now", country_options={"de": standard})
        it.hosting.rates(0, {"cpu": "100"})
        yield it


def lives(here: Story, org: str, exempt: str = "none") -> None:
    """An organization in Germany that used something in February."""
    customer = here.stripe.post(
        "/v1/customers", metadata={"org_id": org}, tax_exempt=exempt, address={"country": "DE", "postal_code": "10115"}
    )["id"]
    here.card(customer, "pm_card_visa")
    here.hosting.create(f"env_{org}", org)
    here.hosting.place("namespace", f"ns_{org}", f"env_{org}", 0)
    here.hosting.costs(cost(f"c_{org}", f"ns_{org}", at("2028-02-10"), quantity="10.03"))
    here.settle()


def set_terms(here: Story, org: str | None = None, **said: Any) -> None:
    stream = tax_terms_stream("test", org)
    history = here.log.read_stream(stream)
    events = TAX_TERMS.decide(SetTaxTerms(mode="test", org=org, **said), TAX_TERMS.fold(r.event for r in history))
    here.log.append(*(NewEvent(stream, len(history) + 1 + i, e, META) for i, e in enumerate(events)))


def billed(here: Story) -> dict[str, tuple[int, int, int, str]]:
    """Organization -> what is ours, Stripe's subtotal and total, and where it is; of February."""
    here.hosting.close_months(int(here.now_s))
    here.settle()
    here.until(int(here.now_s) + 2 * HOUR)
    found = {}
    for row in here.rows("hosting_invoices"):
        stripes = here.stripe.get(f"/v1/invoices/{row['invoice']}")
        assert row["invoiced_minor"] == stripes["total"]
        found[row["org"]] = (row["total_minor"], stripes["subtotal"], stripes["total"], row["state"])
    return found


def test_with_automatic_tax_it_is_on_top_of_lines_that_are_ours_to_the_cent(here: Story) -> None:
    set_terms(here, automatic_tax=True, tax_behavior="exclusive", tax_code="txcd_10103001")
    for org, exempt in (("acme", "none"), ("state", "exempt")):
        lives(here, org, exempt)
    assert billed(here) == {"acme": (1003, 1003, 1194, "paid"), "state": (1003, 1003, 1003, "paid")}
    assert [v.differences for v in verify(here.conninfo)] == [()] * 2


def test_rates_that_are_named_are_reckoned_by_us_too_and_who_has_terms_of_its_own_has_these(here: Story) -> None:
    rate = here.stripe.post("/v1/tax_rates", display_name="VAT", percentage="8.1", inclusive=False)
    named = {"tax_rates": (rate["id"],), "rates": (TaxRate(rate["id"], "8.1", False),)}
    set_terms(here, **named)
    set_terms(here, "state", **named, tax_exempt=True)
    set_terms(here, "abroad")
    for org, exempt in (("acme", "none"), ("state", "reverse"), ("abroad", "none")):
        lives(here, org, exempt)
    assert billed(here) == {
        "acme": (1003, 1003, 1084, "paid"), "state": (1003, 1003, 1003, "paid"), "abroad": (1003, 1003, 1003, "paid"),
    }  # fmt: skip


def test_who_is_exempt_in_stripe_alone_is_held_rather_than_billed_otherwise_than_we_say(here: Story) -> None:
    rate = here.stripe.post("/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False)
    set_terms(here, tax_rates=(rate["id"],), rates=(TaxRate(rate["id"], "19", False),))
    lives(here, "state", "exempt")
    here.hosting.close_months(int(here.now_s))
    here.settle()
    assert [row["state"] for row in here.rows("hosting_invoices")] == ["held"]


def test_what_was_asked_for_before_stays_as_it_was_asked_for(here: Story) -> None:
    lives(here, "acme")
    here.hosting.close_months(int(here.now_s))
    here.project()
    here.reactor.step()
    set_terms(here, automatic_tax=True, tax_behavior="exclusive")
    assert billed(here)["acme"][:3] == (1003, 1003, 1003)


def test_of_a_batch_that_was_billed_with_tax_a_whole_credit_is_the_batchs_whole(here: Story) -> None:
    here.now_s = MARCH_2
    customer = here.stripe.post(
        "/v1/customers", metadata={"org_id": ORG}, address={"country": "DE", "postal_code": "10115"}
    )["id"]
    here.card(customer, "pm_card_visa")
    here.settle()
    set_terms(here, automatic_tax=True, tax_behavior="exclusive")
    office = Office(LogBooks(here.log))
    office.now_s = MARCH_2
    office.policy(None, billing_owner=customer)
    office.charge(charge("c1", 1003, occurred_s=MARCH_2 - DAY))
    period = period_of(MARCH_2 - DAY)
    found = lines_of((r.event for r in here.log.read(0, 10_000)), period=period)
    office.batch("open_batch", currency="usd", found=found, period=period)
    office.batch("start_review", 1, statements={"openai": Decimal(1003)}, period=period)
    office.batch("review_charges", 1, decision="accept", period=period)
    office.batch("approve_batch", 1, by="eve", policy_versions=("inference@1",), period=period)
    here.until(MARCH_2 + 4 * HOUR)
    it = here.one("reconciliation_batches")
    assert (it["state"], it["total_minor"]) == ("paid", 1003)
    for amount, credited in ((1, 1), (600, 505), (593, 1003)):
        here.stripe.post("/v1/credit_notes", invoice=it["invoice"], amount=amount, refund_amount=amount)
        here.settle()
        told = here.one("reconciliation_batches")
        assert (told["state"], told["credited_minor"]) == ("credited", credited)


# ---- how they are set ---------------------------------------------------------------------------


def test_over_the_api_rates_are_named_by_their_ids_and_a_second_person_agrees(here: Story) -> None:
    rate = here.stripe.post("/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False)["id"]
    here.settle()
    unknown = here.post("/v1/acts/set_tax_terms", {"tax_rates": ["txr_none"], "reason": "new"}, here.key("operator"))
    assert (unknown.status_code, unknown.json["code"]) == (422, "unknown_tax_rate")
    asked = here.post("/v1/acts/set_tax_terms", {"tax_rates": [rate], "reason": "new"}, here.key("operator"))
    assert asked.status_code == 202
    other = here.key("operator", person="bob")
    agreed = here.post(f"/v1/approvals/{asked.json['waiting']}/approve", {"reason": "so it is"}, other)
    assert agreed.status_code == 200
    here.project()
    (row,) = here.read("/v1/tax-terms")["data"]
    assert (row["id"], row["org"], row["automatic_tax"]) == ("everybody", None, False)
    assert row["tax_rates"] == [{"id": rate, "percentage": "19", "inclusive": False}]
    assert here.read("/v1/tax-terms?org=acme")["data"] == []


def test_what_somebody_asks_to_have_billed_says_itself_how_it_is_taxed(here: Story) -> None:
    set_terms(here, automatic_tax=True, tax_behavior="exclusive")
    lives(here, "acme")
    line = {"key": "a", "description": "Set-up", "amount_minor": 1190}
    for n, (said, expected) in enumerate((({}, 0), ({"automatic_tax": True, "tax_behavior": "inclusive"}, 190))):
        body = {"source": f"order-{n}", "currency": "eur", "lines": [line], "reason": "sold", **said}
        assert here.ask_for("acme/invoices", body).status_code == 200
        (row,) = [r for r in here.rows("issuances") if r["source"] == f"order-{n}"]
        stripes = here.stripe.get(f"/v1/invoices/{row['invoice']}")
        taxes = sum(tax["amount"] for tax in stripes["total_taxes"] or ())
        assert (row["state"], stripes["total"], taxes) == ("issued", 1190, expected)
    assert here.ask_for("acme/invoices", {**body, "source": "x", "tax_behavior": "on top"}).status_code == 422


def test_on_the_command_line(database: str) -> None:
    ensure_built(database)
    cli = Cli(database, RECOUNT_SECOND_PERSON_FROM="100")

    def act(*words: str, code: int = 0) -> Any:
        said = cli("tax", *words, "--actor", "ada", "--reason", "new", code=code)
        catch_up(database)
        return said

    act("set", "--automatic", "--behavior", "exclusive", "--code", "txcd_10103001")
    act("set", "--org", "acme")
    act("set", "--rate", "txr_none", code=2)
    shown = cli("tax", "show").stdout
    assert "computed by Stripe, exclusive, txcd_10103001" in shown
    assert [(t["id"], t["automatic_tax"]) for t in cli.json("tax", "show")["data"]] == [
        ("everybody", True), ("org/acme", False),
    ]  # fmt: skip
    act("drop", "--org", "acme")
    assert [t["id"] for t in cli.json("tax", "show")["data"]] == ["everybody"]
