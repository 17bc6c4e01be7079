"""Keys to the API: issued with a role, perhaps for one organization or one seller, and revoked for ever.

Never sees a key, only its digest.
"""

from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_account, require_label, require_mode, require_org
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import ApiKeyIssued, ApiKeyRevoked, Event
from ledger.ids import Mode, key_stream

ROLES = ("service", "dashboard", "operator", "auditor", "admin")


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


class RevokeKey(msgspec.Struct, frozen=True, kw_only=True):
    """Let the holder of this key in no more."""

    key_id: str


Command: TypeAlias = IssueKey | RevokeKey


class ApiKey(msgspec.Struct, frozen=True):
    """A key as its events left it."""

    digest: str | None = None
    """None: never issued."""
    revoked: bool = False


def evolve(key: ApiKey, event: Event) -> ApiKey:
    """The key after an event."""
    if isinstance(event, ApiKeyIssued):
        return ApiKey(event.digest)
    return ApiKey(key.digest, revoked=True)


def decide(command: Command, key: ApiKey) -> tuple[Event, ...]:
    """Issue or revoke. Revoking twice is no event.

    Raises Invalid for a role, mode or id that is none, Refused("key_id_taken"), NotFound for a key never issued.
    """
    if isinstance(command, IssueKey):
        _check(command)
        if key.digest is not None:
            raise Refused(f"there is a key {command.key_id} already", code="key_id_taken")
        return (ApiKeyIssued(**msgspec.structs.asdict(command)),)
    if key.digest is None:
        raise NotFound(f"there is no key {command.key_id}; `recount keys list` shows them")
    return () if key.revoked else (ApiKeyRevoked(key_id=command.key_id),)


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


API_KEYS: Decider[Command, ApiKey] = Decider(ApiKey(), evolve, decide)


def _stream(command: Command) -> str:
    return key_stream(command.key_id)


ISSUE_KEY = Act(
    "issue_key",
    IssueKey,
    API_KEYS,
    _stream,
    lambda command: About(f"api_key/{command.key_id}", command.mode, command.account, command.org),
)
REVOKE_KEY = Act("revoke_key", RevokeKey, API_KEYS, _stream, lambda command: About(f"api_key/{command.key_id}"))
