"""Totals: by currency, exact, and never anything but the sum of the rows that the same question lists."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from api_world import OTHER_SELLER, SELLER, World, empty_world, market
from samples import T, customer, event, invoice

from api.postgres import EmbeddedPostgres

CALLERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "org_a": {"org": "org_a"},
    "org_b": {"org": "org_b"},
    "seller": {"account": SELLER},
    "other": {"account": OTHER_SELLER},
    "both": {"org": "org_a", "account": SELLER},
    "live": {"mode": "live"},
}


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with market(server, template) as made:
        yield made


@pytest.fixture
def fresh_world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        yield made


def rows(world: World, path: str, key: str) -> list[dict[str, Any]]:
    """Every row of a list, page by page."""
    found, cursor = [], ""
    beside = "&" if "?" in path else "?"
    while cursor is not None:
        page = world.read(f"{path}{beside}limit=2" + (f"&cursor={cursor}" if cursor else ""), key)
        found += page["data"]
        cursor = page["next_cursor"]
    return found


def summed(entries: list[dict[str, Any]], money: list[str]) -> list[dict[str, Any]]:
    """What the totals of these rows must be, counted here."""
    by_currency: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_currency[entry["currency"]].append(entry)
    return [
        {"currency": c, "count": len(of), **{m: sum(e[m] or 0 for e in of) for m in money}}
        for c, of in sorted(by_currency.items(), key=lambda item: (item[0] is None, item[0] or ""))
    ]


def test_totals_add_up_to_the_rows_for_every_caller(world: World) -> None:
    routes = [p for p in world.document["paths"] if p.endswith("/totals")]
    assert {"/v1/invoices/totals", "/v1/orgs/{org}/invoices/totals"} <= set(routes)
    counted = 0
    for route in routes:
        for bounds in CALLERS.values():
            key = world.key("operator", **bounds)
            for org in ("org_a", "org_b", "org_none") if "{org}" in route else ("",):
                path = route.replace("{org}", org)
                listed = path.removesuffix("/totals")
                if world.ask(path, key).status_code == 404:
                    unknown = world.ask(route.replace("{org}", "org_none"), key)
                    assert world.ask(path, key).data == unknown.data
                    assert world.ask(listed, key).status_code == 404
                    continue
                totals = world.read(path, key)["data"]
                entries = rows(world, listed, key)
                money = [m for m in (totals[0] if totals else {}) if m.endswith("_minor")]
                assert totals == summed(entries, money), path
                counted += len(entries)
    assert counted > 10


@pytest.mark.parametrize(
    "asked",
    [
        "status=paid",
        "status=open&account=platform",
        "org=org_a",
        "currency=usd",
        "customer=cus_5",
        "account=acct_seller",
    ],
)
def test_totals_are_under_the_filters_of_the_list(world: World, asked: str) -> None:
    totals = world.read(f"/v1/invoices/totals?{asked}")["data"]
    entries = rows(world, f"/v1/invoices?{asked}", world.key())
    assert totals == summed(entries, [m for m in (totals[0] if totals else {}) if m.endswith("_minor")])
    assert bool(totals) == (asked != "currency=usd")


def test_currencies_are_apart_and_sums_are_exact_however_large(fresh_world: World) -> None:
    """Given amounts near the end of what a column holds, when totaled, then no digit is lost."""
    world, most = fresh_world, 2**63 - 1
    amounts = [("eur", most), ("eur", most), ("eur", 1), ("jpy", -5), ("jpy", 3), ("kwd", 1_000)]
    world.tell(event(1, "customer.created", customer("cus_1", org="org_a")))
    world.tell(
        *(
            event(n + 2, "invoice.finalized", invoice(f"in_{n}", currency=c, total=a, amount_due=a), at=T)
            for n, (c, a) in enumerate(amounts)
        )
    )
    world.project()
    found = {t["currency"]: (t["count"], t["total_minor"]) for t in world.read("/v1/invoices/totals")["data"]}
    assert found == {"eur": (3, 2 * most + 1), "jpy": (2, -2), "kwd": (1, 1_000)}
    text = world.ask("/v1/orgs/org_a/invoices/totals", world.key(), Accept="text/csv").text
    assert str(2 * most + 1) in text.splitlines()[1].split(",")


def test_totals_wait_and_say_how_fresh_they_are(fresh_world: World) -> None:
    world = fresh_world
    at = world.happens("invoice.finalized", invoice("in_1"))
    totals = world.read(f"/v1/invoices/totals?min_position={at}")
    assert totals["position"] >= at and totals["next_cursor"] is None
    assert world.ask("/v1/invoices/totals?limit=5", world.key()).json["code"] == "invalid_query"
