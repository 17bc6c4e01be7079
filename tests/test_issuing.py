"""Issuing: our lines become one Stripe invoice, exactly once, equal to the cent; what is not equal is held."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest
from calling import Crash
from hypothesis import given
from hypothesis import strategies as st
from issuing import Issuings, line
from laws import examples
from oracle.issuing import issuances
from sandbox_world import SandboxWorld, sandbox_world
from sandboxes import ACACIA, CLOVER, ENDIVE

from api.calls.client import NoAnswer
from commands.issuing import (
    ISSUANCES,
    FinalizeIssuance,
    ReleaseIssuance,
    RetryIssuance,
    VoidIssuance,
)
from commands.issuing_amounts import amounts, half_up
from commands.issuing_terms import MAX_LINES
from ledger.codec import decode_metadata
from ledger.errors import Invalid, Refused, StoreUnavailable
from ledger.events import Cause
from ledger.issuing_events import IssuanceLine, TaxRate
from ledger.stripe_call_events import StripeCallRequested
from projections.base import Entry
from projections.issuances import ISSUANCE_STEPS
from replay.tables import LIVE
from replay.verify import verify

#: What happens before or after each append to the log and each request to Stripe.
ENDS = ("", "", "", "", "crash before", "crash after", "lost before", "lost after", "silent", "unheard")


def to_the_end(here: Issuings, id: str, rounds: int = 300) -> str:
    """Processes come, die and come again, until nothing moves."""
    for _ in range(rounds):
        with suppress(Crash, StoreUnavailable, NoAnswer):
            if not here.go_on(id) and here.issuance(id).state not in ("issuing", "voiding"):
                return here.issuance(id).state
    raise AssertionError("it never ends")


# ---- exactly once -----------------------------------------------------------------------------


@examples(60)
@given(
    st.lists(st.sampled_from(ENDS), max_size=60),
    st.lists(st.integers(-500, 5_000), min_size=1, max_size=4).filter(lambda each: sum(each) >= 50),
    st.sampled_from(["charge_automatically", "send_invoice"]),
)
def test_whatever_dies_between_any_two_steps_there_is_one_invoice_with_exactly_our_lines(
    plan: list[str], each: list[int], collection: str
):
    here = Issuings()
    lines = [line(str(i), amount) for i, amount in enumerate(each)]
    id = here.request(*lines, collection=collection)
    here.steps.plan = list(plan)
    assert to_the_end(here, id) == "issued"
    (invoice,) = here.invoices()
    assert invoice["status"] in ("open", "paid")
    assert invoice["total"] == sum(each)
    told = sorted((found["metadata"]["recount_line"], found["amount"]) for found in invoice["lines"]["data"])
    assert told == sorted((made.key, made.amount_minor) for made in lines)
    assert here.stripe.get("/v1/invoiceitems", pending="true")["data"] == []


@pytest.mark.parametrize("how", ["crash before", "crash after", "unheard"])
def test_a_kill_at_each_single_step_leaves_one_invoice(how: str):
    for at in range(60):
        here = Issuings()
        id = here.request(line("a", 700), line("b", 301))
        here.steps.plan = [""] * at + [how]
        assert to_the_end(here, id) == "issued"
        (invoice,) = here.invoices()
        assert (invoice["total"], len(invoice["lines"]["data"])) == (1001, 2)
        if here.steps.plan:  # it was over before
            assert at > 20
            return


@examples(40)
@given(st.lists(st.sampled_from(ENDS), max_size=60), st.integers(0, 25))
def test_what_is_voided_at_any_moment_is_billed_to_nobody_and_leaves_nothing_for_the_next_invoice(
    plan: list[str], after: int
):
    here = Issuings()
    id = here.request(line("a", 700), line("b", 301), collection="send_invoice")
    here.steps.plan = list(plan)
    for _ in range(after):
        with suppress(Crash, StoreUnavailable, NoAnswer):
            here.go_on(id)
    here.command(VoidIssuance(mode="test", issuance=id), id)
    assert to_the_end(here, id) == "voided"
    assert [i["status"] for i in here.invoices()] in ([], ["void"])
    assert here.stripe.get("/v1/invoiceitems", pending="true")["data"] == []


def test_two_processes_at_once_make_one_invoice():
    here = Issuings()
    id = here.request(line())
    first, second = here.process(), here.process()
    for _ in range(8):
        for issuing, _maker in (first, second):
            issuing.bring_on(id)
        here.go_on(id)
    assert here.issuance(id).state == "issued"
    assert len(here.invoices()) == 1


def test_asked_for_twice_is_once_and_with_other_lines_refused():
    here = Issuings()
    id = here.request(line("a", 5))
    assert here.request(line("a", 5)) == id
    assert len(here.journal.order) == 1
    for other in ((line("a", 6),), (line("a", 5), line("b", 1))):
        with pytest.raises(Refused) as refused:
            here.request(*other)
        assert refused.value.code == "issuance_differs"


def test_each_step_follows_from_the_answer_before_it():
    here = Issuings()
    id = here.request(line())
    to_the_end(here, id)
    causes: dict[str, Cause] = {}
    for recorded in here.journal.order:
        if recorded.stream.startswith("issuance/") and recorded.version > 1:
            cause = decode_metadata(recorded.metadata).cause
            assert cause is not None
            causes[f"{recorded.version}"] = cause
            known = here.journal.read_stream(cause.stream)
            assert len(known) >= cause.version
    assert {c.stream.partition("/")[0] for c in causes.values()} == {"issuance", "stripe_call"}


# ---- to the cent ------------------------------------------------------------------------------

RATES = st.sampled_from(["19", "7", "8.1", "20", "5.5", "25", "0"])


@examples(60)
@given(
    st.lists(st.tuples(st.integers(-2_000, 99_999), RATES, st.booleans()), min_size=1, max_size=5).filter(
        lambda lines: (
            sum(a for a, _, _ in lines) >= 50
            and amounts(
                [line(str(i), a, tax_rates=(TaxRate("txr_1", p, w),)) for i, (a, p, w) in enumerate(lines)]
            ).total_minor
            >= 0
        )
    ),
    st.sampled_from([ACACIA, CLOVER, ENDIVE]),
    st.sampled_from(["none", "exempt", "reverse"]),
)
def test_our_total_is_stripes_total_to_the_cent_tax_included(
    lines: list[tuple[int, str, bool]], version: str, exempt: str
):
    here = Issuings(version)
    here.stripe.post(f"/v1/customers/{here.customer}", tax_exempt=exempt)
    made = []
    for i, (amount, percent, within) in enumerate(lines):
        rate = here.stripe.post("/v1/tax_rates", display_name="VAT", percentage=percent, inclusive=within)
        made.append(line(str(i), amount, tax_rates=(TaxRate(rate["id"], percent, within),)))
    id = here.request(*made, tax_exempt=exempt != "none")
    assert to_the_end(here, id) == "issued", here.issuance(id).held
    (invoice,) = here.invoices()
    asked = here.issuance(id).requested
    assert asked is not None
    assert (asked.subtotal_minor, asked.total_minor) == (invoice["subtotal"], invoice["total"])


@given(st.fractions(min_value=-1000, max_value=1000))
def test_halves_are_rounded_away_from_zero(exact: Fraction):
    found = half_up(exact)
    assert abs(found - exact) <= Fraction(1, 2)
    if abs(found - exact) == Fraction(1, 2):
        assert abs(found) > abs(exact)


def test_with_automatic_tax_the_subtotal_is_ours_and_the_tax_is_stripes():
    here = Issuings()
    stripe = here.stripe
    stripe.post("/v1/tax/settings", head_office={"address": {"country": "DE"}}, defaults={"tax_behavior": "exclusive"})
    standard = {"type": "standard", "standard": {"place_of_supply_scheme": "standard"}}
    stripe.post("/v1/tax/registrations", country="DE", active_from="now", country_options={"de": standard})
    here.stripe.post(f"/v1/customers/{here.customer}", address={"country": "DE", "postal_code": "10115"})
    id = here.request(line("a", 1003), automatic_tax=True)
    assert to_the_end(here, id) == "issued", here.issuance(id)
    (invoice,) = here.invoices()
    assert (invoice["subtotal"], invoice["total"]) == (1003, 1194)


def held(here: Issuings) -> str:
    """An issuance whose draft somebody added to in Stripe's dashboard before it was compared."""
    id = here.request(line("a", 700))
    while here.issuance(id).invoice is None:
        here.go_on(id)
    invoice = here.issuance(id).invoice
    here.stripe.post("/v1/invoiceitems", customer=here.customer, invoice=invoice, amount=1, currency="eur")
    assert to_the_end(here, id) == "held"
    return id


