"""What every act in the API takes: who asks, by its key; why; under which idempotency key; whether only to try."""

from typing import Any

import msgspec
from flask import Response, request

from api.operations import asked_by
from api.problems import Problem
from api.resources.context import caller
from commands.acts import Asked

_TRUE, _FALSE = ("true", "1"), ("false", "0", "")


def asked(reason: str) -> Asked:
    """Who asks now, and how. Raises Problem (`person_required`, `idempotency_key_required`, `invalid_query`)."""
    asks = caller()
    if asks.person is None:
        raise Problem("person_required")
    key = request.headers.get("Idempotency-Key")
    if not key:
        raise Problem("idempotency_key_required")
    return asked_by(asks.person, reason, idempotency_key=key, dry_run=_dry_run(), origin="api", key_id=asks.key_id)


def _dry_run() -> bool:
    unknown = sorted(request.args.keys() - {"dry_run"})
    given = request.args.get("dry_run", "")
    if unknown or given not in (*_TRUE, *_FALSE):
        name = unknown[0] if unknown else "dry_run"
        raise Problem("invalid_query", errors=[{"parameter": name, "message": "Not a valid parameter."}])
    return given in _TRUE


def answered_once(told: dict[str, Any], *, repeated: bool, status: int = 200) -> Response:
    """An act's answer: the same whenever its key comes again, which a header tells."""
    headers = {"Content-Type": "application/json", **({"Idempotent-Replayed": "true"} if repeated else {})}
    return Response(msgspec.json.encode(told), status, headers)
