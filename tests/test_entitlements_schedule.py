"""How what several sources say at one time is weighed: overrides, holds, limits that are meant differently."""

from typing import Any

import pytest

from projections.entitlements_checks import REASONS, check
from projections.entitlements_schedule import GRANTED, STATES, Grant, Quota, Segment, combine, deciding, standing

MONTHLY, DAILY = Quota("quota", "month", "calendar"), Quota("quota", "day", "calendar")
AGENTS = Quota("gauge")


def said(by: str, state: str, *when: int | None, limit: int | None = None, **more: Any) -> Grant:
    start, end = (*when, None, None)[:2]
    return Grant("f", (Segment(state, start, end),), limit is not None, limit, {"by": by}, **more)


def at(grants: list[Grant], now_s: float = 0) -> tuple[Any, ...]:
    now = standing(combine(grants), now_s).now
    return now["state"], now["granted"], now["limit"], now["unlimited"]


def test_an_override_is_the_only_word_while_it_holds() -> None:
    sold = said("subscription", "active", limit=5)
    more, none = said("override", "active", 10, 20, limit=2), said("override", "revoked", 10, 20)
    assert [at([sold, more], t) for t in (9, 10, 19, 20)] == [
        ("active", True, 5, False), ("active", True, 2, False), ("active", True, 2, False), ("active", True, 5, False)
    ]  # fmt: skip
    assert [at([sold, none], t)[:3] for t in (9, 10, 20)] == [
        ("active", True, 5),
        ("revoked", False, 0),
        ("active", True, 5),
    ]


def test_an_override_grants_what_is_unpaid_and_what_was_never_sold() -> None:
    given = said("override", "active")
    assert at([said("subscription", "suspended", limit=5), given]) == ("active", True, None, True)
    assert at([given]) == ("active", True, None, True)


@pytest.mark.parametrize("state", [s for s in STATES if s not in GRANTED])
def test_a_hold_takes_away_what_is_granted_that_of_an_override_too(state: str) -> None:
    hold = said("service", state, 10, 20)
    for grant in (said("subscription", "trialing", limit=5), said("override", "active", limit=5)):
        assert at([grant, hold], 9)[1:3] == (True, 5)
        assert at([grant, hold], 10) == (state, False, 0, False)
        assert at([grant, hold], 20)[1:3] == (True, 5)


def test_a_hold_alone_says_nothing_and_changes_nothing_that_is_not_granted() -> None:
    hold = said("setup", "pending_setup")
    assert combine([hold]) == []
    assert at([said("plan", "suspended"), hold])[0] == "suspended"
    assert at([said("override", "revoked"), hold])[0] == "revoked"


def test_of_several_holds_the_severest_counts() -> None:
    grant = said("plan", "active")
    assert at([grant, said("setup", "pending_setup"), said("service", "suspended")])[0] == "suspended"


def test_without_holds_nothing_changes() -> None:
    grants = [said("plan", "active", 0, 10, limit=3), said("subscription", "grace", 5)]
    assert combine(grants) == combine([*grants, said("service", "suspended", 30, 30)])


def test_limits_that_are_meant_alike_add_up_and_of_others_the_greatest_counts() -> None:
    month = [said("plan", "active", limit=30, quota=MONTHLY), said("plan", "trialing", limit=50, quota=MONTHLY)]
    day = said("plan", "active", limit=79, quota=DAILY)
    (both,) = combine([*month, day])
    assert (both["limit"], both["kind"], both["period"], both["reset"]) == (80, "quota", "month", "calendar")
    (other,) = combine([*month[:1], day])
    assert (other["limit"], other["period"]) == (79, "day")


def test_an_unlimited_source_wins_and_has_no_period() -> None:
    (segment,) = combine([said("plan", "active", limit=30, quota=MONTHLY), said("plan", "active", limit=None)])
    # one that states no limit does not lift the other's
    assert (segment["limit"], segment["unlimited"]) == (30, False)
    lifted = Grant("f", (Segment("active", None, None),), True, None, {"by": "plan"}, MONTHLY)
    (segment,) = combine([said("plan", "active", limit=30, quota=MONTHLY), lifted])
    assert (segment["limit"], segment["unlimited"], segment["period"]) == (None, True, None)


def test_an_override_says_how_much_and_what_was_sold_says_of_what() -> None:
    sold, more = said("plan", "suspended", limit=30, quota=AGENTS), said("override", "active", limit=50)
    (segment,) = combine([sold, more])
    assert (segment["state"], segment["limit"], segment["kind"]) == ("active", 50, "gauge")


def test_why_names_what_decides_and_nothing_else() -> None:
    def stored(grant: Grant) -> dict[str, Any]:
        return {**grant.source, "segments": [s._asdict() for s in grant.segments]}

    sold = [said("plan", "active", 0, 10, limit=5), said("plan", "grace", 0, limit=2), said("plan", "revoked", 0)]
    override, hold = said("override", "active", 20, 30, limit=1), said("service", "suspended", 25, 30)
    sources = [stored(g) for g in (*sold, override, hold)]
    assert deciding(sources, 5) == [0, 1]
    assert deciding(sources, 15) == [1]
    assert deciding(sources, 20) == [3]
    assert deciding(sources, 25) == [4]
    assert deciding(sources, 30) == [1]
    assert deciding(sources, -1) == []


def reason(grants: list[Grant], quantity: int = 1, *, stale: bool = False) -> tuple[bool, str, int | None]:
    sources = [{**g.source, "segments": [s._asdict() for s in g.segments]} for g in grants]
    found = check(combine(grants), sources, quantity=quantity, now_s=0, stale=stale)
    assert found.reason in REASONS
    return found.allowed, found.reason, found.remaining


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ([], "not_granted"),
        ([said("plan", "active", 5)], "not_granted"),
        ([said("plan", "trialing")], "granted"),
        ([said("plan", "grace")], "granted"),
        ([said("plan", "restricted")], "restricted"),
        ([said("plan", "suspended")], "suspended"),
        ([said("plan", "revoked")], "revoked"),
        ([said("plan", "active"), said("override", "revoked")], "denied"),
        ([said("plan", "active"), said("setup", "pending_setup")], "pending_setup"),
        ([said("plan", "active"), said("service", "suspended")], "suspended"),
        ([said("plan", "active", limit=0)], "over_limit"),
    ],
)
def test_a_check_says_why(grants: list[Grant], expected: str) -> None:
    allowed = expected == "granted"
    assert reason(grants)[:2] == (allowed, expected)
    assert reason(grants)[2] == (None if allowed or expected == "over_limit" else 0)


def test_a_quantity_that_is_more_than_the_limit_is_denied() -> None:
    grants = [said("plan", "active", limit=5, quota=MONTHLY)]
    assert [reason(grants, n)[1] for n in (0, 5, 6)] == ["granted", "granted", "over_limit"]


def test_what_may_be_out_of_date_is_denied_unless_the_plan_is_open() -> None:
    closed, opened = said("plan", "active", limit=5), said("plan", "active", limit=5, fail_open=True)
    assert reason([closed], stale=True)[:2] == (False, "uncertain")
    assert reason([opened], stale=True)[:2] == (True, "fail_open")
    # open is no way around what is known
    assert reason([opened], 6, stale=True)[:2] == (False, "over_limit")
    assert reason([said("plan", "suspended", fail_open=True)], stale=True)[:2] == (False, "suspended")
    assert reason([opened], stale=False)[1] == "granted"