def test_an_invoice_that_is_a_cent_off_is_held_and_nothing_goes_out():
    here = Issuings()
    id = held(here)
    it = here.issuance(id)
    assert (it.state, it.finalized) == ("held", False)
    assert it.held is not None
    assert {(d.what, d.ours, d.stripes) for d in it.held.discrepancies} >= {
        ("subtotal", "700", "701"), ("total", "700", "701"), ("lines", "1", "2, 1 of them not ours"),
    }  # fmt: skip
    assert [i["status"] for i in here.invoices()] == ["draft"]


def test_held_and_mended_in_stripe_it_goes_out_when_it_is_looked_at_again():
    here = Issuings()
    id = held(here)
    with pytest.raises(Refused):
        here.command(FinalizeIssuance(mode="test", issuance=id), id)
    strange = next(i for i in here.stripe.get("/v1/invoiceitems")["data"] if "recount_line" not in i["metadata"])
    here.stripe.delete(f"/v1/invoiceitems/{strange['id']}")
    here.command(RetryIssuance(mode="test", issuance=id), id)
    assert to_the_end(here, id) == "issued"
    assert [i["total"] for i in here.invoices()] == [700]


def test_a_person_releases_exactly_the_total_that_they_saw():
    here = Issuings()
    id = held(here)
    with pytest.raises(Refused) as refused:
        here.command(ReleaseIssuance(mode="test", issuance=id, total_minor=700), id)
    assert refused.value.code == "other_total"
    here.command(ReleaseIssuance(mode="test", issuance=id, total_minor=701), id)
    assert to_the_end(here, id) == "issued"
    assert [i["total"] for i in here.invoices()] == [701]


