"""Who may ask what: every route under every role, and what a key is bound to. A route without a row here fails."""

import base64
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from api_world import OTHER_SELLER, SELLER, World, market

from api.postgres import EmbeddedPostgres
from api.resources.acts import SERVED
from api.resources.entitlements import ENTITLEMENT

ROLES = ("service", "dashboard", "operator", "auditor", "admin")
STAFF = ("operator", "auditor", "admin")

#: Who asks -> the key's bounds.
CALLERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "org_a": {"org": "org_a"},
    "org_b": {"org": "org_b"},
    "seller": {"account": SELLER},
    "other": {"account": OTHER_SELLER},
    "both": {"org": "org_a", "account": SELLER},
    "live": {"mode": "live"},
}


class One(NamedTuple):
    """A route to single things: each thing's path, and who sees it. `unknown`: a path to nothing."""

    roles: tuple[str, ...]
    unknown: str
    seen_by: dict[str, set[str]]


class Many(NamedTuple):
    """A route to a list: what each caller finds in it, as `account/id`."""

    roles: tuple[str, ...]
    path: str
    key: tuple[str, ...]
    found: dict[str, set[str]]


A, B = {"everything", "org_a", "seller", "both"}, {"everything", "org_b", "other"}
PLATFORM_A, PLATFORM_B = {"everything", "org_a"}, {"everything", "org_b"}
SELLERS, OTHERS = {"everything", "org_a", "seller", "both"}, {"everything", "org_b", "other"}


def _orgs(end: str) -> dict[str, set[str]]:
    return {f"/v1/orgs/org_a{end}": A, f"/v1/orgs/org_b{end}": B, f"/v1/orgs/org_live{end}": {"live"}}


def _objects(path: str, a: str, b: str, nobody: str | None, seller: str, other: str, live: str) -> dict[str, set[str]]:
    """Objects of org_a and org_b on the platform, of nobody, of the two sellers, and of live mode."""
    found = {
        f"{path}/{a}?account=platform": PLATFORM_A,
        f"{path}/{b}?account=platform": PLATFORM_B,
        f"{path}/{seller}?account={SELLER}": SELLERS,
        f"{path}/{other}?account={OTHER_SELLER}": OTHERS,
        f"{path}/{live}?account=platform": {"live"},
    }
    return found | ({f"{path}/{nobody}?account=platform": {"everything"}} if nobody else {})


def _lists(a: str, b: str, nobody: str | None, seller: str, other: str, live: str) -> dict[str, set[str]]:
    of_seller, of_other = f"{SELLER}/{seller}", f"{OTHER_SELLER}/{other}"
    on_a, on_b = f"platform/{a}", f"platform/{b}"
    everything = {on_a, on_b, of_seller, of_other} | ({f"platform/{nobody}"} if nobody else set())
    return {
        "everything": everything,
        "org_a": {on_a, of_seller},
        "org_b": {on_b, of_other},
        "seller": {of_seller},
        "other": {of_other},
        "both": {of_seller},
        "live": {f"platform/{live}"},
    }


_OBJECT = ("account", "id")


def _of_customers(name: str, prefix: str, key: tuple[str, ...] = _OBJECT) -> dict[str, One | Many]:
    """Both routes of a resource of which every place has one, its id ending in the place's name."""
    path, (a, b, nobody, seller, other, live) = f"/v1/{name}", (f"{prefix}_{end}" for end in _ENDS)
    one = name.removesuffix("s").replace("-", "_")
    return {
        path: Many(ROLES, path, key, _lists(a, b, nobody, seller, other, live)),
        f"{path}/<string:{one}>": One(ROLES, f"{path}/unknown", _objects(path, a, b, nobody, seller, other, live)),
    }


def _by_customers(name: str) -> dict[str, One | Many]:
    """Both routes of a resource with a row a customer."""
    path, customers = f"/v1/{name}", ("cus_1", "cus_2", "cus_3", "cus_1", "cus_5", "cus_7")
    return {
        path: Many(ROLES, path, ("account", "customer"), _lists(*customers)),
        f"{path}/<string:customer>": One(ROLES, f"{path}/unknown", _objects(path, *customers)),
    }


def _of_accounts(name: str, prefix: str, *, account_beside: bool = True) -> dict[str, One | Many]:
    """Both routes of a resource whose rows belong to an account and to no customer."""
    path, (a, b, nobody, seller, other, live) = f"/v1/{name}", (f"{prefix}_{end}" for end in _ENDS)
    one = name.removesuffix("s").replace("-", "_")
    of_seller, of_other = f"{SELLER}/{seller}", f"{OTHER_SELLER}/{other}"
    found: dict[str, set[str]] = {
        "everything": {f"platform/{a}", f"platform/{b}", f"platform/{nobody}", of_seller, of_other},
        "org_a": set(),
        "org_b": set(),
        "seller": {of_seller},
        "other": {of_other},
        "both": set(),
        "live": {f"platform/{live}"},
    }
    seen_by = {
        f"{path}/{a}?account=platform": {"everything"},
        f"{path}/{seller}?account={SELLER}": {"everything", "seller"},
        f"{path}/{other}?account={OTHER_SELLER}": {"everything", "other"},
        f"{path}/{live}?account=platform": {"live"},
    }
    if not account_beside:
        seen_by = {thing.partition("?")[0]: who for thing, who in seen_by.items()}
    return {
        path: Many(ROLES, path, _OBJECT, found),
        f"{path}/<string:{one}>": One(ROLES, f"{path}/unknown", seen_by),
    }


