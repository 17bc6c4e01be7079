"""What an answer of Stripe's means for a call: done, refused, to be asked again, or not to be known by asking.

Pure. Sources: https://docs.stripe.com/api/errors, https://docs.stripe.com/error-low-level,
https://docs.stripe.com/api/idempotent_requests.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from api.calls.client import Reply
from commands.stripe_calls import FailCall, SucceedCall, Why
from ledger.errors import Invalid
from ledger.inbox import is_name
from ledger.observing import answered_at, read_object

#: The answers to a key that is in use just now, or to an object that somebody else holds: nothing was done.
_BUSY = frozenset({"idempotency_key_in_use", "lock_timeout"})
_KEY_MISMATCH = "idempotency_error"


class Succeeded(NamedTuple):
    """Stripe did it."""

    command: SucceedCall
    object: dict[str, Any]
    """As it came, secrets included."""
    replayed: bool
    """Whether it is as the object was when Stripe answered first."""


class Failed(NamedTuple):
    """Stripe refused; asked the same again it would refuse again."""

    command: FailCall
    message: str | None
    """Stripe's words, for whoever asks; never kept."""


class Again(NamedTuple):
    """It is to be asked again under the same key."""

    why: str
    after_s: float | None = None
    """Stripe's own word on how long to wait."""


class Lost(NamedTuple):
    """Asking again tells nothing more: it must be looked up."""

    why: Why


class Stopped(NamedTuple):
    """Stripe refuses our key, whatever is asked; nothing was done."""

    status: int
    code: str | None
    request_id: str | None


Verdict = Succeeded | Failed | Again | Lost | Stopped


class _Error(msgspec.Struct, frozen=True):
    """`error` of an answer that is one."""

    type: str = "api_error"
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    message: str | None = None


class _Problem(msgspec.Struct, frozen=True):
    error: _Error = _Error()


_decode_problem = msgspec.json.Decoder(_Problem).decode


def verdict(reply: Reply) -> Verdict:
    """What a call's answer means. An answer that cannot be read tells nothing, and is asked for again."""
    at_s = answered_s(reply.headers)
    if 200 <= reply.status < 300:
        try:
            found = read_object(reply.body)
        except Invalid:
            return Again("unreadable")
        return Succeeded(
            SucceedCall(
                object=_text(found.get("object")),
                object_id=_text(found.get("id")),
                status=reply.status,
                request_id=reply.request_id,
                answered_s=at_s,
            ),
            found,
            reply.replayed,
        )
    error = _error(reply.body)
    if reply.status == 401:
        return Stopped(reply.status, error.code, reply.request_id)
    if reply.status == 429 or (reply.status == 409 and _busy(error, reply)):
        return Again(f"http_{reply.status}", _after(reply.headers))
    if reply.status >= 500:
        # Stripe keeps a failure of its own under the key, and tells it again for ever: only the object can tell now.
        return Lost("server_error") if reply.replayed else Again(f"http_{reply.status}", _after(reply.headers))
    if error.type == _KEY_MISMATCH:
        return Lost("key_mismatch")
    if reply.status < 400:
        return Again(f"http_{reply.status}")
    refused = FailCall(
        type=error.type,
        code=error.code,
        decline_code=error.decline_code,
        param=error.param,
        status=reply.status,
        request_id=reply.request_id,
        answered_s=at_s,
    )
    return Failed(refused, error.message)


def _busy(error: _Error, reply: Reply) -> bool:
    """Whether a conflict (409) is with another request that is under way, rather than with how things are."""
    said = reply.headers.get("stripe-should-retry")
    return said == "true" if said is not None else error.code in _BUSY or error.type == _KEY_MISMATCH


def _error(body: str) -> _Error:
    try:
        return _decode_problem(body).error
    except (msgspec.DecodeError, RecursionError):
        return _Error()


def answered_s(headers: Mapping[str, str]) -> int | None:
    """When Stripe answered, by its own clock; None: it did not say."""
    try:
        return answered_at({k: v for k, v in headers.items() if k == "date"})
    except Invalid:
        return None


def _after(headers: Mapping[str, str]) -> float | None:
    given = headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdecimal() and int(given) <= 60 else None


def _text(value: Any) -> str | None:
    """An id or a type, where it is one that a column can hold."""
    return value if is_name(value) else None
