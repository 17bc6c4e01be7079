"""Service control, step by step: who owes, which policy counts, what is done when, and what brings it back."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from outgoing import DAY, Installation
from samples import ACACIA, BASIL, customer, event, invoice, price, product, subscription

from commands.differences import HELD, ReleaseDifferences
from commands.enforcement import ENFORCEMENTS, AcknowledgeEnforcement
from commands.service import (
    SERVICES,
    CancelService,
    ExtendGrace,
    PauseService,
    RecoverService,
    ResumeService,
    SuspendService,
)
from commands.service_debts import DEBTS, WriteOffDebt
from commands.service_policies import POLICIES, EnforcePolicy
from ledger.errors import Refused
from ledger.hosting_events import EnvironmentCreated, EnvironmentMoved
from ledger.ids import debt_stream, enforcement_stream, held_stream, service_policies_stream, service_stream
from ledger.service_events import EnforcementAcknowledged, EnforcementAsked, ServiceStepped
from replay import rebuild, verify

#: What operators say counts from when the database recorded it, so the scenes are set around its own clock.
NOW = int(time.time()) // DAY * DAY
START = NOW - 4 * DAY


@pytest.fixture
def here(database: str) -> Iterator[Installation]:
    with closing(Installation(database, NOW)) as found:
        yield found


def owing(here: Installation, id: str = "in_1", failed: int = 1, *, at: int = START, **fields: Any) -> None:
    """An invoice of no subscription, whose payment failed so often; `at` is when it did last."""
    version, whose = fields.pop("version", BASIL), fields.pop("customer", "cus_1")
    none = {"parent": None} if version == BASIL else {"subscription": None}
    obj = invoice(id, whose, version, attempt_count=failed, attempted=True, **none, **fields)
    here.tell(event(f"evt_{id}_{failed}_{at}", "invoice.payment_failed", obj, at=at, version=version))


def linked(here: Installation) -> None:
    here.tell(event("evt_c", "customer.created", _customer(), at=START - 90))


def _customer(**fields: Any) -> Any:
    settings = {"default_payment_method": "pm_1"}
    return customer("cus_1", org="acme", **{"invoice_settings": settings, **fields})


def enforce(here: Installation, policy: str = "standard") -> None:
    stream = service_policies_stream("test")
    state = POLICIES.fold(r.event for r in here.log.read_stream(stream))
    for said in POLICIES.decide(EnforcePolicy(mode="test", policy=policy), state):
        here.append(stream, said)


def say(here: Installation, kind: Any, service: str = "postpaid", **fields: Any) -> None:
    stream = service_stream("test", "acme", service)
    state = SERVICES.fold(r.event for r in here.log.read_stream(stream))
    for said in SERVICES.decide(kind(mode="test", org="acme", service=service, reason="a word", **fields), state):
        here.append(stream, said)
    here.project()


def settle(here: Installation, now_s: int | None = None) -> None:
    """Look at the clock and react until nothing moves."""
    here.now_s = here.now_s if now_s is None else now_s
    here.react()
    while here.tick():
        here.react()


def steps(here: Installation) -> list[tuple[str, bool]]:
    return [(s.state, s.enforced) for s in here.logged(ServiceStepped.NAME)]


def state(here: Installation, service: str = "postpaid") -> str:
    rows = here.rows("SELECT state FROM {r}.service_states WHERE service = %s", service)
    return rows[0][0] if rows else "none"


def test_after_three_failed_retries_a_service_goes_through_every_stage_at_its_boundary(here: Installation):
    # given a policy that is enforced, and an invoice whose fourth attempt failed at START
    linked(here)
    enforce(here)
    for n, at in ((1, START - 3 * DAY), (2, START - 2 * DAY), (3, START - DAY)):
        owing(here, failed=n, at=at)
        settle(here, at)
        assert state(here) == "active"
    owing(here, failed=4)
    # when time passes, then each stage begins at its boundary and not a second before
    for at, expected in (
        (START - 1, "active"), (START, "past_due"), (START + 3 * DAY - 1, "past_due"), (START + 3 * DAY, "grace"),
        (START + 10 * DAY - 1, "grace"), (START + 10 * DAY, "suspended"), (START + 40 * DAY - 1, "suspended"),
        (START + 40 * DAY, "cancelled"),
    ):  # fmt: skip
        settle(here, at)
        assert (at, state(here)) == (at, expected)
    assert steps(here) == [("past_due", True), ("grace", True), ("suspended", True), ("cancelled", True)]
    assert all(s.boundary_s <= s.at_s for s in here.logged(ServiceStepped.NAME))
    # and whatever is built anew says the same
    rebuild.rebuild(here.conninfo)
    assert [found.differences for found in verify.verify(here.conninfo)] == [()] * 2


def test_whoever_is_found_late_takes_every_stage_all_the_same(here: Installation):
    linked(here)
    enforce(here)
    here.react()
    owing(here, failed=4)
    while here.tick(START + 41 * DAY):  # every boundary has passed before anybody reacts
        pass
    settle(here)
    assert [s for s, _ in steps(here)] == ["past_due", "grace", "suspended", "cancelled"]


def test_a_payment_recovers_at_once_and_deployments_come_back(here: Installation):
    linked(here)
    enforce(here)
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    paid = invoice("in_1", "cus_1", status="paid", attempt_count=5, amount_paid=900, amount_remaining=0, parent=None)
    here.tell(event("evt_paid", "invoice.paid", paid, at=START + 11 * DAY))
    settle(here, START + 11 * DAY)
    assert state(here) == "active"
    assert [(a.environment, a.wanted, a.attempt) for a in here.logged(EnforcementAsked.NAME)][-1] == (
        "default", "up", 1
    )  # fmt: skip


def test_a_policy_that_is_not_enforced_only_tells(here: Installation):
    linked(here)
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    assert steps(here) == [("past_due", False), ("grace", False), ("suspended", False)]
    assert here.logged(EnforcementAsked.NAME) == []
    # and when it is enforced, the step is taken once more, with effect
    enforce(here)
    settle(here)
    assert steps(here)[-1] == ("suspended", True)
    assert [a.wanted for a in here.logged(EnforcementAsked.NAME)] == ["zero"]


# ---- which debts count, and when retries are over ----------------------------------------------


def debts(here: Installation) -> list[tuple[Any, ...]]:
    return here.rows("SELECT id, service, why, start_s, anomalies FROM {r}.debts ORDER BY id")


def declined(code: str, at: int) -> Any:
    return event(
        f"evt_ch_{at}", "charge.failed",
        {"object": "charge", "id": f"ch_{at}", "payment_intent": "pi_1", "invoice": "in_1", "customer": "cus_1",
         "status": "failed", "currency": "eur", "amount": 900, "failure_code": code, "created": at},
        at=at,
    )  # fmt: skip


@pytest.mark.parametrize(("code", "why"), [("stolen_card", "hard_decline"), ("card_declined", "time")])
def test_a_decline_that_no_retry_mends_ends_the_waiting(here: Installation, code: str, why: str):
    linked(here)
    here.tell(declined(code, START))
    owing(here, failed=1, version=ACACIA)
    here.project()
    expected = START if why == "hard_decline" else START + 21 * DAY
    assert debts(here) == [("in_1", "postpaid", why, expected, [])]


def test_whoever_has_nothing_to_charge_is_not_waited_for(here: Installation):
    here.tell(event("evt_c", "customer.created", customer("cus_1", org="acme"), at=START - 90))
    here.tell(
        event("evt_u", "customer.updated", _customer(invoice_settings={"default_payment_method": None}), at=START)
    )
    owing(here, failed=1)
    here.project()
    assert [(d[2], d[3]) for d in debts(here)] == [("no_method", START)]


def test_an_attempt_that_is_under_way_has_not_failed(here: Installation):
    linked(here)
    tried = invoice("in_1", "cus_1", attempt_count=4, attempted=True, parent=None)
    here.tell(event("evt_up", "invoice.updated", tried, at=START))
    here.project()
    assert here.rows("SELECT failed FROM {r}.debts") == [(3,)]


def test_a_credit_note_and_a_write_off_end_a_debt(here: Installation):
    linked(here)
    enforce(here)
    owing(here, "in_1", failed=4)
    owing(here, "in_2", failed=4)
    settle(here, START + 10 * DAY)
    note = {
        "object": "credit_note", "id": "cn_1", "customer": "cus_1", "invoice": "in_1", "status": "issued",
        "currency": "eur", "amount": 900, "pre_payment_amount": 900, "post_payment_amount": 0, "created": START,
    }  # fmt: skip
    here.tell(event("evt_cn", "credit_note.created", note, at=START + 11 * DAY))
    settle(here)
    assert state(here) == "suspended"
    (said,) = DEBTS.decide(WriteOffDebt(mode="test", invoice="in_2", reason="a gift"), False)
    here.append(debt_stream("test", "platform", "in_2"), said)
    settle(here)
    assert (debts(here), state(here)) == ([], "active")


def test_what_is_strange_about_a_debt_is_told(here: Installation):
    here.listen()
    here.react()
    owing(here, failed=1, customer="cus_9")
    here.react()
    assert sorted((n.type, n.org) for n in here.notices()) == [("debt.anomaly", None), ("payment.failed", None)]
    assert here.notices()[0].said["invoice"] == "in_1"


# ---- what brings a service back ----------------------------------------------------------------


def test_a_partial_payment_begins_the_stages_anew_and_nothing_is_skipped_afterwards(here: Installation):
    # given a service that is suspended: https://github.com/killbill/killbill/issues/2297
    linked(here)
    enforce(here)
    owing(here, failed=4)
    settle(here, START + 39 * DAY)
    assert state(here) == "suspended"
    # when a part is paid a day before it would be cancelled
    part = {
        "object": "invoice_payment", "id": "inpay_1", "invoice": "in_1", "status": "paid", "currency": "eur",
        "amount_requested": 300, "amount_paid": 300, "is_default": True, "created": START + 39 * DAY,
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status_transitions": {"paid_at": START + 39 * DAY, "canceled_at": None},
    }  # fmt: skip
    here.tell(event("evt_part", "invoice_payment.paid", part, at=START + 39 * DAY))
    settle(here)
    assert state(here) == "past_due"
    # then the stages are counted from the payment, each of them
    for days, expected in ((41, "past_due"), (42, "grace"), (48, "grace"), (49, "suspended"), (79, "cancelled")):
        settle(here, START + days * DAY)
        assert (days, state(here)) == (days, expected)
    assert [s for s, _ in steps(here)[3:]] == ["past_due", "grace", "suspended", "cancelled"]


def test_a_new_payment_method_gives_time_as_often_as_the_policy_says(here: Installation):
    linked(here)
    enforce(here)
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    for n, day in enumerate((11, 22, 33)):
        method = {"object": "payment_method", "id": f"pm_{n}", "customer": "cus_1", "type": "card", "card": {}}
        here.tell(
            event(
                f"evt_m{n}", "payment_method.attached", {**method, "created": START + day * DAY}, at=START + day * DAY
            )
        )
        settle(here, START + day * DAY)
        assert (day, state(here)) == (day, "past_due" if n < 2 else "suspended")
        settle(here, START + (day + 10) * DAY)
        assert state(here) == "suspended"


# ---- what operators say ------------------------------------------------------------------------


def test_an_operators_word_outranks_the_policy_at_once_and_ends(here: Installation):
    linked(here)
    say(here, PauseService)
    assert state(here) == "paused"  # before anything reacted
    say(here, SuspendService)
    assert state(here) == "suspended"
    say(here, ResumeService)
    assert state(here) == "active"
    say(here, CancelService)
    with pytest.raises(Refused, match="recover"):
        say(here, ResumeService)
    say(here, RecoverService)
    assert state(here) == "active"


def test_whoever_recovers_a_service_gives_its_debts_time(here: Installation):
    linked(here)
    enforce(here)
    owing(here, failed=4, at=NOW - 20 * DAY)
    settle(here, NOW - 10 * DAY)
    assert state(here) == "suspended"
    say(here, RecoverService)
    assert state(here) == "active"  # at once
    said = int(time.time())
    settle(here, said)
    assert state(here) == "past_due"
    settle(here, said + 10 * DAY + 60)
    assert state(here) == "suspended"


def test_grace_that_is_extended_keeps_a_service_open_until_then(here: Installation):
    linked(here)
    enforce(here)
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    until = START + 20 * DAY
    say(here, ExtendGrace, until_s=until)
    settle(here)
    assert state(here) == "grace"
    settle(here, until - 1)
    assert state(here) == "grace"
    settle(here, until)
    assert state(here) == "suspended"
    settle(here, until + 30 * DAY - 1)
    assert state(here) == "suspended"
    settle(here, until + 30 * DAY)
    assert state(here) == "cancelled"


# ---- what it takes away ------------------------------------------------------------------------


def test_what_is_paid_in_advance_is_exempt_from_debts_of_what_is_paid_afterwards(here: Installation):
    # given a subscription that is paid, which sells `agents`, and hosting that is not: killbill/killbill#1997
    linked(here)
    enforce(here)
    here.tell(
        event("evt_p", "product.created", product("prod_1", "agents"), at=START),
        event("evt_q", "price.created", price("price_1", "prod_1"), at=START),
        event("evt_s", "customer.subscription.created", subscription("sub_1", "cus_1"), at=START),
    )
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    assert state(here) == "suspended"
    segments = here.rows("SELECT segments FROM {r}.entitlements WHERE feature = 'agents'")[0][0]
    assert [s["state"] for s in segments] == ["active"]
    # and when its own invoice is not paid, it is held back from when that was done, and says why
    own = invoice("in_own", "cus_1", attempt_count=4, attempted=True)
    here.tell(event("evt_own", "invoice.payment_failed", own, at=START))
    settle(here, START + 12 * DAY)
    segments, sources = here.rows("SELECT segments, sources FROM {r}.entitlements WHERE feature = 'agents'")[0]
    assert [(s["state"], s["from_s"]) for s in segments][-1] == ("restricted", START + 12 * DAY)
    assert (sources[-1]["by"], sources[-1]["status"], sources[-1]["reason"]) == (
        "service", "suspended", "in_own is unpaid"
    )  # fmt: skip
    # and is back when it is paid
    here.tell(event("evt_ok", "invoice.paid", {**own, "status": "paid", "amount_remaining": 0}, at=START + 13 * DAY))
    settle(here, START + 13 * DAY)
    segments = here.rows("SELECT segments FROM {r}.entitlements WHERE feature = 'agents'")[0][0]
    assert [s["granted"] for s in segments] == [True]


def test_steps_for_many_at_once_wait_for_an_operator(here: Installation):
    enforce(here)
    here.react(hold_from=3)
    for n in range(6):
        here.tell(event(f"evt_c{n}", "customer.created", customer(f"cus_{n}", org=f"org_{n}"), at=START - 90))
        owing(here, f"in_{n}", failed=4, customer=f"cus_{n}")
    here.tick(START)
    here.react(hold_from=3)
    assert steps(here) == []
    released = ReleaseDifferences(reaction="service_changes", mode="test", silent=False, held=True)
    (said,) = HELD.decide(released, None)
    here.append(held_stream("service_changes", "test"), said)
    here.react(hold_from=3)
    assert steps(here) == [("past_due", True)] * 6


# ---- enforcement -------------------------------------------------------------------------------


def enforcement(here: Installation) -> tuple[Any, ...]:
    return here.rows("SELECT request, wanted, state, attempt, due_s FROM {r}.enforcements")[0]  # type: ignore[no-any-return]


def acknowledge(here: Installation, request: str) -> None:
    stream = enforcement_stream("test", "acme", "default")
    state = ENFORCEMENTS.fold(r.event for r in here.log.read_stream(stream))
    command = AcknowledgeEnforcement(mode="test", org="acme", environment="default", request=request)
    for said in ENFORCEMENTS.decide(command, state):
        here.append(stream, said)
    here.project()


def test_a_request_is_asked_again_told_to_operators_and_acknowledged_once(here: Installation):
    linked(here)
    enforce(here)
    here.listen()
    here.react()
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    request, wanted, how, attempt, due_s = enforcement(here)
    assert (wanted, how, attempt, due_s) == ("zero", "asked", 1, START + 10 * DAY + 600)
    # when it is not acknowledged in time
    settle(here, due_s - 1)
    assert enforcement(here)[2:4] == ("asked", 1)
    settle(here, due_s)
    assert enforcement(here)[:4] == (request, "zero", "overdue", 2)
    told = [n.type for n in here.notices() if n.type.startswith(("deployments", "enforcement"))]
    assert sorted(told) == ["deployments.scale", "deployments.scale", "enforcement.overdue"]
    # then an acknowledgement counts, once, and nothing more is asked
    acknowledge(here, request)
    acknowledge(here, request)
    assert len(here.logged(EnforcementAcknowledged.NAME)) == 1
    settle(here, due_s + 5 * DAY)
    assert enforcement(here)[2:4] == ("acknowledged", 2)


def test_an_acknowledgement_of_an_earlier_request_does_not_count(here: Installation):
    linked(here)
    enforce(here)
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    first = enforcement(here)[0]
    say(here, RecoverService)
    settle(here)
    assert enforcement(here)[1:3] == ("up", "asked")
    with pytest.raises(Refused, match="last request"):
        acknowledge(here, first)
    assert enforcement(here)[2] == "asked"


def test_an_environment_of_a_new_owner_is_asked_for_by_that_owners_state(here: Installation):
    linked(here)
    enforce(here)
    here.append("environment/env_1", EnvironmentCreated(
        mode="test", environment="env_1", org="acme", name="main", default=True, rate_card="standard"
    ))  # fmt: skip
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    here.append("environment/env_1", EnvironmentMoved(mode="test", environment="env_1", org="globex", at_s=START))
    settle(here)
    asked = [(a.org, a.environment, a.wanted) for a in here.logged(EnforcementAsked.NAME)]
    assert asked == [("acme", "env_1", "zero"), ("acme", "default", "zero"), ("globex", "env_1", "up")]


def test_what_was_acknowledged_is_undone_when_the_service_is_open_again(here: Installation):
    linked(here)
    enforce(here)
    here.listen()
    owing(here, failed=4)
    settle(here, START + 10 * DAY)
    here.deliver()
    acknowledge(here, enforcement(here)[0])
    paid = invoice("in_1", "cus_1", status="paid", attempt_count=5, amount_paid=900, amount_remaining=0, parent=None)
    here.tell(event("evt_paid", "invoice.paid", paid, at=START + 11 * DAY))
    settle(here, START + 11 * DAY)
    assert (state(here), enforcement(here)[1:3]) == ("active", ("up", "asked"))
    acknowledge(here, enforcement(here)[0])
    assert enforcement(here)[2] == "acknowledged"
