"""Service control, step by step: who owes, which policy counts, what is done when, and what brings it back."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from histories import fresh_database
from outgoing import DAY, Installation
from samples import customer, event, invoice

from commands.service import SERVICES
from commands.service_policies import POLICIES, EnforcePolicy
from ledger.ids import service_policies_stream, service_stream
from ledger.service_events import EnforcementAsked, ServiceStepped
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
    told = {"attempt_count": failed, "attempted": True, "parent": None, **fields}
    obj = invoice(id, fields.pop("customer", "cus_1"), **told)
    here.tell(event(f"evt_{id}_{failed}_{at}", "invoice.payment_failed", obj, at=at))


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
    owing(here, failed=4)
    settle(here, START + 41 * DAY)
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


_ = fresh_database