def _for_what_is_sold(routes: dict[str, One | Many]) -> dict[str, One | Many]:
    """The same, where an organization may know what is on the platform and at the sellers that it buys from."""
    listed, single = routes.values()
    assert isinstance(listed, Many) and isinstance(single, One)
    platform = {row for row in listed.found["everything"] if row.startswith("platform/")}
    listed.found["org_a"] = platform | listed.found["seller"]
    listed.found["org_b"] = platform | listed.found["other"]
    listed.found["both"] = listed.found["seller"]
    for (path, seen_by), more in zip(
        single.seen_by.items(), ({"org_a", "org_b"}, {"org_a", "both"}, {"org_b"}, set()), strict=True
    ):
        single.seen_by[path] = seen_by | more
    return routes


def _of_org(name: str) -> dict[str, One | Many]:
    """The list of a resource below an organization."""
    return {f"/v1/orgs/<org:org>/{name}": One(ROLES, f"/v1/orgs/org_none/{name}", _orgs(f"/{name}"))}


_ENDS = ("a", "b", "nobody", "seller", "other", "live")
TABLE: dict[str, One | Many] = {
    "/v1/orgs": Many(
        ROLES,
        "/v1/orgs",
        ("org",),
        {
            "everything": {"org_a", "org_b"},
            "org_a": {"org_a"},
            "org_b": {"org_b"},
            "seller": {"org_a"},
            "other": {"org_b"},
            "both": {"org_a"},
            "live": {"org_live"},
        },
    ),
    "/v1/orgs/<org:org>": One(ROLES, "/v1/orgs/org_none", _orgs("")),
    "/v1/orgs/<org:org>/entitlements": One(ROLES, "/v1/orgs/org_none/entitlements", _orgs("/entitlements")),
    "/v1/orgs/<org:org>/entitlements/<path:feature>": One(
        ROLES, "/v1/orgs/org_none/entitlements/agents", _orgs("/entitlements/agents")
    ),
    "/v1/orgs/<org:org>/entitlements/<path:feature>/history": One(
        ROLES, "/v1/orgs/org_none/entitlements/agents/history", _orgs("/entitlements/agents/history")
    ),
    **{
        f"/v1/orgs/<org:org>/pass-through/{end}": One(
            ROLES, f"/v1/orgs/org_none/pass-through/{end}", _orgs(f"/pass-through/{end}")
        )
        for end in ("policies", "charges", "reservations", "budgets", "batches")
    },
    "/v1/orgs/<org:org>/overrides": One(ROLES, "/v1/orgs/org_none/overrides", _orgs("/overrides")),
    "/v1/orgs/<org:org>/subscriptions": One(ROLES, "/v1/orgs/org_none/subscriptions", _orgs("/subscriptions")),
    "/v1/orgs/<org:org>/invoices": One(ROLES, "/v1/orgs/org_none/invoices", _orgs("/invoices")),
    "/v1/customers": Many(
        ROLES, "/v1/customers", _OBJECT, _lists("cus_1", "cus_2", "cus_3", "cus_1", "cus_5", "cus_7")
    ),
    "/v1/customers/<string:customer>": One(
        ROLES,
        "/v1/customers/cus_none",
        _objects("/v1/customers", "cus_1", "cus_2", "cus_3", "cus_1", "cus_5", "cus_7"),
    ),
    "/v1/subscriptions": Many(
        ROLES, "/v1/subscriptions", _OBJECT, _lists("sub_1", "sub_2", None, "sub_1", "sub_5", "sub_7")
    ),
    "/v1/subscriptions/<string:subscription>": One(
        ROLES,
        "/v1/subscriptions/sub_none",
        _objects("/v1/subscriptions", "sub_1", "sub_2", None, "sub_1", "sub_5", "sub_7"),
    ),
    "/v1/invoices": Many(ROLES, "/v1/invoices", _OBJECT, _lists("in_1", "in_2", None, "in_9", "in_5", "in_7")),
    "/v1/invoices/<string:invoice>": One(
        ROLES, "/v1/invoices/in_none", _objects("/v1/invoices", "in_1", "in_2", None, "in_9", "in_5", "in_7")
    ),
    "/v1/orgs/<org:org>/service": One(ROLES, "/v1/orgs/org_none/service", _orgs("/service")),
    "/v1/service": Many(
        ROLES,
        "/v1/service",
        ("org", "service"),
        {
            "everything": {"org_a/platform/sub_1", f"org_a/{SELLER}/sub_1", f"org_b/{OTHER_SELLER}/sub_1"},
            "org_a": {"org_a/platform/sub_1", f"org_a/{SELLER}/sub_1"},
            "org_b": {f"org_b/{OTHER_SELLER}/sub_1"},
            "seller": set(),
            "other": set(),
            "both": set(),
            "live": {"org_live/platform/sub_1"},
        },
    ),
    "/v1/debts": Many(
        ROLES,
        "/v1/debts",
        _OBJECT,
        {
            "everything": {"platform/in_1", f"{SELLER}/in_9", f"{OTHER_SELLER}/in_5"},
            "org_a": {"platform/in_1", f"{SELLER}/in_9"},
            "org_b": {f"{OTHER_SELLER}/in_5"},
            "seller": {f"{SELLER}/in_9"},
            "other": {f"{OTHER_SELLER}/in_5"},
            "both": {f"{SELLER}/in_9"},
            "live": {"platform/in_7"},
        },
    ),
    # who sees one that was asked: tests/test_service_control.py
    "/v1/enforcements": Many(ROLES, "/v1/enforcements", ("org", "environment"), {who: set() for who in CALLERS}),
    "/v1/catalog": Many(
        ROLES,
        "/v1/catalog",
        ("account", "product"),
        {
            "everything": {
                "platform/prod_1",
                "platform/prod_2",
                f"{SELLER}/prod_9",
                f"{OTHER_SELLER}/prod_5",
            },
            "org_a": {"platform/prod_1", "platform/prod_2", f"{SELLER}/prod_9"},
            "org_b": {"platform/prod_1", "platform/prod_2", f"{OTHER_SELLER}/prod_5"},
            "seller": {f"{SELLER}/prod_9"},
            "other": {f"{OTHER_SELLER}/prod_5"},
            "both": {f"{SELLER}/prod_9"},
            "live": {"platform/prod_7"},
        },
    ),
    "/v1/catalog/<string:product>": One(
        ROLES,
        "/v1/catalog/prod_none",
        {
            "/v1/catalog/prod_1?account=platform": {"everything", "org_a", "org_b"},
            f"/v1/catalog/prod_9?account={SELLER}": SELLERS,
            f"/v1/catalog/prod_5?account={OTHER_SELLER}": OTHERS,
            "/v1/catalog/prod_7?account=platform": {"live"},
        },
    ),
    "/v1/plans": Many(
        ROLES,
        "/v1/plans",
        ("account", "plan"),
        {
            "everything": {"platform/basic", f"{SELLER}/hosting", f"{OTHER_SELLER}/storage"},
            "org_a": {"platform/basic", f"{SELLER}/hosting"},
            "org_b": {"platform/basic", f"{OTHER_SELLER}/storage"},
            "seller": {f"{SELLER}/hosting"},
            "other": {f"{OTHER_SELLER}/storage"},
            "both": {f"{SELLER}/hosting"},
            "live": {"platform/live"},
        },
    ),
    **{
        f"/v1/plans/<string:plan>{end}": One(
            ROLES,
            f"/v1/plans/none{end}",
            {
                f"/v1/plans/basic{end}": {"everything", "org_a", "org_b"},
                f"/v1/plans/hosting{end}": SELLERS,
                f"/v1/plans/storage{end}": OTHERS,
                f"/v1/plans/live{end}": {"live"},
            },
        )
        for end in ("", "/versions")
    },
    "/v1/stripe-events": Many(
        STAFF,
        "/v1/stripe-events?created_after=2025-10-09T08:53:20Z",  # since the first subscription
        _OBJECT,
        {
            "everything": {
                *(f"platform/evt_{n:04}" for n in (20, 21, 30, 31, 32, 33)),
                *(f"{SELLER}/evt_{n:04}" for n in (40, 41, 42, 43, 44)),
                *(f"{OTHER_SELLER}/evt_{n:04}" for n in (50, 51, 52, 53)),
            },
            "org_a": {"platform/evt_0020", "platform/evt_0030", *(f"{SELLER}/evt_{n:04}" for n in (42, 43, 44))},
            "org_b": {
                *(f"platform/evt_{n:04}" for n in (21, 31, 32)),
                *(f"{OTHER_SELLER}/evt_{n:04}" for n in (50, 51, 52)),
            },
            "seller": {f"{SELLER}/evt_{n:04}" for n in (40, 41, 42, 43, 44)},
            "other": {f"{OTHER_SELLER}/evt_{n:04}" for n in (50, 51, 52, 53)},
            "both": {f"{SELLER}/evt_{n:04}" for n in (42, 43, 44)},
            "live": {f"platform/evt_{n:04}" for n in (1, 2, 3, 4)},
        },
    ),
    "/v1/stripe-events/<string:event>": One(
        STAFF,
        "/v1/stripe-events/evt_none",
        _objects("/v1/stripe-events", "evt_0020", "evt_0021", "evt_0033", "evt_0043", "evt_0051", "evt_0004"),
    ),
}
TABLE |= {
    **_of_customers("payments", "pi", key=("account", "payment")),
    **_of_customers("charges", "ch"),
    **_of_customers("refunds", "re"),
    **_of_customers("disputes", "dp"),
    **_of_customers("checkouts", "cs"),
    **_of_customers("payment-methods", "pm"),
    **_of_customers("credit-notes", "cn"),
    **_of_customers("schedules", "sub_sched"),
    **_of_customers("discounts", "di"),
    **_by_customers("credit-balances"),
    **_by_customers("tax-profiles"),
    **_of_accounts("payouts", "po"),
    **_of_accounts("balance-transactions", "txn"),
    **_of_accounts("application-fees", "fee"),
    **_of_accounts("accounts", "acct", account_beside=False),
    **_for_what_is_sold(_of_accounts("meters", "mtr")),
    **_of_org("payments"),
    **_of_org("credit-notes"),
    **_of_org("checkouts"),
    **_of_org("payment-methods"),
    **_of_org("timeline"),
    **_of_org("plans"),
}
#: Routes that have no rows of anybody's: their scope has a test of its own.
APART = {
    "/v1/projections": "test_the_state_of_read_models_is_for_staff_with_unbound_keys",
    **dict.fromkeys(
        (
            "/v1/quarantine",
            "/v1/quarantine/counts",
            "/v1/quarantine/<string:item>",
            "/v1/quarantine/<string:item>/release",
            "/v1/quarantine/<string:item>/dismiss",
        ),
        "test_what_is_set_aside_is_for_staff_with_unbound_keys",
    ),
    **dict.fromkeys(
        (
            *(f"/v1/acts/{name}" for name in SERVED),
            "/v1/audit",
            "/v1/approvals",
            "/v1/approvals/<string:approval>",
            "/v1/approvals/<string:approval>/approve",
            "/v1/approvals/<string:approval>/reject",
        ),
        "test_acts_approvals_and_the_audit_are_for_staff_with_unbound_keys",
    ),
    **dict.fromkeys(
        (
            "/v1/orgs/<org:org>/pass-through/batches/<string:batch>",
            "/v1/orgs/<org:org>/pass-through/batches/<string:batch>/charges",
            "/v1/orgs/<org:org>/pass-through/reservations/<string:reservation>/settle",
            "/v1/orgs/<org:org>/pass-through/reservations/<string:reservation>/release",
            "/v1/orgs/<org:org>/pass-through/budgets/acknowledge",
        ),
        "test_pass_through_is_of_its_organization_alone",
    ),
    "/v1/orgs/<org:org>/checks": "test_a_check_is_scoped_like_the_entitlement_that_it_checks",
    **dict.fromkeys(
        (
            "/v1/keys",
            "/v1/keys/<string:key_id>",
            "/v1/keys/<string:key_id>/rotate",
            "/v1/keys/<string:key_id>/revoke",
        ),
        "test_keys_are_for_auditors_and_admins_with_unbound_keys",
    ),
}
APART |= dict.fromkeys(
    (
        "/v1/endpoints",
        "/v1/endpoints/<string:endpoint>",
        "/v1/deliveries",
        "/v1/deliveries/<string:delivery>",
    ),
    "test_endpoints_and_deliveries_are_for_staff_with_unbound_keys",
)
APART |= dict.fromkeys(
    (
        "/v1/observations",
        "/v1/observations/<string:observation>",
        "/v1/event-coverage",
        "/v1/drift",
        "/v1/reconciliations",
        "/v1/reconciliations/<string:reconciliation>",
    ),
    "test_what_is_compared_with_stripe_is_for_staff_with_unbound_keys",
)
APART["/v1/service-policies"] = "test_service_policies_are_for_staff_with_unbound_keys"
HOSTED = ("environments", "hosting-invoices", "environments/accruals", "environments/spending-limit")
HOSTED_OF_MONTH = ("environments/invoice?month=2028-01", "environments/breakdown?by=day")
APART |= dict.fromkeys(
    (
        *("/v1/environments", "/v1/environments/<string:environment>", "/v1/placements", "/v1/rate-cards"),
        *("/v1/hosting-invoices", "/v1/hosting-invoices/<string:invoice>", "/v1/cost-events"),
        *(f"/v1/orgs/<org:org>/{end.partition('?')[0]}" for end in (*HOSTED, *HOSTED_OF_MONTH)),
    ),
    "test_hosting_is_of_its_organization_alone",
)
APART |= dict.fromkeys(("/v1/calls", "/v1/calls/<string:call>"), "test_calls_are_for_staff_with_unbound_keys")
APART["/v1/tax-terms"] = "test_tax_terms_are_for_staff_with_unbound_keys"
BILLED = (
    "customer", "billing-contact", "setup-intents", "checkouts", "setup-checkouts", "payment-requests",
    "portal-sessions", "checkout-tokens", "payment-methods/<string:payment_method>/attach",
    "payment-methods/<string:payment_method>/detach", "payment-methods/<string:payment_method>/default",
    "checkouts/<string:session>/expire", "checkouts/<string:session>/look", "charges/<string:charge>/receipt",
)  # fmt: skip
LINKS = ("/v1/payment-links", "/v1/payment-links/<string:link>/close")
APART |= dict.fromkeys(
    (*(f"/v1/orgs/<org:org>/{end}" for end in BILLED if end != "checkouts"), *LINKS),
    "test_a_key_bills_its_own_organization_alone",
)
OF_MONEY = {
    "commitments": {"plan": "pro"},
    "subscriptions": {"plan": "pro"},
    "invoice-preview": {},
    "invoices/<string:invoice>/credit-notes": {"amount_minor": 5, "reason": "duplicate"},
    **{f"invoices/<string:invoice>/{end}": {} for end in ("finalize", "mark-uncollectible", "pay", "send", "void")},
    "invoices/<string:invoice>/pages": None,
    "payments/<string:payment_intent>/refunds": {},
    **{
        f"subscriptions/<string:subscription>/{end}": {}
        for end in ("cancel", "change", "keep", "pause", "resume", "trial")
    },
}
"""What is asked of Stripe about an organization's money -> the body; None: it is read."""
APART |= dict.fromkeys(
    (f"/v1/orgs/<org:org>/{end}" for end in OF_MONEY if end != "subscriptions"),
    "test_a_key_moves_its_own_organizations_money_alone",
)
APART["/v1/balance"] = "test_the_balance_is_for_staff_with_unbound_keys"
APART |= dict.fromkeys(
    ("/v1/issuances", "/v1/issuances/<string:issuance>"), "test_issuances_are_of_their_organization_alone"
)
APART |= dict.fromkeys(
    ("/v1/launch", "/v1/reviews", "/v1/incidents"), "test_launch_and_reviews_are_for_staff_with_unbound_keys"
)
APART |= dict.fromkeys(("/v1/setups", "/v1/orgs/<org:org>/setups"), "test_setups_are_of_their_organization_alone")
#: Without a key: the tokens that checkouts need are in tests/test_stripe_checkout.py.
OPEN = {"/healthz", "/readyz", "/openapi.json", "/docs", "/publishable-key", "/checkout/<string:plan>"}


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with market(server, template) as made:
        yield made


