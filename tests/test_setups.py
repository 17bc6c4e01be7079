"""Setup: nothing that was bought goes live before the last approval, whoever does what in whatever order."""

import itertools
import random
from typing import Any

import pytest
from histories import Override, different, folded
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from samples import Delivery, T, customer, event, invoice, subscription, summary
from test_entitlements_laws import BY, Said, expected, interleaved, log_of, plan
from test_payments import charge

from commands.setup import SETUPS, ApproveSetupStep, ReopenSetupStep, decide
from ledger.errors import Invalid, RecountError, Refused
from ledger.events import AgreementMade, Event
from ledger.ids import setup_stream
from projections.entitlements_checks import check
from projections.setups import GO_LIVE, LINES, STATES

STEPS = [{"key": "scope", "title": "Scope", "by": "customer"}, {"key": "qa", "title": "QA", "by": "operator"}]
ORDER = ("scope", "qa", GO_LIVE)
AGENTS: dict[str, Any] = {
    "prices": [{"price": "price_1"}],
    "features": ["agent"],
    "gauges": {"seats": 3},
    "setup_steps": STEPS,
}
KEY = ("test", "platform", "sub_1")
MODELS = ("setups", "setup_words", "entitlements")


def case(step: str, steps: tuple[str, ...] = ORDER, closed: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "mode": "test", "account": "platform", "placement": "sub_1", "org": "org_a", "step": step, "steps": steps,
        "closed": closed, "by": "ada", "why": "looked at", "at_s": T + 50, **more,
    }  # fmt: skip


def approving(step: str, artefact: str = "report 7", **more: Any) -> ApproveSetupStep:
    said = {"plan": "agents", "version": 1, "artefact": artefact, "authorizes": "going on"}
    return ApproveSetupStep(**case(step, **{**said, **more}))


def reopening(step: str, **more: Any) -> ReopenSetupStep:
    return ReopenSetupStep(**case(step, **more))


