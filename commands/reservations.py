"""Reservations: what is about to be spent on a provider asks first, and says afterwards what it cost.

One stream a reservation. What it holds of its budget (`commands.reservations_budget`) moves with it in one unit, so
that concurrent requests cannot pass a cap together. Refuses to know who spends, and what time it is.
"""

from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from commands.base import Decider
from commands.identifiers import require_mode, require_org
from commands.passthrough import BudgetKey, require_category, require_currency, require_reference
from commands.reservations_budget import minute_after
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import Event
from ledger.ids import Mode
from ledger.passthrough import exact, period_of, told
from ledger.passthrough_events import (
    ReservationCharged,
    ReservationExpired,
    ReservationMade,
    ReservationReleased,
    ReservationSettled,
)

_ZERO = Decimal(0)
DAY_S = 86_400
#: How long a reservation lasts unless told, and at most.
LASTS_S, MAX_LASTS_S = 900, DAY_S


class Reserve(msgspec.Struct, frozen=True, kw_only=True):
    """Ask whether so much may be spent, and hold it."""

    mode: Mode
    org: str
    id: str
    category: str
    currency: str
    estimate: Decimal
    """In minor units."""
    policy_version: int
    """The one in force."""
    lasts_s: int = LASTS_S
    now_s: int
    by: str


class SettleReservation(msgspec.Struct, frozen=True, kw_only=True):
    """Say what it cost, whatever was reserved; nothing more is held."""

    mode: Mode
    org: str
    id: str
    cost: Decimal
    now_s: int


class ReleaseReservation(msgspec.Struct, frozen=True, kw_only=True):
    """Say that nothing was spent."""

    mode: Mode
    org: str
    id: str
    now_s: int


class ExpireReservation(ReleaseReservation, frozen=True, kw_only=True):
    """Note that a reservation has run out."""


class ChargeReservation(msgspec.Struct, frozen=True, kw_only=True):
    """Note that a provider charged for it."""

    mode: Mode
    org: str
    id: str
    provider: str
    reference: str
    cost: Decimal
    now_s: int


Command: TypeAlias = Reserve | SettleReservation | ReleaseReservation | ExpireReservation | ChargeReservation


class Reservation(msgspec.Struct, frozen=True):
    """A reservation as its events left it."""

    made: ReservationMade | None = None
    status: Literal["open", "settled", "released", "expired"] = "open"
    cost: Decimal = _ZERO
    charged: Decimal = _ZERO
    references: frozenset[tuple[str, str]] = frozenset()

    @property
    def counted(self) -> Decimal:
        """What counts as spent: what was said, or what was charged if that is more."""
        return max(self.cost, self.charged, _ZERO)

    @property
    def key(self) -> BudgetKey:
        """Its budget."""
        made = self.made
        assert made is not None
        return BudgetKey(made.mode, made.org, made.category, made.period, made.currency)

    def held(self, now_s: int) -> Decimal:
        """What it holds beside what is counted."""
        if self.made is None or self.status != "open" or self.made.until_s <= now_s:
            return _ZERO
        return max(_ZERO, Decimal(self.made.estimate) - self.counted)


class Effect(NamedTuple):
    """What a step of a reservation does to its budget."""

    settled: Decimal
    holds: tuple[tuple[int, Decimal], ...]


def evolve(it: Reservation, event: Event) -> Reservation:
    """The reservation after an event."""
    if isinstance(event, ReservationMade):
        return Reservation(made=event)
    if isinstance(event, ReservationSettled):
        return msgspec.structs.replace(it, status="settled", cost=Decimal(event.cost))
    if isinstance(event, ReservationReleased):
        return msgspec.structs.replace(it, status="released")
    if isinstance(event, ReservationExpired):
        return msgspec.structs.replace(it, status="expired")
    assert isinstance(event, ReservationCharged)
    references = it.references | {(event.provider, event.reference)}
    return msgspec.structs.replace(it, charged=Decimal(event.charged), references=references)


