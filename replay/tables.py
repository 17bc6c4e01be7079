"""Read models in PostgreSQL: tables, bulk writes and reads, all generated from a model's `Table`.

A schema holds one copy of every model: `read_models` is what readers see; a rebuild fills another and swaps.
Beside the model's columns a projection's table keeps `folded` (the fold's own bytes) and `stale` (the key is parked).
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import set_json_dumps, set_json_loads

from ledger.store import as_role
from projections.base import Derivation, Key, Lookup, Projection, Row, Table
from replay.copying import formatter
from replay.pipeline import Answered, Asks, array

LIVE = "read_models"
_encode = msgspec.json.Encoder(order="sorted").encode

set_json_dumps(lambda value: _encode(value))
set_json_loads(msgspec.json.decode)

_BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS {s}.checkpoints (
    name text COLLATE "C" PRIMARY KEY, position bigint NOT NULL, epoch int NOT NULL DEFAULT 0,
    moved_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS {s}.models (
    name text COLLATE "C" PRIMARY KEY, version int NOT NULL, shape text NOT NULL,
    built_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS {s}.parked (
    model text COLLATE "C" NOT NULL, key text[] COLLATE "C" NOT NULL, position bigint NOT NULL, error text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (model, key)
);
CREATE TABLE IF NOT EXISTS {s}.dirty (
    derivation text COLLATE "C" NOT NULL, key text[] COLLATE "C" NOT NULL, position bigint NOT NULL,
    bulk boolean NOT NULL, PRIMARY KEY (derivation, key)
) WITH (fillfactor = 50);
CREATE INDEX IF NOT EXISTS dirty_order_idx ON {s}.dirty (derivation, bulk, position);
CREATE TABLE IF NOT EXISTS {s}.spreading (
    derivation text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL, lookup int NOT NULL,
    key text[] COLLATE "C" NOT NULL, position bigint NOT NULL, after text[] COLLATE "C",
    PRIMARY KEY (derivation, source, lookup, key)
);
GRANT USAGE ON SCHEMA {s} TO recount_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA {s} TO recount_reader;
"""


def bookkeeping(schema: str) -> str:
    """What the engine itself remembers beside a copy of the read models: checkpoints, parked and dirty keys."""
    return _BOOKKEEPING.format(s=schema)


def shape(model: Projection | Derivation) -> str:
    """A model's definition as far as its table shows it: a changed one is built anew."""
    table = model.table
    return ";".join([*(f"{c.name} {c.type}" for c in table.columns), ",".join(table.key), *table.indexes])


def _type(kind: str) -> str:
    return f'{kind} COLLATE "C"' if kind in ("text", "text[]") else kind


#: Room for updates in place; and rows of up to a page are kept as they are: to compress a long one takes the server
#: longer than everything else about it.
_STORED = "fillfactor = 85, toast_tuple_target = 8160"


def ddl(schema: str, model: Projection | Derivation, *, indexes: bool = True) -> str:
    """The statements that make a model's table, readable by the reader's role."""
    table = model.table
    columns = [f'"{c.name}" {_type(c.type)}{" NOT NULL" if c.name in table.key else ""}' for c in table.columns]
    if isinstance(model, Projection):
        columns += ["folded bytea", "stale boolean NOT NULL DEFAULT false"]
    made = f'CREATE TABLE {schema}."{table.name}" ({", ".join(columns)}) WITH ({_STORED});'
    return (
        made
        + (index_ddl(schema, table) if indexes else "")
        + (f'GRANT SELECT ON {schema}."{table.name}" TO recount_reader;')
    )


def index_ddl(schema: str, table: Table) -> str:
    """The statements that make a table's primary key and indexes; names are free, so that schemas can be swapped."""
    made = [f'ALTER TABLE {schema}."{table.name}" ADD PRIMARY KEY ({_list(table.key)});']
    for index in table.indexes:
        made.append(f'CREATE INDEX ON {schema}."{table.name}" {index};')
    return "".join(made)