def test_what_changed_after_it_was_released_is_held_once_more():
    here = Issuings()
    id = held(here)
    invoice = here.issuance(id).invoice
    here.command(ReleaseIssuance(mode="test", issuance=id, total_minor=701), id)
    here.stripe.post("/v1/invoiceitems", customer=here.customer, invoice=invoice, amount=9, currency="eur")
    assert to_the_end(here, id) == "held"
    it = here.issuance(id).held
    assert it is not None
    assert (it.step, it.total_minor) == ("confirm", 710)


@pytest.mark.parametrize("step", ["compare", "confirm"])
def test_what_is_held_is_voided_with_all_that_is_on_it(step: str):
    here = Issuings()
    id = held(here)
    if step == "confirm":
        invoice = here.issuance(id).invoice
        here.command(ReleaseIssuance(mode="test", issuance=id, total_minor=701), id)
        here.stripe.post("/v1/invoiceitems", customer=here.customer, invoice=invoice, amount=9, currency="eur")
        to_the_end(here, id)
    here.command(VoidIssuance(mode="test", issuance=id), id)
    assert to_the_end(here, id) == "voided"
    assert [i["status"] for i in here.invoices()] == ([] if step == "compare" else ["void"])


def test_a_drafts_items_are_deleted_before_it_so_that_none_waits_for_the_next_invoice():
    here = Issuings()
    id = held(here)
    here.command(VoidIssuance(mode="test", issuance=id), id)
    to_the_end(here, id)
    asked = [r.event.operation for r in here.journal.order if isinstance(r.event, StripeCallRequested)]
    assert asked[-2:] == ["invoiceitems.delete", "invoices.delete"]


# ---- what goes wrong --------------------------------------------------------------------------


def test_what_stripe_refuses_fails_and_is_another_state_than_held():
    here = Issuings()
    id = here.request(line("a", 700, tax_rates=(TaxRate("txr_none", "19", False),)))
    assert to_the_end(here, id) == "issue_failed"
    it = here.issuance(id).failed
    assert it is not None
    assert (it.step, it.code) == ("items", "resource_missing")
    here.command(VoidIssuance(mode="test", issuance=id), id)
    assert to_the_end(here, id) == "voided"
    assert here.invoices() == []


def test_a_draft_that_somebody_deleted_is_made_anew_when_it_is_tried_again():
    here = Issuings()
    id = here.request(line("a", 700), draft_only=True)
    assert to_the_end(here, id) == "draft"
    here.stripe.delete(f"/v1/invoices/{here.issuance(id).invoice}")
    here.command(FinalizeIssuance(mode="test", issuance=id), id)
    assert to_the_end(here, id) == "issue_failed"
    assert here.issuance(id).failed is not None
    here.command(RetryIssuance(mode="test", issuance=id), id)
    assert to_the_end(here, id) == "issued"
    assert [(i["status"] != "draft", i["total"]) for i in here.invoices()] == [(True, 700)]


