"""Provider charges: recorded once for ever under the provider's own reference, by API or from a file.

A charge that comes again and says the same is a success; one that says something else is refused and reported. With
each record the budgets move that it was charged to. Refuses to know whether a charge may be billed: that is believed
of it (`projections.provider_charges`) and decided in a batch (`commands.reconciliation_batches`).
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from commands.identifiers import require_mode, require_org
from commands.passthrough import (
    ATTEMPTS,
    Books,
    BudgetKey,
    require_category,
    require_currency,
    require_provider,
    require_reference,
)
from commands.reservations import RESERVATIONS, ChargeReservation, Reservation
from commands.reservations_budget import Change, budget_of, move, terms_now
from commands.reservations_spending import heads_of, placed, policy_terms, spend, version_after
from ledger.errors import Invalid, StreamMoved
from ledger.events import Metadata, NewEvent
from ledger.ids import Mode, charges_stream, reservation_stream
from ledger.passthrough import Terms, exact, period_of, told
from ledger.passthrough_events import Charge, ProviderChargesRecorded
from ledger.store import Unit

_ZERO = Decimal(0)
#: Charges in one record at most.
MAX_CHARGES = 500
#: How far a provider's clock may be ahead of ours.
AHEAD_S = 300


class GivenCharge(msgspec.Struct, frozen=True, kw_only=True):
    """A charge as somebody gives it."""

    reference: str
    org: str
    category: str
    occurred_s: int
    currency: str
    cost_minor: Decimal
    """In minor units, exactly; negative: the provider gave it back."""
    reservation: str | None = None


class Source(NamedTuple):
    """Whose charges these are, and who says so."""

    mode: Mode
    provider: str
    how: Literal["api", "import"]
    by: str


class Refusal(NamedTuple):
    """A charge that was not recorded."""

    reference: str
    code: str
    message: str


class Recording(NamedTuple):
    """What became of charges."""

    new: tuple[str, ...]
    """References that were recorded now."""
    known: int
    """Recorded before, saying the same."""
    refused: tuple[Refusal, ...]
    position: int | None = None
    """Where they were appended; None: nothing was new."""


def check(charge: GivenCharge, now_s: int) -> None:
    """Raises Invalid (`in_the_future`, `bad_amount`, and for ids that are none)."""
    require_reference(charge.reference)
    require_org(charge.org)
    require_category(charge.category)
    require_currency(charge.currency)
    exact(charge.cost_minor)
    if charge.reservation is not None:
        require_reference(charge.reservation)
    if not 0 <= charge.occurred_s <= now_s + AHEAD_S:
        raise Invalid("a charge occurred before now", code="in_the_future")


def record(books: Books, source: Source, charges: Sequence[GivenCharge], now_s: int, metadata: Metadata) -> Recording:
    """Record at most `MAX_CHARGES` charges, as one event with the budgets that they move.

    Raises Invalid for a mode or provider that is none, StreamMoved when others keep moving the same budgets,
    StoreUnavailable. What is wrong with a single charge is told of it, and keeps no other from being recorded.
    """
    require_mode(source.mode)
    require_provider(source.provider)
    assert len(charges) <= MAX_CHARGES
    sound, refused = _sound(books, source.mode, charges, now_s)
    for _ in range(ATTEMPTS):
        claims = books.claims_of(source.mode, source.provider, map(_provisional, sound))
        new = [c for c in sound if c.reference not in claims.same and c.reference not in claims.other]
        taken = [_conflict(c.reference) for c in sound if c.reference in claims.other]
        known = len(sound) - len(new) - len(taken)
        if not new:
            position = None
        else:
            event, unit = _unit(books, source, new, now_s, metadata)
            position = books.append_claiming(event, unit)
            if position is None:  # somebody was first with a reference or a budget: look again
                continue
        for charge in (c for c in sound if c.reservation is not None and c.reference not in claims.other):
            spend(books, _charged(source, charge, now_s), metadata)
        return Recording(tuple(c.reference for c in new), known, (*refused, *taken), position)
    raise StreamMoved("others keep moving the same budgets; send these charges again")


def prospect(books: Books, source: Source, charges: Sequence[GivenCharge], now_s: int) -> Recording:
    """What `record` would do, done nowhere."""
    require_mode(source.mode)
    require_provider(source.provider)
    sound, refused = _sound(books, source.mode, charges, now_s)
    claims = books.claims_of(source.mode, source.provider, map(_provisional, sound))
    taken = tuple(_conflict(c.reference) for c in sound if c.reference in claims.other)
    new = tuple(c.reference for c in sound if c.reference not in claims.same | claims.other)
    return Recording(new, len(claims.same), (*refused, *taken))


def _sound(
    books: Books, mode: Mode, charges: Iterable[GivenCharge], now_s: int
) -> tuple[list[GivenCharge], tuple[Refusal, ...]]:
    """Those that can be recorded, each reference once; and what is wrong with the others."""
    sound: dict[str, GivenCharge] = {}
    refused: list[Refusal] = []
    for charge in charges:
        try:
            check(charge, now_s)
            if charge.reservation is not None:
                _require_reservation(books, mode, charge)
        except Invalid as error:
            refused.append(Refusal(charge.reference, error.code, str(error)))
            continue
        if sound.setdefault(charge.reference, charge) != charge:
            refused.append(_conflict(charge.reference))
    return list(sound.values()), tuple(refused)


def _require_reservation(books: Books, mode: Mode, charge: GivenCharge) -> None:
    assert charge.reservation is not None
    history = books.read_stream(reservation_stream(mode, charge.org, charge.reservation))
    it: Reservation = RESERVATIONS.fold(r.event for r in history)
    if it.made is None or (it.made.category, it.made.currency) != (charge.category, charge.currency):
        raise Invalid(
            f"{charge.org} has no reservation {charge.reservation} of this category and currency",
            code="unknown_reservation",
        )


def _conflict(reference: str) -> Refusal:
    return Refusal(
        reference,
        "charge_conflict",
        "the reference was recorded before, and says something else; a correction has a reference of its own",
    )


def _provisional(charge: GivenCharge) -> Charge:
    """As it is recorded, but for what was recorded before it, which no digest covers."""
    return Charge(
        reference=charge.reference,
        org=charge.org,
        category=charge.category,
        occurred_s=charge.occurred_s,
        currency=charge.currency,
        cost=told(charge.cost_minor),
        running="0",
        reservation=charge.reservation,
    )


def _unit(
    books: Books, source: Source, charges: Sequence[GivenCharge], now_s: int, metadata: Metadata
) -> tuple[ProviderChargesRecorded, Unit]:
    id = record_id(source, charges)
    by_budget: dict[BudgetKey, list[GivenCharge]] = {}
    for charge in charges:
        key = BudgetKey(source.mode, charge.org, charge.category, period_of(charge.occurred_s), charge.currency)
        by_budget.setdefault(key, []).append(charge)
    heads = heads_of(books, list(by_budget))
    versions: Mapping[tuple[str, str], list[Terms]] = {
        (org, category): policy_terms(books, source.mode, org, category)
        for org, category in {(k.org, k.category) for k in by_budget}
    }
    lines: list[Charge] = []
    moves: list[NewEvent] = []
    for key, theirs in by_budget.items():
        head = heads.get(key.stream)
        budget = budget_of(head.event if head is not None else None)
        running, spent = budget.recorded, _ZERO
        for charge in theirs:
            running += charge.cost_minor
            spent += charge.cost_minor if charge.reservation is None else _ZERO
            lines.append(msgspec.structs.replace(_provisional(charge), running=told(running)))
        change = Change("recorded", id, now_s, settled=spent, recorded=running - budget.recorded)
        terms = terms_now(versions[key.org, key.category], key, now_s)
        moves += placed(key, move(key, budget, terms, change, version_after(head)), head, metadata)
    event = ProviderChargesRecorded(
        mode=source.mode,
        record=id,
        provider=source.provider,
        source=source.how,
        by=source.by,
        charges=tuple(lines),
    )
    return event, Unit((NewEvent(charges_stream(source.mode, id), 1, event, metadata), *moves))


def record_id(source: Source, charges: Iterable[GivenCharge]) -> str:
    """The id of a record of these charges: the same however often it is tried."""
    said = "\n".join(sorted(c.reference for c in charges))
    return "rec_" + sha256(f"{source.mode}\n{source.provider}\n{said}".encode()).hexdigest()[:24]


def _charged(source: Source, charge: GivenCharge, now_s: int) -> ChargeReservation:
    assert charge.reservation is not None
    return ChargeReservation(
        mode=source.mode,
        org=charge.org,
        id=charge.reservation,
        provider=source.provider,
        reference=charge.reference,
        cost=charge.cost_minor,
        now_s=now_s,
    )
