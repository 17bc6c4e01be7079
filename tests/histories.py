"""Deliver a history and look at what became of it: into the log as the ingester does, through the engine, out as rows.

Shared by the tests of the fold. Every comparison goes over the digested columns alone, in one plain form.
"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import psycopg
from samples import Delivery
from sightings import Seen

from ledger import inbox
from ledger.codec import encode_metadata
from ledger.errors import StoreUnavailable
from ledger.events import (
    Event,
    Metadata,
    NewEvent,
    OrganizationLinked,
    OrganizationUnlinked,
    OverrideDenied,
    OverrideEnded,
    OverrideGranted,
    Recorded,
)
from ledger.ids import link_stream, override_stream
from ledger.store import Appended, Conflict, Log, Outcome, Unit
from projections import BILLING
from projections.base import Entry, Group, Key, Row
from replay import rebuild, tables
from replay.fold import States, entry_of, fold, route
from replay.live import Projector

KEY = b"k" * 32
#: Appends under way at once, as of so many senders.
_TOGETHER = 100
#: model -> key -> column -> value, digested columns only.
Rows = dict[str, dict[Key, dict[str, Any]]]


class Link:
    """An operator's word on whose a customer is; no organization takes the link back."""

    def __init__(self, customer: str, org: str | None, *, mode: str = "test", account: str = "platform") -> None:
        self.mode, self.account, self.customer, self.org = mode, account, customer, org

    @property
    def stream(self) -> str:
        return link_stream(self.mode, self.account, self.customer)

    def new(self, version: int) -> NewEvent:
        whom = {"mode": self.mode, "account": self.account, "customer": self.customer}
        said = OrganizationUnlinked(**whom) if self.org is None else OrganizationLinked(**whom, org=self.org)
        return NewEvent(self.stream, version, said, Metadata(occurred_at_s=0, actor="ops@example.com"))


class Override:
    """An operator's word on a feature of an organization: granted, denied, or (None) the word before is taken back."""

    def __init__(
        self,
        org: str,
        feature: str,
        granted: bool | None,
        *,
        limit: int | None = None,
        from_s: int | None = None,
        until_s: int | None = None,
        mode: str = "test",
        reason: str = "a promise",
    ) -> None:
        self.mode, self.org, self.feature, self.granted, self.limit = mode, org, feature, granted, limit
        self.from_s, self.until_s, self.reason = from_s, until_s, reason

    @property
    def stream(self) -> str:
        return override_stream(self.mode, self.org, self.feature)

    def new(self, version: int) -> NewEvent:
        which = {"mode": self.mode, "org": self.org, "feature": self.feature}
        told = {**which, "from_s": self.from_s, "until_s": self.until_s, "reason": self.reason}
        said: Event
        if self.granted is None:
            said = OverrideEnded(**which)
        else:
            said = OverrideGranted(**told, limit=self.limit) if self.granted else OverrideDenied(**told)
        meta = Metadata(occurred_at_s=0, actor="ops@example.com", reason=self.reason)
        return NewEvent(self.stream, version, said, meta)


def received(delivery: Delivery, key: bytes = KEY, seed: int = 0) -> NewEvent:
    """A delivery as the ingester would append it first."""
    envelope = inbox.open_envelope(delivery.body)
    return inbox.receive(envelope, key, delivery.endpoint, random.Random(seed).randbytes)


def ingest(log: Log, deliveries: Iterable[Delivery], key: bytes = KEY, seed: int = 0) -> None:
    """Append deliveries in their order, as the ingester does: once, however often they come."""
    waiting: list[tuple[Delivery, Future[Outcome]]] = []
    for number, delivery in enumerate(deliveries):
        waiting.append((delivery, submit(log, received(delivery, key, seed + number))))
        if len(waiting) == _TOGETHER:
            _settle(log, waiting, key)
    _settle(log, waiting, key)


def submit(log: Log, new: NewEvent) -> "Future[Outcome]":
    """Append one event without waiting for its commit."""
    future: Future[Outcome] = Future()

    def done(outcome: Outcome | StoreUnavailable) -> None:
        if isinstance(outcome, StoreUnavailable):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    log.submit(Unit((new,)), done)
    return future


def _settle(log: Log, waiting: "list[tuple[Delivery, Future[Outcome]]]", key: bytes) -> None:
    """Wait for the commits; what met its own stream is a redelivery, another rendering or a conflict."""
    for delivery, future in waiting:
        if isinstance(future.result(10), Conflict):
            again = received(delivery, key)
            later = inbox.after_conflict(again, log.read_stream(again.stream))
            if later is not None:
                assert isinstance(log.append(later), Appended)
    waiting.clear()


def logged(conninfo: str) -> int:
    """How many events the log holds."""
    with psycopg.connect(conninfo) as conn:
        row = conn.execute("SELECT count(*) FROM ledger.events").fetchone()
    assert row is not None
    return int(row[0])


def link(log: Log, *links: Link | Override) -> None:
    """Append operators' links, and what else they say, in their order."""
    for said in links:
        known = log.read_stream(said.stream)
        assert isinstance(log.append(said.new(len(known) + 1)), Appended)