def test_an_invoice_that_was_paid_cannot_be_voided_and_stays_issued():
    here = Issuings()
    id = here.request(line("a", 700), collection="send_invoice")
    to_the_end(here, id)
    here.stripe.post(f"/v1/invoices/{here.issuance(id).invoice}/pay", paid_out_of_band=True)
    here.command(VoidIssuance(mode="test", issuance=id), id)
    assert to_the_end(here, id) == "issued"
    assert here.issuance(id).failed is not None


def test_a_draft_waits_for_a_person():
    here = Issuings()
    id = here.request(line("a", 700), draft_only=True)
    assert to_the_end(here, id) == "draft"
    assert [i["status"] for i in here.invoices()] == ["draft"]
    here.command(FinalizeIssuance(mode="test", issuance=id), id)
    assert to_the_end(here, id) == "issued"


@pytest.mark.parametrize(
    ("lines", "terms", "code"),
    [
        ((), {}, "bad_lines"),
        (tuple(line(str(i)) for i in range(MAX_LINES + 1)), {}, "bad_lines"),
        ((line("a"), line("a")), {}, "bad_lines"),
        ((line("a", -1),), {}, "negative_total"),
        ((line("a", 10**9),), {}, "bad_amount"),
        ((line("a", 1, from_s=5),), {}, "bad_period"),
        ((line("a", 1, from_s=5, until_s=4),), {}, "bad_period"),
        ((line("a", 1, tax_rates=(TaxRate("x", "19", False),)),), {}, "bad_tax_rates"),
        ((line("a", 1, tax_rates=(TaxRate("txr_1", "1e1", False),)),), {}, "bad_tax_rates"),
        ((line("a", 1, tax_rates=(TaxRate("txr_1", "1", True), TaxRate("txr_2", "1", False))),), {}, "bad_tax_rates"),
        ((line("a", 1, tax_rates=(TaxRate("txr_1", "1", True),)),), {"automatic_tax": True}, "two_taxes"),
        ((line("a"),), {"currency": "EUR"}, "bad_currency"),
        ((line("a"),), {"source": ""}, "bad_source"),
        ((line("a"),), {"days_until_due": 3}, "bad_days_until_due"),
        ((line("a"),), {"org": " x"}, "not_an_organization"),
    ],
)
def test_what_makes_no_invoice_is_refused_before_anything_happens(
    lines: tuple[IssuanceLine, ...], terms: dict[str, Any], code: str
):
    here = Issuings()
    with pytest.raises(Invalid) as refused:
        here.request(*lines, **terms)
    assert refused.value.code == code
    assert here.journal.order == []


# ---- the read model ---------------------------------------------------------------------------


@examples(60)
@given(
    st.lists(st.sampled_from(["go", "go", "go", "void", "retry", "finalize", "spoil", "delete", "pay"]), max_size=25),
    st.booleans(),
)
def test_the_read_model_says_of_every_history_what_the_decider_says(acts: list[str], draft_only: bool):
    here = Issuings()
    id = here.request(line("a", 700), draft_only=draft_only, collection="send_invoice")
    for act in acts:
        invoice = here.issuance(id).invoice
        try:
            if act == "go":
                here.go_on(id)
            elif act == "spoil" and invoice is not None:
                here.stripe.answer(
                    "POST", "/v1/invoiceitems", {"customer": here.customer, "invoice": invoice, "amount": 3}
                )
            elif act in ("delete", "pay") and invoice is not None:
                path = f"/v1/invoices/{invoice}{'/pay' if act == 'pay' else ''}"
                here.stripe.answer("DELETE" if act == "delete" else "POST", path, {})
            elif act in ("void", "retry", "finalize"):
                made = {"void": VoidIssuance, "retry": RetryIssuance, "finalize": FinalizeIssuance}[act]
                here.command(made(mode="test", issuance=id), id)
        except Refused:
            pass
        agrees(here, id)
    here.steps.plan = []
    to_the_end(here, id)
    agrees(here, id)


