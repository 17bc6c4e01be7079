"""The hot read and the check: may this organization use this feature now? What back ends ask before expensive work."""

from collections.abc import Iterator

import psycopg

from api.bench import load
from api.bench.ingest import baseline
from api.bench.stage import Figure, Stage, history
from ledger.events import ApiKeyIssued, Metadata, NewEvent
from ledger.ids import key_stream
from ledger.store import Log
from replay.rebuild import rebuild

KEY = "rk_test_of_the_bench_only"


def run(stage: Stage) -> Iterator[Figure]:
    """At 16 connections, and how long one takes at 2; and the same by a check."""
    with stage.database("hot_read") as conninfo:
        stage.load(conninfo, history(5_000 if stage.quick else 60_000))
        issue_key(stage, conninfo)
        rebuild(conninfo)
        with psycopg.connect(conninfo, autocommit=True) as conn:
            found = conn.execute("SELECT org, feature FROM read_models.entitlements WHERE mode = 'test'").fetchall()
        paths = [f"/v1/orgs/{org}/entitlements/{feature}" for org, feature in found]
        lines = [f"GET\t{path}\tAuthorization: Bearer {KEY}\t" for path in paths]
        checks = [
            f'POST\t/v1/orgs/{org}/checks\tAuthorization: Bearer {KEY}\t{{"feature":"{feature}","quantity":1}}'
            for org, feature in found
        ]
        with baseline(stage, conninfo) as url:
            hello = load.run(url, ["GET\t/hello\tAccept: text/plain\t"], 16, min(3, stage.seconds), stage.folder)
        with stage.web(conninfo) as url:
            load.run(url, lines, 16, 1, stage.folder)  # connections and prepared statements
            many = load.run(url, lines, 16, stage.seconds, stage.folder)
            few = load.run(url, lines, 2, stage.seconds, stage.folder)
            checked = load.run(url, checks, 16, stage.seconds, stage.folder)
        errors = f"; {many.errors + few.errors} errors" if many.errors + few.errors else ""
        note = f"p50 {many.p50_ms:.1f}, p99 {many.p99_ms:.1f} ms; {len(paths):,} different ones{errors}"
        yield Figure("entitlement read, 16 connections", many.rate, "/s", hello.rate, f"{note}; bound: bare hello")
        yield Figure(
            "entitlement read, 2 connections, p99",
            few.p99_ms,
            "ms",
            None,
            f"p50 {few.p50_ms:.2f} ms, {few.rate:,.0f}/s",
        )
        errors = f"; {checked.errors} errors" if checked.errors else ""
        yield Figure(
            "entitlement check, 16 connections",
            checked.rate,
            "/s",
            many.rate,
            f"p50 {checked.p50_ms:.1f}, p99 {checked.p99_ms:.1f} ms{errors}; bound: the entitlement read",
        )


def issue_key(stage: Stage, conninfo: str) -> None:
    """Put the benches' own key into a log."""
    event = ApiKeyIssued(
        key_id="key_bench", digest=stage.master.digest_of_api_key(KEY), mode="test", role="service", org=None,
        account=None, label="bench",
    )  # fmt: skip
    log = Log(conninfo)
    log.append(NewEvent(key_stream("key_bench"), 1, event, Metadata(occurred_at_s=0, actor="bench")))
    log.close()
