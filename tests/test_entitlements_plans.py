"""What plans grant, worked by hand: subscriptions, commitments, purchases, agreements, beside what is catalogued."""

from datetime import UTC, datetime
from typing import Any

import pytest
from histories import different, folded
from samples import Delivery, customer, event, invoice, price, product, subscription
from test_entitlements_laws import BY, Said, expected, log_of, plan

from ledger.events import AgreementEnded, AgreementMade

START = int(datetime(2025, 1, 15, tzinfo=UTC).timestamp())
_S = 1_000_000
QUOTA = {"limit": 100_000, "period": "month", "reset": "calendar"}
PRO: dict[str, Any] = {
    "prices": [{"price": "price_1"}],
    "features": ["sso"],
    "quotas": {"tokens": QUOTA},
    "gauges": {"agents": 5},
    "service_policy": {"fail_open": ["sso"], "soft_limits": ["tokens"]},
}


def day(year: int, month: int, day_of_month: int) -> int:
    return int(datetime(year, month, day_of_month, tzinfo=UTC).timestamp())


def sold(**fields: Any) -> list[Delivery]:
    told = {"start_date": START, "created": START, **fields}
    return [
        Delivery(event(1, "customer.created", customer("cus_1", org="org_a"), at=START)),
        Delivery(event(2, "product.created", product("prod_1", "sso, audit", limits={"agents": "9"}), at=START)),
        Delivery(event(3, "customer.subscription.created", subscription("sub_1", **told), at=START + 1)),
    ]


def entitled(deliveries: list[Delivery], acts: list[Any]) -> dict[str, Any]:
    """The entitlements of org_a, which the oracle's are as well."""
    ours, told = folded(log_of([*acts, *deliveries])), expected(deliveries, acts)
    assert different({"entitlements": ours["entitlements"]}, {"entitlements": told["entitlements"]}) == []
    return {key[2]: row for key, row in ours["entitlements"].items() if key[1] == "org_a"}


def pro(**more: Any) -> Said:
    return plan("pro", 1, START - 10, START - 10, **{**PRO, **more})


def states(row: Any) -> list[tuple[Any, ...]]:
    return [(s["state"], s["from_s"], s["until_s"]) for s in row["segments"]]


def test_a_plan_grants_its_features_quotas_and_gauges() -> None:
    found = entitled(sold(), [pro()])
    told = {
        f: tuple(r["segments"][0][k] for k in ("limit", "unlimited", "kind", "period", "reset", "soft", "fail_open"))
        for f, r in found.items()
    }
    assert told == {
        "agents": (5, False, "gauge", None, None, False, False),
        "audit": (None, True, None, None, None, False, False),
        "sso": (None, True, None, None, None, False, True),
        "tokens": (100_000, False, "quota", "month", "calendar", True, False),
    }


def test_where_a_plan_speaks_of_a_feature_the_catalogue_does_not_add_to_it() -> None:
    found = entitled(sold(), [pro()])
    assert [s["by"] for s in found["agents"]["sources"]] == ["plan"]
    assert [s["by"] for s in found["audit"]["sources"]] == ["subscription"]


def test_why_names_the_plan_the_version_and_the_item() -> None:
    (source,) = entitled(sold(), [pro()])["tokens"]["sources"]
    told = {k: source[k] for k in ("by", "plan", "version", "through", "placement", "item", "price", "status")}
    assert told == {
        "by": "plan", "plan": "pro", "version": 1, "through": "subscription", "placement": "sub_1",
        "item": "si_sub_1", "price": "price_1", "status": "active",
    }  # fmt: skip


def test_a_later_version_changes_nothing_of_what_was_sold() -> None:
    later = plan("pro", 2, START + 500, **{**PRO, "gauges": {"agents": 1}})
    assert entitled(sold(), [pro(), later])["agents"]["segments"][0]["limit"] == 5


COMMITMENT = {"paid_months": 9, "delivered_months": 12}


