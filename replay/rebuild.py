"""Rebuild: every row anew from the log, beside the live copy, then swapped in one transaction.

Reading a log of any length needs memory for the rows alone: states are kept packed, and rows of models that grow with
the log (the webhook ledger) are written as they come. Readers see the old rows until the swap and the new ones after
it; at no moment an error or a mixture.
"""

import contextlib
import gc
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import psycopg

from ledger import store
from ledger.errors import Invalid
from ledger.events import Recorded
from ledger.facts import ObjectFact
from projections import GROUPS, MODELS
from projections.base import Derivation, Entry, Group, Key, Projection, Row
from replay import derive, tables
from replay.fold import States, entry_of
from replay.live import Projector

NEXT = "read_models_next"
_READ_ROWS = 2_000
_WRITE_ROWS = 10_000
_DERIVE_KEYS = 1_000
#: Swap when the rebuilt copy is at most this far behind: what is left is folded while readers wait for nothing.
_NEAR = 200

#: Called with (events folded, events in all).
Progress = Callable[[int, int], None]


class Built(NamedTuple):
    """What a rebuild made."""

    models: tuple[str, ...]
    events: int
    position: int
    rows: dict[str, int]


def closure(names: Iterable[str] | None) -> list[Group]:
    """The models that must be rebuilt together with `names` (None: all), as partial groups.

    A projection is swapped together with its derivations, and a derivation needs all its inputs at one position.
    Raises Invalid("unknown_model").
    """
    wanted = set(MODELS) if names is None else set(names)
    for name in sorted(wanted - set(MODELS)):
        raise Invalid(f"there is no read model {name!r}; there are {', '.join(MODELS)}", code="unknown_model")
    grew = True
    while grew:
        before = len(wanted)
        for group in GROUPS:
            for derivation in group.derivations:
                parts = {i.model for i in derivation.inputs} | set(derivation.affects)
                if derivation.name in wanted:
                    wanted |= parts
                elif parts & wanted:
                    wanted.add(derivation.name)
        grew = len(wanted) != before
    picked = [
        Group(
            g.name,
            tuple(p for p in g.projections if p.name in wanted),
            tuple(d for d in g.derivations if d.name in wanted),
        )
        for g in GROUPS
    ]
    return [g for g in picked if g.projections]


def rebuild(conninfo: str, names: Iterable[str] | None = None, progress: Progress | None = None) -> list[Built]:
    """Rebuild `names` (None: all) from the log and swap them in. Raises Invalid, psycopg's errors."""
    done = []
    with builder(conninfo, NEXT) as conn:
        for group in closure(names):
            built = build(conninfo, conn, group, NEXT, None, progress)
            swap(conninfo, group, NEXT)
            done.append(built)
            _drop_schema(conn, NEXT)
    return done


@contextlib.contextmanager
def builder(conninfo: str, schema: str) -> Iterator[psycopg.Connection[Any]]:
    """One build in `schema` at a time; what an earlier one left behind is dropped, and so is what this one leaves."""
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(hashtextextended(current_database() || '/' || %s, 0))", [schema])
        _drop_schema(conn, schema)
        try:
            yield conn
        finally:
            if not conn.closed:
                _drop_schema(conn, schema)


def _drop_schema(conn: psycopg.Connection[Any], schema: str) -> None:
    conn.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def build(
    conninfo: str,
    conn: psycopg.Connection[Any],
    group: Group,
    schema: str,
    upto: int | None,
    progress: Progress | None = None,
) -> Built:
    """Fold the log up to `upto` (None: its head now) into a fresh copy of `group` in `schema`."""
    conn.execute(f"CREATE SCHEMA {schema}")
    conn.execute(tables.bookkeeping(schema))
    for model in group.models:
        conn.execute(tables.ddl(schema, model, indexes=False))
    upto = store.head(conn) if upto is None else upto
    fold = _Fold(conn, group, schema)
    enabled = gc.isenabled()
    gc.disable()  # rows are many and hold no cycles: collecting them costs more than folding (26 µs an event)
    try:
        for batch in _batches(conninfo, group, upto):
            fold.take(batch)
            if progress:
                progress(fold.events, upto)
        fold.finish()
    finally:
        if enabled:
            gc.enable()
    rows = dict(fold.rows)
    for derivation in group.derivations:
        rows[derivation.name] = _derive_all(conn, group, schema, derivation)
    conn.execute(f"INSERT INTO {schema}.checkpoints (name, position) VALUES (%s, %s)", [group.name, upto])
    return Built(tuple(group.tables), fold.events, upto, rows)


