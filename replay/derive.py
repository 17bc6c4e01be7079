"""Derivations: which keys a change makes dirty, and deriving them anew, in bounded steps.

Dirty keys are a durable queue. Those that one change names itself go before those that spread from a wide one (a
catalogue edit), so that an edit touching every organization delays nobody else.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import psycopg

from ledger.errors import RecountError
from projections.base import Derivation, Direct, Group, Key, Lookup, Row
from replay import tables
from replay.lines import Lines
from replay.pipeline import Answered, Asks, Pipeline

log = Lines("recount.derive")

#: A fault in a definition parks every key that it meets: the first few tell as much as a million.
_LOG_AT_MOST = 20
_LOGGED: Counter[str] = Counter()
#: Dirty keys of one derivation that are derived in the transaction that changed their inputs; more go to the queue.
AT_ONCE = 50
#: Queued keys derived in one transaction at most; fewer of those that spread, behind which somebody else may wait.
DRAIN_KEYS = 250
BULK_KEYS = 100
#: Rows looked at in one step of spreading.
SPREAD_KEYS = 250

#: A row before and after a change; None where there is none.
Change = tuple[Row | None, Row | None]


def hold_checkpoint(conn: Asks, group: Group, schema: str) -> tuple[int, int]:
    """The group's (position, epoch), locked until the transaction ends: taken first by all who write its tables.

    A swap raises the epoch. Raises NotBuilt when there is no checkpoint.
    """
    return held(ask_checkpoint(conn, group, schema), group)


def ask_checkpoint(conn: Asks, group: Group, schema: str) -> Answered:
    """Ask for what `hold_checkpoint` returns; `held` fetches it."""
    return conn.execute(
        f"SELECT position, epoch FROM {schema}.checkpoints WHERE name = %b FOR UPDATE", [group.name], prepare=True
    )


def held(cursor: Answered, group: Group) -> tuple[int, int]:
    """The answer to `ask_checkpoint`. Raises NotBuilt."""
    row = cursor.fetchone()
    if row is None:
        raise NotBuilt(f"the read models of {group.name!r} are not built")
    return int(row[0]), int(row[1])


class NotBuilt(RecountError):
    """The read models have not been built yet; the worker does that when it starts."""

    code = "not_built"


class Affected(NamedTuple):
    """What changed rows make dirty: keys by derivation, each with the position of the change; and what spreads."""

    dirty: dict[str, dict[Key, int]]
    spreading: list[tuple[str, str, int, list[str], int]]
    """(derivation, model, number of the look-up, key of the changed row, position)."""


def affected(
    conn: Asks,
    group: Group,
    schema: str,
    changes: Mapping[str, Sequence[tuple[Change, int]]],
) -> Affected:
    """The keys that changed rows affect. Look-ups are all asked before the first is fetched."""
    found = Affected({}, [])
    asked: list[tuple[str, Answered, int]] = []
    following = _following(group)
    for model, these in changes.items():
        for derivation, how, reads in following.get(model, ()):
            changed = [c for c in these if _matters(c[0], reads)]
            if not changed:
                continue
            if callable(how):
                for change, position in changed:
                    for key in {k for row in change if row is not None for k in how(row)}:
                        _add(found, derivation.name, key, position)
                continue
            first = min(position for _, position in changed)
            for cursor in _look_up(conn, group, schema, derivation, model, how, changed, found):
                asked.append((derivation.name, cursor, first))
    for name, cursor, first in asked:
        for key in cursor.fetchall():
            _add(found, name, tuple(key), first)
    return found


@cache
def _following(group: Group) -> Mapping[str, Sequence[tuple[Derivation, Direct | tuple[Lookup, ...], tuple[str, ...]]]]:
    """Model -> what follows its changes: the derivation, which keys of it, and which columns it reads."""
    found: dict[str, list[tuple[Derivation, Direct | tuple[Lookup, ...], tuple[str, ...]]]] = {}
    for derivation in group.derivations:
        for model, how in derivation.affects.items():
            found.setdefault(model, []).append((derivation, how, derivation.reads(model)))
    return found


def _look_up(
    conn: Asks,
    group: Group,
    schema: str,
    derivation: Derivation,
    model: str,
    lookups: Sequence[Lookup],
    changed: Sequence[tuple[Change, int]],
    found: Affected,
) -> Iterator[Answered]:
    """Ask what narrow look-ups find; wide ones are noted to spread."""
    source = group.tables[model]
    for number, lookup in enumerate(lookups):
        if lookup.wide:
            for (before, after), position in changed:
                row = before if after is None else after
                assert row is not None
                found.spreading.append((derivation.name, model, number, list(row[: len(source.key)]), position))
            continue
        rows = [row for change, _ in changed for row in change if row is not None]
        cursor = tables.ask_affected(conn, schema, source, lookup, rows)
        if cursor is not None:
            yield cursor


def _add(found: Affected, derivation: str, key: Key, position: int) -> None:
    mine = found.dirty.setdefault(derivation, {})
    mine[key] = min(position, mine.get(key, position))


def _matters(change: Change, reads: Sequence[str]) -> bool:
    """Whether a change is one of something that is read. `reads` is empty where everything is."""
    before, after = change
    if before is None or after is None or not reads:
        return True
    return bool(_read(reads)(before) != _read(reads)(after))


_read = cache(lambda names: attrgetter(*names))


def follow_up(
    conn: Asks,
    group: Group,
    schema: str,
    changes: Mapping[str, Sequence[tuple[Change, int]]],
) -> bool:
    """Derive what changed rows affect: in this transaction where it is little, else by way of the queue.

    Returns whether something was queued.
    """
    found = affected(conn, group, schema, changes)
    _queue_spreading(conn, schema, found.spreading)
    return _derive_levels(conn, group, schema, found.dirty, AT_ONCE) or bool(found.spreading)


def _derive_levels(conn: Asks, group: Group, schema: str, dirty: dict[str, dict[Key, int]], at_once: int) -> bool:
    """Derive dirty keys in the order of dependence, and what that makes dirty in turn. Returns whether any was queued.

    More than `at_once` of one derivation are queued.
    """
    queued = False
    for level in group.levels:
        mine: dict[Derivation, list[Key]] = {}
        for derivation in level:
            keys = dirty.get(derivation.name)
            if keys and len(keys) > at_once:
                _queue(conn, schema, derivation, keys, bulk=False)
                queued = True
            elif keys:
                mine[derivation] = list(keys)
        if not mine:
            continue
        changes = {
            name: [(change, dirty[name][key]) for key, change in changed]
            for name, changed in derive_keys(conn, group, schema, mine).items()
        }
        then = affected(conn, group, schema, changes)
        _queue_spreading(conn, schema, then.spreading)
        queued = queued or bool(then.spreading)
        for name, found in then.dirty.items():
            for key, position in found.items():
                known = dirty.setdefault(name, {})
                known[key] = min(position, known.get(key, position))
    return queued


def _queue_spreading(conn: Asks, schema: str, spreading: Sequence[tuple[str, str, int, list[str], int]]) -> None:
    for each in spreading:
        conn.execute(
            f"INSERT INTO {schema}.spreading AS s (derivation, source, lookup, key, position)"
            " VALUES (%b, %b, %b, %b, %b) ON CONFLICT (derivation, source, lookup, key)"
            " DO UPDATE SET after = NULL, position = least(s.position, EXCLUDED.position)",
            each,
            prepare=True,
        )


def _queue(conn: Asks, schema: str, derivation: Derivation, dirty: Mapping[Key, int], *, bulk: bool) -> None:
    waiting = [{"key": key, "position": position} for key, position in sorted(dirty.items())]
    conn.execute(
        f"INSERT INTO {schema}.dirty AS d (derivation, key, position, bulk)"
        " SELECT %b, r.key, r.position, %b::boolean FROM json_to_recordset(%b::json) AS r (key text[], position bigint)"
        " ON CONFLICT (derivation, key) DO UPDATE SET bulk = d.bulk AND EXCLUDED.bulk,"
        " position = least(d.position, EXCLUDED.position)",
        [derivation.name, bulk, msgspec.json.encode(waiting).decode()],
        prepare=True,
    )


class Waiting(NamedTuple):
    """What the queue holds."""

    named: bool
    """Keys that a change named itself."""
    spreading: bool
    """Those of wide changes, or such changes themselves."""


def waiting(conn: Asks, group: Group, schema: str) -> Waiting:
    """Look at the queue."""
    names = [d.name for d in group.derivations]
    row = conn.execute(
        f"SELECT EXISTS (SELECT FROM {schema}.dirty WHERE derivation = ANY(%b) AND NOT bulk),"
        f" EXISTS (SELECT FROM {schema}.dirty WHERE derivation = ANY(%b) AND bulk)"
        f" OR EXISTS (SELECT FROM {schema}.spreading WHERE derivation = ANY(%b))",
        [names, names, names],
        prepare=True,
    ).fetchone()
    assert row is not None
    return Waiting(*row)


def drain(conn: psycopg.Connection[Any], group: Group, schema: str) -> bool:
    """Derive a bounded number of queued keys in one transaction. Returns whether any were waiting."""
    if not any(waiting(conn, group, schema)):
        return False
    derive_waiting(Pipeline(conn), group, schema)
    return True


def derive_waiting(conn: Pipeline, group: Group, schema: str, *, bulk: bool = True) -> None:
    """Derive a bounded number of queued keys in one transaction.

    With `bulk` false only keys that a change named itself are derived.
    """
    names = [d.name for d in group.derivations]
    # said in the statement, not by a parameter, for which its one plan would read what spreads, too
    some = f"{schema}.dirty WHERE derivation = ANY(%b){'' if bulk else ' AND NOT bulk'}"
    with conn.transaction():
        hold_checkpoint(conn, group, schema)
        if bulk:
            wide = _wide(conn, schema, names)
            for derivation in group.derivations:
                if derivation.name in wide:
                    _spread(conn, group, schema, derivation)
        # Taken out before they are derived: what is too much for this step is queued again.
        rows = conn.execute(
            f"DELETE FROM {schema}.dirty WHERE (derivation, key) IN (SELECT derivation, key FROM {some}"
            " ORDER BY array_position(%b::text[], derivation), bulk, position LIMIT %b)"
            " RETURNING derivation, key, position",
            [names, names, BULK_KEYS if bulk else DRAIN_KEYS],
            prepare=True,
        ).fetchall()
        dirty: dict[str, dict[Key, int]] = {}
        for name, key, position in rows:
            dirty.setdefault(name, {})[tuple(key)] = position
        _derive_levels(conn, group, schema, dirty, DRAIN_KEYS)


def _wide(conn: Asks, schema: str, names: Sequence[str]) -> set[str]:
    """Which derivations have wide changes waiting: nearly always none has, and all are asked after at once."""
    rows = conn.execute(
        f"SELECT name FROM unnest(%b::text[]) AS name"
        f" WHERE EXISTS (SELECT FROM {schema}.spreading WHERE derivation = name)",
        [list(names)],
        prepare=True,
    )
    return {name for (name,) in rows.fetchall()}


def _spread(conn: Asks, group: Group, schema: str, derivation: Derivation) -> None:
    row = conn.execute(
        f"SELECT source, lookup, key, position, after FROM {schema}.spreading WHERE derivation = %b"
        " ORDER BY position LIMIT 1",
        [derivation.name],
        prepare=True,
    ).fetchone()
    if row is None:
        return
    source, number, key, position, after = row
    how = derivation.affects[source]
    assert not callable(how)
    keys, then = tables.affected_page(conn, schema, group.tables[source], how[number], tuple(key), after, SPREAD_KEYS)
    if keys:
        _queue(conn, schema, derivation, dict.fromkeys(keys, position), bulk=True)
    where = [derivation.name, source, number, key]
    if then is None:
        conn.execute(
            f"DELETE FROM {schema}.spreading WHERE (derivation, source, lookup, key) = (%b, %b, %b, %b)", where
        )
    else:
        conn.execute(
            f"UPDATE {schema}.spreading SET after = %b WHERE (derivation, source, lookup, key) = (%b, %b, %b, %b)",
            [then, *where],
        )


class _NotYet(Exception):
    """A derivation asked for rows that are still to be read."""


class _Gathered(dict[str, list[Row]]):
    """A key's input rows by model, as far as they are read."""

    def __missing__(self, model: str) -> list[Row]:
        raise _NotYet(model)


