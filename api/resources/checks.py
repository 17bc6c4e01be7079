"""Checks: may so much of a feature be used now? Asked before expensive work, answered by the hot read.

A POST, since it may say more than fits a path; it changes nothing, and takes no Idempotency-Key.
"""

from typing import Annotated, Any

import msgspec
from flask import Response, request
from marshmallow import Schema, fields, validate

from api.auth import Caller
from api.problems import KINDS, MEDIA_TYPE, Problem
from api.resources.answers import Answer, Fresh, answer
from api.resources.context import Context, caller, context, send
from api.resources.entitlements import Stored, shown_sources, stored
from api.resources.orgs import ORG_ROUTE
from api.resources.publish import answered, section
from api.schemas import SOURCE, STANDING, iso
from projections.entitlements_checks import REASONS, Checked, check

checks = section("checks", "Checks: may this much be used now?")

ROUTE = f"{ORG_ROUTE}/checks"
MAX_QUANTITY = 2**53 - 1


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a check."""

    feature: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    quantity: Annotated[int, msgspec.Meta(ge=0, le=MAX_QUANTITY)] = 1
    min_position: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None


_decode = msgspec.json.Decoder(Asked).decode


class CheckAsked(Schema):
    feature = fields.String(required=True, validate=validate.Length(1, 255))
    quantity = fields.Integer(
        strict=True,
        load_default=1,
        validate=validate.Range(0, MAX_QUANTITY),
        metadata={"description": "How much is about to be used"},
    )
    min_position = fields.Integer(
        load_default=None,
        allow_none=True,
        metadata={"description": "Wait up to two seconds until the answer holds everything up to this position"},
    )


CHECK: type[Schema] = Schema.from_dict(
    {
        "feature": fields.String(required=True),
        "quantity": fields.Integer(required=True),
        "allowed": fields.Boolean(required=True),
        "reason": fields.String(
            required=True, metadata={"description": "; ".join(f"`{k}`: {v}" for k, v in REASONS.items())}
        ),
        **STANDING,
        "remaining": fields.Integer(
            required=True,
            allow_none=True,
            metadata={
                "description": "What is left: 0 while it may not be used; null without a limit, or where only counting"
                " its use could tell"
            },
        ),
        "until": fields.DateTime(
            required=True, allow_none=True, metadata={"description": "Until when, as far as is known; null: open"}
        ),
        "because": fields.List(
            fields.Nested(SOURCE.schema), required=True, metadata={"description": "What decided it"}
        ),
    },
    name="Check",
)


def asked_in(body: bytes) -> Asked:
    """What a body asks. Raises Problem: `bad_request` for no JSON, `invalid` for another content."""
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        raise Problem("invalid", errors=[{"field": where.rstrip("`") or "body", "message": message}]) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem("bad_request") from None


def found_of(here: Context, asks: Caller, org: str, asked: Asked) -> tuple[Stored, Fresh]:
    """What a check goes by. Raises Problem, StoreUnavailable."""
    if "\0" in asked.feature:
        raise Problem("invalid", errors=[{"field": "feature", "message": "Not a feature."}])
    return stored(here, asks, org, asked.feature, asked.min_position)


def answer_of(here: Context, asked: Asked, row: Stored, how_fresh: Fresh) -> Answer:
    """A check's answer, by what was found."""
    segments, sources, stale = row
    found = check(segments, sources, quantity=asked.quantity, now_s=here.clock(), stale=stale)
    return answer(_told(asked, found, sources), how_fresh, None)


def _told(asked: Asked, found: Checked, sources: Any) -> dict[str, Any]:
    now = found.now
    return {
        "feature": asked.feature,
        "quantity": asked.quantity,
        "allowed": found.allowed,
        "reason": found.reason,
        **{name: now.get(name) for name in STANDING},
        "soft": bool(now.get("soft")),
        "remaining": found.remaining,
        "until": iso(now["until_s"]),
        "because": [s for s in shown_sources(sources, found.because) if s["decides"]],
    }


def check_use(org: str) -> Response:
    """Check whether an organization may use so much of a feature now.

    Changes nothing. Denied unless it can be told that it is allowed, but for a feature whose plan says `fail_open`.
    """
    here, asked = context(), asked_in(request.get_data())
    return send(answer_of(here, asked, *found_of(here, caller(), org, asked)))


_PROBLEMS = (
    "bad_request", "unauthorized", "forbidden", "not_found", "not_yet", "invalid", "store_unavailable", "not_built",
)  # fmt: skip


def _publish() -> None:
    refusals: dict[str, Any] = {}
    for code in _PROBLEMS:
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        together = refusals.setdefault(str(KINDS[code].status), {"description": "", "content": content})
        together["description"] += f"`{code}`: {KINDS[code].meaning}\n\n"
    body = {"required": True, "content": {"application/json": {"schema": CheckAsked}}}
    served: Any = checks.response(200, answered(CHECK))(check_use)
    served = checks.doc(operationId="checks.check_use", responses=refusals, requestBody=body)(served)
    served.resource = "entitlements"
    checks.route(ROUTE, methods=["POST"])(served)


_publish()