def _batches(conninfo: str, group: Group, upto: int) -> Iterator[Sequence[Recorded]]:
    """The log in order, read ahead by a thread, so that the server works while we fold."""
    ahead: queue.Queue[Sequence[Recorded] | BaseException | None] = queue.Queue(maxsize=3)
    stop = threading.Event()

    def read() -> None:
        try:
            with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
                after = 0
                while not stop.is_set():
                    if group.own_topics is None:
                        batch = store.read(conn, after, _READ_ROWS, upto)
                    else:
                        batch = store.read_own(conn, sorted(group.own_topics), after=after, upto=upto, limit=_READ_ROWS)
                    if not batch:
                        break
                    after = batch[-1].position
                    ahead.put(batch)
            ahead.put(None)
        except BaseException as error:
            ahead.put(error)

    reader = threading.Thread(target=read, name="rebuild-reader", daemon=True)
    reader.start()
    try:
        while (batch := ahead.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stop.set()
        with contextlib.suppress(queue.Empty):
            while True:
                ahead.get_nowait()
        reader.join(5)


class _Fold:
    """Folds batches into packed states; rows that cannot exist yet go straight into their table."""

    def __init__(self, conn: psycopg.Connection[Any], group: Group, schema: str) -> None:
        self.conn = conn
        self.group = group
        self.schema = schema
        self.events = 0
        self.rows: dict[str, int] = {p.name: 0 for p in group.projections}
        self._states: States = {p.name: {} for p in group.projections}
        self._parked: dict[str, set[Key]] = {}
        self._fresh: dict[str, list[tuple[Row, bytes | None]]] = {p.name: [] for p in group.projections if p.fresh}
        self._late: list[Entry] = []
        self._routes = {
            what: [(p, self._states[p.name], self._fresh.get(p.name)) for p in readers]
            for what, readers in group.routes.items()
        }

    def take(self, batch: Sequence[Recorded]) -> None:
        """Fold one batch."""
        routes = self._routes
        for recorded in batch:
            entry = entry_of(recorded)
            readers = routes.get(entry.event.NAME, ())
            said = entry.said
            if isinstance(said, ObjectFact):
                readers = (*readers, *routes.get(said.model, ()))
            for projection, states, fresh in readers:
                if fresh is not None:
                    self._take_fresh(projection, fresh, entry)
                    continue
                for key in projection.keys(entry):
                    try:
                        states[key] = projection.apply(states.get(key), entry)
                    except Exception as error:
                        self._park(projection, key, entry, error)
        self.events += len(batch)

    def _take_fresh(self, projection: Projection, fresh: list[tuple[Row, bytes | None]], entry: Entry) -> None:
        assert projection.fresh is not None
        if not projection.fresh(entry):
            self._late.append(entry)
            return
        for key in projection.keys(entry):
            state = projection.apply(None, entry)
            if state is not None:
                fresh.append((projection.to_row(key, state), state))
        if len(fresh) >= _WRITE_ROWS:
            self._flush(projection, fresh)

    def _flush(self, projection: Projection, fresh: list[tuple[Row, bytes | None]]) -> None:
        self.rows[projection.name] += tables.copy_rows(self.conn, self.schema, projection, fresh)
        fresh.clear()

    def _park(self, projection: Projection, key: Key, entry: Entry, error: Exception) -> None:
        if key not in self._parked.setdefault(projection.name, set()):
            self._parked[projection.name].add(key)
            derive.park(self.conn, self.schema, projection.name, key, entry.position, error)

    def finish(self) -> None:
        """Write everything, then make the keys and indexes."""
        for projection in self.group.projections:
            if projection.name in self._fresh:
                self._flush(projection, self._fresh[projection.name])
            else:
                faults: list[tuple[Key, Exception]] = []
                rows = self._rows_of(projection, faults)
                self.rows[projection.name] = tables.copy_rows(self.conn, self.schema, projection, rows)
                for key, error in faults:
                    derive.park(self.conn, self.schema, projection.name, key, 0, error)
            self.conn.execute(tables.index_ddl(self.schema, projection.table))
            self.conn.execute(f'ANALYZE {self.schema}."{projection.name}"')
        for projection in self.group.projections:
            if projection.name in self._fresh:
                self._fold_late(projection)

    def _rows_of(
        self, projection: Projection, faults: list[tuple[Key, Exception]]
    ) -> Iterator[tuple[Row, bytes | None]]:
        states = self._states[projection.name]
        parked = self._parked.get(projection.name, ())
        while states:
            key, state = states.popitem()
            if state is None or key in parked:
                continue
            try:
                row = projection.to_row(key, state)
            except Exception as error:  # our own fault alone: there is no I/O in there
                faults.append((key, error))
                continue
            yield row, state

    def _fold_late(self, projection: Projection) -> None:
        """The few entries whose row was there already: later renderings and conflicts."""
        for entry in self._late:
            for key in projection.keys(entry):
                with self.conn.cursor() as cur:
                    tables.load_states(cur, self.schema, projection.table, [key])
                    found = cur.fetchone()
                    state = projection.apply(found[-1] if found else None, entry)
                    if state is not None:
                        tables.upsert(cur, self.schema, projection, [(projection.to_row(key, state), state)])
                        self.rows[projection.name] += found is None


def _derive_all(conn: psycopg.Connection[Any], group: Group, schema: str, derivation: Derivation) -> int:
    """Derive every key that there is. Keys come from the inputs that name them directly."""
    keys: set[Key] = set()
    for model, how in derivation.affects.items():
        if callable(how):
            for row in tables.stream_rows(conn, schema, group.tables[model]):
                keys.update(how(row))
    ordered = sorted(keys)
    count = 0
    for start in range(0, len(ordered), _DERIVE_KEYS):
        some = ordered[start : start + _DERIVE_KEYS]
        got = derive.gather(conn, group, schema, derivation, some)
        rows: list[tuple[Row, bytes | None]] = []
        for key in some:
            try:
                rows += [(row, None) for row in derivation.derive(key, got[key])]
            except Exception as error:
                derive.park(conn, schema, derivation.name, key, 0, error)
        count += tables.copy_rows(conn, schema, derivation, rows)
    conn.execute(tables.index_ddl(schema, derivation.table))
    conn.execute(f'ANALYZE {schema}."{derivation.name}"')
    return count


def swap(conninfo: str, group: Group, schema: str) -> None:
    """Bring the copy in `schema` up to the live checkpoint and put it in the live one's place, in one transaction."""
    projector = Projector(conninfo, group, schema=schema)
    try:
        conn = projector.conn
        projector.lead()
        while projector.catch_up() > _NEAR:
            pass
        conn.execute("SET lock_timeout = '5s'")
        for attempt in range(10):
            try:
                with conn.transaction():
                    _swap(conn, projector, group, schema)
                return
            except psycopg.errors.LockNotAvailable:  # a reader holds on to the old tables; let it finish
                projector.position = _position(conn, schema, group)
                if attempt == 9:
                    raise
    finally:
        projector.close()


def _position(conn: psycopg.Connection[Any], schema: str, group: Group) -> int:
    row = conn.execute(f"SELECT position FROM {schema}.checkpoints WHERE name = %s", [group.name]).fetchone()
    return int(row[0]) if row else 0


def _swap(conn: psycopg.Connection[Any], projector: Projector, group: Group, schema: str) -> None:
    conn.execute(tables.bookkeeping(tables.LIVE))
    conn.execute(
        f"INSERT INTO {tables.LIVE}.checkpoints (name, position) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [group.name, projector.position],
    )
    # From here on the live leader waits. What it folded meanwhile is folded here too, then both are level.
    position, _ = derive.hold_checkpoint(conn, group, tables.LIVE)
    projector.catch_up_to(position)
    names = list(group.tables)
    for model in group.models:
        name = model.name
        conn.execute(f'DROP TABLE IF EXISTS {tables.LIVE}."{name}"')
        conn.execute(f'ALTER TABLE {schema}."{name}" SET SCHEMA {tables.LIVE}')
        conn.execute(
            f"INSERT INTO {tables.LIVE}.models (name, version, shape) VALUES (%s, %s, %s) ON CONFLICT (name)"
            " DO UPDATE SET version = EXCLUDED.version, shape = EXCLUDED.shape, built_at = now()",
            [name, model.version, tables.shape(model)],
        )
    for queue_table, column in (("dirty", "derivation"), ("spreading", "derivation"), ("parked", "model")):
        conn.execute(f"DELETE FROM {tables.LIVE}.{queue_table} WHERE {column} = ANY(%s)", [names])
    conn.execute(f"INSERT INTO {tables.LIVE}.parked SELECT * FROM {schema}.parked WHERE model = ANY(%s)", [names])
    conn.execute(f"UPDATE {tables.LIVE}.checkpoints SET epoch = epoch + 1 WHERE name = %s", [group.name])


def ensure_built(conninfo: str, progress: Progress | None = None) -> list[Built]:
    """Build the models that are missing or whose definition changed since they were built, before going live."""
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(hashtextextended(current_database() || '/ensure', 0))")
        conn.execute(tables.bookkeeping(tables.LIVE))
        built = {
            name: (version, shape)
            for name, version, shape in conn.execute(f"SELECT name, version, shape FROM {tables.LIVE}.models")
        }
        outdated = [n for n, m in MODELS.items() if built.get(n) != (m.version, tables.shape(m))]
        for name in built.keys() - MODELS.keys():
            conn.execute(f'DROP TABLE IF EXISTS {tables.LIVE}."{name}"')
            conn.execute(f"DELETE FROM {tables.LIVE}.models WHERE name = %s", [name])
        return rebuild(conninfo, outdated, progress) if outdated else []