def effect(before: Reservation, after: Reservation, now_s: int) -> Effect:
    """By how much its budget moves when a reservation does."""
    assert after.made is not None
    held = after.held(now_s) - before.held(now_s)
    return Effect(after.counted - before.counted, ((after.made.until_s, held),) if held else ())


def decide(command: Command, it: Reservation) -> tuple[Event, ...]:
    """Reserve, settle, release, expire or charge. The same again is no event; admission is the budget's to decide.

    Raises Invalid (`bad_amount`, `bad_period`, and for ids that are none), NotFound, Refused: `reservation_exists`,
    `already_settled`, `already_released`.
    """
    if isinstance(command, Reserve):
        return _reserve(command, it)
    if it.made is None:
        raise NotFound(f"{command.org} has no reservation {command.id}")
    if isinstance(command, SettleReservation):
        return _settle(command, it, it.made)
    if isinstance(command, ChargeReservation):
        return _charge(command, it)
    where = {"mode": command.mode, "org": command.org, "id": command.id, "at_s": command.now_s}
    if isinstance(command, ExpireReservation):
        due = it.status == "open" and it.made.until_s <= command.now_s
        return (ReservationExpired(**where),) if due else ()  # type: ignore[arg-type] # each as declared
    if it.status == "settled":
        raise Refused(f"{command.id} cost {told(it.cost)}; it is not released", code="already_settled")
    return (ReservationReleased(**where),) if it.status == "open" else ()  # type: ignore[arg-type]


def _reserve(command: Reserve, it: Reservation) -> tuple[Event, ...]:
    require_mode(command.mode)
    require_org(command.org)
    require_reference(command.id)
    require_category(command.category)
    require_currency(command.currency)
    if exact(command.estimate) <= 0:
        raise Invalid("reserve something: more than 0 minor units", code="bad_amount")
    if not 1 <= command.lasts_s <= MAX_LASTS_S:
        raise Invalid(f"a reservation lasts 1 to {MAX_LASTS_S} seconds", code="bad_period")
    if it.made is not None:
        asked = (command.category, command.currency, told(command.estimate))
        if asked == (it.made.category, it.made.currency, it.made.estimate):
            return ()
        raise Refused(f"there is a reservation {command.id} already, for something else", code="reservation_exists")
    return (
        ReservationMade(
            mode=command.mode,
            org=command.org,
            id=command.id,
            category=command.category,
            period=period_of(command.now_s),
            currency=command.currency,
            estimate=told(command.estimate),
            policy_version=command.policy_version,
            until_s=minute_after(command.now_s + command.lasts_s),
            at_s=command.now_s,
            by=command.by,
        ),
    )


def _settle(command: SettleReservation, it: Reservation, made: ReservationMade) -> tuple[Event, ...]:
    if exact(command.cost) < 0:
        raise Invalid("nothing costs less than 0", code="bad_amount")
    if it.status == "settled":
        if it.cost == command.cost:
            return ()
        raise Refused(f"{command.id} is settled at {told(it.cost)}", code="already_settled")
    if it.status == "released":
        raise Refused(f"{command.id} was released: nothing was spent under it", code="already_released")
    return (
        ReservationSettled(
            mode=command.mode,
            org=command.org,
            id=command.id,
            cost=told(command.cost),
            over=told(max(_ZERO, command.cost - Decimal(made.estimate))),
            late=made.until_s <= command.now_s,
            at_s=command.now_s,
        ),
    )


def _charge(command: ChargeReservation, it: Reservation) -> tuple[Event, ...]:
    if (command.provider, command.reference) in it.references:
        return ()
    return (
        ReservationCharged(
            mode=command.mode,
            org=command.org,
            id=command.id,
            provider=command.provider,
            reference=command.reference,
            cost=told(command.cost),
            charged=told(it.charged + command.cost),
            at_s=command.now_s,
        ),
    )


RESERVATIONS: Decider[Command, Reservation] = Decider(Reservation(), evolve, decide)