class Case:
    """A case that is acted on, as an operator would; what is refused is left."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def does(self, *commands: ApproveSetupStep | ReopenSetupStep) -> "Case":
        for command in commands:
            self.events += SETUPS.decide(command, SETUPS.fold(self.events))
        return self

    def said(self) -> list[Said]:
        stream = setup_stream("test", "platform", "sub_1")
        return [Said(stream, e, (T + 50 + n) * 1_000_000) for n, e in enumerate(self.events)]


def bought(status: str = "active", **more: Any) -> list[Delivery]:
    return [
        Delivery(event(1, "customer.created", customer("cus_1", org="org_a"))),
        Delivery(event(2, "customer.subscription.created", subscription("sub_1", status=status, **more), at=T + 1)),
    ]


def agents(**more: Any) -> Said:
    return plan("agents", 1, T - 10, T - 10, **{**AGENTS, **more})


def rows_of(deliveries: list[Delivery], acts: list[Any]) -> Any:
    """All rows, of which the oracle says the same about setup and access."""
    ours, told = folded(log_of([*acts, *deliveries])), expected(deliveries, acts)
    for model in MODELS:
        assert different({model: ours[model]}, {model: told[model]}) == []
    return ours


def setup_of(rows: Any) -> Any:
    return rows["setups"][KEY]


def may(rows: Any, feature: str = "agent") -> tuple[bool, str]:
    row = rows["entitlements"]["test", "org_a", feature]
    found = check(row["segments"], row["sources"], quantity=1, now_s=T + 1_000, stale=False)
    return found.allowed, found.reason


# ---- deciding ---------------------------------------------------------------------------------


def test_a_step_waits_for_every_earlier_one() -> None:
    for step in ("qa", GO_LIVE):
        with pytest.raises(Refused) as refusal:
            decide(approving(step), ())
        assert refusal.value.code == "setup_steps_open"


def test_an_approval_rests_on_an_artefact_and_says_what_it_authorizes() -> None:
    for lacking in ({"artefact": " "}, {"authorizes": ""}, {"artefact": "x" * 501}):
        with pytest.raises(Invalid) as refusal:
            decide(approving("scope", **lacking), ())
        assert refusal.value.code == "artefact_required"


def test_the_same_approval_again_is_no_event_and_another_is_refused() -> None:
    approved = SETUPS.fold(Case().does(approving("scope")).events)
    assert decide(approving("scope"), approved) == ()
    with pytest.raises(Refused) as refusal:
        decide(approving("scope", "another"), approved)
    assert refusal.value.code == "setup_step_approved"


def test_a_closed_case_takes_no_act() -> None:
    for command in (approving("scope", closed=True), reopening("scope", closed=True)):
        with pytest.raises(Refused) as refusal:
            decide(command, (("scope", "report 7"),))
        assert refusal.value.code == "setup_closed"


def test_a_step_that_the_plan_has_not_is_invalid() -> None:
    with pytest.raises(Invalid) as refusal:
        decide(approving("voice"), ())
    assert refusal.value.code == "unknown_step"


def test_reopening_a_step_reopens_whatever_rested_on_it() -> None:
    done = Case().does(*map(approving, ORDER))
    assert done.events[-1].last  # type: ignore[attr-defined]
    (said,) = decide(reopening("qa"), SETUPS.fold(done.events))
    assert said.reopened == ("qa", GO_LIVE)  # type: ignore[attr-defined]
    assert decide(reopening("qa"), SETUPS.fold([*done.events, said])) == ()


# ---- what is believed -------------------------------------------------------------------------


def test_a_purchase_opens_a_case_and_grants_nothing_before_the_last_approval() -> None:
    reached = []
    for done in range(4):
        rows = rows_of(bought(), [agents(), *Case().does(*map(approving, ORDER[:done])).said()])
        reached.append((setup_of(rows)["state"], setup_of(rows)["next_step"], may(rows), may(rows, "seats")[0]))
    assert reached == [
        ("purchased", "scope", (False, "pending_setup"), False),
        ("in_setup", "qa", (False, "pending_setup"), False),
        ("ready", GO_LIVE, (False, "pending_setup"), False),
        ("live", None, (True, "granted"), True),
    ]


def test_a_plan_without_steps_opens_no_case() -> None:
    rows = rows_of(bought(), [agents(setup_steps=[])])
    assert rows["setups"] == {} and may(rows) == (True, "granted")


def test_what_is_not_paid_for_the_first_time_is_not_bought() -> None:
    assert rows_of(bought("incomplete"), [agents()])["setups"] == {}


def test_reopening_takes_what_was_live_back() -> None:
    rows = rows_of(bought(), [agents(), *Case().does(*map(approving, ORDER), reopening("qa")).said()])
    assert (setup_of(rows)["state"], may(rows)) == ("in_setup", (False, "pending_setup"))


def paid(number: int, back: int = 0) -> list[Delivery]:
    """A payment for the subscription, of which some went back."""
    intent = {"type": "payment_intent", "payment_intent": f"pi_{number}"}
    linked = {
        "object": "invoice_payment", "id": f"inpay_{number}", "invoice": f"in_{number}", "status": "paid",
        "amount_paid": 900, "amount_requested": 900, "currency": "eur", "is_default": True, "payment": intent,
        "created": T,
    }  # fmt: skip
    charged = charge(amount=900, id=f"ch_{number}", payment_intent=f"pi_{number}", amount_refunded=back)
    return [
        Delivery(event(10 * number, "invoice.paid", invoice(f"in_{number}", status="paid"), at=T + 2)),
        Delivery(event(10 * number + 1, "invoice_payment.paid", linked, at=T + 2)),
        Delivery(event(10 * number + 2, "charge.refunded" if back else "charge.succeeded", charged, at=T + 3)),
    ]


@examples(20)
@given(st.randoms(use_true_random=False))
def test_what_is_given_back_before_it_is_live_closes_the_case_until_it_is_paid_for_again(rnd: random.Random) -> None:
    approved = [agents(), *Case().does(approving("scope")).said()]
    for payments, closed, state in (
        (paid(1), None, "in_setup"),
        (paid(1, back=400), None, "in_setup"),
        (paid(1, back=900), "refunded", "cancelled"),
        ([*paid(1, back=900), *paid(2)], None, "in_setup"),
    ):
        told = interleaved([*bought(), *payments], approved, rnd)
        rows = folded(log_of(told))
        assert (setup_of(rows)["closed"], setup_of(rows)["state"]) == (closed, state)
        assert may(rows) == (False, "pending_setup")
    rows_of([*bought(), *paid(1, back=900)], approved)


def test_what_is_given_back_after_it_is_live_is_a_favor_and_closes_nothing() -> None:
    rows = rows_of([*bought(), *paid(1, back=900)], [agents(), *Case().does(*map(approving, ORDER)).said()])
    assert (setup_of(rows)["state"], may(rows)) == ("live", (True, "granted"))


@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_cancellation_closes_the_case(done: int) -> None:
    over = bought("canceled", ended_at=T + 60, canceled_at=T + 60)
    rows = rows_of(over, [agents(), *Case().does(*map(approving, ORDER[:done])).said()])
    assert (setup_of(rows)["state"], setup_of(rows)["closed"]) == ("cancelled", "cancelled")
    assert setup_of(rows)["next_step"] is None and not may(rows)[0]


def test_months_that_are_still_delivered_are_not_live_without_the_last_approval() -> None:
    paid = {"commitment": {"paid_months": 1, "delivered_months": 3}}
    began = {"start_date": T, "created": T}
    over = bought("canceled", ended_at=T + 40 * 86_400, canceled_at=T + 40 * 86_400, **began)
    for approved, told in ((False, (False, "pending_setup")), (True, (True, "granted"))):
        acts = Case().does(*map(approving, ORDER)).said() if approved else []
        assert may(rows_of(over, [agents(**paid), *acts])) == told


def test_an_operators_grant_does_not_go_before_the_last_approval() -> None:
    assert may(rows_of(bought(), [agents(), Override("org_a", "agent", True)])) == (False, "pending_setup")


def test_stripes_own_word_waits_as_well() -> None:
    told = [
        *bought(),
        Delivery(event(3, "entitlements.active_entitlement_summary.updated", summary(features=["agent"]), at=T + 2)),
    ]
    assert may(rows_of(told, [agents()])) == (False, "pending_setup")


def test_what_is_sold_elsewhere_too_is_live_and_the_rest_of_it_waits() -> None:
    made = AgreementMade(
        mode="test", id="agr_1", org="org_a", plan="desk", version=1, **BY, from_s=T, until_s=None, reference=None
    )
    desk = plan("desk", 1, T - 10, T - 10, gauges={"seats": 5}, prices=[])
    rows = rows_of(bought(), [agents(), desk, Said("agreement/test/agr_1", made, T * 1_000_000)])
    assert may(rows, "seats") == (True, "granted") and may(rows) == (False, "pending_setup")
    assert rows["entitlements"]["test", "org_a", "seats"]["segments"][-1]["limit"] == 5


# ---- laws -------------------------------------------------------------------------------------

commands = st.builds(
    lambda step, reopen, artefact: reopening(step) if reopen else approving(step, artefact),
    st.sampled_from(ORDER),
    st.integers(0, 4).map(lambda n: n == 0),
    st.sampled_from(["report 7", "report 8"]),
)


@examples(60)
@given(st.lists(commands, max_size=14), st.randoms(use_true_random=False))
def test_no_interleaving_goes_live_without_the_last_approval(acts: list[Any], rnd: random.Random) -> None:
    # given whatever somebody tries, and an order in which Stripe's events come between
    done, states = Case(), ["purchased"]
    for command in acts:
        try:
            done.does(command)
        except RecountError:
            continue
        # when
        deliveries, said = bought(), [agents(), *done.said()]
        rows = folded(log_of(interleaved(deliveries, said, rnd)))
        # then
        standing = {s for s, _ in SETUPS.fold(done.events)}
        live = setup_of(rows)["live_s"] is not None
        assert live is (standing == set(ORDER)) and may(rows)[0] is live
        told = expected(deliveries, said)
        assert different({m: rows[m] for m in MODELS}, {m: told[m] for m in MODELS}) == []
        states.append(setup_of(rows)["state"])
    # and states move along their lines
    assert all(after == before or after in LINES[before] for before, after in itertools.pairwise(states))


def test_only_what_is_ready_leads_to_live() -> None:
    before = {"purchased", "in_setup"}
    assert set(LINES) == set(STATES) and not any("live" in LINES[s] for s in (*before, "cancelled"))
    assert "live" in LINES["ready"]
