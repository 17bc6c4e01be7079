"""Finding out what became of a call that no answer came to: by reading Stripe, never by asking for it again.

What a call makes carries its id as metadata, and is listed; what it changes carries it too, or stands as the call would
have left it. That it is there decides at once. That it is not decides only when no attempt can be under way any more.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from api.calls.client import NoAnswer
from api.calls.making import Maker
from api.calls.verdict import Failed, answered_s, verdict
from commands.stripe_calls import NEVER_HAPPENED, Call, FailCall, SucceedCall
from commands.stripe_operations import KEY_KEPT_S, MARK, InList, InObject, operation
from ledger.errors import Invalid
from ledger.observing import read_object
from ledger.sealing import is_sealed

#: After the last moment at which it may have been sent, an attempt is under way no longer than this.
SETTLED_S = KEY_KEPT_S + 1800
#: Clocks differ; an object's `created` is Stripe's.
_CLOCKS_S = 3600
_PAGE, _PAGES = 100, 100


class Found(NamedTuple):
    """The object that tells that the call happened."""

    object: dict[str, Any]
    command: SucceedCall


class Absent(NamedTuple):
    """Nothing of Stripe's tells that it happened, and something would."""


class Undecided(NamedTuple):
    """Stripe cannot tell: a person must find out."""


Finding = Found | Absent | Undecided


def look_up(maker: Maker, call: Call, now_s: float) -> Call:
    """Look once, and keep what was found. Raises NoAnswer, StoreUnavailable: then it is to be looked up later."""
    asked = call.requested
    assert asked is not None
    if not call.to_be_looked_up:
        return call
    found = _look(maker, call)
    if isinstance(found, Found):
        return maker.keep_found(asked.call_id, found.object, found.command)
    if isinstance(found, Absent) and call.begun is not None and now_s >= call.begun.at_s + SETTLED_S:
        return maker.keep(asked.call_id, FailCall(type=NEVER_HAPPENED, by="look_up"))
    return call


def _look(maker: Maker, call: Call) -> Finding:
    assert call.requested is not None
    how = operation(call.requested.operation).look_up
    if isinstance(how, InList):
        return _in_list(maker, call, how)
    return _in_object(maker, call, how) if isinstance(how, InObject) else Undecided()


def _in_list(maker: Maker, call: Call, how: InList) -> Finding:
    assert call.requested is not None
    params: dict[str, Any] = {"limit": _PAGE, **dict(how.beside)}
    for name in how.carried:
        given = call.requested.params.get(name)
        if isinstance(given, str) and not is_sealed(given):
            params[name] = given
    if how.by_time and call.begun is not None:
        params["created"] = {"gte": call.begun.at_s - _CLOCKS_S, "lte": call.begun.at_s + SETTLED_S + _CLOCKS_S}
    try:
        for shown, command in _listed(maker, how.path, call.requested.account, params):
            if (shown.get("metadata") or {}).get(MARK) == call.requested.call_id:
                return Found(shown, command)
    except _Unreadable:
        return Undecided()
    return Absent()


class _Unreadable(Exception):
    """The list cannot be read to its end, or the object not at all."""


class _Gone(_Unreadable):
    """Stripe has no such object, or none any more."""


def _listed(
    maker: Maker, path: str, account: str, params: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], SucceedCall]]:
    """Every object of a list. Raises NoAnswer, _Unreadable."""
    for _ in range(_PAGES):
        page, at_s = _read(maker, path, account, params)
        objects = page.get("data")
        if not isinstance(objects, list):
            raise _Unreadable
        for each in objects:
            yield each, _looked_up(each, at_s)
        if not page.get("has_more") or not objects:
            return
        params = {**params, "starting_after": objects[-1]["id"]}
    raise _Unreadable


def _in_object(maker: Maker, call: Call, how: InObject) -> Finding:
    assert call.requested is not None
    try:
        shown, at_s = _read(maker, how.path.format(*call.requested.path), call.requested.account, {})
    except _Gone:
        if not how.gone:
            return Undecided()
        id = call.requested.path[0]
        found = operation(call.requested.operation).object
        return Found({}, SucceedCall(object=found, object_id=id, by="look_up"))
    except _Unreadable:
        return Undecided()
    marked = (shown.get("metadata") or {}).get(MARK) == call.requested.call_id
    stands = [shown.get(field) in values for field, values in how.is_now]
    stands += [shown.get(field) == call.requested.params.get(param) for field, param in how.same]
    if marked or (stands and all(stands)):
        return Found(shown, _looked_up(shown, at_s))
    return Absent() if how.tells_absence else Undecided()


def _read(maker: Maker, path: str, account: str, params: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    reply = maker.fetch(path, account, params)
    if reply.status in (401, 409, 429) or reply.status >= 500:
        raise NoAnswer(f"http_{reply.status}")
    said = verdict(reply)
    if reply.status == 404 or (isinstance(said, Failed) and said.command.code == "resource_missing"):
        raise _Gone
    if reply.status != 200:
        raise _Unreadable
    try:
        return read_object(reply.body), answered_s(reply.headers)
    except Invalid as error:
        raise NoAnswer("unreadable") from error


def _looked_up(shown: dict[str, Any], at_s: int | None) -> SucceedCall:
    return SucceedCall(object=shown.get("object"), object_id=shown.get("id"), answered_s=at_s, by="look_up")
