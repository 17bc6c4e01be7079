"""Hosting: a day of cost events of 10,000 environments taken in, accrued, and the month closed and invoiced.

Bounds: a bare COPY of the same records into a table with the same key; a bare Decimal sum of the same prices; a bare
Decimal sum of the same bookings.
"""

import contextlib
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import psycopg

from api.bench.stage import Figure, Stage
from api.hosting import reading
from api.hosting.accruing import accrue
from api.hosting.closing import close_month, closing_of, make_invoices
from api.hosting.taking import Reporter, read_batch, take
from commands.hosting_prices import EXACT
from commands.rate_cards import RATE_CARDS, PublishRateCard
from ledger.claims import DAY_S, day_name
from ledger.events import Event, Metadata, NewEvent
from ledger.hosting_billing_events import AccruedEntry, HostingAccrued
from ledger.hosting_events import CostRecord, EnvironmentCreated, HostingPlaced
from ledger.ids import accrual_stream, environment_stream, placing_stream, rate_card_stream
from ledger.store import Log
from projections import BILLING
from replay.live import Projector

#: 2028-03-01, and the hours of a day.
_MONTH, _DAY = "2028-03", 21_244
_HOURS, _BATCH = 24, 1_000
_RESOURCES = ("cpu", "memory", "storage", "egress")
_META = Metadata(occurred_at_s=_DAY * DAY_S, actor="bench", mode="test")
#: Environments that belong to one organization.
_EACH = 4


def run(stage: Stage) -> Iterator[Figure]:
    """Take a day in, accrue it, close its month."""
    environments = 200 if stage.quick else 10_000
    records = environments * _HOURS * len(_RESOURCES)
    with (
        stage.database("hosting") as conninfo,
        _followed(conninfo) as projector,
        contextlib.closing(Log(conninfo)) as log,
    ):
        _furnish(log, environments)
        projector.catch_up()
        stage.say(f"{environments:,} environments; {records:,} cost events in batches of {_BATCH:,}")
        bound = _copied(conninfo, environments)
        took = _take_in(log, environments)
        yield Figure(
            "cost events taken in: read, checked, claimed, appended", records / took, "records/s", records / bound,
            f"{records:,} records, {took:.1f} s, one sender; bound: COPY of the same into a keyed table",
        )  # fmt: skip
        projector.catch_up()
        bound = _summed(conninfo)
        began = time.perf_counter()
        done = accrue(log, conninfo, "test", (_DAY + 1) * DAY_S, lambda _: _follow(projector))
        took = time.perf_counter() - began
        yield Figure(
            "a day accrued", took, "s", bound,
            f"{done.bookings:,} bookings of {records:,} cost events; bound: a bare Decimal sum of them",
        )  # fmt: skip
        yield from _close(stage, log, conninfo, projector, environments)


def _close(stage: Stage, log: Log, conninfo: str, projector: Projector, environments: int) -> Iterator[Figure]:
    """The rest of the month's accruals, as if the days had gone by; then the month is closed."""
    days = range(_DAY + 1, _DAY + 31)
    for day in days:
        _book(log, environments, day)
        _follow(projector)
    bookings = environments * (len(days) + 1)
    now_s = (_DAY + 33) * DAY_S
    accrue(log, conninfo, "test", now_s, lambda _: _follow(projector))
    _follow(projector)
    bound = _summed_bookings(conninfo)
    began = time.perf_counter()
    close_month(log, closing_of(log, conninfo, "test", _MONTH), now_s)
    closed = make_invoices(log, conninfo, "test", now_s, 50, lambda _: _follow(projector))
    took = time.perf_counter() - began
    made = sum(each.invoices for each in closed)
    yield Figure(
        "a month closed and its invoices made", took, "s", bound,
        f"{made:,} invoices of {bookings:,} accruals; bound: reading them and a bare Decimal sum",
    )  # fmt: skip


@contextlib.contextmanager
def _followed(conninfo: str) -> Iterator[Projector]:
    projector = Projector(conninfo, BILLING)
    try:
        assert projector.lead()
        yield projector
    finally:
        projector.close()


def _follow(projector: Projector) -> None:
    projector.catch_up()


def _org(number: int) -> str:
    return f"org_{number // _EACH:05d}"


def _furnish(log: Log, environments: int) -> None:
    """Environments, their namespaces, and a rate card."""
    card = PublishRateCard(
        mode="test",
        card="standard",
        currency="eur",
        effective_s=0,
        markup_percent="20",
        rates={"cpu": "4.2", "memory": "0.57", "storage": "0.013", "egress": "9"},
    )
    (published,) = RATE_CARDS.decide(card, None)
    found = [NewEvent(rate_card_stream("test", "standard"), 1, published, _META)]
    for n in range(environments):
        id, namespace = f"env_{n:05d}", f"ns-{n:05d}"
        made: Event = EnvironmentCreated(
            mode="test", environment=id, org=_org(n), name=id, default=False, rate_card="standard"
        )
        placed = HostingPlaced(mode="test", kind="namespace", id=namespace, environment=id, at_s=0)
        found.append(NewEvent(environment_stream("test", id), 1, made, _META))
        found.append(NewEvent(placing_stream("test", "namespace", namespace), 1, placed, _META))
    log.append_bulk(found)


