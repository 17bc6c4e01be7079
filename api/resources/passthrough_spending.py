"""What product back ends ask before they spend and say afterwards. POSTs that take no Idempotency-Key.

Each comes under an id or reference of its own: the same again is answered the same, and anything else under it is
refused. No person is needed; a key that is bound to an organization speaks for that one alone.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from flask import Response, request
from marshmallow import Schema, fields

from api.passthrough import spending
from api.passthrough.books import LogBooks, books_of
from api.problems import KINDS, MEDIA_TYPE, Problem
from api.resources.context import caller, context
from api.resources.passthrough import ROUTE
from api.resources.passthrough import passthrough as passthrough
from api.schemas import iso
from commands.provider_charges import MAX_CHARGES, GivenCharge
from commands.reservations import LASTS_S, MAX_LASTS_S, Reservation
from commands.reservations_spending import Spent
from ledger.errors import Invalid

Body = TypeVar("Body", bound=msgspec.Struct)
_AMOUNT = "In minor units, exactly: a number, or text where it has decimals (at most six)"


class Settled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it cost."""

    cost_minor: Decimal


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing more need be said."""


class Acknowledged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which budget reached its cap."""

    category: str
    period: str
    currency: str


class Charged(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A charge of the organization in the path."""

    reference: str
    category: str
    occurred_s: int
    currency: str
    cost_minor: Decimal
    reservation: str | None = None


class Charges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a provider charged."""

    provider: str
    charges: tuple[Charged, ...]


class ReservationAsked(Schema):
    id = fields.String(required=True, metadata={"description": "Your own; the same id again answers the same"})
    category = fields.String(required=True)
    currency = fields.String(required=True)
    estimate_minor = fields.Raw(required=True, metadata={"description": _AMOUNT})
    lasts_s = fields.Integer(load_default=LASTS_S, metadata={"description": f"At most {MAX_LASTS_S}"})


class ReservationSettling(Schema):
    cost_minor = fields.Raw(required=True, metadata={"description": _AMOUNT})


class ReservationReleasing(Schema):
    pass


class StopAcknowledging(Schema):
    category = fields.String(required=True)
    period = fields.String(required=True, metadata={"description": "As YYYY-MM"})
    currency = fields.String(required=True)


class GivenProviderCharge(Schema):
    reference = fields.String(required=True, metadata={"description": "The provider's own; claimed once for ever"})
    category = fields.String(required=True)
    occurred_s = fields.Integer(required=True, metadata={"description": "Unix seconds"})
    currency = fields.String(required=True)
    cost_minor = fields.Raw(required=True, metadata={"description": _AMOUNT + "; negative: it was given back"})
    reservation = fields.String(allow_none=True, load_default=None)


class ProviderChargesGiven(Schema):
    provider = fields.String(required=True)
    charges = fields.List(
        fields.Nested(GivenProviderCharge), required=True, metadata={"description": f"At most {MAX_CHARGES}"}
    )


class ReservationAnswer(Schema):
    id = fields.String(required=True)
    category = fields.String(required=True)
    period = fields.String(required=True)
    currency = fields.String(required=True)
    policy_version = fields.Integer(required=True)
    status = fields.String(required=True)
    estimate_minor = fields.String(required=True)
    cost_minor = fields.String(required=True, allow_none=True)
    charged_minor = fields.String(required=True)
    until = fields.DateTime(required=True)
    changed = fields.Boolean(required=True, metadata={"description": "false: it was so already"})
    position = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Give it as `min_position` to read what came of it"}
    )


class StopAcknowledgedAnswer(Schema):
    changed = fields.Boolean(required=True, metadata={"description": "false: somebody acknowledged it before"})


class RefusedCharge(Schema):
    reference = fields.String(required=True)
    code = fields.String(required=True)
    message = fields.String(required=True)


class ProviderChargesRecorded(Schema):
    recorded = fields.Integer(required=True)
    known = fields.Integer(required=True, metadata={"description": "Recorded before, saying the same"})
    refused = fields.List(fields.Nested(RefusedCharge), required=True)
    position = fields.Integer(required=True, allow_none=True)


_PROBLEMS = (
    "bad_request", "unauthorized", "forbidden", "not_found", "refused", "stream_moved", "invalid", "rate_limited",
    "store_unavailable",
)  # fmt: skip


