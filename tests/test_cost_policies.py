"""Cost policies: proposed by one person, approved by another, in versions, each in its dates."""

from decimal import Decimal
from typing import Any

import pytest
from passthrough import CATEGORY, DAY, NOW, ORG, Memory, Office

from commands.cost_policies import (
    COST_POLICIES,
    ApproveCostPolicy,
    EndCostPolicy,
    ProposeCostPolicy,
    RejectCostPolicy,
    terms_of,
)
from ledger.errors import Invalid, NotFound, Refused
from ledger.passthrough import Terms, exact, in_force, last_second_of, match, period_of, told, with_markup

WHERE: dict[str, Any] = {"mode": "test", "org": ORG, "category": CATEGORY}
TERMS: dict[str, Any] = {"billing_owner": "cus_1", "currency": "usd", "stop_rule": "notify", "cap_minor": 1_000}
PROPOSE = ProposeCostPolicy(**WHERE, **TERMS, by="ada", why="as agreed")


def settle(kind: Any, version: int, by: str = "bob", now_s: int = NOW) -> Any:
    return kind(**WHERE, version=version, by=by, why="read it", now_s=now_s)


def after(*commands: Any) -> Any:
    """The policy after commands."""
    policy = COST_POLICIES.initial
    for command in commands:
        for event in COST_POLICIES.decide(command, policy):
            policy = COST_POLICIES.evolve(policy, event)
    return policy


def refused(command: Any, *before: Any) -> str:
    with pytest.raises((Refused, Invalid)) as caught:
        COST_POLICIES.decide(command, after(*before))
    return caught.value.code


def test_nothing_holds_before_a_second_person_approves_it() -> None:
    assert terms_of(after(PROPOSE)) == []
    assert refused(settle(ApproveCostPolicy, 1, by="ada"), PROPOSE) == "second_person"
    (terms,) = terms_of(after(PROPOSE, settle(ApproveCostPolicy, 1)))
    assert (terms.version, terms.from_s, terms.until_s, terms.cap_minor) == (1, NOW, None, 1_000)


def test_a_proposal_that_is_rejected_never_holds() -> None:
    rejected = (PROPOSE, settle(RejectCostPolicy, 1, by="ada"))
    assert terms_of(after(*rejected)) == []
    assert refused(settle(ApproveCostPolicy, 1), *rejected) == "policy_settled"


def test_the_same_again_is_no_event() -> None:
    approved = (PROPOSE, settle(ApproveCostPolicy, 1))
    assert COST_POLICIES.decide(PROPOSE, after(PROPOSE)) == ()
    assert COST_POLICIES.decide(settle(ApproveCostPolicy, 1), after(*approved)) == ()
    ended = EndCostPolicy(**WHERE, version=1, by="ada", why="over", now_s=NOW)
    assert COST_POLICIES.decide(ended, after(*approved, ended)) == ()


def test_a_policy_ends_in_the_next_second_or_later_so_that_what_was_billable_stays_so() -> None:
    approved = (PROPOSE, settle(ApproveCostPolicy, 1))
    early = EndCostPolicy(**WHERE, version=1, at_s=NOW, by="ada", why="over", now_s=NOW)
    assert refused(early, *approved) == "not_retroactive"
    (terms,) = terms_of(after(*approved, EndCostPolicy(**WHERE, version=1, by="ada", why="over", now_s=NOW + 5)))
    assert (terms.covers(NOW + 5), terms.covers(NOW + 6)) == (True, False)
    assert refused(EndCostPolicy(**WHERE, version=1, by="ada", why="x", now_s=NOW), PROPOSE) == "policy_not_approved"


def test_a_version_that_would_be_over_already_is_not_approved() -> None:
    short = ProposeCostPolicy(**WHERE, **TERMS, until_s=NOW, by="ada", why="a trial")
    assert refused(settle(ApproveCostPolicy, 1, now_s=NOW), short) == "policy_over"


def test_what_was_never_proposed_is_not_found() -> None:
    with pytest.raises(NotFound):
        COST_POLICIES.decide(settle(ApproveCostPolicy, 1), {})


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"cap_minor": None}, "bad_cap"),
        ({"unlimited": True}, "bad_cap"),
        ({"cap_minor": -1}, "bad_cap"),
        ({"cap_minor": None, "unlimited": True, "warn_percent": 80}, "bad_threshold"),
        ({"warn_percent": 0}, "bad_threshold"),
        ({"warn_percent": 101}, "bad_threshold"),
        ({"markup_bps": -1}, "bad_markup"),
        ({"currency": "USD"}, "bad_currency"),
        ({"billing_owner": "acme"}, "not_a_customer"),
        ({"category": "a@b"}, "not_a_category"),
        ({"category": " "}, "not_a_category"),
        ({"from_s": 5, "until_s": 5}, "bad_period"),
        ({"stop_rule": "panic"}, "bad_stop_rule"),
        ({"why": " "}, "reason_required"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(wrong: dict[str, Any], code: str) -> None:
    given = {**WHERE, **TERMS, "by": "ada", "why": "x", **wrong}
    assert refused(ProposeCostPolicy(**given)) == code


def terms(version: int, from_s: int, until_s: int | None, **more: Any) -> Terms:
    given = {"warn_percent": None, "markup_bps": 0, **TERMS, **more}
    return Terms(version=version, from_s=from_s, until_s=until_s, **given)


def test_the_newest_version_that_covers_a_second_counts() -> None:
    versions = [terms(1, 0, None), terms(2, 100, 200), terms(3, 300, None)]
    held = [in_force(versions, at_s) for at_s in (0, 99, 100, 199, 200, 300)]
    assert [t and t.version for t in held] == [1, 1, 2, 2, 1, 3]


def test_a_charge_is_held_for_the_reason_that_holds_it() -> None:
    versions = [terms(1, 100, 200)]
    assert match([], 150, "usd", Decimal(1)) == (None, "no_policy")
    assert match(versions, 99, "usd", Decimal(1)) == (None, "outside_dates")
    assert match(versions, 200, "usd", Decimal(1)) == (None, "outside_dates")
    assert match(versions, 150, "eur", Decimal(1)) == (None, "other_currency")
    assert match(versions, 150, "usd", Decimal("1000.000001")) == (None, "above_cap")
    assert match(versions, 150, "usd", Decimal(1000)) == (versions[0], None)


def test_a_month_is_of_utc() -> None:
    assert period_of(1_761_955_199) == "2025-10"
    assert period_of(1_761_955_200) == "2025-11"
    assert last_second_of("2025-10") == 1_761_955_199
    assert last_second_of("2025-12") == 1_767_225_599


def test_an_amount_is_exact_or_none() -> None:
    assert [told(exact(v)) for v in ("1.50", 3, "-0.0", "0.000001", Decimal("1E+2"))] == [
        "1.5", "3", "0", "0.000001", "100",
    ]  # fmt: skip
    for wrong in (1.5, True, "x", "1.0000001", "NaN", "1e99", ""):
        with pytest.raises(Invalid):
            exact(wrong)


def test_a_markup_is_rounded_once_half_away_from_zero() -> None:
    assert [with_markup(Decimal(c), 1_250) for c in ("100", "4", "-4", "0.4", "8")] == [113, 5, -5, 0, 9]


def test_two_proposals_are_two_versions_of_which_each_waits_for_itself() -> None:
    office = Office(Memory())
    assert office.policy(cap_minor=500) == 1
    assert office.policy(cap_minor=900, from_s=NOW + DAY) == 2
    assert [(t.version, t.cap_minor) for t in office.terms()] == [(1, 500), (2, 900)]
