"""What every act in the API takes: who asks, by its key; why; under which idempotency key; whether only to try.

Whoever may not is recorded before they are told so.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from flask import Response, current_app, request

from api.operations import asked_by, carry_out, deny
from api.problems import Problem
from api.resources.context import caller, context
from commands.acts import Asked, Done
from ledger.errors import Invalid
from ledger.ids import Mode

_TRUE, _FALSE = ("true", "1"), ("false", "0", "")


class How(NamedTuple):
    """How an act is asked for."""

    key: str
    dry_run: bool


def asked(reason: str) -> Asked:
    """Who asks now, and how. Raises Problem (`person_required`, `idempotency_key_required`, `invalid_query`)."""
    asks = caller()
    if asks.person is None:
        denied("person_required")
        raise Problem("person_required")
    how = asked_with_key()
    return asked_by(asks.person, reason, idempotency_key=how.key, dry_run=how.dry_run, origin="api", key_id=asks.key_id)


def asked_with_key() -> How:
    """How it is asked for, whoever asks. Raises Problem (`idempotency_key_required`, `invalid_query`)."""
    key = request.headers.get("Idempotency-Key")
    if not key:
        raise Problem("idempotency_key_required")
    return How(key, _dry_run())


def mode() -> Mode:
    """The mode of the key that is used."""
    return "live" if caller().mode == "live" else "test"


def denied(code: str) -> None:
    """Record that the caller may not do what is asked for. Nothing is recorded of what is no act."""
    view = current_app.view_functions[request.endpoint] if request.endpoint is not None else None
    act = getattr(view, "act", None)
    if act is not None:
        asks = caller()
        deny(
            context().database,
            act=act,
            code=code,
            key_id=asks.key_id,
            person=asks.person,
            mode=mode(),
            org=asks.org,
        )


def carried_out(name: str, given: Mapping[str, Any], reason: str) -> Response:
    """Carry out an act of the registry, once for its key, and answer what it came to."""
    here, how = context(), asked(reason)
    return told(carry_out(here.database, here.settings, name=name, given=given, asked=how, mode=mode()))


def told(done: Done, **beside: Any) -> Response:
    """What an act came to, as it is answered: 202 while it waits for a second person."""
    waits = done.waiting is not None and done.position is not None
    shown = {
        "act": done.act,
        "changed": done.changed,
        "events": done.events,
        "waiting": done.waiting,
        "position": done.position,
    }
    return answered_once({**beside, **shown}, repeated=done.repeated, status=202 if waits else 200)


def body() -> dict[str, Any]:
    """The request's JSON object. Raises Problem("bad_request") where it is none, Invalid("invalid_input")."""
    try:
        given = msgspec.json.decode(request.get_data(), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem("bad_request", "The body must be a JSON object.") from error
    if "\\u0000" in request.get_data(as_text=True) and _holds_nul(given):
        raise Invalid("no text may hold a NUL character", code="invalid_input")
    return given


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(v) for v in (*value.keys(), *value.values()))
    return any(map(_holds_nul, value)) if isinstance(value, list) else isinstance(value, str) and "\0" in value


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
