"""Personal fields in answers: open for those who may see them, null and named for others. Knows no resource."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from api.auth import Caller
from api.resources.context import Context
from api.schemas import Shape
from ledger.errors import Invalid
from ledger.sealing import is_sealed, open_token, subject_of_token

log = structlog.get_logger("recount.api")


def shown(context: Context, caller: Caller, shape: Shape, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as they are answered: personal fields open for those who may see them, null for others."""
    entries = [shape.of_values(values) for values in rows]
    if not shape.sealed:
        return entries
    keys: dict[str, bytes | None] = {}
    if caller.opens_personal_fields:
        tokens = [e[name] for e in entries for name in shape.sealed]
        subjects = {subject_of_token(t) for t in tokens if is_sealed(t)}
        keys = context.keys.open(subjects) if subjects else {}
    for entry in entries:
        hidden = []
        for name in shape.sealed:
            value = entry[name]
            if is_sealed(value):
                entry[name] = None
                if caller.opens_personal_fields:
                    entry[name] = _opened(value, keys)
                else:
                    hidden.append(name)
        entry["sealed"] = hidden
    return entries


def _opened(token: str, keys: Mapping[str, bytes | None]) -> str | None:
    try:
        value = open_token(token, keys.get(subject_of_token(token)))
    except Invalid as error:
        log.error("sealed_value_broken", code=error.code)
        return None
    return value if value is None or isinstance(value, str) else str(value)