@pytest.mark.parametrize(
    ("ended", "reason", "until"),
    [
        (day(2025, 10, 14), None, day(2025, 10, 14)),  # a day short of nine months
        (day(2025, 10, 15), None, day(2026, 1, 15)),
        (day(2025, 12, 1), None, day(2026, 1, 15)),
        (day(2026, 1, 15), None, day(2026, 1, 15)),  # delivered whole; the second round has not begun to be paid
        (day(2026, 5, 1), None, day(2026, 5, 1)),
        (day(2026, 10, 15), None, day(2027, 1, 15)),
        (day(2025, 12, 1), "payment_failed", day(2025, 12, 1)),
        (day(2025, 12, 1), "cancellation_requested", day(2026, 1, 15)),
    ],
)
def test_who_paid_nine_months_gets_twelve(ended: int, reason: str | None, until: int) -> None:
    committed = pro(commitment=COMMITMENT)
    over = sold(status="canceled", ended_at=ended, canceled_at=ended, cancellation_details={"reason": reason})
    assert states(entitled(over, [committed])["agents"])[-1] == ("revoked", until, None)
    coming = sold(cancel_at=ended, cancellation_details={"reason": reason})
    assert states(entitled(coming, [committed])["agents"]) == [("active", START, until), ("revoked", until, None)]


def test_a_purchase_entitles_for_as_long_as_it_lasts() -> None:
    bought = invoice("in_1", status="paid", subscription=None, version="2024-12-18.acacia", created=START)
    bought["lines"]["data"] = [{"object": "line_item", "id": "il_1", "amount": 900, "price": price("price_kit")}]
    bought["status_transitions"] = {**bought["status_transitions"], "paid_at": START}
    told = [
        Delivery(event(1, "customer.created", customer("cus_1", org="org_a"), at=START)),
        Delivery(event(2, "invoice.paid", bought, at=START + 1, version="2024-12-18.acacia")),
    ]
    kit = {"prices": [{"price": "price_kit"}], "features": ["kit"], "model": "one_time"}
    for_ever = entitled(told, [plan("kit", 1, START - 10, START - 10, **kit)])
    assert states(for_ever["kit"]) == [("active", START, None)]
    lasting = entitled(told, [plan("kit", 1, START - 10, START - 10, **kit, lasts={"months": 1, "days": None})])
    assert states(lasting["kit"]) == [("active", START, day(2025, 2, 15)), ("revoked", day(2025, 2, 15), None)]
    assert [s["through"] for s in lasting["kit"]["sources"]] == ["invoice"]


def test_an_agreement_entitles_an_organization_that_stripe_does_not_know() -> None:
    whom = {"mode": "test", "id": "agr_1", "org": "org_a", "plan": "pro", "version": 1, **BY}
    made = AgreementMade(**whom, from_s=START, until_s=None, reference="order 7")  # type: ignore[arg-type]
    ended = AgreementEnded(mode="test", id="agr_1", at_s=START + 500, **BY)
    agreed = [pro(), Said("agreement/test/agr_1", made, START * _S)]
    assert states(entitled([], agreed)["agents"]) == [("active", START, None)]
    over = [*agreed, Said("agreement/test/agr_1", ended, (START + 9) * _S)]
    assert states(entitled([], over)["agents"]) == [("active", START, START + 500), ("revoked", START + 500, None)]
    (source,) = entitled([], over)["agents"]["sources"]
    assert (source["through"], source["placement"], source["reason"]) == ("agreement", "agr_1", "agreed by mail")


def test_an_agreement_that_ended_before_it_began_never_entitles() -> None:
    whom = {"mode": "test", "id": "agr_1", "org": "org_a", "plan": "pro", "version": 1, **BY}
    made = AgreementMade(**whom, from_s=START + 500, until_s=None, reference=None)  # type: ignore[arg-type]
    ended = AgreementEnded(mode="test", id="agr_1", at_s=START, **BY)
    over = [pro(), Said("agreement/test/agr_1", made, START * _S), Said("agreement/test/agr_1", ended, START * _S)]
    assert states(entitled([], over)["agents"]) == [("revoked", START + 500, None)]


def test_two_plans_of_an_organization_add_up() -> None:
    whom = {"mode": "test", "id": "agr_1", "org": "org_a", "plan": "pro", "version": 1, **BY}
    made = AgreementMade(**whom, from_s=START, until_s=None, reference=None)  # type: ignore[arg-type]
    found = entitled(sold(), [pro(), Said("agreement/test/agr_1", made, START * _S)])
    assert (found["agents"]["segments"][-1]["limit"], found["tokens"]["segments"][-1]["limit"]) == (10, 200_000)


def test_a_trial_that_is_over_when_it_begins_is_no_segment() -> None:
    for trial_end in (START, START - 5):
        found = entitled(sold(status="trialing", trial_end=trial_end), [pro()])
        assert states(found["agents"]) == [("grace", START, None)]
        assert found["agents"]["sources"][0]["segments"] == [{"state": "grace", "from_s": START, "until_s": None}]