def _hour(environments: int, hour: int) -> Iterator[tuple[str, CostRecord]]:
    start = _DAY * DAY_S + hour * 3_600
    for n in range(environments):
        for resource in _RESOURCES:
            id = f"{_DAY}-{hour:02d}-{n:05d}-{resource}"
            yield f"ns-{n:05d}", CostRecord(id, resource, start, start + 3_600, 1_500_000_000 + n)


def _batches(environments: int) -> Iterator[dict[str, list[CostRecord]]]:
    for hour in range(_HOURS):
        batch: dict[str, list[CostRecord]] = {}
        for count, (namespace, record) in enumerate(_hour(environments, hour), 1):
            batch.setdefault(namespace, []).append(record)
            if count % _BATCH == 0:
                yield batch
                batch = {}
        if batch:
            yield batch


def _body(batch: dict[str, list[CostRecord]]) -> bytes:
    """A batch as it is posted."""
    events = [
        {
            "id": r.id,
            "namespace": namespace,
            "resource": r.resource,
            "from_s": r.from_s,
            "until_s": r.until_s,
            "quantity": f"{Decimal(r.quantity_e9).scaleb(-9):f}",
        }
        for namespace, records in batch.items()
        for r in records
    ]
    return msgspec.json.encode({"events": events})


def _take_in(log: Log, environments: int) -> float:
    """Seconds to take all batches in as they are posted, one after the other, HTTP aside."""
    took = 0.0
    reporter = Reporter("test", "bench", (_DAY + 1) * DAY_S)
    for batch in _batches(environments):
        body = _body(batch)
        began = time.perf_counter()
        take(log, reporter, read_batch(body))
        took += time.perf_counter() - began
    return took


def _copied(conninfo: str, environments: int) -> float:
    """Seconds to COPY the same records, a transaction a batch, into a table keyed by their ids."""
    took = 0.0
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(
            'CREATE TABLE bench_costs (id text COLLATE "C" PRIMARY KEY, namespace text, resource text,'
            " from_s bigint, until_s bigint, quantity bigint)"
        )
        for batch in _batches(environments):
            began = time.perf_counter()
            with (
                conn.transaction(),
                conn.cursor().copy(
                    "COPY bench_costs (id, namespace, resource, from_s, until_s, quantity) FROM STDIN (FORMAT BINARY)"
                ) as copy,
            ):
                copy.set_types(["text", "text", "text", "int8", "int8", "int8"])
                for namespace, records in batch.items():
                    for r in records:
                        copy.write_row((r.id, namespace, r.resource, r.from_s, r.until_s, r.quantity_e9))
            took += time.perf_counter() - began
        conn.execute("DROP TABLE bench_costs")
    return took


def _summed(conninfo: str) -> float:
    """Seconds of a bare Decimal multiplication and sum over the day's records, which are in memory."""
    with reading.seeing(conninfo) as seen:
        records = [r for rs in reading.records_of(seen, "test", _DAY).values() for r in rs]
    rate = Decimal("4.2")
    began = time.perf_counter()
    total = Decimal(0)
    for record in records:
        total = EXACT.add(total, EXACT.multiply(Decimal(record.quantity_e9), rate))
    return time.perf_counter() - began


def _book(log: Log, environments: int, day: int) -> None:
    """Bookings of a day as the accrual makes them."""
    name, bookings = day_name(day), []
    entries = tuple(AccruedEntry("ns", None, r, "36.0001", "151.20042", "181.440504") for r in _RESOURCES)
    for n in range(environments):
        id = f"env_{n:05d}"
        accrued = HostingAccrued(
            mode="test",
            org=_org(n),
            environment=id,
            day=name,
            number=0,
            currency="eur",
            amount="725.762016",
            entries=entries,
            through=0,
        )
        bookings.append(NewEvent(accrual_stream("test", _org(n), id, name), 1, accrued, _META))
    log.append_bulk(bookings)


def _summed_bookings(conninfo: str) -> float:
    """Seconds to read every booking and add its entries up."""
    began = time.perf_counter()
    total: Any = Decimal(0)
    with psycopg.connect(conninfo) as conn, conn.cursor(name="bench") as cursor:
        cursor.itersize = 2_000
        for (entries,) in cursor.execute("SELECT entries FROM read_models.accruals"):
            for entry in entries:
                total = EXACT.add(total, Decimal(entry[5]))
    return time.perf_counter() - began
