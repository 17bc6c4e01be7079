"""Keys to the API as they are answered: never the key, never its digest; and what is given to make one."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.schemas.shape import BOOL, TEXT, TIME, TIME_US, Kind, Member, Shape
from commands.api_keys import MAX_LASTS_S, ROLES

STATES = ("valid", "expired", "revoked")


def _texts(*names: str) -> list[Member]:
    return [Member(name, name, TEXT) for name in names]


def _time(stored: str, name: str, kind: Kind) -> Member:
    return Member(stored, name, kind)


KEY = Shape(
    "ApiKey",
    [
        *_texts("key_id", "role", "org", "account", "person", "label", "state", "successor"),
        Member("revoked", "revoked", BOOL),
        _time("issued_us", "issued_at", TIME_US),
        _time("expires_s", "expires_at", TIME),
        _time("used_us", "last_used_at", TIME_US),
        Member("process", "last_used_by", TEXT),
    ],
    {
        "org": "What it is bound to; null: no such limit",
        "account": "What it is bound to; null: no such limit",
        "person": "Whose it is; null: a program's, which reads alone",
        "state": "`valid`, `expired` or `revoked`",
        "successor": "The key that it was rotated to",
        "expires_at": "Null: valid until it is revoked",
        "last_used_at": "To a minute; null: never",
        "last_used_by": "The web process that answered it, as host/process id",
    },
)


def _duration(description: str, least: int, **how: Any) -> fields.Integer:
    return fields.Integer(
        strict=True, validate=validate.Range(least, MAX_LASTS_S), metadata={"description": description}, **how
    )


def _text(description: str, longest: int = 255, **how: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, longest), metadata={"description": description}, **how)


class WhyKey(Schema):
    """Why it is done; recorded."""

    reason = _text("Why; recorded", 500, required=True)


class NewKey(WhyKey):
    """What a new key may do, and whose it is."""

    role = fields.String(
        required=True, validate=validate.OneOf(ROLES), metadata={"description": "What it may do, as a role"}
    )
    org = _text("Only this organization's rows", load_default=None, allow_none=True)
    account = _text("Only this seller's rows: a connected `acct_…`", load_default=None, allow_none=True)
    label = _text("What it is for", load_default=None, allow_none=True)
    person = _text(
        "Whose it is: needed to act with it. For somebody else than who asks, a second person must approve",
        load_default=None,
        allow_none=True,
    )
    expires_in_s = _duration(
        "How many seconds it is valid; null: until it is revoked", 1, load_default=None, allow_none=True
    )

    @validates_schema
    def _one_restriction(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("org") is not None and data.get("account") is not None:
            raise ValidationError("A key is for one organization or for one account, not both.", "account")


class Rotation(WhyKey):
    """How long the old key is still valid, and how long the new one is."""

    overlap_s = _duration("How many seconds the old key is still valid", 0, load_default=86_400)
    expires_in_s = _duration(
        "How many seconds the new one is valid; null: as long as the old one was issued for",
        1,
        load_default=None,
        allow_none=True,
    )


class KeyActed(Schema):
    """What an act led to."""

    key_id = fields.String(
        required=True, allow_none=True, metadata={"description": "Null: of a rotation that waits, not settled yet"}
    )
    changed = fields.Boolean(required=True, metadata={"description": "false: it was so already"})
    position = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Where it was recorded; give it as `min_position`. Null of a dry run"},
    )
    waiting = fields.String(
        required=True, allow_none=True, metadata={"description": "The approval that it waits for; null: none"}
    )
    events = fields.List(
        fields.Dict(), required=True, metadata={"description": "What was appended, or would be of a dry run"}
    )


class KeyMade(KeyActed):
    """A new key. This is the only answer that ever holds it."""

    key = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The key itself, `rk_…`: kept nowhere, so null of a dry run, and when the same"
            " `Idempotency-Key` comes again"
        },
    )
