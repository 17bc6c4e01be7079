"""Reconciling with a provider's own usage ledger: a file or a URL, as CSV or JSON lines.

A line is `namespace,day,resource,quantity`. Days of the ledger alone are compared, all their namespaces.
"""

import csv
import io
import json
import urllib.parse
import urllib.request
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from api.database import Database
from api.hosting import reading
from api.hosting.reading import Seen
from api.operations import carry_out
from api.settings import Settings
from commands import usage_reconciliation
from commands.acts import Asked, Done
from commands.hosting_prices import exact_sum, plain, priced, used_by
from commands.usage_reconciliation import (
    BOOK_RECONCILIATION,
    MOST_DIFFERENCES,
    LedgerLine,
    Used,
    compensating,
    ledger_of,
    reconciliation_id,
    written,
)
from ledger.claims import DAY_S, day_number
from ledger.errors import Invalid
from ledger.hosting_billing_events import UsageDifference, UsageReconciled
from ledger.ids import Mode

#: A ledger's bytes at most.
MOST_BYTES = 64 * 1024 * 1024
_TIMEOUT_S = 30
_COLUMNS = ("namespace", "day", "resource", "quantity")


class Line(NamedTuple):
    """A difference as it is listed."""

    namespace: str
    day: str
    resource: str
    theirs: str
    ours: str
    difference: str
    amount: str
    """What booking it changes, in minor units."""
    currency: str | None
    """None: nobody pays for the namespace then."""


class Compared(NamedTuple):
    """What a comparison found."""

    id: str
    days: tuple[str, ...]
    lines: tuple[Line, ...]
    differences: tuple[UsageDifference, ...]


def compare(database: Database, settings: Settings, *, mode: Mode, source: str) -> Compared:
    """Hold a provider's usage ledger against what was reported here. Raises Invalid("bad_usage_ledger")."""
    theirs = ledger_of(read_ledger(source))
    days = sorted({used.day for used in theirs})
    with reading.seeing(database.conninfo) as seen:
        ours: dict[Used, int] = {}
        projects: dict[tuple[str, str], str | None] = {}
        for day in days:
            _add_ours(seen, mode, day, ours, projects)
        found = tuple(usage_reconciliation.differences(theirs, ours, projects))
        id = reconciliation_id(source, found)
        worth = _worth(seen, UsageReconciled(mode=mode, id=id, source=source, differences=found))
    lines = tuple(_line(each, theirs, ours, *worth_of) for each, worth_of in zip(found, worth, strict=True))
    return Compared(id, tuple(days), lines, found)


def book(database: Database, settings: Settings, *, mode: Mode, source: str, asked: Asked) -> Done:
    """Ask for the differences to be booked: a second person approves. Raises Refused, Invalid("nothing_differs")."""
    found = compare(database, settings, mode=mode, source=source)
    return book_differences(database, settings, mode=mode, source=source, differences=found.differences, asked=asked)


def book_differences(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    source: str,
    differences: tuple[UsageDifference, ...],
    asked: Asked,
) -> Done:
    """The same for differences that somebody has found already."""
    if not differences:
        raise Invalid("nothing differs", code="nothing_differs")
    if len(differences) > MOST_DIFFERENCES:
        raise Invalid(f"{len(differences)} differences: reconcile fewer days at once", code="bad_usage_ledger")
    given = {
        "mode": mode,
        "id": reconciliation_id(source, differences),
        "source": source,
        "differences": [msgspec.to_builtins(d) for d in differences],
    }
    return carry_out(database, settings, name=BOOK_RECONCILIATION.name, given=given, asked=asked)


def read_ledger(source: str) -> list[LedgerLine]:
    """The lines of a ledger: of a file, or of an http(s) URL. CSV with a header, or JSON lines."""
    if urllib.parse.urlsplit(source).scheme in ("http", "https"):
        with urllib.request.urlopen(source, timeout=_TIMEOUT_S) as answer:  # http and https alone
            body = answer.read(MOST_BYTES + 1)
    else:
        try:
            body = Path(source).read_bytes()
        except OSError as error:
            raise Invalid(f"{source} cannot be read: {error.strerror}", code="bad_usage_ledger") from error
    if len(body) > MOST_BYTES:
        raise Invalid(f"a ledger has at most {MOST_BYTES} bytes", code="bad_usage_ledger")
    try:
        return list(_lines(body.decode("utf-8-sig")))
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise Invalid(
            f"a ledger has the columns {', '.join(_COLUMNS)}, or is JSON lines with these members: {error}",
            code="bad_usage_ledger",
        ) from error


def _lines(text: str) -> Iterable[LedgerLine]:
    if text.lstrip().startswith("{"):
        lines = [line for line in text.splitlines() if line.strip()]
        rows: Iterable[dict[str, str]] = (json.loads(line, parse_float=str) for line in lines)
    else:
        rows = csv.DictReader(io.StringIO(text))
    for row in rows:
        yield msgspec.convert({name: row[name] for name in _COLUMNS}, LedgerLine)


def _add_ours(
    seen: Seen, mode: Mode, day: str, ours: dict[Used, int], projects: dict[tuple[str, str], str | None]
) -> None:
    """Add what was reported of a day, and whose namespaces they were."""
    number = day_number(day)
    start, end = number * DAY_S, (number + 1) * DAY_S
    for namespace, records in reading.records_of(seen, mode, number).items():
        projects[namespace, day] = max((r.project for r in records if r.project is not None), default=None)
        for record in records:
            used = Used(namespace, day, record.resource)
            ours[used] = ours.get(used, 0) + used_by(record, end) - used_by(record, start)


def _worth(seen: Seen, event: UsageReconciled) -> list[tuple[str | None, Decimal]]:
    """What each difference is worth, and in which currency: by all who pay for the namespace that day."""
    months = {each.day[:7] for each in event.differences}
    worlds = {month: reading.world_of(seen, event.mode, month) for month in months}
    found = []
    for each in event.differences:
        alone = msgspec.structs.replace(event, differences=(each,))
        records = compensating(alone)[each.namespace]
        prices, _ = priced(worlds[each.day[:7]], day_number(each.day), each.namespace, records)
        amount = exact_sum(price.amount for by in prices.values() for price in by.values())
        found.append((next((whose.currency for whose in prices), None), amount))
    return found


def _line(
    each: UsageDifference, theirs: dict[Used, int], ours: dict[Used, int], currency: str | None, amount: Decimal
) -> Line:
    used = Used(each.namespace, each.day, each.resource)
    said, known = written(theirs.get(used, 0)), written(ours.get(used, 0))
    return Line(*used, said, known, written(each.quantity_e9), plain(amount), currency)
