"""CSV: lists as a spreadsheet takes them, the same rows as in JSON, and nothing in them that runs."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from api_world import World, empty_world, market
from samples import T, customer, event

from api.accepting import preferred
from api.postgres import EmbeddedPostgres
from api.spreadsheet import cell

CSV = "text/csv"
JSON_FIRST = ("application/json", CSV)


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with market(server, template) as made:
        yield made


@pytest.fixture
def fresh_world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        yield made


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def as_cells(entry: dict[str, Any]) -> dict[str, str]:
    return {name: cell(value) for name, value in entry.items()}


# ---- what is answered ------------------------------------------------------------------------


def test_every_list_is_answered_as_csv_with_the_rows_of_its_json(world: World) -> None:
    seen = 0
    for path in paths_of_lists(world):
        for key in (world.key("admin"), world.key("auditor")):
            # given
            content = world.read(path, key)
            # when
            response = world.ask(path, key, Accept=CSV)
            # then
            assert response.status_code == 200, path
            assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
            assert lines(response.text) == [as_cells(e) for e in content["data"]], path
            assert response.text.endswith("\r\n") and "sealed:1:" not in response.text
            seen += len(content["data"])
    assert seen > 50


def paths_of_lists(world: World) -> list[str]:
    """Every list of the document, those of an organization as of `org_a`."""
    found = []
    for path, item in world.document["paths"].items():
        if "get" not in item:
            continue
        kinds = item["get"]["responses"]["200"].get("content", {})
        if CSV in kinds:
            of_org = path.replace("{org}", "org_a").replace("{plan}", "basic")
            if "{" not in of_org:  # what is listed of one thing of a subject: in the subject's own tests
                found.append(of_org)
        else:
            assert "next_cursor" not in json.dumps(kinds) and not path.endswith("s/totals"), path
    return found


def test_a_list_without_rows_still_names_its_columns(world: World) -> None:
    response = world.ask("/v1/invoices?currency=usd", world.key(), Accept=CSV)
    first, *rest = response.text.split("\r\n")
    assert first.startswith("account,id,org,customer,subscription,status") and rest == [""]


def test_the_next_page_is_a_link_that_keeps_the_filters(world: World) -> None:
    # given
    path: str | None = "/v1/stripe-events?type=customer.*&limit=3&created_after=2020-01-01T00:00:00%2B02:00"
    whole = world.read("/v1/stripe-events?type=customer.*&limit=100")["data"]
    # when
    found: list[str] = []
    pages = 0
    while path is not None:
        response = world.ask(path, world.key(), Accept=CSV)
        assert response.status_code == 200, response.text
        found += [line["id"] for line in lines(response.text)]
        link = response.headers.get("Link")
        assert link is None or (link.startswith("</v1/stripe-events?") and link.endswith('>; rel="next"'))
        path = link.partition(">")[0][1:] if link else None
        pages += 1
    # then
    assert found == [e["id"] for e in whole]
    assert pages == -(-len(whole) // 3)


def test_csv_is_as_fresh_and_as_private_as_json_and_not_sent_twice(world: World) -> None:
    # given
    key = world.key()
    plain = world.ask("/v1/customers", key)
    first = world.ask("/v1/customers", key, Accept=CSV)
    # then
    for name in ("Recount-Position", "Recount-As-Of", "Cache-Control", "X-Content-Type-Options"):
        assert first.headers[name] == plain.headers[name]
    assert first.headers["Vary"] == plain.headers["Vary"] == "Authorization, Accept"
    assert first.headers["ETag"] != plain.headers["ETag"]
    # when
    again = world.ask("/v1/customers", key, Accept=CSV, If_None_Match=first.headers["ETag"])
    # then
    assert (again.status_code, again.data) == (304, b"")


def test_personal_fields_are_in_csv_what_they_are_in_json(world: World) -> None:
    path = "/v1/customers?org=org_a&account=platform"
    (open_line,) = lines(world.ask(path, world.key("operator"), Accept=CSV).text)
    (closed,) = lines(world.ask(path, world.key("dashboard"), Accept=CSV).text)
    assert (open_line["name"], open_line["sealed"]) == ("Ada Lovelace", "[]")
    assert (closed["name"], closed["sealed"]) == ("", '["name","email","phone"]')


def test_a_problem_stays_a_problem(world: World) -> None:
    for path, status in (("/v1/customers?limit=0", 422), ("/v1/orgs/org_none/invoices", 404)):
        response = world.ask(path, world.key(), Accept=CSV)
        assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")


# ---- what is asked for -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/csv", CSV),
        ("TEXT/CSV; header=present", CSV),
        ("text/*", CSV),
        ("text/csv, application/json", "application/json"),
        ("text/csv;q=0.9, application/json;q=0.8", CSV),
        ("text/csv;q=0.8, application/json;q=0.9", "application/json"),
        ("text/csv, */*;q=0.1", CSV),
        ("*/*, application/json;q=0", CSV),
        ("text/*;q=1, text/csv;q=0, */*;q=0.2", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json;q=0, text/csv;q=0", None),
        ("text/csv;q=0", None),
        ("text/html", None),
        ("application/vnd.ms-excel", None),
        ("text/csv;q=high", None),
        ("text/csv;q=7", None),
        ("text", None),
        (",;=/q", None),
    ],
)
def test_the_type_that_is_liked_best_is_answered(accept: str, answered: str | None) -> None:
    assert preferred(accept, JSON_FIRST) == answered


def test_a_type_that_no_list_has_is_refused(world: World) -> None:
    response = world.ask("/v1/customers", world.key(), Accept="text/html")
    assert (response.status_code, response.json["code"]) == (406, "not_acceptable")
    assert world.ask("/v1/customers", world.key(), Accept="text/html, */*;q=0.1").json == world.read("/v1/customers")


# ---- what a cell is --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (-900, "-900"),
        (2**70, str(2**70)),
        ("-12.5", "-12.5"),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+44 20", "'+44 20"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("\r\n=1", "'\r\n=1"),
        ("＝1", "'＝1"),
        ("'quoted", "''quoted"),
        ("a=b", "a=b"),
        (["=1"], '["=1"]'),
        ({"a": "ä"}, '{"a":"ä"}'),
    ],
)
def test_a_cell_is_what_it_was_and_never_a_formula(value: Any, written: str) -> None:
    assert cell(value) == written


def test_a_name_of_any_letters_is_one_cell(fresh_world: World) -> None:
    """Given a name that breaks lines and quotes, when listed as CSV, then a strict reader reads it as it was."""
    world = fresh_world
    name = '=HYPERLINK("http://x","a, b")\r\nÅsa'
    world.tell(event(1, "customer.created", customer("cus_1", name=name), at=T))
    world.project()
    (line,) = lines(world.ask("/v1/customers", world.key(), Accept=CSV).text)
    assert line["name"] == f"'{name}"
    assert line["balance_minor"] == "0"
