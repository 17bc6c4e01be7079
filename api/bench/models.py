"""What each read model costs a rebuild: its share of the time, in one process and in memory."""

import gc
import secrets
import time
from collections import Counter
from collections.abc import Iterator

from api.bench.stage import Figure, Stage, history
from ledger.events import Recorded
from ledger.inbox import open_envelope, receive
from projections import BILLING
from projections.base import Entry, Key, Projection
from replay.fold import entry_of, route

#: Models that take less than this share are told together.
_SMALL = 0.02


def run(stage: Stage) -> Iterator[Figure]:
    """Translate, fold and make the rows of a simulated history, model by model."""
    events = [
        receive(open_envelope(body), bytes(32), "platform", secrets.token_bytes)
        for body in history(2_000 if stage.quick else 60_000)
    ]
    spent: Counter[str] = Counter()
    read: Counter[str] = Counter()
    rows: dict[str, dict[Key, bytes | None]] = {}
    gc.disable()
    for position, new in enumerate(events, 1):
        began = time.process_time_ns()
        entry = entry_of(Recorded(position, new.stream, new.version, new.event, b"", position))
        touches = route(BILLING, [entry])
        spent["translating"] += time.process_time_ns() - began
        for projection, key, _ in touches:
            spent[projection.name] += _fold(projection, key, entry, rows.setdefault(projection.name, {}))
            read[projection.name] += 1
    gc.enable()
    for name, states in rows.items():
        projection = next(p for p in BILLING.projections if p.name == name)
        began = time.process_time_ns()
        for key, state in states.items():
            if state is not None:
                projection.to_row(key, state)
        spent[name] += time.process_time_ns() - began
    whole = sum(spent.values())
    yield Figure("translating, of folding in memory", 100 * spent.pop("translating") / whole, "%")
    small = [name for name, ns in spent.items() if ns < _SMALL * whole]
    for name, ns in spent.most_common():
        if name not in small:
            note = f"{ns / 1e3 / read[name]:.1f} µs an event it reads; {read[name]:,} events, {len(rows[name]):,} rows"
            yield Figure(f"{name}, of folding in memory", 100 * ns / whole, "%", None, note)
    yield Figure(
        f"{len(small)} further models together", 100 * sum(spent[n] for n in small) / whole, "%", None, ", ".join(small)
    )


def _fold(projection: Projection, key: Key, entry: Entry, states: dict[Key, bytes | None]) -> int:
    began = time.process_time_ns()
    if projection.make is not None and key not in states:
        states[key] = projection.make(entry)[1]
    else:
        states[key] = projection.apply(states.get(key), entry)
    return time.process_time_ns() - began