def staff_key(world: World, who: str) -> str:
    return world.key("operator", **CALLERS[who])


def seen(response: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Everything that an asker could tell two answers apart by."""
    return response.status_code, response.data, sorted(response.headers)


def test_every_route_has_a_scope_test(world: World) -> None:
    rules = {r.rule for r in world.app.url_map.iter_rules()}
    totals = {r for r in rules if r.endswith("/totals") and r.removesuffix("/totals") in TABLE}
    assert rules == {*TABLE, *APART, *OPEN, *totals}
    assert all(name in globals() for name in APART.values())


@pytest.mark.parametrize("rule", [r for r, row in TABLE.items() if isinstance(row, One)])
@pytest.mark.parametrize("who", CALLERS)
def test_a_foreign_thing_answers_exactly_like_an_unknown_one(world: World, rule: str, who: str) -> None:
    row = TABLE[rule]
    assert isinstance(row, One)
    key = staff_key(world, who)
    unknown = seen(world.ask(row.unknown, key))
    assert unknown[0] == 404
    for path, seen_by in row.seen_by.items():
        response = world.ask(path, key)
        if who in seen_by:
            assert response.status_code == 200, path
            world.conforms(path, response.json)
        else:
            assert seen(response) == unknown, path


@pytest.mark.parametrize("rule", [r for r, row in TABLE.items() if isinstance(row, Many)])
@pytest.mark.parametrize("who", CALLERS)
def test_a_list_holds_what_the_key_may_see_and_nothing_else(world: World, rule: str, who: str) -> None:
    row = TABLE[rule]
    assert isinstance(row, Many)
    listed = world.read(row.path, staff_key(world, who))["data"]
    assert {"/".join(entry[k] for k in row.key) for entry in listed} == row.found[who]
    assert len(listed) == len(row.found[who])


@pytest.mark.parametrize("rule", TABLE)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_ask_what_its_row_of_the_table_says(world: World, rule: str, role: str) -> None:
    row = TABLE[rule]
    path = row.path if isinstance(row, Many) else next(iter(row.seen_by))
    response = world.ask(path, world.key(role))
    if role in row.roles:
        assert response.status_code == 200
    else:
        assert (response.status_code, response.json["code"]) == (403, "forbidden")
        unknown = row.unknown if isinstance(row, One) else row.path
        assert seen(response) == seen(world.ask(unknown, world.key(role)))


@pytest.mark.parametrize("rule", [*TABLE, "/v1/projections"])
def test_without_a_valid_key_every_route_answers_alike(world: World, rule: str) -> None:
    path = rule.replace("<string:", "x").replace("<path:", "x").replace("<org:", "x").replace(">", "")
    nothing = seen(world.ask(path))
    assert nothing[0] == 401
    unknown_key = world.ask(path, "rk_test_unknown")
    assert unknown_key.headers["WWW-Authenticate"].startswith("Bearer")
    assert seen(unknown_key) == nothing
    assert seen(world.ask(path, "sk_test_of_stripe")) == nothing
    assert seen(world.ask(path, Authorization="Basic !!!")) == nothing
    assert seen(world.ask(path + "?bogus=1")) == nothing


@pytest.mark.parametrize("role", ROLES)
def test_totals_are_for_those_who_may_list_the_rows(world: World, role: str) -> None:
    """What the totals hold for whom is in test_api_totals."""
    key = world.key(role)
    routes = [p for p in world.document["paths"] if p.endswith("/totals")]
    assert routes
    for path in (r.replace("{org}", "org_a") for r in routes):
        listed = path.removesuffix("/totals")
        assert world.ask(path, key).status_code == world.ask(listed, key).status_code
        assert seen(world.ask(path)) == seen(world.ask(listed))


def test_a_key_is_taken_as_the_user_name_of_basic_too(world: World) -> None:
    key = world.key("service")
    basic = base64.b64encode(f"{key}:".encode()).decode()
    assert world.ask("/v1/orgs", Authorization=f"Basic {basic}").json == world.read("/v1/orgs", key)


def test_pass_through_is_of_its_organization_alone(world: World) -> None:
    """Who may spend is in `test_api_passthrough`; a batch that is another's is answered like one that is not there."""
    for bounds in ({}, {"org": "org_a"}, {"org": "org_b"}, {"account": SELLER}):
        for end in ("2025-10.1", "2025-10.1/charges"):
            response = world.ask(f"/v1/orgs/org_a/pass-through/batches/{end}", world.key("dashboard", **bounds))
            assert (response.status_code, response.json["code"]) == (404, "not_found")
    for end in ("reservations/r1/settle", "reservations/r1/release", "budgets/acknowledge"):
        foreign = world.post(f"/v1/orgs/org_a/pass-through/{end}", {}, world.key("service", org="org_b"))
        assert (foreign.status_code, foreign.json["code"]) == (404, "not_found")
        reading = world.post(f"/v1/orgs/org_a/pass-through/{end}", {}, world.key("dashboard", org="org_a"))
        assert (reading.status_code, reading.json["code"]) == (403, "forbidden")


def test_hosting_is_of_its_organization_alone(world: World) -> None:
    made = {"org": "org_a", "name": "production", "reason": "they asked"}
    done = world.post("/v1/acts/create_environment", made, world.key("operator"), "scope-environment")
    environment = done.json["events"][0]["environment"]
    placed = {"kind": "namespace", "id": "ns", "environment": environment, "at_s": 0, "reason": "they asked"}
    assert world.post("/v1/acts/place", placed, world.key("operator"), "scope-place").status_code == 200
    world.project()
    for who in CALLERS:
        key, mine = staff_key(world, who), who in ("everything", "org_a")
        for path in ("/v1/environments", "/v1/placements"):
            assert bool(world.read(path, key)["data"]) is mine, (who, path)
        one = world.ask(f"/v1/environments/{environment}", key)
        unknown = world.ask("/v1/environments/env_none", key)
        assert one.status_code == 200 if mine else seen(one) == seen(unknown)
        assert world.ask("/v1/hosting-invoices/hin_none", key).status_code == 404
        assert world.read("/v1/hosting-invoices", key)["data"] == []
        assert world.read("/v1/rate-cards", key)["data"] == []
        for end in (*HOSTED, *HOSTED_OF_MONTH):
            answered = world.ask(f"/v1/orgs/org_a/{end}", key)
            assert answered.status_code == (200 if mine else 404), (who, end)
            assert world.ask(f"/v1/orgs/org_none/{end}", key).status_code == 404
    for role in ROLES:
        for who, bounds in CALLERS.items():
            may = role in ("service", "operator", "admin") and not {"org", "account"} & bounds.keys()
            answered = world.post("/v1/cost-events", {"events": []}, world.key(role, **bounds))
            assert answered.status_code == (422 if may else 403), (role, who)


@pytest.mark.parametrize("path", ["/v1/endpoints", "/v1/deliveries"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("bounds", [{}, {"org": "org_a"}, {"account": SELLER}])
def test_endpoints_and_deliveries_are_for_staff_with_unbound_keys(
    world: World, path: str, role: str, bounds: dict[str, str]
) -> None:
    """What acts on them come to, and those of the other mode: tests/test_notices.py."""
    key = world.key(role, **bounds)
    may = role in STAFF and not bounds
    assert world.ask(path, key).status_code == (200 if may else 403)
    assert world.ask(f"{path}/none", key).status_code == (404 if may else 403)


@pytest.mark.parametrize("path", ["/v1/observations", "/v1/event-coverage", "/v1/drift", "/v1/reconciliations"])
@pytest.mark.parametrize("bounds", [{}, {"org": "org_a"}, {"account": SELLER}])
@pytest.mark.parametrize("role", ROLES)
def test_what_is_compared_with_stripe_is_for_staff_with_unbound_keys(
    world: World, path: str, role: str, bounds: dict[str, str]
) -> None:
    """The rows of the other mode: tests/test_reconcile_api.py."""
    key = world.key(role, **bounds)
    may = role in STAFF and not bounds
    assert world.ask(path, key).status_code == (200 if may else 403)
    if path in ("/v1/observations", "/v1/reconciliations"):
        assert world.ask(f"{path}/none", key).status_code == (404 if may else 403)


@pytest.mark.parametrize("path", ["/v1/launch", "/v1/reviews", "/v1/incidents?org=org_a"])
def test_launch_and_reviews_are_for_staff_with_unbound_keys(world: World, path: str) -> None:
    for role in ROLES:
        allowed = role in ("operator", "auditor", "admin")
        assert world.ask(path, world.key(role)).status_code == (200 if allowed else 403)
        for bound in ({"org": "org_a"}, {"account": SELLER}):
            assert world.ask(path, world.key(role, **bound)).status_code == 403
    world.read(path, world.key("operator"))


def test_setups_are_of_their_organization_alone(world: World) -> None:
    for path in ("/v1/setups", "/v1/orgs/org_a/setups"):
        assert world.ask(path, world.key("service", org="org_a")).status_code == 200
    for who in ({"org": "org_b"}, {"account": "acct_nobody"}):
        assert world.ask("/v1/orgs/org_a/setups", world.key("service", **who)).status_code == 404
    assert world.read("/v1/setups", world.key("operator", account=SELLER))["data"] == []


def test_service_policies_are_for_staff_with_unbound_keys(world: World) -> None:
    for role in ROLES:
        for bounds in ({}, {"org": "org_a"}, {"account": SELLER}):
            response = world.ask("/v1/service-policies", world.key(role, **bounds))
            assert response.status_code == (200 if role in STAFF and not bounds else 403)


def test_the_state_of_read_models_is_for_staff_with_unbound_keys(world: World) -> None:
    allowed = {role: world.ask("/v1/projections", world.key(role)).status_code for role in ROLES}
    assert allowed == {"service": 403, "dashboard": 403, "operator": 200, "auditor": 200, "admin": 200}
    for who in ("org_a", "seller", "both"):
        assert world.ask("/v1/projections", staff_key(world, who)).status_code == 403
    world.read("/v1/projections", staff_key(world, "live"))


@pytest.mark.parametrize("end", ["", "/counts", "/platform:evt_0033", "/platform:evt_0033/release"])
def test_what_is_set_aside_is_for_staff_with_unbound_keys(world: World, end: str) -> None:
    """What each role may do there: tests/test_api_quarantine.py."""
    acts = end.endswith("/release")
    for role in ROLES:
        for bounds in ({}, {"org": "org_a"}, {"account": SELLER}):
            client, headers = world.app.test_client(), {"Authorization": f"Bearer {world.key(role, **bounds)}"}
            path = f"/v1/quarantine{end}"
            response = client.post(path, headers=headers) if acts else client.get(path, headers=headers)
            may = role in (("operator", "admin") if acts else STAFF) and not bounds
            assert (response.status_code != 403) is may, (path, role, bounds)


def _post(world: World, path: str, key: str | None, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    return world.app.test_client().post(path, json=body, headers=headers)


@pytest.mark.parametrize("who", CALLERS)
def test_a_check_is_scoped_like_the_entitlement_that_it_checks(world: World, who: str) -> None:
    body = {"feature": "agents"}
    for role in ROLES:
        key = world.key(role, **CALLERS[who])
        unknown = seen(_post(world, "/v1/orgs/org_none/checks", key, body))
        for path, seen_by in _orgs("").items():
            response = _post(world, f"{path}/checks", key, body)
            if who in seen_by:
                assert response.status_code == 200
                assert response.json["allowed"] is world.ask(f"{path}/entitlements/agents", key).json["granted"]
            else:
                assert seen(response) == unknown and unknown[0] == 404
    nothing = seen(_post(world, "/v1/orgs/org_a/checks", None, body))
    assert nothing == seen(world.ask("/v1/orgs/org_a/entitlements/agents"))


@pytest.mark.parametrize(
    "path", [*(f"/v1/acts/{n}" for n in SERVED), "/v1/audit", "/v1/approvals", "/v1/approvals/apr_none/approve"]
)
def test_acts_approvals_and_the_audit_are_for_staff_with_unbound_keys(world: World, path: str) -> None:
    """What each comes to, and what is of the other mode: tests/test_api_acts.py."""
    acts = path.startswith("/v1/acts") or path.endswith("/approve")
    who = STAFF if not acts else ("admin",) if path.endswith("_key") else ("operator", "admin")
    who = ("service", *who) if path.endswith("acknowledge_enforcement") else who
    for role in ROLES:
        for bounds in ({}, {"org": "org_a"}, {"account": SELLER}, {"org": "org_a", "account": SELLER}):
            key = world.key(role, **bounds)
            response = world.post(path, {}, key) if acts else world.ask(path, key)
            assert (response.status_code != 403) is (role in who and not bounds), (path, role, bounds)


@pytest.mark.parametrize("end", ["", "/key_none", "/key_none/rotate", "/key_none/revoke"])
def test_keys_are_for_auditors_and_admins_with_unbound_keys(world: World, end: str) -> None:
    """What acts on keys come to, and those of the other mode: tests/test_keys_of_the_api.py."""
    for role in ROLES:
        for bounds in ({}, {"org": "org_a"}, {"account": SELLER}, {"org": "org_a", "account": SELLER}):
            path, key = f"/v1/keys{end}", world.key(role, **bounds)
            if end in ("", "/key_none"):
                may = role in ("auditor", "admin") and not bounds
                assert (world.ask(path, key).status_code != 403) is may, (path, role, bounds)
            if end != "/key_none":
                may = role == "admin" and not bounds
                assert (world.post(path, {}, key).status_code != 403) is may, (path, role, bounds)


def test_without_a_valid_key_every_act_answers_alike(world: World) -> None:
    acts = [r.rule for r in world.app.url_map.iter_rules() if "POST" in (r.methods or ()) and r.rule not in OPEN]
    assert {"/v1/keys", "/v1/quarantine/<string:item>/release"} <= set(acts)
    for rule in acts:
        path = re.sub(r"<\w+:\w+>", "x", rule)
        nothing = seen(world.app.test_client().post(path))
        assert nothing[0] == 401, rule
        assert seen(world.post(path, {"reason": "x"}, "rk_test_unknown")) == nothing
        assert seen(world.post(f"{path}?bogus=1", {}, "rk_test_unknown")) == nothing


@pytest.mark.parametrize("bounds", [{}, {"org": "org_a"}, {"account": SELLER}])
@pytest.mark.parametrize("role", ROLES)
def test_calls_are_for_staff_with_unbound_keys(world: World, role: str, bounds: dict[str, str]) -> None:
    key = world.key(role, **bounds)
    may = role in STAFF and not bounds
    assert world.ask("/v1/calls", key).status_code == (200 if may else 403)
    assert world.ask("/v1/calls/none", key).status_code == (404 if may else 403)


@pytest.mark.parametrize("bounds", [{}, {"org": "org_a"}, {"account": SELLER}])
@pytest.mark.parametrize("role", ROLES)
def test_tax_terms_are_for_staff_with_unbound_keys(world: World, role: str, bounds: dict[str, str]) -> None:
    may = role in STAFF and not bounds
    assert world.ask("/v1/tax-terms", world.key(role, **bounds)).status_code == (200 if may else 403)


@pytest.mark.parametrize("end", BILLED)
def test_a_key_bills_its_own_organization_alone(world: World, end: str) -> None:
    """What billing comes to, where Stripe is asked: tests/test_stripe_customers.py, tests/test_stripe_checkout.py."""
    back = {"success_url": "https://a.example", "return_url": "https://a.example", "currency": "eur"}
    body = {**back, "plan": "pro", "email": "a@b.example", "amount_minor": 5, "description": "x"}
    path = re.sub(r"<\w+:\w+>", "x_1", end)
    asked = BODIES.get(end, ())

    def ask(org: str, key: str) -> int:
        if end.endswith("/receipt"):
            return int(world.ask(f"/v1/orgs/{org}/{path}", key).status_code)
        return int(world.post(f"/v1/orgs/{org}/{path}", {k: body[k] for k in asked}, key).status_code)

    for role in ("dashboard", "auditor"):
        if not end.endswith("/receipt"):
            assert ask("org_a", world.key(role)) == 403
    mine = world.key("service", org="org_a", person=None)
    assert ask("org_b", mine) == 404
    # of one's own it comes as far as asking Stripe, for which this world has no key; a token asks nothing of it
    assert ask("org_a", mine) == (200 if end == "checkout-tokens" else 404 if end == "checkouts" else 409)
    for rule in LINKS:
        its = rule.replace("<string:link>", "plink_1")
        assert world.post(its, {"plan": "pro"} if its == rule else {}, mine).status_code == 403


@pytest.mark.parametrize("end", OF_MONEY)
def test_a_key_moves_its_own_organizations_money_alone(world: World, end: str) -> None:
    """What comes of it where Stripe is asked: tests/test_stripe_subscriptions.py, tests/test_issuing.py."""
    body, path = OF_MONEY[end], re.sub(r"<\w+:\w+>", "x_1", end)

    def ask(org: str, key: str) -> int:
        whole = f"/v1/orgs/{org}/{path}"
        return int((world.ask(whole, key) if body is None else world.post(whole, body, key)).status_code)

    assert ask("org_a", world.key("dashboard")) == 403
    if body is not None:
        assert ask("org_a", world.key("auditor")) == 403
    mine = world.key("service", org="org_a", person=None)
    assert ask("org_b", mine) == 404
    # of one's own it comes as far as Stripe, or as what it is about: this world has no key, and sells no such plan
    assert ask("org_a", mine) == (404 if body == {"plan": "pro"} else 409)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("bounds", [{}, {"org": "org_a"}, {"account": SELLER}])
def test_the_balance_is_for_staff_with_unbound_keys(world: World, role: str, bounds: dict[str, str]) -> None:
    may = role in STAFF and not bounds
    assert world.ask("/v1/balance", world.key(role, **bounds)).status_code == (409 if may else 403)  # no Stripe key


@pytest.mark.parametrize("role", ROLES)
def test_issuances_are_of_their_organization_alone(world: World, role: str) -> None:
    """Who sees one that was asked: tests/test_issuing.py."""
    key = world.key(role, org="org_b")
    assert world.ask("/v1/issuances", key).json["data"] == []
    assert world.ask("/v1/issuances/none", key).status_code == 404


BODIES = {
    "billing-contact": ("email",),
    "checkouts": ("plan", "success_url"),
    "setup-checkouts": ("currency", "success_url"),
    "payment-requests": ("amount_minor", "currency", "description", "success_url"),
    "portal-sessions": ("return_url",),
    "checkout-tokens": ("success_url",),
}


def test_a_revoked_key_is_refused_within_a_second(world: World) -> None:
    key, key_id = world.issue("admin", None, None, "test")
    assert world.ask("/v1/orgs/org_a/entitlements/agents", key).status_code == 200
    world.revoke(key_id)
    revoked_at = time.monotonic()
    while world.ask("/v1/orgs/org_a/entitlements/agents", key).status_code == 200:
        assert time.monotonic() - revoked_at < 1.0
        time.sleep(0.02)
    response = world.ask("/v1/orgs/org_a/entitlements/agents", key)
    assert seen(response) == seen(world.ask("/v1/orgs/org_a/entitlements/agents", "rk_test_unknown"))


def test_an_unknown_role_may_ask_nothing(world: World) -> None:
    key, _ = world.issue("janitor", None, None, "test")
    assert {world.ask(row.path, key).status_code for row in TABLE.values() if isinstance(row, Many)} == {403}


def test_a_seller_sees_an_organization_as_if_nobody_else_sold_to_it(world: World) -> None:
    whole = world.read("/v1/orgs/org_a")
    theirs = world.read("/v1/orgs/org_a", staff_key(world, "seller"))
    assert whole["subscriptions"] == {"active": 2} and whole["accounts"] == [SELLER, "platform"]
    assert theirs["subscriptions"] == {"active": 1} and theirs["accounts"] == [SELLER]
    assert theirs["customers"] == [{"account": SELLER, "customer": "cus_1", "claimed_by": "operator"}]
    listed = world.read("/v1/orgs", staff_key(world, "seller"))["data"]
    assert listed == [{k: v for k, v in theirs.items() if k not in ("position", "as_of")}]


def test_a_seller_sees_no_entitlement_that_another_account_sold(world: World) -> None:
    key = staff_key(world, "seller")
    agents = world.read("/v1/orgs/org_a/entitlements/agents", key)
    hosting = world.read("/v1/orgs/org_a/entitlements/hosting", key)
    assert (agents["granted"], agents["state"], agents["sources"]) == (False, "none", [])
    assert hosting["granted"] and {s["account"] for s in hosting["sources"]} == {SELLER}
    listed = world.read("/v1/orgs/org_a/entitlements", key)["data"]
    assert [e["feature"] for e in listed] == ["hosting"]
    assert set(listed[0]) == set(ENTITLEMENT._declared_fields)


def test_a_seller_needs_not_say_whose_object_it_means(world: World) -> None:
    mine = world.read("/v1/customers/cus_1", staff_key(world, "seller"))
    assert mine["account"] == SELLER
    assert world.read("/v1/customers/cus_1", staff_key(world, "everything"))["account"] == "platform"


def test_the_hot_way_answers_as_flask_does(world: World) -> None:
    """The way around Flask is the same in every respect that an asker can see."""
    paths = [
        "/v1/orgs/org_a/entitlements/agents",
        "/v1/orgs/org_a/entitlements/nobody-granted-this",
        "/v1/orgs/org_b/entitlements/agents",
        "/v1/orgs/org_none/entitlements/agents",
        "/v1/orgs/org_a/entitlements/a/b",
        "/v1/orgs/org_a/entitlements/",
        "/v1/orgs//entitlements/agents",
        "/v1/orgs/org_a/entitlements/caf%C3%A9",
        "/v1/orgs/org_a/entitlements/%00",
    ]
    keys = [None, "rk_test_unknown", world.key("service"), *(staff_key(world, who) for who in CALLERS)]
    tag = world.ask(paths[0], world.key("service")).headers["ETag"]
    hot = world.app.wsgi_app

    def answers() -> list[Any]:
        plain = [seen(world.ask(path, key)) for path in paths for key in keys]
        return [*plain, seen(world.ask(paths[0], world.key("service"), If_None_Match=tag))]

    around = answers()
    world.app.wsgi_app = hot.flask  # type: ignore[attr-defined,method-assign]
    try:
        through = answers()
    finally:
        world.app.wsgi_app = hot  # type: ignore[method-assign]
    assert around == through
    assert {status for status, *_ in around} == {200, 304, 401, 404}


def test_a_sellers_cursor_holds_nothing_of_other_accounts(world: World) -> None:
    """Its pages are made of its own rows alone: no feature of another account comes between them."""
    key = staff_key(world, "seller")
    page = world.read("/v1/orgs/org_a/entitlements?limit=1", key)
    assert ([e["feature"] for e in page["data"]], page["next_cursor"]) == (["hosting"], None)
