"""What product back ends ask before they spend, and say afterwards: reservations, charges, hearing of a stop.

They are programs: who asks is their key. Each is done once by itself, by the id or reference that it comes under.
"""

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from api.database import Database
from api.passthrough.books import LogBooks, books_of
from commands.passthrough import BudgetKey, require_category, require_currency
from commands.provider_charges import MAX_CHARGES, GivenCharge, Recording, Source, record
from commands.reservations import (
    LASTS_S,
    RESERVATIONS,
    ReleaseReservation,
    Reservation,
    Reserve,
    SettleReservation,
)
from commands.reservations_spending import Spent, acknowledge, spend, terms_to_reserve
from ledger.errors import Invalid
from ledger.events import Metadata
from ledger.ids import Mode, reservation_stream
from ledger.passthrough import exact, told


class Caller(NamedTuple):
    """Who spends, for the record."""

    mode: Mode
    org: str
    by: str
    """A person, or the id of a key."""


class ReserveInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be reserved."""

    id: str
    category: str
    currency: str
    estimate_minor: Decimal
    lasts_s: int = LASTS_S


def reserve(books: LogBooks, caller: Caller, given: ReserveInput) -> tuple[Reservation, Spent]:
    """Reserve so much, or be told why not. The same id again answers the same.

    Raises Refused: `no_policy`, `outside_dates`, `other_currency`, `above_cap`, `budget_stopped`,
    `reservation_exists`; Invalid, StreamMoved, StoreUnavailable.
    """
    require_category(given.category)
    require_currency(given.currency)
    now_s = int(time.time())
    known = _known(books, caller, given.id)
    version = known.made.policy_version if known.made is not None else 0
    if known.made is None:
        terms = terms_to_reserve(books, caller.mode, caller.org, given.category, given.currency, now_s)
        version = terms.version
    command = Reserve(
        mode=caller.mode,
        org=caller.org,
        id=given.id,
        category=given.category,
        currency=given.currency,
        estimate=exact(given.estimate_minor),
        policy_version=version,
        lasts_s=given.lasts_s,
        now_s=now_s,
        by=caller.by,
    )
    spent = spend(books, command, _metadata(caller, now_s))
    return spent.reservation, spent


def settle(books: LogBooks, caller: Caller, id: str, cost_minor: Decimal) -> Spent:
    """Say what a reservation cost. Raises NotFound, Refused: `already_settled`, `already_released`; Invalid."""
    now_s = int(time.time())
    command = SettleReservation(mode=caller.mode, org=caller.org, id=id, cost=exact(cost_minor), now_s=now_s)
    return spend(books, command, _metadata(caller, now_s))


def release(books: LogBooks, caller: Caller, id: str) -> Spent:
    """Say that nothing was spent under a reservation. Raises NotFound, Refused("already_settled")."""
    now_s = int(time.time())
    command = ReleaseReservation(mode=caller.mode, org=caller.org, id=id, now_s=now_s)
    return spend(books, command, _metadata(caller, now_s))


def acknowledge_stop(books: LogBooks, caller: Caller, category: str, period: str, currency: str) -> bool:
    """Say that one heard of a stop. False: somebody said so before. Raises NotFound."""
    now_s = int(time.time())
    key = BudgetKey(caller.mode, caller.org, category, period, currency)
    return acknowledge(books, key, caller.by, now_s, _metadata(caller, now_s)) is not None


def acknowledge_stop_by(
    database: Database, *, mode: Mode, org: str, by: str, category: str, period: str, currency: str
) -> bool:
    """The same, as the command line asks for it."""
    with books_of(database) as books:
        return acknowledge_stop(books, Caller(mode, org, by), category, period, currency)


def record_charges(
    books: LogBooks,
    mode: Mode,
    provider: str,
    charges: Sequence[GivenCharge],
    by: str,
    how: Literal["api", "import"] = "api",
) -> Recording:
    """Record at most `MAX_CHARGES` charges of a provider. Raises Invalid, StreamMoved, StoreUnavailable."""
    if not 0 < len(charges) <= MAX_CHARGES:
        raise Invalid(f"send 1 to {MAX_CHARGES} charges at a time", code="too_many_charges")
    now_s = int(time.time())
    metadata = Metadata(occurred_at_s=now_s, actor=by, mode=mode)
    return record(books, Source(mode, provider, how, by), charges, now_s, metadata)


def shown_reservation(it: Reservation, now_s: int) -> Mapping[str, Any]:
    """A reservation as it is answered at once, before the read models know."""
    made = it.made
    assert made is not None
    return {
        "id": made.id,
        "category": made.category,
        "period": made.period,
        "currency": made.currency,
        "policy_version": made.policy_version,
        "status": "expired" if it.status == "open" and made.until_s <= now_s else it.status,
        "estimate_minor": made.estimate,
        "cost_minor": told(it.cost) if it.status == "settled" else None,
        "charged_minor": told(it.charged),
        "until_s": made.until_s,
    }


def _known(books: LogBooks, caller: Caller, id: str) -> Reservation:
    history = books.read_stream(reservation_stream(caller.mode, caller.org, id))
    it: Reservation = RESERVATIONS.fold(r.event for r in history)
    return it


def _metadata(caller: Caller, now_s: int) -> Metadata:
    return Metadata(occurred_at_s=now_s, actor=caller.by, mode=caller.mode)
