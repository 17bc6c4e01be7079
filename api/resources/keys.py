"""Keys to the API: which there are and when they were last used, for admins and auditors; admins make and end them.

Never a digest, and a key only in the answer to the act that made it. An act concerns keys of the asker's mode alone.
"""

from typing import Any

from flask import Response

from api.issuing import IssuedKey, issue_key, rotate_key
from api.operations import carry_out
from api.resources.acting import answered_once, asked
from api.resources.answers import answer
from api.resources.context import caller, context, if_none_match, send, send_list
from api.resources.filters import choice, equal
from api.resources.lists import Condition, Read, Source, list_of, single
from api.resources.publish import act, answered, listed, read, section
from api.resources.resource import query_of
from api.schemas.keys import KEY, STATES, KeyActed, KeyMade, NewKey, Rotation, WhyKey
from commands.acts import Done
from commands.api_keys import ROLES
from ledger.ids import Mode
from projections import ACCESS
from replay.tables import LIVE

keys = section("keys", "Keys to the API")

_SOURCE = Source(
    KEY,
    "(SELECT k.*, (extract(epoch FROM u.used_at) * 1000000)::bigint AS used_us, u.process,"
    " CASE WHEN k.revoked THEN 'revoked' WHEN k.expires_s <= extract(epoch FROM now()) THEN 'expired'"
    " ELSE 'valid' END AS state"
    f" FROM {LIVE}.api_keys k LEFT JOIN ledger.key_uses u ON u.key_id = k.key_id) t",
    {},
    ("t.issued_us", "t.key_id"),
    lambda caller: [],
    newest_first=True,
    id="t.key_id",
    group=ACCESS.name,
)
_FILTERS = (
    choice("role", "Of this role", ROLES),
    choice("state", "In this state", STATES),
    equal("person", "Of this person"),
    equal("org", "Bound to this organization"),
    equal("account", "Bound to this account"),
)
_REFUSALS = ("not_found", "invalid")


@read(
    keys,
    "/v1/keys",
    "keys",
    listed(KEY.schema),
    query=query_of(_FILTERS, "keys_filters"),
    problems=("invalid_cursor",),
)
def list_keys(given: dict[str, Any]) -> Response:
    """List keys of the key's own mode, expired and revoked ones included.

    Newest first. `position` is the checkpoint of the read models of access, which stands still while nobody acts.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _FILTERS if given[f.name] is not None]
    return send_list(list_of(here, asks, _SOURCE, given, conditions), KEY.schema)


@read(keys, "/v1/keys/<string:key_id>", "keys", answered(KEY.schema), query=Read, problems=("not_found",))
def get_key(given: dict[str, Any], key_id: str) -> Response:
    """Get a key, valid or not."""
    found = single(context(), caller(), _SOURCE, [Condition("t.key_id = %s", (key_id,))], given["min_position"])
    return send(answer(*found, if_none_match()))


@act(keys, "/v1/keys", "key_acts", KeyMade, body=NewKey, problems=("invalid",))
def issue(given: dict[str, Any]) -> Response:
    """Issue a key of the asker's own mode. Its answer alone holds the key.

    One that names another person than who asks waits for a second person: its holder acts as that person. A repeated
    `Idempotency-Key` is answered with `key` null. Problems: `invalid`.
    """
    here = context()
    scope = {name: given[name] for name in ("role", "org", "account", "label", "person")}
    issued = issue_key(
        here.database, here.settings, mode=_mode(), lasts_s=given["expires_in_s"], asked=asked(given["reason"]), **scope
    )
    return _made(issued)


@act(
    keys,
    "/v1/keys/<string:key_id>/rotate",
    "key_acts",
    KeyMade,
    body=Rotation,
    problems=(*_REFUSALS, "key_revoked", "already_rotated"),
)
def rotate(given: dict[str, Any], key_id: str) -> Response:
    """Issue a key of the same scope in the place of another, which expires after the overlap.

    An old key that expires sooner still does. One that names another person than who asks waits for a second person.
    Problems: `key_revoked`, `already_rotated`, `invalid`, `not_found`.
    """
    here = context()
    issued = rotate_key(
        here.database,
        here.settings,
        key_id=key_id,
        overlap_s=given["overlap_s"],
        lasts_s=given["expires_in_s"],
        mode=_mode(),
        asked=asked(given["reason"]),
    )
    return _made(issued)


@act(keys, "/v1/keys/<string:key_id>/revoke", "key_acts", KeyActed, body=WhyKey, problems=_REFUSALS)
def revoke(given: dict[str, Any], key_id: str) -> Response:
    """Revoke a key for ever.

    It is refused everywhere within a second, exactly like an unknown one. Done already, it changes nothing.
    Problems: `not_found`, `invalid` (no reason).
    """
    here = context()
    what = {"key_id": key_id, "mode": _mode()}
    done = carry_out(here.database, here.settings, name="revoke_key", given=what, asked=asked(given["reason"]))
    return answered_once({"key_id": key_id, **_told(done)}, repeated=done.repeated)


def _mode() -> Mode:
    return "live" if caller().mode == "live" else "test"


def _made(issued: IssuedKey) -> Response:
    told = {"key": issued.key, "key_id": issued.key_id, **_told(issued.done)}
    return answered_once(told, repeated=issued.done.repeated)


def _told(done: Done) -> dict[str, Any]:
    return {
        "changed": done.changed,
        "position": done.position,
        "waiting": done.waiting,
        "events": [_without_digest(e) for e in done.events],
    }


def _without_digest(event: dict[str, Any]) -> dict[str, Any]:
    """A request for approval holds the act's whole input."""
    told = {k: _without_digest(v) if isinstance(v, dict) else v for k, v in event.items()}
    told.pop("digest", None)
    return told