# ---- the fold without a database ------------------------------------------------------------


def remembered(deliveries: Iterable[Delivery | Link | Override | Seen], key: bytes = KEY) -> list[Entry]:
    """What a log would hold after these deliveries, decoded and translated; `ingest` without a database."""
    streams: dict[str, list[Recorded]] = {}
    entries: list[Entry] = []
    for n, told in enumerate(deliveries):
        new: NewEvent | None
        if isinstance(told, (Link, Override)):
            new = told.new(len(streams.get(told.stream, ())) + 1)
        elif isinstance(told, Seen):
            new = told.new(streams.get(told.sighting.stream, ()), key, n)
        else:
            new = received(told, key, n)
            if new.stream in streams:
                new = inbox.after_conflict(new, streams[new.stream])
        if new is None:
            continue
        position = len(entries) + 1
        recorded = Recorded(position, new.stream, new.version, new.event, encode_metadata(new.metadata), position)
        streams.setdefault(new.stream, []).append(recorded)
        entries.append(entry_of(recorded))
    return entries


def raising(*fault: Any) -> None:
    """No definition may fail."""
    raise fault[-1]


def folded(entries: Sequence[Entry], cuts: Iterable[int] = ()) -> Rows:
    """Fold entries in batches that end at `cuts`, derive everything, and show all rows."""
    states: States = {}
    start = 0
    for end in sorted({*cuts, len(entries)}):
        fold(route(BILLING, entries[start:end]), states, {}, raising)
        start = end
    return shown(derived(BILLING, states))


def derived(group: Group, states: States, shuffle: random.Random | None = None) -> dict[str, list[Row]]:
    """Every model's rows from the projections' states: derivations too, their inputs in any order."""
    rows: dict[str, list[Row]] = {
        p.name: [p.to_row(k, s) for k, s in states.get(p.name, {}).items() if s is not None] for p in group.projections
    }
    for derivation in group.derivations:
        keys = {k for m, how in derivation.affects.items() if callable(how) for row in rows[m] for k in how(row)}
        index: dict[tuple[str, tuple[str, ...]], dict[Key, list[Row]]] = {}
        for given in derivation.inputs:
            found = index[given.model, given.by] = {}
            for row in rows[given.model]:
                found.setdefault(tuple(getattr(row, b) for b in given.by), []).append(row)
        made: list[Row] = []
        for key in keys:
            got: dict[str, list[Row]] = {}
            for given in derivation.inputs:
                wanted = set(given.wanted(key, got))
                got[given.model] = [r for w in wanted for r in index[given.model, given.by].get(w, ())]
                if shuffle is not None:
                    shuffle.shuffle(got[given.model])
            made += derivation.derive(key, got)
        rows[derivation.name] = made
    return rows


def shown(rows: Mapping[str, Sequence[Row]]) -> Rows:
    """Rows by key, digested columns alone, in plain JSON values."""
    found: Rows = {}
    for name, table in BILLING.tables.items():
        digested = [c.name for c in table.columns if c.digested]
        found[name] = {
            tuple(row[: len(table.key)]): plain({c: getattr(row, c) for c in digested}) for row in rows[name]
        }
        assert len(found[name]) == len(rows[name]), f"{name}: two rows of one key"
    return found


def plain(value: Any) -> Any:
    """JSON values alone: tuples and lists are the same."""
    return json.loads(json.dumps(value))


# ---- the fold in PostgreSQL -----------------------------------------------------------------


def project(conninfo: str, *, group: Group = BILLING, sizes: Iterable[int] = (500,)) -> None:
    """Fold what the log holds, live, in steps of `sizes` events (the last goes on)."""
    projector = Projector(conninfo, group)
    try:
        assert projector.lead()
        left = list(sizes)
        while True:
            projector.batch = left.pop(0) if len(left) > 1 else left[0]
            if not projector.step():
                break
        projector.catch_up()
    finally:
        projector.close()


def rows_of(conninfo: str) -> Rows:
    """All rows of the live billing models."""
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        return shown({n: list(tables.stream_rows(conn, tables.LIVE, t)) for n, t in BILLING.tables.items()})


def built(conninfo: str) -> str:
    """A database whose read models are there, empty."""
    rebuild.ensure_built(conninfo)
    return conninfo


def different(ours: Rows, told: Rows) -> list[str]:
    """Where two sets of rows differ, one line a column, few enough to read."""
    lines = []
    for model in sorted(ours.keys() | told.keys()):
        mine, other = ours.get(model, {}), told.get(model, {})
        for key in sorted(mine.keys() | other.keys()):
            if key not in other or key not in mine:
                lines.append(f"{model} {key}: only {'ours' if key in mine else 'theirs'}")
            elif mine[key] != other[key]:
                names = [c for c in mine[key] if mine[key][c] != other[key].get(c)]
                lines += [f"{model} {key} {c}: {mine[key][c]!r} != {other[key].get(c)!r}" for c in names]
    return lines[:20]