def agrees(here: Issuings, id: str) -> None:
    state: bytes | None = None
    fold = ISSUANCES.initial
    for recorded in here.journal.order:
        if recorded.stream != f"issuance/test/{id}":
            continue
        state = ISSUANCE_STEPS.apply(
            state, Entry(recorded.position, recorded.stream, recorded.version, 0, recorded.event, None)
        )
        fold = ISSUANCES.evolve(fold, recorded.event)
    assert state is not None
    row = ISSUANCE_STEPS.to_row(("test", id), state)
    assert row.state == fold.state
    assert row.calls == [c.call for c in fold.asked]
    if not (fold.invoice is None and fold.failed is not None):
        assert row.invoice == fold.invoice


# ---- in a service -----------------------------------------------------------------------------


@pytest.fixture
def world(database: str) -> Iterator[SandboxWorld]:
    with sandbox_world(database) as found:
        yield found


def row(world: SandboxWorld, id: str) -> Any:
    world.project()
    with world.context.readers.connection() as conn:
        found = conn.execute(f"SELECT * FROM {LIVE}.issuances WHERE (mode, id) = (%s, %s)", ["test", id])
        names = [c.name for c in found.description or ()]
        return dict(zip(names, found.fetchone() or (), strict=False))


def test_lines_become_an_invoice_that_is_followed_until_it_is_paid_and_credited(world: SandboxWorld):
    rate = world.stripe.post("/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False)
    taxed = line("a", 1003, tax_rates=(TaxRate(rate["id"], "19", False),), from_s=1_700_000_000, until_s=1_702_000_000)
    id = world.bill(taxed, line("b", 250), source="hin_1", collection="send_invoice")
    world.settle()
    (invoice,) = world.invoices()
    assert (invoice["status"], invoice["total"]) == ("open", 1444)
    it = row(world, id)
    assert (it["state"], it["invoice"], it["invoice_status"]) == ("issued", invoice["id"], "open")
    assert (it["total_minor"], it["stripe_total_minor"], it["amount_remaining_minor"]) == (1444, 1444, 1444)
    world.stripe.post(f"/v1/invoices/{invoice['id']}/pay", paid_out_of_band=True)
    world.settle()
    assert row(world, id)["invoice_status"] == "paid"
    assert [v.differences for v in verify(world.conninfo)] == [()] * 2


def test_the_rows_are_what_the_oracle_says(world: SandboxWorld):
    paid = world.bill(line("a", 700), source="1", collection="send_invoice")
    waits = world.bill(line("a", 300), line("b", 9), source="2", draft_only=True)
    fails = world.bill(line("a", 300, tax_rates=(TaxRate("txr_none", "19", False),)), source="3")
    world.settle()
    world.stripe.post("/v1/credit_notes", invoice=world.issuance(paid).invoice, amount=100)
    world.stripe.post(f"/v1/invoices/{world.issuance(paid).invoice}/pay", paid_out_of_band=True)
    world.stripe.delete(f"/v1/invoices/{world.issuance(waits).invoice}")
    for command in (
        FinalizeIssuance(mode="test", issuance=waits),
        VoidIssuance(mode="test", issuance=fails),
    ):
        world.command(command)
    world.settle()
    world.command(RetryIssuance(mode="test", issuance=waits))
    world.settle()
    decided = [(r.event, r.recorded_at_us) for r in world.log.read(0, 10_000)]
    found = {id: row(world, id) for id in (paid, waits, fails)}
    assert {id: it["state"] for id, it in found.items()} == {paid: "issued", waits: "issued", fails: "voided"}
    with world.context.readers.connection() as conn:
        cursor = conn.execute(f"SELECT * FROM {LIVE}.invoices")
        names = [c.name for c in cursor.description or ()]
        invoices = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    told = issuances({"invoices": {(i["mode"], i["account"], i["id"]): i for i in invoices}}, decided)
    for id, it in found.items():
        assert {name: it[name] for name in told["test", id]} == told["test", id]
    assert [v.differences for v in verify(world.conninfo)] == [()] * 2


def test_a_first_invoice_makes_the_customer_and_it_is_the_organizations(world: SandboxWorld):
    id = world.bill(line())
    world.settle()
    (customer,) = world.stripe.get("/v1/customers")["data"]
    assert row(world, id)["customer"] == customer["id"]
    assert [link["customer"] for link in world.read("/v1/orgs/acme")["customers"]] == [customer["id"]]
    again = world.bill(line(), source="2")
    world.settle()
    assert row(world, again)["customer"] == customer["id"]
    assert len(world.stripe.get("/v1/customers")["data"]) == 1
