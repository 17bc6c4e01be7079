"""Products, prices and plans to facts: the same in every API version, and a plan is a price."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined, Translation
from ledger.translations import BY_NAME, translate
from ledger.translations.base import CREATED, DELETED, UPDATED
from ledger.translations.price import PLAN, PRICE, Price
from ledger.translations.product import FAMILY as PRODUCT
from ledger.translations.product import Product

FAMILIES = {"product": PRODUCT, "price": PRICE, "plan": PLAN}


def event(obj: Any, kind: str = "", previous: Any = None) -> StripeEventReceived:
    body: dict[str, Any] = {"object": obj}
    if previous is not None:
        body["previous_attributes"] = previous
    kind = kind or f"{obj['object']}.updated"
    return StripeEventReceived(
        event_id="evt_1",
        type=kind,
        created_s=1_700_000_000,
        mode="test",
        account="platform",
        api_version=None,
        endpoint="platform",
        payload=Raw(json.dumps({"id": "evt_1", "type": kind, "data": body}).encode()),
    )


def fact(obj: Any, kind: str = "", previous: Any = None) -> ObjectFact:
    found = translate(event(obj, kind, previous))
    assert isinstance(found, ObjectFact), found
    return found


def spoken(found: ObjectFact) -> dict[str, Any]:
    """What a fact speaks of, by field name."""
    fields = {"products": Product, "prices": Price}[found.model].__struct_fields__
    names = [name for i, name in enumerate(fields) if found.mask >> i & 1]
    return dict(zip(names, found.values, strict=True))


def said(obj: Any, kind: str = "") -> dict[str, Any]:
    return spoken(fact(obj, kind))


def was(found: ObjectFact) -> dict[str, Any]:
    fields = {"products": Product, "prices": Price}[found.model].__struct_fields__
    return {fields[i]: value for i, value in (found.was or {}).items()}


def without(facts: dict[str, Any], silent: set[str]) -> dict[str, Any]:
    return {field: value for field, value in facts.items() if field not in silent}


# One product in the shapes of five ages.

METADATA = {"features": "sso, agents", "limit_agents": "10", "limit_seats": "unlimited", "limit_bad": "x", "own": "1"}
BARE_PRODUCT: dict[str, Any] = {
    "object": "product",
    "id": "prod_1",
    "active": True,
    "name": "Team",
    "description": "For teams",
    "metadata": METADATA,
    "created": 1_600_000_000,
    "updated": 1_600_000_100,
    "statement_descriptor": None,
    "unit_label": "seat",
    "type": "service",
}
MODERN_PRODUCT = BARE_PRODUCT | {
    "default_price": "price_1",
    "tax_code": "txcd_1",
    "marketing_features": [{"name": "Single sign-on"}, {"name": "Agents"}],
}
PRODUCTS: dict[str, dict[str, Any]] = {
    "2018-05-21": BARE_PRODUCT | {"attributes": ["Single sign-on", "Agents"], "shippable": None},
    "2023-10-16": BARE_PRODUCT
    | {
        "default_price": {"id": "price_1", "object": "price"},
        "tax_code": "txcd_1",
        "features": [{"name": "Single sign-on"}, {"name": "Agents"}],
    },
    "2025-02-24.acacia": MODERN_PRODUCT,
    "2025-03-31.basil": MODERN_PRODUCT,
    "2025-10-29.clover": MODERN_PRODUCT | {"tax_code": {"id": "txcd_1", "object": "tax_code"}},
    "2026-10-28.endive": {k: v for k, v in MODERN_PRODUCT.items() if k != "tax_code"}
    | {"tax_details": {"tax_code": "txcd_1", "performance_location": None}},
}
PRODUCT_FACTS = {
    "deleted": False,
    "active": True,
    "name": "Team",
    "description": "For teams",
    "default_price": "price_1",
    "features": ["agents", "seats", "sso"],
    "limits": {"agents": 10, "seats": None},
    "metadata_faults": ["limit_bad"],
    "marketing_features": ["Single sign-on", "Agents"],
    "statement_descriptor": None,
    "unit_label": "seat",
    "tax_code": "txcd_1",
    "metadata": METADATA,
    "created_s": 1_600_000_000,
    "updated_s": 1_600_000_100,
}


@pytest.mark.parametrize("version", PRODUCTS)
def test_a_product_says_the_same_in_every_api_version(version: str):
    silent = {"default_price", "tax_code"} if version == "2018-05-21" else set()
    assert said(PRODUCTS[version]) == without(PRODUCT_FACTS, silent)


# One price of 9.99 a month, as a price and as the plan that Stripe shows of it.

BARE_PLAN: dict[str, Any] = {
    "object": "plan",
    "id": "price_1",
    "amount": 999,
    "currency": "usd",
    "interval": "month",
    "interval_count": 1,
    "trial_period_days": 14,
    "metadata": METADATA,
    "created": 1_600_000_000,
}
MODERN_PLAN = BARE_PLAN | {
    "active": True,
    "amount_decimal": "999",
    "billing_scheme": "per_unit",
    "nickname": "Monthly",
    "product": "prod_1",
    "tiers_mode": None,
    "usage_type": "licensed",
    "meter": None,
}
MODERN_PRICE: dict[str, Any] = {
    "object": "price",
    "id": "price_1",
    "active": True,
    "billing_scheme": "per_unit",
    "created": 1_600_000_000,
    "currency": "usd",
    "lookup_key": "team_monthly",
    "metadata": METADATA,
    "nickname": "Monthly",
    "product": "prod_1",
    "recurring": {
        "interval": "month",
        "interval_count": 1,
        "meter": None,
        "trial_period_days": 14,
        "usage_type": "licensed",
    },
    "tax_behavior": "exclusive",
    "tiers_mode": None,
    "type": "recurring",
    "unit_amount": 999,
    "unit_amount_decimal": "999",
}
OLD_RECURRING = {"interval": "month", "interval_count": 1, "usage_type": "licensed", "aggregate_usage": None}
PRICES: dict[str, dict[str, Any]] = {
    "plan 2015-10-01": BARE_PLAN | {"name": "Monthly", "statement_descriptor": None},
    "plan 2020-08-27": {k: v for k, v in MODERN_PLAN.items() if k != "meter"},
    "plan 2025-02-24.acacia": MODERN_PLAN,
    "plan 2026-10-28.endive": MODERN_PLAN | {"product": {"id": "prod_1", "object": "product"}},
    "price 2020-08-27": {k: v for k, v in MODERN_PRICE.items() if k != "tax_behavior"} | {"recurring": OLD_RECURRING},
    "price 2025-02-24.acacia": MODERN_PRICE,
    "price 2025-03-31.basil": MODERN_PRICE,
    "price 2025-10-29.clover": MODERN_PRICE | {"product": {"id": "prod_1", "object": "product", "name": "Team"}},
    "price 2026-10-28.endive": MODERN_PRICE | {"product": {"id": "prod_1", "object": "product", "deleted": True}},
}
PRICE_FACTS = {
    "deleted": False,
    "product": "prod_1",
    "active": True,
    "currency": "usd",
    "unit_amount_minor": 999,
    "unit_amount_decimal": "999",
    "type": "recurring",
    "interval": "month",
    "interval_count": 1,
    "usage_type": "licensed",
    "billing_scheme": "per_unit",
    "tiers_mode": None,
    "trial_period_days": 14,
    "lookup_key": "team_monthly",
    "nickname": "Monthly",
    "tax_behavior": "exclusive",
    "meter": None,
    "features": ["agents", "seats", "sso"],
    "limits": {"agents": 10, "seats": None},
    "metadata_faults": ["limit_bad"],
    "metadata": METADATA,
    "created_s": 1_600_000_000,
}
_PLAN_IS_SILENT = {"lookup_key", "tax_behavior"}
_PLAN_OF_2015 = {"product", "active", "unit_amount_decimal", "usage_type", "billing_scheme", "tiers_mode", "meter"}
PRICE_SILENT: dict[str, set[str]] = {
    "plan 2015-10-01": _PLAN_IS_SILENT | _PLAN_OF_2015,
    "plan 2020-08-27": _PLAN_IS_SILENT | {"meter"},
    "plan 2025-02-24.acacia": _PLAN_IS_SILENT,
    "plan 2026-10-28.endive": _PLAN_IS_SILENT,
    "price 2020-08-27": {"tax_behavior", "meter", "trial_period_days"},
}


@pytest.mark.parametrize("shape", PRICES)
def test_a_price_says_the_same_in_every_api_version_and_as_a_plan(shape: str):
    # given one price, rendered as a price or as a plan in an API version
    # when it is translated, then it is the same object of one model, and silent about what its shape lacks
    found = fact(PRICES[shape])
    assert (found.model, found.id, found.customer, found.claim) == ("prices", "price_1", None, None)
    assert spoken(found) == without(PRICE_FACTS, PRICE_SILENT.get(shape, set()))


def test_a_price_that_is_charged_once_has_no_interval():
    once = said(MODERN_PRICE | {"type": "one_time", "recurring": None})
    parts = ("type", "interval", "interval_count", "usage_type", "trial_period_days", "meter")
    assert [once[part] for part in parts] == ["one_time", None, None, None, None, None]


def test_a_fraction_of_a_minor_unit_is_kept_exactly():
    price = said(MODERN_PRICE | {"unit_amount": None, "unit_amount_decimal": "0.000000000001"})
    plan = said(MODERN_PLAN | {"amount": None, "amount_decimal": "0.10"})
    assert (price["unit_amount_minor"], price["unit_amount_decimal"]) == (None, "0.000000000001")
    assert (plan["unit_amount_minor"], plan["unit_amount_decimal"]) == (None, "0.10")


@pytest.mark.parametrize(
    ("names", "nickname"),
    [
        ({"name": "Gold"}, "Gold"),
        ({"name": "Gold", "nickname": None}, "Gold"),
        ({"name": "Gold", "nickname": "Silver"}, "Silver"),
        ({"nickname": None}, None),
    ],
)
def test_the_name_of_an_old_plan_is_its_nickname(names: dict[str, Any], nickname: str | None):
    assert said(BARE_PLAN | names)["nickname"] == nickname


MINIMAL: dict[str, dict[str, Any]] = {
    "product": {"object": "product", "id": "prod_1", "name": "Team"},
    "price": {"object": "price", "id": "price_1", "currency": "usd"},
    "plan": {"object": "plan", "id": "price_1", "currency": "usd"},
}


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind, obj in MINIMAL.items() for field in obj if field != "object"],
)
def test_what_lacks_a_required_field_is_quarantined(kind: str, field: str):
    lacking = {k: v for k, v in MINIMAL[kind].items() if k != field}
    assert translate(event(lacking)) == Quarantined(f"lacks {field}")
    assert isinstance(translate(event(MINIMAL[kind] | {field: None})), Quarantined)


@pytest.mark.parametrize("kind", MINIMAL)
def test_another_object_is_quarantined(kind: str):
    other = MINIMAL[kind] | {"object": "coupon"}
    assert translate(event(other, f"{kind}.updated")) == Quarantined(f"the object is a 'coupon', not a {kind!r}")


@pytest.mark.parametrize(
    ("kind", "change"),
    [("product", {"active": "yes"}), ("price", {"unit_amount": 9.99}), ("plan", {"interval_count": "1"})],
)
def test_a_wrong_shape_is_quarantined(kind: str, change: dict[str, Any]):
    found = translate(event(MINIMAL[kind] | change))
    assert isinstance(found, Quarantined)
    assert found.reason.startswith("wrong shape: ")


def test_absent_is_silence():
    assert said(MINIMAL["product"]) == {"deleted": False, "name": "Team"}
    assert said(MINIMAL["price"]) == {"deleted": False, "currency": "usd"}
    assert said(MINIMAL["plan"]) == {"deleted": False, "currency": "usd", "type": "recurring"}


@pytest.mark.parametrize(
    ("kind", "place", "field"),
    [
        ("product", "description", "description"),
        ("product", "default_price", "default_price"),
        ("product", "marketing_features", "marketing_features"),
        ("product", "features", "marketing_features"),
        ("product", "attributes", "marketing_features"),
        ("product", "tax_code", "tax_code"),
        ("product", "tax_details", "tax_code"),
        ("product", "updated", "updated_s"),
        ("price", "product", "product"),
        ("price", "unit_amount", "unit_amount_minor"),
        ("price", "lookup_key", "lookup_key"),
        ("price", "recurring", "interval"),
        ("plan", "product", "product"),
        ("plan", "amount", "unit_amount_minor"),
        ("plan", "trial_period_days", "trial_period_days"),
    ],
)
def test_null_stays_null(kind: str, place: str, field: str):
    found = said(MINIMAL[kind] | {place: None})
    assert field in found
    assert found[field] is None


@pytest.mark.parametrize("kind", MINIMAL)
def test_null_metadata_grants_nothing(kind: str):
    found = said(MINIMAL[kind] | {"metadata": None})
    assert (found["metadata"], found["features"], found["limits"], found["metadata_faults"]) == ({}, [], {}, [])


def test_a_marketing_feature_without_a_name_is_left_out():
    assert said(MINIMAL["product"] | {"marketing_features": [{}, {"name": None}, {"name": "A"}]})[
        "marketing_features"
    ] == ["A"]


@pytest.mark.parametrize("kind", MINIMAL)
def test_a_deleted_stub_says_that_it_is_deleted_and_no_more(kind: str):
    stub = fact({"object": kind, "id": "x_1", "deleted": True}, f"{kind}.deleted")
    assert spoken(stub) == {"deleted": True}
    assert (stub.id, stub.rank) == ("x_1", DELETED)


@pytest.mark.parametrize("kind", MINIMAL)
def test_the_event_ranks_creation_before_change_before_deletion(kind: str):
    ranks = [fact(MINIMAL[kind], f"{kind}.{verb}").rank for verb in ("created", "updated", "deleted")]
    assert ranks == [CREATED, UPDATED, DELETED]


def test_what_was_before_a_change_is_told():
    # given a product, a price and a plan that changed
    changes = {
        "product": (MODERN_PRODUCT, {"description": None, "updated": 1_600_000_050}),
        "price": (MODERN_PRICE, {"recurring": {"interval": "year"}, "active": False, "lookup_key": None}),
        "plan": (MODERN_PLAN, {"amount": 500, "amount_decimal": "500"}),
    }
    # when they are translated
    before = {kind: was(fact(obj, previous=previous)) for kind, (obj, previous) in changes.items()}
    # then they tell what held before, and only of what changed
    assert before == {
        "product": {"description": None, "updated_s": 1_600_000_050},
        "price": {"interval": "year", "active": False, "lookup_key": None},
        "plan": {"unit_amount_minor": 500, "unit_amount_decimal": "500"},
    }


def test_what_was_granted_before_a_change_is_told():
    # given a product whose limit was raised and which got a feature by a new key
    previous = {"metadata": {"limit_agents": "5", "features": None}}
    # when it is translated
    before = was(fact(MODERN_PRODUCT, previous=previous))
    # then the keys that did not change still count, and those that were not there do not
    assert (before["features"], before["limits"]) == (["agents", "seats"], {"agents": 5, "seats": None})


@pytest.mark.parametrize("previous", [{"recurring": None}, {"product": None}, {"metadata": None}, {"tiers_mode": None}])
def test_null_in_what_was_before_does_no_harm(previous: dict[str, Any]):
    assert was(fact(MODERN_PRICE, previous=previous | {"nickname": "Old"}))["nickname"] == "Old"


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_table_tells_of_every_field_where_it_comes_from(kind: str):
    family = FAMILIES[kind]
    assert BY_NAME[kind] is family
    assert tuple(row.field for row in family.whence) == family.facts.__struct_fields__
    assert all(row.places for row in family.whence)
    assert {row.field for row in family.whence if row.required} == {"name" if kind == "product" else "currency"}


# The third-party corpus, read in place.


@pytest.fixture
def corpus() -> Path:
    root = Path(os.environ.get("RECOUNT_STRIPE_CORPUS", ""))
    if not os.environ.get("RECOUNT_STRIPE_CORPUS") or not root.is_dir():
        pytest.skip("RECOUNT_STRIPE_CORPUS does not name the Stripe corpus")
    return root


SAMPLE_PRODUCT = {
    "deleted": False,
    "active": True,
    "name": "T-shirt",
    "description": "Comfortable gray cotton t-shirt",
    "features": [],
    "limits": {},
    "metadata_faults": [],
    "marketing_features": [],
    "statement_descriptor": None,
    "unit_label": None,
    "tax_code": None,
    "metadata": {},
    "created_s": 1234567890,
    "updated_s": 1234567890,
}
SAMPLE_PRICE = {
    "deleted": False,
    "active": True,
    "currency": "usd",
    "unit_amount_minor": 2000,
    "unit_amount_decimal": "2000",
    "type": "recurring",
    "interval": "month",
    "interval_count": 1,
    "usage_type": "licensed",
    "billing_scheme": "per_unit",
    "tiers_mode": None,
    "trial_period_days": None,
    "lookup_key": None,
    "nickname": None,
    "tax_behavior": "unspecified",
    "meter": None,
    "features": [],
    "limits": {},
    "metadata_faults": [],
    "metadata": {},
    "created_s": 1234567890,
}
#: Version: the default price of its product, the product of its price, and what is silent in each object.
_LATEST = ("price_1PgafmB7WZ01zgkW02Hf9z6c", "prod_QXg1hqf4jFNsqG", {"product": set(), "price": set(), "plan": set()})
_RECURRING_OLD: dict[str, set[str]] = {"price": {"meter", "trial_period_days"}, "plan": {"meter"}}
SAMPLES: dict[str, tuple[str | None, str, dict[str, set[str]]]] = {
    "2020-08-27": (
        None,
        "prod_LTOMVLu4Ufjvbi",
        _RECURRING_OLD | {"product": {"default_price", "marketing_features"}},
    ),
    "2023-10-16": ("price_1OPougJN5vQBdWExAuB7D8i5", "prod_PEHTfnvdJH6K0k", _RECURRING_OLD | {"product": set()}),
    "2024-06-20": _LATEST,
    "2025-02-24.acacia": _LATEST,
    "2025-08-27.basil": _LATEST,
    "2025-10-29.clover": _LATEST,
    "2026-02-25.clover": _LATEST,
    "2026-07-29.dahlia": _LATEST,
}


@pytest.mark.corpus
@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("version", SAMPLES)
def test_stripes_own_sample_of_each_version_has_the_expected_facts(version: str, kind: str, corpus: Path):
    # given Stripe's sample of an API version
    resources = json.loads((corpus / f"openapi/fixtures/fixtures3-{version}.json").read_bytes())["resources"]
    default_price, product, silent = SAMPLES[version]
    # when it is translated
    found = fact(resources[kind])
    # then every fact has the value that the sample states, and the rest is silent
    if kind == "product":
        assert found.id == product
        expected = SAMPLE_PRODUCT | {"default_price": default_price}
    else:
        expected = SAMPLE_PRICE | {"product": product}
    assert spoken(found) == without(expected, silent[kind] | (_PLAN_IS_SILENT if kind == "plan" else set()))


def recorded(corpus: Path) -> Iterator[dict[str, Any]]:
    """Every product, price and plan event of the corpus."""
    for path in sorted((corpus / "events").glob("*.json")):
        if path.name.partition(".")[0] in FAMILIES:
            yield json.loads(path.read_bytes())
    for path in sorted((corpus / "event_lists").glob("*Event.list*.json")):
        yield from (e for e in json.loads(path.read_bytes())["data"] if e["type"].partition(".")[0] in FAMILIES)


def translated(e: dict[str, Any]) -> Translation:
    return translate(event(e["data"]["object"], e["type"], e["data"].get("previous_attributes")))


@pytest.mark.corpus
def test_every_recorded_catalog_event_is_translated(corpus: Path):
    applied = 0
    for e in recorded(corpus):
        # when a recorded event is translated
        found, obj = translated(e), e["data"]["object"]
        # then it says what its object says
        assert isinstance(found, ObjectFact), (e["type"], found)
        facts = spoken(found)
        assert found.id == obj["id"]
        assert (found.rank == DELETED) == e["type"].endswith(".deleted")
        assert facts.get("currency") == obj.get("currency")
        assert facts.get("unit_amount_minor") == obj.get("unit_amount", obj.get("amount"))
        assert facts.get("name", facts.get("nickname")) == obj.get("name", obj.get("nickname"))
        applied += 1
    assert applied >= 13


def test_a_deletion_that_comes_with_the_whole_object_is_a_deletion():
    product = {"id": "prod_1", "object": "product", "name": "Gone", "created": 5, "active": True}
    event = StripeEventReceived(
        event_id="evt_1",
        type="product.deleted",
        created_s=9,
        mode="test",
        account="platform",
        api_version="2025-10-29.clover",
        endpoint="platform",
        payload=Raw(json.dumps({"data": {"object": product}}).encode()),
    )
    said = translate(event)
    assert isinstance(said, ObjectFact)
    assert said.values[0] is True
