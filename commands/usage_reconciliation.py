"""Reconciliation with a provider's own usage ledger: what it says that namespaces used on UTC days, beside what was
reported here. Differences that a second person approved are booked as cost events that compensate.

Pure: whoever asks has read the ledger and the records. Refuses to know prices.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import NamedTuple

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.cost_events import RESERVED, quantity_e9
from commands.identifiers import require_mode
from ledger.claims import DAY_S, day_number
from ledger.errors import Invalid, Refused
from ledger.events import Event
from ledger.hosting_billing_events import UsageDifference, UsageReconciled
from ledger.hosting_events import RESOURCES, CostRecord
from ledger.ids import Mode, key_of, reconciled_usage_stream

#: Differences in one act at most.
MOST_DIFFERENCES = 1_000


class Used(NamedTuple):
    """What was used: by whom, when, of what."""

    namespace: str
    day: str
    resource: str


#: Billionths of a unit by what was used.
Ledger = Mapping[Used, int]


class LedgerLine(msgspec.Struct, frozen=True):
    """A line of a provider's ledger."""

    namespace: str
    day: str
    resource: str
    quantity: str | int


def ledger_of(lines: Iterable[LedgerLine]) -> dict[Used, int]:
    """A provider's ledger; lines of one key add up. Raises Invalid("bad_usage_ledger") naming what is wrong."""
    found: dict[Used, int] = {}
    for line in lines:
        used = Used(line.namespace, line.day, line.resource)
        try:
            day_number(line.day)
            if line.resource not in RESOURCES:
                raise Invalid(f"there is no resource {line.resource!r}")
            found[used] = found.get(used, 0) + quantity_e9(line.quantity)
        except (ValueError, InvalidOperation, Invalid) as error:
            raise Invalid(f"{used.namespace} on {used.day}: {error}", code="bad_usage_ledger") from error
    return found


def differences(
    theirs: Ledger, ours: Ledger, projects: Mapping[tuple[str, str], str | None]
) -> Iterator[UsageDifference]:
    """Theirs less ours, in order, where they differ. What only one of them has differs too.

    `projects`: whose each (namespace, day) was.
    """
    for used in sorted(theirs.keys() | ours.keys()):
        less = theirs.get(used, 0) - ours.get(used, 0)
        if less:
            yield UsageDifference(*used, less, projects.get((used.namespace, used.day)))


def reconciliation_id(source: str, found: Iterable[UsageDifference]) -> str:
    """The id of a reconciliation: the same for the same differences from the same ledger."""
    return "rcn_" + sha256(msgspec.json.encode((source, list(found)))).hexdigest()[:24]


def compensating(event: UsageReconciled) -> dict[str, list[CostRecord]]:
    """The cost events that book what was approved, spread over each whole day, by namespace."""
    found: dict[str, list[CostRecord]] = {}
    for number, each in enumerate(event.differences):
        start = day_number(each.day) * DAY_S
        record = CostRecord(
            id=f"{RESERVED}{event.id}:{number}",
            resource=each.resource,
            from_s=start,
            until_s=start + DAY_S,
            quantity_e9=each.quantity_e9,
            project=each.project,
            corrects=key_of((each.namespace, each.day, each.resource)),
        )
        found.setdefault(each.namespace, []).append(record)
    return found


def written(quantity: int) -> str:
    """A quantity in units."""
    return f"{Decimal(quantity).scaleb(-9).normalize():f}"


class BookReconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """Book differences from a provider's usage ledger as cost events that compensate."""

    mode: Mode
    id: str
    source: str
    differences: tuple[UsageDifference, ...]


def decide(command: BookReconciliation, booked: bool) -> tuple[Event, ...]:
    """Book them, once. Raises Refused("already_reconciled"), Invalid("bad_usage_ledger")."""
    require_mode(command.mode)
    if booked:
        raise Refused("these differences were booked already", code="already_reconciled")
    if not 0 < len(command.differences) <= MOST_DIFFERENCES:
        raise Invalid(f"1 to {MOST_DIFFERENCES} differences are booked at once", code="bad_usage_ledger")
    return (UsageReconciled(**msgspec.structs.asdict(command)),)


RECONCILED: Decider[BookReconciliation, bool] = Decider(False, lambda booked, event: True, decide)

#: It changes what customers are charged by a file: a second person looks at it.
BOOK_RECONCILIATION = Act(
    "book_usage_reconciliation",
    BookReconciliation,
    RECONCILED,
    lambda command: reconciled_usage_stream(command.mode, command.id),
    lambda command: About(f"usage_reconciliation/{command.id}", command.mode),
    weight=60,
)
