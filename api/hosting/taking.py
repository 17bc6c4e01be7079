"""Taking cost events in: checked, claimed and appended, in batches. A namespace that has no place yet and whose record
says whose it is gets one first, in that organization's default environment.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from commands.cost_events import CostEvent, batch_name, checked, corrected
from commands.environments import DEFAULT_NAME, ENVIRONMENTS, CreateEnvironment, default_id
from commands.placements import PLACEMENTS, Place
from ledger.claims import Claimed, append_costs, known_ids
from ledger.errors import Invalid
from ledger.events import Metadata, NewEvent
from ledger.hosting_events import CostRecord
from ledger.ids import Mode, environment_stream, placing_stream
from ledger.store import Log


class Reporter(NamedTuple):
    """Who reports, and when."""

    mode: Mode
    source: str
    now_s: int


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cost events as they are posted: one, or up to 1,000."""

    events: tuple[CostEvent, ...]
    batch: str | None = None
    """What the reporter calls the batch; not needed."""


_batch = msgspec.json.Decoder(Batch).decode


def read_batch(body: bytes) -> Batch:
    """A batch as it is posted. Raises Invalid("invalid_cost_event") naming what is wrong."""
    try:
        return _batch(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"the batch cannot be read: {error}", code="invalid_cost_event") from error


def take(log: Log, reporter: Reporter, batch: Batch) -> Claimed:
    """Append what is new of a batch.

    Raises Invalid (`too_many_records`, `invalid_cost_event`, `cost_event_twice`, `nothing_to_correct`),
    Refused("cost_event_conflict"), StoreUnavailable.
    """
    usage = checked(batch.events, reporter.now_s)
    missing = corrected(usage.values())
    if missing:
        unknown = sorted(missing - known_ids(log, reporter.mode, missing))
        if unknown:
            raise Invalid(f"there is no cost event {unknown[0]} to correct", code="nothing_to_correct")
    _place_first_used(log, reporter, batch.events, usage)
    metadata = Metadata(occurred_at_s=reporter.now_s, actor=reporter.source, mode=reporter.mode)
    name = batch.batch or batch_name(usage)
    return append_costs(log, reporter.mode, name, reporter.source, usage, metadata)


def _place_first_used(
    log: Log, reporter: Reporter, events: Sequence[CostEvent], usage: Mapping[str, Sequence[CostRecord]]
) -> None:
    """Give namespaces their first place, each in a unit of its own: whoever comes first has placed it."""
    orgs = {e.namespace: e.org for e in reversed(events) if e.org is not None}
    for namespace, org in orgs.items():
        stream = placing_stream(reporter.mode, "namespace", namespace)
        if log.read_stream(stream):
            continue
        from_s = min(r.from_s for r in usage[namespace])
        environment = default_id(reporter.mode, org)
        _ensure_default(log, reporter, environment, org)
        command = Place(mode=reporter.mode, kind="namespace", id=namespace, environment=environment, at_s=from_s)
        _append_first(log, stream, PLACEMENTS.decide(command, PLACEMENTS.initial), reporter)


def _ensure_default(log: Log, reporter: Reporter, environment: str, org: str) -> None:
    stream = environment_stream(reporter.mode, environment)
    if not log.read_stream(stream):
        command = CreateEnvironment(
            mode=reporter.mode, environment=environment, org=org, name=DEFAULT_NAME, default=True
        )
        _append_first(log, stream, ENVIRONMENTS.decide(command, ENVIRONMENTS.initial), reporter)


def _append_first(log: Log, stream: str, events: tuple[msgspec.Struct, ...], reporter: Reporter) -> None:
    metadata = Metadata(occurred_at_s=reporter.now_s, actor=reporter.source, mode=reporter.mode)
    log.append(*(NewEvent(stream, 1 + i, e, metadata) for i, e in enumerate(events)))  # type: ignore[arg-type]