def gather(
    conn: Asks, group: Group, schema: str, wanted: Mapping[Derivation, Sequence[Key]]
) -> dict[Derivation, dict[Key, _Gathered]]:
    """Every key's input rows, for all keys of all derivations together.

    Read in as few stages as the inputs' dependence on each other allows; in a pipeline a stage is one round trip.
    """
    got = {derivation: {key: _Gathered() for key in keys} for derivation, keys in wanted.items()}
    left = {derivation: list(derivation.inputs) for derivation in wanted}
    while any(left.values()):
        asked = []
        for derivation, inputs in left.items():
            ready = []
            for given in inputs:
                try:
                    by_key = {key: set(given.wanted(key, rows)) for key, rows in got[derivation].items()}
                except _NotYet:
                    continue
                everything = sorted({w for ws in by_key.values() for w in ws if None not in w})
                table = group.tables[given.model]
                fetch = tables.ask_rows(conn, schema, table, given.by, everything, given.columns)
                asked.append((derivation, given.model, by_key, fetch))
                ready.append(given)
            left[derivation] = [given for given in inputs if given not in ready]
        assert asked, f"inputs that wait for each other: {left}"
        for derivation, model, by_key, fetch in asked:
            found = fetch()
            for key, ws in by_key.items():
                got[derivation][key][model] = [
                    row for w in sorted(w for w in ws if None not in w) for row in found.get(w, ())
                ]
    return got


