"""Rebuild: every read model from the log, beside merely reading and decoding the same events."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from api.bench.stage import Figure, Stage, history
from ledger import store
from replay import tables
from replay.fold import entry_of
from replay.rebuild import rebuild

_MIB = 1024 * 1024


def run(stage: Stage) -> Iterator[Figure]:
    """Load a simulated history, read it, rebuild from it."""
    events = 20_000 if stage.quick else 300_000
    with stage.database("rebuilding") as conninfo:
        began = time.perf_counter()
        loaded = stage.load(conninfo, history(events))
        stage.say(f"{loaded:,} simulated events loaded by COPY in {time.perf_counter() - began:.0f} s")
        read = _read(conninfo)
        yield Figure("reading and decoding the log, one process", read, "events/s")
        took, peak, base, built = _rebuild(stage, conninfo)
        entities = sum(n for model, n in built.items() if model != "stripe_events")
        rows = sum(built.values())
        yield Figure(
            "rebuild of all read models", loaded / took, "events/s", read,
            f"{loaded:,} events, {rows:,} rows, {took:.1f} s; bound: reading and decoding",
        )  # fmt: skip
        allowed = 60 + entities / 1024
        yield Figure(
            "rebuild, peak memory of its processes", peak / _MIB, "MB", allowed,
            f"shared pages counted once; {base / _MIB:.0f} MB before it began; bound: 60 MB + 1 KB for each of"
            f" {entities:,} entities",
        )  # fmt: skip


def _read(conninfo: str) -> float:
    began, count, after = time.perf_counter(), 0, 0
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        while batch := store.read(conn, after, 500):
            for recorded in batch:
                entry_of(recorded)
            count, after = count + len(batch), batch[-1].position
    return count / (time.perf_counter() - began)


def _rebuild(stage: Stage, conninfo: str) -> tuple[float, int, int, dict[str, int]]:
    """Seconds, peak bytes, bytes at its start, rows: of a rebuild in a process of its own, as the CLI runs it."""
    it = subprocess.Popen(
        [sys.executable, "-c", "from api.bench.rebuilding import main; main()", conninfo],
        stdout=subprocess.PIPE, text=True, env=stage.environment(conninfo),
    )  # fmt: skip
    samples = [0]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            samples.append(_memory(it.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    out, _ = it.communicate()
    stop.set()
    watcher.join()
    told = json.loads(out)
    return told["seconds"], max(samples), told["base"], told["rows"]


def _memory(pid: int) -> int:
    """Proportional set size of a process and its children: shared pages count once. 0 where there is no /proc."""
    total = 0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in [str(pid), *children]:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
    except OSError:
        return total
    return total


def main() -> None:
    """A rebuild in a process of its own: says how long it took, on stdout."""
    conninfo = sys.argv[1]
    base = _memory(os.getpid())
    began = time.perf_counter()
    built = rebuild(conninfo)
    took = time.perf_counter() - began
    rows = {model: count for b in built for model, count in b.rows.items()}
    print(json.dumps({"seconds": took, "base": base, "rows": rows}))
