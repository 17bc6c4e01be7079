"""Cost events as they are reported: what a namespace used of a resource in a period. Checked here, claimed in the log.

A correction is a cost event of its own: it names the one that it compensates and may be negative. Refuses to know
prices, and which ids were used before.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from hashlib import sha256

import msgspec

from commands.hosting_rules import MAX_INSTANT_S, MAX_KEY
from ledger.claims import DAY_S
from ledger.errors import Invalid
from ledger.hosting_events import RESOURCES, CostRecord

#: Records in one batch at most.
MOST_RECORDS = 1_000
#: A record's period at most.
LONGEST_S = 31 * DAY_S
#: How far ahead of our clock a reporter's may be.
AHEAD_S = 3_600
#: A record's quantity at most, in units; it fits a bigint in billionths.
MOST_UNITS = 10**9
#: Ids that begin so are Recount's own.
RESERVED = "recount:"


class CostEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A cost event as a cluster reports it."""

    id: str
    """Counts once, for ever."""
    namespace: str
    resource: str
    from_s: int
    until_s: int
    quantity: str | int
    """Core-hours, GiB-hours or GiB; a decimal with at most nine decimals."""
    project: str | None = None
    corrects: str | None = None
    org: str | None = None
    """Whose it is where the namespace has no place yet: it is then placed in that organization's default environment,
    from the record's start on."""


def checked(reported: Sequence[CostEvent], now_s: int) -> dict[str, list[CostRecord]]:
    """The records by namespace, as the log keeps them. A record that is in the batch twice counts once.

    Raises Invalid (`too_many_records`, `invalid_cost_event`, `cost_event_twice`) naming the first that is wrong.
    """
    if not 0 < len(reported) <= MOST_RECORDS:
        raise Invalid(f"a batch has 1 to {MOST_RECORDS} cost events", code="too_many_records")
    found: dict[str, list[CostRecord]] = {}
    known: dict[str, CostEvent] = {}
    for event in reported:
        again = known.setdefault(event.id, event)
        if again is not event:
            if again != event:
                raise Invalid(f"two cost events of the batch have the id {event.id}", code="cost_event_twice")
            continue
        found.setdefault(event.namespace, []).append(_record(event, now_s))
    return found


def corrected(usage: Iterable[Sequence[CostRecord]]) -> set[str]:
    """Ids of the cost events that the records compensate and that are not among them."""
    records = [r for several in usage for r in several]
    return {r.corrects for r in records if r.corrects is not None} - {r.id for r in records}


def batch_name(usage: dict[str, list[CostRecord]]) -> str:
    """What a batch without a name is called: by its ids, so that the same one comes again as itself."""
    ids = sorted(r.id for records in usage.values() for r in records)
    return sha256("\0".join(ids).encode()).hexdigest()[:32]


def quantity_e9(given: str | int) -> int:
    """A quantity in billionths of its unit. Raises Invalid("invalid_cost_event")."""
    try:
        exact = Decimal(given).scaleb(9)
        whole = int(exact)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise Invalid(f"{given!r} is no quantity", code="invalid_cost_event") from error
    if whole != exact or abs(whole) > MOST_UNITS * 10**9:
        raise Invalid(
            f"{given!r} is no quantity: at most nine decimals, and at most {MOST_UNITS} units",
            code="invalid_cost_event",
        )
    return whole


def _record(event: CostEvent, now_s: int) -> CostRecord:
    wrong = _fault(event, now_s)
    if wrong is not None:
        raise Invalid(f"the cost event {event.id[:MAX_KEY]}: {wrong}", code="invalid_cost_event")
    quantity = quantity_e9(event.quantity)
    if quantity == 0 or (quantity < 0 and event.corrects is None):
        raise Invalid(
            f"the cost event {event.id}: a quantity is more than 0, or negative in a correction",
            code="invalid_cost_event",
        )
    return CostRecord(
        id=event.id,
        resource=event.resource,
        from_s=event.from_s,
        until_s=event.until_s,
        quantity_e9=quantity,
        project=event.project,
        corrects=event.corrects,
    )


def _fault(event: CostEvent, now_s: int) -> str | None:
    for text in (event.id, event.namespace, event.project, event.corrects, event.org):
        if text is not None and not (0 < len(text) <= MAX_KEY and text.isprintable() and text == text.strip()):
            return f"ids have 1 to {MAX_KEY} printable characters and no blanks around them"
    if event.id.startswith(RESERVED):
        return f"ids that begin with {RESERVED} are Recount's own"
    if event.corrects == event.id:
        return "it cannot correct itself"
    if event.resource not in RESOURCES:
        return f"there is no resource {event.resource[:40]!r}; there are {', '.join(RESOURCES)}"
    if not 0 <= event.from_s < event.until_s <= MAX_INSTANT_S or event.until_s - event.from_s > LONGEST_S:
        return "its period ends after it begins, and lasts 31 days at most"
    return "its period ends ahead of our clock" if event.until_s > now_s + AHEAD_S else None