def _list(names: Iterable[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{n}"' for n in names)


#: Rows that go to the server at once.
_COPY_ROWS = 200
_ROWS_AT_ONCE = 500

# ---- writing ------------------------------------------------------------------------------


def upsert(
    conn: Asks,
    schema: str,
    model: Projection | Derivation,
    rows: Sequence[tuple[Row, bytes | None]],
) -> None:
    """Write rows with their states; each takes the place of the one with its key.

    Many in one statement, as JSON that the server takes apart: at ten rows this costs us a quarter of what a statement
    a row does (6 against 23 µs a row), at a thousand half of COPY into a staging table (2 against 5), and unlike COPY
    it may be pipelined.
    """
    names = _written(model)
    statement = _upsert(schema, model)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        if "folded" in names:
            recordset = [dict(zip(names, (*row, state), strict=True)) for row, state in some]
        else:
            recordset = [dict(zip(names, row, strict=True)) for row, _ in some]
        conn.execute(statement, [_encode(recordset).decode()], prepare=True)


@lru_cache(maxsize=256)
def _upsert(schema: str, model: Projection | Derivation) -> str:
    table = model.table
    names = _written(model)
    values = ", ".join("decode(r.folded, 'base64')" if n == "folded" else f'r."{n}"' for n in names)
    columns = ", ".join([*(f'"{c.name}" {c.type}' for c in table.columns), "folded text"][: len(names)])
    updates = ", ".join(f'"{n}" = EXCLUDED."{n}"' for n in names if n not in table.key)
    return (
        f'INSERT INTO {schema}."{table.name}" ({_list(names)}) SELECT {values}'
        f" FROM json_to_recordset(%b::json) AS r ({columns})"
        f" ON CONFLICT ({_list(table.key)}) DO UPDATE SET {updates}"
    )


def _written(model: Projection | Derivation) -> tuple[str, ...]:
    return (*model.table.names, *(("folded",) if isinstance(model, Projection) else ()))


def delete(conn: Asks, schema: str, table: Table, keys: Sequence[Key]) -> None:
    """Remove rows by their full key."""
    if keys:
        conn.execute(_delete(schema, table), _columns(keys), prepare=True)


@lru_cache(maxsize=256)
def _delete(schema: str, table: Table) -> str:
    return (
        f'DELETE FROM {schema}."{table.name}" t USING {_wanted(table.key)}'
        f" WHERE ({_list(table.key, 't.')}) = ({_list(table.key, 'w.')})"
    )


def copy_rows(
    conn: psycopg.Connection[Any], schema: str, model: Projection | Derivation, rows: Iterable[tuple[Row, bytes | None]]
) -> int:
    """Fill an empty table by COPY. Returns how many rows."""
    table = model.table
    with_state = isinstance(model, Projection)
    line = formatter([*(c.type for c in table.columns), *(("bytea",) if with_state else ())])
    count = 0
    with conn.cursor().copy(f'COPY {schema}."{table.name}" ({_list(_written(model))}) FROM STDIN') as copy:
        rows = iter(rows)
        while some := [line((*row, state) if with_state else row) for row, state in islice(rows, _COPY_ROWS)]:
            copy.write("".join(some))
            count += len(some)
    return count


def mark_stale(conn: Asks, schema: str, table: Table, key: Key) -> None:
    """Mark a projection's row, if there is one, as set aside: it takes no further event."""
    where = " AND ".join(f'"{k}" = %s' for k in table.key)
    conn.execute(f'UPDATE {schema}."{table.name}" SET stale = true WHERE {where}', list(key))


# ---- reading ------------------------------------------------------------------------------


def ask_states(conn: Asks, schema: str, table: Table, keys: Sequence[Key]) -> Answered:
    """Ask for (key…, state) of the rows with these keys; the caller fetches."""
    return conn.execute(_states(schema, table), _columns(keys), binary=True, prepare=True)


@lru_cache(maxsize=256)
def _states(schema: str, table: Table) -> str:
    names = _list(table.key, "t.")
    return (
        f'SELECT {names}, t.folded FROM {schema}."{table.name}" t JOIN {_wanted(table.key)}'
        f" ON ({names}) = ({_list(table.key, 'w.')})"
    )


def _wanted(names: Sequence[str], alias: str = "w") -> str:
    return f"unnest({', '.join('%b::text[]' for _ in names)}) AS {alias} ({_list(names)})"


def _columns(keys: Iterable[Key]) -> list[str]:
    """Keys as one array a column, in PostgreSQL's own notation.

    psycopg takes 9.4 µs over lists with one key of three columns, and 2.6 over this.
    """
    return [array(column) for column in zip(*keys, strict=True)]


def load_rows(
    conn: Asks,
    schema: str,
    table: Table,
    by: Sequence[str],
    wanted: Sequence[Key],
    columns: Sequence[str] = (),
) -> dict[Key, list[Row]]:
    """The rows whose columns `by` equal one of `wanted`, grouped by them. `columns` (all when empty) are read."""
    return ask_rows(conn, schema, table, by, wanted, columns)()


def ask_rows(
    conn: Asks,
    schema: str,
    table: Table,
    by: Sequence[str],
    wanted: Sequence[Key],
    columns: Sequence[str] = (),
) -> Callable[[], dict[Key, list[Row]]]:
    """Ask for what `load_rows` returns; the call of what this returns fetches it, which in a pipeline may wait."""
    if not wanted:
        return dict
    statement, where, make = _partial(schema, table, tuple(by), tuple(columns))
    cursor = conn.execute(statement, _columns(wanted), binary=True, prepare=True)

    def fetch() -> dict[Key, list[Row]]:
        found: dict[Key, list[Row]] = {}
        for values in cursor.fetchall():
            found.setdefault(tuple([values[i] for i in where]), []).append(make(values))
        return found

    return fetch


@lru_cache(maxsize=256)
def _partial(
    schema: str, table: Table, by: tuple[str, ...], columns: tuple[str, ...]
) -> tuple[str, tuple[int, ...], Callable[[Iterable[Any]], Row]]:
    """The statement that reads these columns, where `by` is among them, and how to make a row of them."""
    names, make = table.names, table.row._make
    if columns:
        names = (*by, *(c for c in columns if c not in by))
        assert set(names) <= set(table.names)
        row: Any = namedtuple("Partial", names)  # type: ignore[misc] # columns are known at run time
        make = row._make
    statement = (
        f'SELECT {_list(names, "t.")} FROM {schema}."{table.name}" t JOIN {_wanted(by)}'
        f" ON ({_list(by, 't.')}) = ({_list(by, 'w.')})"
    )
    return statement, tuple(names.index(b) for b in by), make


def stream_rows(conn: psycopg.Connection[Any], schema: str, table: Table, *, batch: int = 2_000) -> Iterator[Row]:
    """Every row in key order, read in batches. Opens a transaction of its own when there is none."""
    make = table.row._make
    query = f'SELECT {_list(table.names)} FROM {schema}."{table.name}" ORDER BY {_list(table.key)}'
    with conn.transaction(), conn.cursor(name=f"stream_{table.name}") as cur:
        cur.itersize = batch
        cur.execute(query)
        for values in cur:
            yield make(values)


# ---- look-ups -----------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _joined(schema: str, lookup: Lookup) -> tuple[str, str]:
    """A look-up's joins, starting from rows called `s`, and the key columns that come out."""
    joins, before = [], "s"
    for n, hop in enumerate(lookup.hops):
        match = [f'h{n}."{here}" = {before}."{there}"' for here, there in hop.on]
        if hop.holds is not None:
            match.append(f'h{n}."{hop.holds[0]}" @> ARRAY[{before}."{hop.holds[1]}"]')
        joins.append(f'JOIN {schema}."{hop.model}" h{n} ON {" AND ".join(match)}')
        before = f"h{n}"
    return " ".join(joins), _list(lookup.key, f"{before}.")


def ask_affected(conn: Asks, schema: str, source: Table, lookup: Lookup, rows: Sequence[Row]) -> Answered | None:
    """Ask for the keys that changed rows of `source` affect through a narrow look-up, by columns that they carry.

    The caller fetches. None: there is nothing to ask.
    """
    columns = [b for _, b in lookup.hops[0].on]
    values = {tuple([getattr(r, c) for c in columns]) for r in rows}
    values = {v for v in values if None not in v}
    if not values:
        return None
    return conn.execute(_affected(schema, lookup), _columns(values), prepare=True)


@lru_cache(maxsize=256)
def _affected(schema: str, lookup: Lookup) -> str:
    joins, key = _joined(schema, lookup)
    columns = [b for _, b in lookup.hops[0].on]
    return f"SELECT DISTINCT {key} FROM {_wanted(columns, 's')} {joins} WHERE ({key}) IS NOT NULL"


def affected_page(
    conn: Asks,
    schema: str,
    source: Table,
    lookup: Lookup,
    key: Key,
    after: Sequence[str] | None,
    limit: int,
) -> tuple[set[Key], list[str] | None]:
    """One page of the keys that the row `key` affects through a wide look-up; and where the next page begins.

    Pages go by the key of the last hop but one, of which each row leads to one key (a subscription to its customer's
    organization).
    """
    joins, found = _joined(schema, lookup)
    page = f"h{len(lookup.hops) - 2}"
    place = f'{page}."mode", {page}."account", {page}."id"'
    rows = conn.execute(
        f"SELECT ARRAY[{place}], {found} FROM {_wanted(source.key, 's')} {joins}"
        f" WHERE ({place}) > (%b, %b, %b) ORDER BY {place} LIMIT %b",
        [*_columns([key]), *(after or ("", "", "")), limit],
        prepare=True,
    ).fetchall()
    keys = {tuple(r[1:]) for r in rows if None not in r[1:]}
    return keys, (list(rows[-1][0]) if len(rows) == limit else None)


def exists(conn: psycopg.Connection[Any], schema: str, name: str) -> bool:
    """Whether there is a table of this name in the schema."""
    row = conn.execute("SELECT to_regclass(%s) IS NOT NULL", [f'{schema}."{name}"']).fetchone()
    return row is not None and bool(row[0])


def has_bookkeeping(conn: psycopg.Connection[Any], schema: str) -> bool:
    """Whether `bookkeeping` ran for this schema. It need not run twice, and it waits for whoever writes there."""
    return exists(conn, schema, "spreading")


def projector_conninfo(conninfo: str) -> str:
    """A connection string of the projector's role. Its commits need not wait for the disk: the log has everything.

    It looks at 6,000 rows of a table for its statistics, not 30,000: wide rows take long to look at (a sixth of the
    server's time in a rebuild of 100,000 events), and the server's own ANALYZE comes by later anyway.
    """
    return as_role(conninfo, "recount_projector", synchronous_commit="off", jit="off", default_statistics_target="20")


def stepping_conninfo(conninfo: str) -> str:
    """The same for looking rows up by their keys, always by an index.

    Tables grow faster than their statistics: a plan made while one was small would read it whole at each step (480 µs
    of the server's time an event, where the index takes 40). And a plan is made once, not at each call for its very
    parameters, which the server takes to be worth it here: it is a third of its time, for the same plan.
    """
    plans = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off")
    plans["plan_cache_mode"] = "force_generic_plan"
    return as_role(conninfo, "recount_projector", synchronous_commit="off", jit="off", **plans)
