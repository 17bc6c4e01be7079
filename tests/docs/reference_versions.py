"""What moved in which of Stripe's API versions, field by field, told by the `whence` tables.

Writes the end of `docs/explanation/versions.md`; what stands before it is written by hand and stays as it is.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ledger.facts import Whence
from ledger.translations import FAMILIES
from tests.docs.markdown import code, table
from tests.docs.sources import ROOT

PAGE = ROOT / "docs" / "explanation" / "versions.md"
BEGIN = "<!-- Written by `make docs` from here on: change the `whence` tables instead. -->"
#: Releases with a name, and their first day: https://docs.stripe.com/changelog
RELEASES = {
    "acacia": "2024-09-30",
    "basil": "2025-03-31",
    "clover": "2025-09-30",
    "dahlia": "2026-03-25",
    "endive": "2026-09-30",
}
_VERSION = r"(\d{4}(?:-\d\d-\d\d)?(?:\.[a-z]+)?|" + "|".join(RELEASES) + r")(?:-…)?"
_SPANS = (
    re.compile(rf"^(?:since )?{_VERSION}(?: on)?, up to {_VERSION}\b"),
    re.compile(rf"^{_VERSION} to {_VERSION}\b"),
    re.compile(rf"^(?:up to|before) (?P<end>{_VERSION})"),
    re.compile(rf"^since (?P<begin>{_VERSION})"),
    re.compile(rf"^(?P<begin>{_VERSION}) on\b"),
    re.compile(rf"^{_VERSION}()\b"),
)
_SEVERAL, _BETWEEN = "), ", r"(?<=\)), "
_NOTED = re.compile(r"^(.*?)(?: \(([^()]*)\))?$")


class Place(NamedTuple):
    """Where a field lives, and from and to which version it does; None: no end is told on that side."""

    path: str
    begin: str | None
    end: str | None
    always: bool = False
    """In all versions."""


class Change(NamedTuple):
    """What a version did to a field: `before` and `since` are places; None: there was none, or there is none."""

    version: str
    field: str
    before: str | None
    since: str | None


def place_of(told: str) -> Place:
    """A place as a `whence` table tells it."""
    noted = _NOTED.match(told)
    assert noted is not None
    path, note = noted[1], noted[2] or ""
    for span in _SPANS:
        found = span.match(note)
        if found is None:
            continue
        if "where" in note:
            path = f"{path} ({note[note.index('where') :]})"
        named = found.groupdict()
        if named:
            return Place(path, _clean(named.get("begin")), _clean(named.get("end")))
        return Place(path, _clean(found[1]), _clean(found[2]))
    return Place(path, None, None, note.startswith("all"))


def _clean(version: str | None) -> str | None:
    return version.removesuffix("-…") if version else None


def changes(family: str, row: Whence) -> Iterator[Change]:
    """What versions did to a field."""
    if any(_SEVERAL in told for told in row.places):  # each place is of another part of the field
        chains = [re.split(_BETWEEN, told) for told in row.places]
    else:
        chains = [list(row.places)]
    for chain in chains:
        yield from _along(f"{family}.{row.field}", [place_of(told) for told in chain])


def _along(field: str, places: list[Place]) -> Iterator[Change]:
    """The changes between places that took each other's part, the oldest first."""
    for earlier, place, later in zip([None, *places], places, [*places[1:], None], strict=False):
        if place.begin is not None:
            taken = earlier is not None and not earlier.always
            yield Change(place.begin, field, earlier.path if earlier and taken else None, place.path)
        if place.end is not None and later is None:
            yield Change(_after(place.end), field, place.path, None)


def _after(version: str) -> str:
    """The release that ended it, where the last one that had it has a name."""
    names = list(RELEASES)
    at = names.index(version) + 1 if version in names else len(names)
    return names[at] if at < len(names) else version


def versions() -> str:
    """`versions.md`: what stands there, its generated part anew."""
    by_hand, _, _ = PAGE.read_text().partition(BEGIN)
    return f"{by_hand}{BEGIN}\n\n{field_by_field()}\n"


def field_by_field() -> str:
    """The generated part: a heading a version, newest first."""
    told = [change for family in FAMILIES for row in family.whence for change in changes(family.name, row)]
    parts = []
    for version in sorted({change.version for change in told}, key=_day, reverse=True):
        mine = [change for change in told if change.version == version]
        moved = [(code(c.field), c.before, c.since) for c in mine if c.before is not None and c.since is not None]
        new = [f"{code(c.field)} ({c.since})" for c in mine if c.before is None]
        gone = [f"{code(c.field)} ({c.before})" for c in mine if c.since is None]
        parts.append(f"### {_heading(version)}")
        if moved:
            parts.append(table(("field", "was read from", "is read from"), moved))
        if new:
            parts.append(f"New: {', '.join(new)}.")
        if gone:
            parts.append(f"{'Gone' if version in RELEASES else 'Last told'}: {', '.join(gone)}.")
    return "\n\n".join(parts)


def _day(version: str) -> str:
    return RELEASES.get(version, version)


def _heading(version: str) -> str:
    return f"{version}, {RELEASES[version]}" if version in RELEASES else version
