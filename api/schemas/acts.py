"""What acts take and answer: the input of each from its own command, the answer the same for all.

Knows no act by name.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from marshmallow import Schema, fields, validate

from api.schemas.meanings import meanings
from commands.acts import MAX_REASON

#: What comes with the key that is used, and never with the body.
OF_THE_KEY = frozenset({"mode"})
_REF = "#/components/schemas/{name}"
REASON: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_REASON,
    "description": "Why; recorded",
}


class Reason(Schema):
    """Why it is done; recorded."""

    reason = fields.String(
        required=True, validate=validate.Length(1, MAX_REASON), metadata={"description": "Why; recorded"}
    )


class ActDone(Schema):
    """What an act came to."""

    act = fields.String(required=True, metadata={"description": "What was asked for"})
    changed = fields.Boolean(
        required=True, metadata={"description": "false: everything was so already, which is recorded too"}
    )
    events = fields.List(
        fields.Dict(),
        required=True,
        metadata={"description": "What was appended (or would be, of a dry run), each with its name under `event`"},
    )
    waiting = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The approval that it waits for: until then nothing of it has happened"},
    )
    position = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "Where its receipt stands in the log; give it as `min_position` to read what came of it."
            " null of a dry run"
        },
    )


class KeyIssued(ActDone):
    """A new key to the API."""

    key = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The key itself, now and never again: null when the same act is asked for again"},
    )
    key_id = fields.String(required=True, allow_none=True)


class EndpointMade(ActDone):
    """A new endpoint."""

    endpoint_id = fields.String(required=True)
    secret = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "What its deliveries are signed with, now and never again: null when the same act is asked"
            " for again"
        },
    )


def input_name(command: type[msgspec.Struct]) -> str:
    """What the input of a command is called in the document."""
    return f"{command.__name__}Input"


def input_components(command: type[msgspec.Struct], left_out: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """The JSON schema of what a person gives for `command`, and of what it refers to, by name.

    `left_out`: fields that are found out for them, or that their key tells.
    """
    _, components = msgspec.json.schema_components((command,), ref_template=_REF)
    its = components.pop(command.__name__)
    gone, means = {*OF_THE_KEY, *left_out}, meanings(command)
    properties = {k: {**v, "description": means.get(k)} for k, v in its["properties"].items() if k not in gone}
    required = [k for k in its.get("required", ()) if k not in gone and k != "reason"]
    shown = {
        "type": "object",
        "properties": {**properties, "reason": REASON},
        "required": [*required, "reason"],
        "additionalProperties": False,
    }
    return {input_name(command): shown, **components}
