"""What is counted, for Prometheus. Several processes count together through files (PROMETHEUS_MULTIPROC_DIR).

No metric carries an id or a personal field.
"""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any, get_args

import psycopg
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from commands.stripe_reads import READS
from ledger.ids import MODES
from ledger.reconcile_events import Drift
from projections import GROUPS
from replay import review_queue, tables, work_list
from replay.coverage import coverage
from replay.fetches_wanted import fetches_wanted
from replay.outgoing import outgoing

WEBHOOKS = Counter("recount_webhooks_total", "Webhook deliveries by outcome", ["endpoint", "outcome"])
APPEND_SECONDS = Histogram(
    "recount_webhook_append_seconds",
    "From a verified webhook to its durable append",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
DELIVERIES_MADE = Counter("recount_delivery_attempts_total", "Attempts to deliver a notice, by outcome", ["outcome"])
CALLS_MADE = Counter("recount_stripe_calls_total", "Attempts of the worker to call Stripe, by outcome", ["outcome"])
FAULTS = Counter("recount_worker_faults_total", "Times a worker loop failed and started anew", ["group"])


class _FromDatabase(Collector):
    """Gauges that are read when they are asked for."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("recount_database_up", "Whether the database answers")
        try:
            with self._connect() as conn:
                yield from _gauges(conn)
            up.add_metric([], 1)
        except psycopg.Error:
            up.add_metric([], 0)
        yield up


def _gauges(conn: psycopg.Connection[Any]) -> Iterable[Metric]:
    head = conn.execute("SELECT coalesce(max(notification_id), 0) FROM ledger.events").fetchone()
    at = GaugeMetricFamily("recount_log_position", "Position of the newest event in the log")
    at.add_metric([], head[0] if head else 0)
    yield at
    position = GaugeMetricFamily("recount_projection_position", "How far a group has folded", labels=["group"])
    parked = GaugeMetricFamily("recount_parked_keys", "Keys set aside because their definition raised")
    dirty = GaugeMetricFamily("recount_dirty_keys", "Keys waiting to be derived")
    for name, where in conn.execute(f"SELECT name, position FROM {tables.LIVE}.checkpoints").fetchall():
        if name in {g.name for g in GROUPS}:
            position.add_metric([name], where)
    for family, table in ((parked, "parked"), (dirty, "dirty")):
        row = conn.execute(f"SELECT count(*) FROM {tables.LIVE}.{table}").fetchone()
        family.add_metric([], row[0] if row else 0)
    states = GaugeMetricFamily("recount_stripe_events_held", "Stripe events that wait for a person", labels=["state"])
    for state, count in conn.execute(
        f"SELECT state, count(*) FROM {tables.LIVE}.stripe_events"
        " WHERE state IN ('waiting', 'quarantined', 'conflict') GROUP BY state"
    ):
        states.add_metric([state], count)
    open_items = GaugeMetricFamily("recount_set_aside_open", "What is set aside and asks for a person", labels=["kind"])
    for kind, count in work_list.open_counts(conn).items():
        open_items.add_metric([kind], count)
    yield from (position, parked, dirty, states, open_items)
    waiting = GaugeMetricFamily("recount_deliveries", "Notices to endpoints that were not taken", labels=["state"])
    out = outgoing(conn)
    for state, count in (("due", out.due), ("dead", out.dead)):
        waiting.add_metric([state], count)
    yield waiting
    calls = GaugeMetricFamily("recount_stripe_calls_open", "Calls to Stripe without an answer", labels=["state"])
    for state, count in (("waiting", out.calls.waiting), ("begun", out.calls.begun), ("unknown", out.calls.unknown)):
        calls.add_metric([state], count)
    refused = GaugeMetricFamily("recount_stripe_key_refused", "Modes in which Stripe refuses the key: no call is made")
    refused.add_metric([], len(out.calls.stopped))
    yield from (calls, refused)
    held = GaugeMetricFamily("recount_reactions_held", "Reactions whose differences wait for an operator")
    held.add_metric([], sum(r.held for r in out.reactions))
    faulty = GaugeMetricFamily("recount_reactions_faulty", "Reactions that stand still because they raised")
    faulty.add_metric([], sum(r.fault is not None for r in out.reactions))
    yield from (held, faulty)
    yield from _compared(conn)
    waits = GaugeMetricFamily("recount_reviews", "What waits for a person", labels=["mode", "kind"])
    for (mode, kind), count in review_queue.counts(conn, time.time()).items():
        waits.add_metric([mode, kind], count)
    yield waits


def _compared(conn: psycopg.Connection[Any]) -> Iterable[Metric]:
    """What is known by comparing with Stripe. By mode alone, the worst account for all: an account is an id."""
    now_s = time.time()
    until = GaugeMetricFamily("recount_events_whole_until_seconds", "Until then no event is missing", labels=["mode"])
    gap = GaugeMetricFamily(
        "recount_events_gap_seconds", "Time in which events may be missing", labels=["mode", "healable"]
    )
    every = coverage(conn, now_s)
    for mode in sorted({c.mode for c in every}):
        mine = [c for c in every if c.mode == mode]
        until.add_metric([mode], min(c.to_s for c in mine))
        for healable in (True, False):
            lengths = (sum(g.to_s - g.from_s for g in c.gaps if g.healable is healable) for c in mine)
            gap.add_metric([mode, "yes" if healable else "no"], max(lengths))
    drift = GaugeMetricFamily("recount_drift", "Objects that are not as Stripe holds them", labels=["mode", "kind"])
    counted = {(m, k): 0 for m in MODES for k in get_args(Drift)}
    counted |= {
        (m, k): n for m, k, n in conn.execute(f"SELECT mode, kind, count(*) FROM {tables.LIVE}.drift GROUP BY 1, 2")
    }
    for (mode, kind), count in counted.items():
        drift.add_metric([mode, kind], count)
    wanted = GaugeMetricFamily("recount_fetches_wanted", "Objects that must be looked at", labels=["state"])
    wants = fetches_wanted(conn, tuple(READS), now_s)
    given_up = sum(w.next_s is None for w in wants)
    for state, count in (("waiting", len(wants) - given_up), ("given_up", given_up)):
        wanted.add_metric([state], count)
    yield from (until, gap, drift, wanted)


def exposition(connect: Callable[[], Any]) -> bytes:
    """All metrics of all processes, in Prometheus' text format. `connect` gives a reader's connection."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        for metric in (WEBHOOKS, APPEND_SECONDS, DELIVERIES_MADE, CALLS_MADE, FAULTS):
            registry.register(metric)
    registry.register(_FromDatabase(connect))
    return generate_latest(registry)