def park(conn: Asks, schema: str, model: str, key: Key, position: int, error: Exception) -> None:
    """Set a key aside whose definition raised: it is shown as stale, and folded anew by the next rebuild."""
    _LOGGED[model] += 1
    if _LOGGED[model] <= _LOG_AT_MOST:
        log.error("parked", model=model, key=key, position=position, error=repr(error))
    elif _LOGGED[model] == _LOG_AT_MOST + 1:
        log.error("parked_more", model=model, detail="further keys of this model are not logged; see recount status")
    conn.execute(
        f"INSERT INTO {schema}.parked (model, key, position, error) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [model, list(key), position, f"{type(error).__name__}: {error}"],
    )


def derive_keys(
    conn: Asks, group: Group, schema: str, wanted: Mapping[Derivation, Sequence[Key]]
) -> dict[str, list[tuple[Key, Change]]]:
    """Derive keys anew and write what changed. Returns by derivation the changed rows, each with its key.

    The derivations must be of one level.
    """
    asked = {d: tables.ask_rows(conn, schema, d.table, d.key, keys) for d, keys in wanted.items()}
    got = gather(conn, group, schema, wanted)
    return {
        derivation.name: _derive_and_write(conn, schema, derivation, got[derivation], fetch())
        for derivation, fetch in asked.items()
    }


def _derive_and_write(
    conn: Asks,
    schema: str,
    derivation: Derivation,
    got: Mapping[Key, Mapping[str, Sequence[Row]]],
    old: Mapping[Key, Sequence[Row]],
) -> list[tuple[Key, Change]]:
    table = derivation.table
    width = len(table.key)
    changes: list[tuple[Key, Change]] = []
    gone: list[Key] = []
    for key, rows in got.items():
        before = {row[:width]: row for row in old.get(key, ())}
        try:
            derived = derivation.derive(key, rows)
        except Exception as error:  # our own fault alone: there is no I/O in there
            park(conn, schema, derivation.name, key, 0, error)
            continue
        after = {row[:width]: row for row in derived}
        gone += [k for k in before if k not in after]
        changes += [(key, (row, None)) for k, row in before.items() if k not in after]
        changes += [(key, (before.get(k), row)) for k, row in after.items() if before.get(k) != row]
    tables.delete(conn, schema, table, gone)
    tables.upsert(conn, schema, derivation, [(row, None) for _, (_, row) in changes if row is not None])
    return changes