def _publish(end: str, view: Callable[..., Response], taken: type[Schema], answered: type[Schema]) -> None:
    refusals: dict[str, Any] = {}
    for code in _PROBLEMS:
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        together = refusals.setdefault(str(KINDS[code].status), {"description": "", "content": content})
        together["description"] += f"`{code}`: {KINDS[code].meaning}\n\n"
    body = {"required": True, "content": {"application/json": {"schema": taken}}}
    served: Any = passthrough.response(200, answered)(view)
    name = view.__name__
    served = passthrough.doc(operationId=f"pass_through.{name}", responses=refusals, requestBody=body)(served)
    served.resource = "pass_through_spending"
    passthrough.route(f"{ROUTE}/{end}", methods=["POST"])(served)


def _asks(org: str) -> spending.Caller:
    """Who spends. Raises Problem("not_found") where the key is bound to somebody else."""
    asks = caller()
    if asks.account is not None or asks.org not in (None, org):
        raise Problem("not_found")
    return spending.Caller("live" if asks.mode == "live" else "test", org, asks.person or asks.key_id)


def _body(of: type[Body]) -> Body:
    try:
        return msgspec.json.decode(request.get_data() or b"{}", type=of)
    except msgspec.ValidationError as error:
        raise Invalid(str(error), code="invalid_input") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("bad_request") from None


def _books() -> AbstractContextManager[LogBooks]:
    return books_of(context().database)


def _shown(it: Reservation, spent: Spent) -> Response:
    told = dict(spending.shown_reservation(it, int(time.time())))
    told["until"] = iso(told.pop("until_s"))
    return _json({**told, "changed": spent.changed, "position": spent.position})


def _json(told: Any) -> Response:
    return Response(msgspec.json.encode(told), 200, {"Content-Type": "application/json"})


def reserve(org: str) -> Response:
    """Ask whether so much may be spent, and hold it.

    Refused where no cost policy holds, or what is spent, reserved and asked for would pass the cap. It holds until it
    is settled or released, or runs out.
    """
    asks, given = _asks(org), _body(spending.ReserveInput)
    with _books() as books:
        it, spent = spending.reserve(books, asks, given)
    return _shown(it, spent)


def settle(org: str, reservation: str) -> Response:
    """Say what a reservation cost; the rest is free again.

    More than was reserved is recorded too, and counts against what is reserved next.
    """
    asks, given = _asks(org), _body(Settled)
    with _books() as books:
        spent = spending.settle(books, asks, reservation, given.cost_minor)
    return _shown(spent.reservation, spent)


def release(org: str, reservation: str) -> Response:
    """Say that nothing was spent under a reservation."""
    asks, _ = _asks(org), _body(Nothing)
    with _books() as books:
        spent = spending.release(books, asks, reservation)
    return _shown(spent.reservation, spent)


def acknowledge(org: str) -> Response:
    """Say that one heard that what was spent reached the cap.

    Until somebody does, endpoints are told again.
    """
    asks, it = _asks(org), _body(Acknowledged)
    with _books() as books:
        changed = spending.acknowledge_stop(books, asks, it.category, it.period, it.currency)
    return _json({"changed": changed})


def record_charges(org: str) -> Response:
    """Record what a provider charged for an organization.

    A reference that comes again and says the same is known; one that says something else is refused, and so is what
    makes no sense. Neither keeps the others from being recorded.
    """
    asks, given = _asks(org), _body(Charges)
    charges = [GivenCharge(org=org, **msgspec.structs.asdict(c)) for c in given.charges]
    with _books() as books:
        done = spending.record_charges(books, asks.mode, given.provider, charges, asks.by)
    refused = [r._asdict() for r in done.refused]
    told = {"recorded": len(done.new), "known": done.known, "refused": refused, "position": done.position}
    return _json(told)


_publish("reservations", reserve, ReservationAsked, ReservationAnswer)
_publish("reservations/<string:reservation>/settle", settle, ReservationSettling, ReservationAnswer)
_publish("reservations/<string:reservation>/release", release, ReservationReleasing, ReservationAnswer)
_publish("budgets/acknowledge", acknowledge, StopAcknowledging, StopAcknowledgedAnswer)
_publish("charges", record_charges, ProviderChargesGiven, ProviderChargesRecorded)
