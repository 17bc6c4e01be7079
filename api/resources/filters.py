"""Filters that several lists share, as conditions."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.resources.lists import Condition

CREATED_AFTER = "Created at this time or later"
CREATED_BEFORE = "Created before this time"


def equals(given: Mapping[str, Any], **columns: str) -> list[Condition]:
    """Conditions for the plain filters that were given: parameter name -> column."""
    return [Condition(f"{column} = %s", (given[n],)) for n, column in columns.items() if given.get(n) is not None]


def created_between(given: Mapping[str, Any]) -> list[Condition]:
    """Conditions for `created_after` (included) and `created_before` (not)."""
    conditions = []
    if given["created_after"] is not None:
        conditions.append(Condition("t.created_s >= %s::bigint", (_ceil(given["created_after"]),)))
    if given["created_before"] is not None:
        conditions.append(Condition("t.created_s < %s::bigint", (_ceil(given["created_before"]),)))
    return conditions


def _ceil(when: datetime) -> int:
    return math.ceil(when.timestamp())
