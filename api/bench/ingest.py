"""Ingest: signed webhooks over HTTP, sealed and durable before 200; acknowledged = stored."""

import contextlib
import json
from collections.abc import Iterator

import psycopg

from api.bench import load
from api.bench.stage import SECRET, Figure, Stage, free_port, history, wait_for

_CONNECTIONS = 16


def run(stage: Stage) -> Iterator[Figure]:
    """Alone beside its bound, with the worker beside it, and for one hot organization."""
    rate = 12_000 if not stage.quick else 4_000  # more events than a run can send: none is sent twice
    each = rate * stage.seconds
    bodies = list(history(stage.past_events + each))
    past, bodies = bodies[: stage.past_events], bodies[stage.past_events :]
    mean = sum(map(len, bodies)) / len(bodies)
    stage.say(f"signed webhooks of {mean / 1024:.1f} KB on average, {_CONNECTIONS} connections")
    bound = _bound(stage, bodies)
    yield Figure(
        "ingest, bare endpoint: HMAC + one unordered INSERT", bound.rate, "/s", None, f"p99 {bound.p99_ms:.1f} ms"
    )
    with _running(stage, "ingest_alone", past) as conninfo, stage.web(conninfo) as url:
        alone = _deliver(stage, url, bodies)
        note = f"p50 {alone.p50_ms:.1f}, p99 {alone.p99_ms:.1f} ms; {_stored(conninfo, alone, len(past))}"
        yield Figure("ingest, without the worker", alone.rate, "/s", bound.rate, f"{note}; bound: bare endpoint")
    with _running(stage, "ingest_both", past) as conninfo, stage.web(conninfo) as url, stage.worker(conninfo):
        both = _deliver(stage, url, bodies)
        behind = _behind(conninfo)
        note = f"p50 {both.p50_ms:.1f}, p99 {both.p99_ms:.1f} ms; {_stored(conninfo, both, len(past))}; {behind} behind"
        yield Figure("ingest, projections beside it", both.rate, "/s", bound.rate, f"{note}; bound: bare endpoint")
    with _running(stage, "ingest_hot", past) as conninfo, stage.web(conninfo) as url, stage.worker(conninfo):
        hot = _deliver(stage, url, _hot(each))
        note = f"p50 {hot.p50_ms:.1f}, p99 {hot.p99_ms:.1f} ms; worker {_behind(conninfo)} events behind"
        yield Figure("ingest, one hot organization", hot.rate, "/s", bound.rate, f"{note}; bound: bare endpoint")


@contextlib.contextmanager
def _running(stage: Stage, name: str, past: list[bytes]) -> Iterator[str]:
    with stage.database(name) as conninfo:
        stage.past(conninfo, past)
        yield conninfo


def _deliver(stage: Stage, url: str, bodies: list[bytes]) -> load.Loaded:
    return load.run(url, load.webhook_lines(bodies, SECRET), _CONNECTIONS, stage.seconds, stage.folder)


def _bound(stage: Stage, bodies: list[bytes]) -> load.Loaded:
    with stage.database("ingest_bound") as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as conn:
            conn.execute(
                'CREATE TABLE bench_events (id text COLLATE "C" PRIMARY KEY, type text, created bigint, body bytea)'
            )
        with baseline(stage, conninfo) as url:
            lines = load.webhook_lines(bodies, SECRET, "/ingest")
            return load.run(url, lines, _CONNECTIONS, stage.seconds, stage.folder)


@contextlib.contextmanager
def baseline(stage: Stage, conninfo: str) -> Iterator[str]:
    """The bare endpoint under the same server, in the protocol that suits Flask best. Yields its URL."""
    port = free_port()
    arguments = ["-m", "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "8"]
    arguments += ["--port", str(port), "--log-level", "error", "api.bench.baseline:app"]
    with stage.process(arguments, stage.environment(conninfo)):
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/hello")
        yield url


def _stored(conninfo: str, sent: load.Loaded, before: int) -> str:
    """Whether what was acknowledged is in the log. Requests cut off at the end may be stored and not counted."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        row = conn.execute(  # beside them the log holds what the worker's reactions appended
            "SELECT count(*) FROM ledger.events WHERE topic LIKE 'stripe.event_received/%'"
        ).fetchone()
    stored = (row[0] if row else 0) - before
    acknowledged = sent.requests - sent.errors
    unsaid = stored - acknowledged
    return f"acknowledged {acknowledged:,}, stored {stored:,}" + ("" if 0 <= unsaid <= _CONNECTIONS else " (!)")


def _behind(conninfo: str) -> int:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        row = conn.execute(
            "SELECT (SELECT coalesce(max(notification_id), 0) FROM ledger.events) - position"
            " FROM read_models.checkpoints WHERE name = 'billing'"
        ).fetchone()
    return int(row[0]) if row else 0


def _hot(count: int) -> list[bytes]:
    """One customer's subscription, changed over and over."""
    template = next(e for e in map(json.loads, history(2_000)) if e["type"] == "customer.subscription.created")
    bodies = []
    for n in range(count):
        template["id"] = f"evt_hot_{n:09d}"
        template["created"] += n % 50 == 0
        template["type"] = "customer.subscription.updated"
        bodies.append(json.dumps(template, separators=(",", ":")).encode())
    return bodies
