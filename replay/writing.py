"""Writing folded states as rows into fresh tables: COPY, then keys and indexes, which the server makes meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import psycopg

from ledger import store
from projections.base import Group, Key, Projection, Row, Table
from replay import derive, tables
from replay.fold import entry_of, route
from replay.shards import Fold

#: Connections that make indexes while rows are still being written.
_INDEXERS = 2


def write(conninfo: str, conn: psycopg.Connection[Any], group: Group, schema: str, folded: Fold) -> dict[str, int]:
    """Write all rows of the group's projections. Returns how many, by model."""
    full: SimpleQueue[Table | None] = SimpleQueue()
    empty: list[Table] = []
    with ThreadPoolExecutor(_INDEXERS, "indexer") as pool:
        indexers = [pool.submit(_index, conninfo, schema, full) for _ in range(_INDEXERS)]
        try:
            # Those written as they came need only their indexes: the server makes these while the others are written.
            for projection in sorted(group.projections, key=lambda p: p.fresh is None):
                if projection.fresh is None:
                    faults: list[tuple[Key, Exception]] = []
                    rows = _rows(projection, folded, faults)
                    folded.rows[projection.name] = tables.copy_rows(conn, schema, projection, rows)
                    for key, error in faults:
                        derive.park(conn, schema, projection.name, key, 0, error)
                if folded.rows[projection.name]:
                    full.put(projection.table)
                else:
                    empty.append(projection.table)
        finally:
            for _ in indexers:
                full.put(None)
        if empty:  # nothing to wait for: all at once
            conn.execute("".join(tables.index_ddl(schema, table) for table in empty))
        for each in indexers:
            each.result()
    for projection in group.projections:
        if projection.fresh is not None:
            folded.rows[projection.name] += _write_late(conn, schema, group, projection, folded)
        for key in folded.parked.get(projection.name, ()):  # as the live fold leaves it: as it was, and marked
            tables.mark_stale(conn, schema, projection.table, key)
    return dict(folded.rows)


def _rows(projection: Projection, folded: Fold, faults: list[tuple[Key, Exception]]) -> Iterator[tuple[Row, bytes]]:
    states = folded.states[projection.name]
    while states:
        key, state = states.popitem()
        if state is None:
            continue
        try:
            row = projection.to_row(key, state)
        except Exception as error:  # our own fault alone: there is no I/O in there
            faults.append((key, error))
            continue
        yield row, state


def _index(conninfo: str, schema: str, full: SimpleQueue[Table | None]) -> None:
    """Make the keys and indexes of one table after the other, until there is none left."""
    table = full.get()
    if table is None:
        return
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        conn.execute("SET maintenance_work_mem = '128MB'")
        while table is not None:
            conn.execute(tables.index_ddl(schema, table))
            conn.execute(f'ANALYZE {schema}."{table.name}"')
            table = full.get()


def _write_late(conn: psycopg.Connection[Any], schema: str, group: Group, projection: Projection, folded: Fold) -> int:
    """The few entries whose row was there already: later renderings and conflicts. Returns how many rows are new."""
    new = 0
    for recorded in store.read_positions(conn, sorted(folded.late)):
        entry = entry_of(recorded)
        for reader, key, _ in route(group, [entry]):
            if reader is not projection or key in folded.parked.get(projection.name, ()):
                continue
            found = tables.ask_states(conn, schema, projection.table, [key]).fetchone()
            try:
                state = projection.apply(found[-1] if found else None, entry)
                assert state is not None
                row = projection.to_row(key, state)
            except Exception as error:  # our own fault alone: there is no I/O in there
                folded.park(projection.name, key, entry.position, error)
                continue
            tables.upsert(conn, schema, projection, [(row, state)])
            new += found is None
    return new
