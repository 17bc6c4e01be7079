"""Filters that a list offers: the parameter, what it means, and the condition that it comes to. Knows no resource."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from marshmallow import fields, validate

from api.auth import Caller
from api.resources.context import Context
from api.resources.lists import Condition, moment, text

#: The condition of a value, for who asks.
Where = Callable[[Context, Caller, Any], Condition]


class Filter(NamedTuple):
    """One parameter of a list."""

    name: str
    field: fields.Field[Any]
    where: Where


def _compared(sql: str, value_of: Callable[[Any], Any] = lambda value: value) -> Where:
    return lambda here, asks, value: Condition(sql, (value_of(value),))


def _ceil(when: datetime) -> int:
    return math.ceil(when.timestamp())


def equal(name: str, description: str, column: str | None = None) -> Filter:
    """Rows whose column (by default `t.<name>`) holds this text."""
    return Filter(name, text(description), _compared(f"{column or f't.{name}'} = %s"))


def flag(name: str, description: str = "", column: str | None = None) -> Filter:
    """Rows whose boolean column (by default `t.<name>`) is true, or false."""
    described = {"description": description} if description else {}
    return Filter(
        name, fields.Boolean(load_default=None, metadata=described), _compared(f"{column or f't.{name}'} = %s")
    )


def choice(name: str, description: str, values: tuple[str, ...]) -> Filter:
    """Rows whose column `t.<name>` holds this one of a few values."""
    field = fields.String(
        load_default=None, validate=validate.OneOf(values), metadata={"description": description}
    )  # fmt: skip
    return Filter(name, field, _compared(f"t.{name} = %s"))


def holding(name: str, description: str, column: str) -> Filter:
    """Rows whose array column holds this text."""
    return Filter(name, text(description), _compared(f"t.{column} @> ARRAY[%s::text]"))


def since(name: str, description: str, column: str) -> Filter:
    """Rows whose column of unix seconds is at this time or later."""
    return Filter(name, moment(description), _compared(f"t.{column} >= %s::bigint", _ceil))


def before(name: str, description: str, column: str) -> Filter:
    """Rows whose column of unix seconds is before this time."""
    return Filter(name, moment(description), _compared(f"t.{column} < %s::bigint", _ceil))


CUSTOMER = equal("customer", "Of this customer")
CURRENCY = equal("currency", "In this currency")
LINES_COMPLETE = flag("lines_complete", "Only those whose lines are all known, or those of which Stripe sent a part")
#: By when Stripe created it: half-open, so that two periods side by side share no row.
CREATED = (
    since("created_after", "Created at this time or later", "created_s"),
    before("created_before", "Created before this time", "created_s"),
)
