"""The page on versions tells what the `whence` tables say: each span is understood, each change is in its version."""

import re

import pytest

from ledger.facts import Whence
from ledger.translations import FAMILIES
from tests.docs.reference_versions import BEGIN, PAGE, RELEASES, Change, Place, changes, place_of


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ("status (all)", Place("status", None, None, always=True)),
        ("customer, an id or expanded (all; may be null)", Place("customer, an id or expanded", None, None, True)),
        ("paid (up to acacia)", Place("paid", None, "acacia")),
        ("refunds (before 2014)", Place("refunds", None, "2014")),
        ("currency (2022-… on, wins)", Place("currency", "2022", None)),
        ("trace_id.value (2024-09-30.acacia on)", Place("trace_id.value", "2024-09-30.acacia", None)),
        ("number (since 2017; null on a draft)", Place("number", "2017", None)),
        ("finalized_at (2018-11-08 to 2019-02-19)", Place("finalized_at", "2018-11-08", "2019-02-19")),
        ("total_tax_amounts[] (since 2019, up to acacia)", Place("total_tax_amounts[]", "2019", "acacia")),
        ("percent_off_precise (2018)", Place("percent_off_precise", "2018", None)),
        ("payments (basil on, where expanded)", Place("payments (where expanded)", "basil", None)),
        ("always recurring", Place("always recurring", None, None)),
    ],
)
def test_a_place_says_from_and_to_which_version(told: str, place: Place) -> None:
    assert place_of(told) == place


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("a (up to acacia)", "b.c (basil on)"), [Change("basil", "x.y", "a", "b.c")]),
        (("a (up to acacia)",), [Change("basil", "x.y", "a", None)]),
        (("a (up to 2019-10-08)",), [Change("2019-10-08", "x.y", "a", None)]),
        (("a (all)", "b (since 2020, wins)"), [Change("2020", "x.y", None, "b")]),
        (("a (where b is absent)", "b (2018 on)"), [Change("2018", "x.y", "a", "b")]),
        (("a (all)",), []),
        (
            ("a.b (up to 2020), c (2020 to acacia), d (basil on)", "e (since 2021)"),
            [Change("2020", "x.y", "a.b", "c"), Change("basil", "x.y", "c", "d"), Change("2021", "x.y", None, "e")],
        ),
    ],
)
def test_a_field_changes_where_a_place_begins_or_ends(places: tuple[str, ...], expected: list[Change]) -> None:
    assert list(changes("x", Whence("y", False, places))) == expected


def test_every_version_that_a_table_names_is_understood() -> None:
    version = re.compile(r"\b(since|up to|before) |\bon\b|^\d{4}|" + "|".join(RELEASES))
    for family in FAMILIES:
        for row in family.whence:
            for told in row.places:
                note = told.rpartition("(")[2].rstrip(")") if told.endswith(")") else ""
                if version.search(note) and not note.startswith(("all", "where")):
                    place = place_of(re.split(r"(?<=\)), ", told)[-1])
                    assert place.begin or place.end, f"{family.name}.{row.field}: {told}"


def test_what_moved_is_on_the_page() -> None:
    # given
    written = PAGE.read_text().partition(BEGIN)[2]
    # then
    assert "### basil, 2025-03-31" in written
    assert "| `invoice.subscription` | subscription | parent.subscription_details.subscription |" in written
    told = {change.field for family in FAMILIES for row in family.whence for change in changes(family.name, row)}
    assert {field for field in told if f"`{field}`" not in written} == set()
