"""Keys to the API: issued with a role, perhaps for one organization or one seller; rotated; revoked for ever.

Never sees a key, only its digest. Knows no clock: how long a key lasts counts from when its event is recorded. A key
and those that took its place are one subject with one stream.
"""

from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_account, require_label, require_mode, require_org
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import ApiKeyIssued, ApiKeyRevoked, ApiKeyRotated, Event
from ledger.ids import Mode, key_stream

ROLES = ("service", "dashboard", "operator", "auditor", "admin")
#: Ten years; who wants longer wants no expiry.
MAX_LASTS_S = 10 * 366 * 86_400
#: Whoever has a key of somebody else acts as that person, who may be the second one that an act waits for.
_WEIGHT_FOR_ANOTHER = 60


class IssueKey(msgspec.Struct, frozen=True, kw_only=True):
    """Let whoever holds the key with this digest in, as `role`."""

    key_id: str
    digest: str
    """Hex, keyed; see `ledger.keys.MasterKey.digest_of_api_key`."""
    mode: Mode
    role: str
    org: str | None = None
    """Only this organization's rows; None: no such limit."""
    account: str | None = None
    """Only this seller's rows; None: no such limit."""
    label: str | None = None
    person: str | None = None
    """Whose it is: what is done with it, this person did. None: a program's, which reads alone."""
    lasts_s: int | None = None
    """How many seconds it is valid; None: until it is revoked."""


class RotateKey(msgspec.Struct, frozen=True, kw_only=True):
    """Let whoever holds the key with this digest in like the holder of another key, which expires."""

    key_id: str
    """The old one."""
    digest: str
    """Of the new one."""
    overlap_s: int
    """How many seconds the old one is still valid."""
    mode: Mode | None = None
    """Of the key; None: whichever it is."""
    lasts_s: int | None = None
    """How many seconds the new one is valid; None: as long as the old one was issued for."""


class RevokeKey(msgspec.Struct, frozen=True, kw_only=True):
    """Let the holder of this key in no more."""

    key_id: str
    mode: Mode | None = None
    """Of the key; None: whichever it is."""


Command: TypeAlias = IssueKey | RotateKey | RevokeKey


class ApiKey(msgspec.Struct, frozen=True):
    """One key as its events left it."""

    issued: ApiKeyIssued
    revoked: bool = False
    successor: str | None = None


#: A key and those that took its place, by id, the newest last.
ApiKeys: TypeAlias = dict[str, ApiKey]


def evolve(keys: ApiKeys, event: Event) -> ApiKeys:
    """The keys after an event."""
    if isinstance(event, ApiKeyIssued):
        return {**keys, event.key_id: ApiKey(event)}
    if isinstance(event, ApiKeyRotated):
        return {**keys, event.key_id: msgspec.structs.replace(keys[event.key_id], successor=event.successor)}
    assert isinstance(event, ApiKeyRevoked)
    return {**keys, event.key_id: msgspec.structs.replace(keys[event.key_id], revoked=True)}


def decide(command: Command, keys: ApiKeys) -> tuple[Event, ...]:
    """Issue, rotate or revoke. Revoking twice is no event.

    Raises Invalid for what is none, Refused: `key_id_taken`, `key_revoked`, `already_rotated`; NotFound for a key
    never issued, or issued in another mode.
    """
    if isinstance(command, IssueKey):
        _check(command)
        if keys:
            raise Refused(f"there is a key {command.key_id} already", code="key_id_taken")
        return (ApiKeyIssued(**msgspec.structs.asdict(command)),)
    known = keys.get(command.key_id)
    if known is None or command.mode not in (None, known.issued.mode):
        raise NotFound(f"there is no key {command.key_id}; `recount keys list` shows them")
    if isinstance(command, RotateKey):
        return _rotate(command, known, f"{next(iter(keys))}.{len(keys) + 1}")
    return () if known.revoked else (ApiKeyRevoked(key_id=command.key_id),)


def _rotate(command: RotateKey, old: ApiKey, successor: str) -> tuple[Event, ...]:
    if not 0 <= command.overlap_s <= MAX_LASTS_S:
        raise Invalid("an overlap is from nothing at all to ten years", code="bad_duration")
    _check_lasts(command.lasts_s)
    if old.revoked:
        raise Refused(f"{command.key_id} is revoked; issue a new key", code="key_revoked")
    if old.successor is not None:
        raise Refused(f"{command.key_id} was rotated already, to {old.successor}", code="already_rotated")
    lasts_s = command.lasts_s if command.lasts_s is not None else old.issued.lasts_s
    issued = msgspec.structs.replace(old.issued, key_id=successor, digest=command.digest, lasts_s=lasts_s)
    return (ApiKeyRotated(key_id=command.key_id, successor=successor, overlap_s=command.overlap_s), issued)


def _check(command: IssueKey) -> None:
    require_mode(command.mode)
    if command.role not in ROLES:
        raise Invalid(f"{command.role!r} is no role; there are {', '.join(ROLES)}", code="unknown_role")
    if command.org is not None and command.account is not None:
        raise Invalid("a key is for one organization or for one account, not both", code="two_restrictions")
    if command.org is not None:
        require_org(command.org)
    if command.account is not None:
        require_account(command.account)
    for given in (command.label, command.person):
        if given is not None:
            require_label(given)
    _check_lasts(command.lasts_s)


def _check_lasts(lasts_s: int | None) -> None:
    if lasts_s is not None and not 0 < lasts_s <= MAX_LASTS_S:
        raise Invalid("a key is valid from a second to ten years, or until it is revoked", code="bad_duration")


API_KEYS: Decider[Command, ApiKeys] = Decider({}, evolve, decide)


def _stream(command: Command) -> str:
    return key_stream(command.key_id)


def _about_issuing(command: IssueKey) -> About:
    return About(f"api_key/{command.key_id}", command.mode, command.account, command.org)


def _about(command: RotateKey | RevokeKey) -> About:
    return About(f"api_key/{command.key_id}", command.mode)


ISSUE_KEY = Act("issue_key", IssueKey, API_KEYS, _stream, _about_issuing)
ROTATE_KEY = Act("rotate_key", RotateKey, API_KEYS, _stream, _about)
REVOKE_KEY = Act("revoke_key", RevokeKey, API_KEYS, _stream, _about)
#: The same where a person asks, over the API, for a key that names another.
ISSUE_KEY_FOR_ANOTHER = Act("issue_key_for_another", IssueKey, API_KEYS, _stream, _about_issuing, _WEIGHT_FOR_ANOTHER)
ROTATE_KEY_OF_ANOTHER = Act("rotate_key_of_another", RotateKey, API_KEYS, _stream, _about, _WEIGHT_FOR_ANOTHER)
