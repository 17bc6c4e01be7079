"""What one seller may see of an organization: the same derivations, over that seller's rows alone.

An organization may buy from several accounts. Its own rows sum them up, so a seller's key must not see those; it gets
what they would be if the seller were the only one. Rows come live from the read models, or as of a position.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from api.readers import Connection
from ledger.ids import PLATFORM
from projections import BILLING
from projections.base import Derivation, Input, Key, Row
from replay import tables

#: The rows of an input that some keys want.
Load = Callable[[Input, Sequence[Key]], Sequence[Row]]


def derived(derivation: Derivation, key: Key, load: Load, account: str | None) -> Sequence[Row]:
    """The rows of `derivation` for `key`, from the rows of `account` alone (None: of all)."""
    got: dict[str, list[Row]] = {}
    for given in derivation.inputs:
        wanted = sorted(w for w in set(given.wanted(key, got)) if None not in w)
        # What has no account (an operator's override) is the platform's.
        got[given.model] = [r for r in load(given, wanted) if account in (None, getattr(r, "account", PLATFORM))]
    return derivation.derive(key, got)


def live(conn: Connection) -> Load:
    """Rows of the read models as they are now."""

    def load(given: Input, wanted: Sequence[Key]) -> list[Row]:
        found = tables.load_rows(conn, tables.LIVE, BILLING.tables[given.model], given.by, wanted)
        return [row for w in wanted for row in found.get(w, ())]

    return load


def kept(rows: Mapping[str, Sequence[Row]]) -> Load:
    """Rows that were folded in memory."""

    def of(given: Input, wanted: Sequence[Key]) -> Iterator[Any]:
        keys = set(wanted)
        return (r for r in rows[given.model] if tuple(getattr(r, b) for b in given.by) in keys)

    return lambda given, wanted: list(of(given, wanted))
