"""Endpoints that are told of what happens: added, tried, removed for ever. One stream an endpoint.

Refuses to know its secret, which is made and kept at the edge.
"""

from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_label, require_mode, require_org
from commands.notices import NOTICES, TYPES, RaiseNotice
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import EndpointAdded, EndpointRemoved, Event
from ledger.ids import Mode, endpoint_stream, notice_stream

MAX_URL = 2_000


class AddEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Tell this address of what happens from now on."""

    endpoint_id: str
    mode: Mode
    url: str
    types: tuple[str, ...] = ()
    org: str | None = None
    label: str | None = None
    plain: bool = False
    """Whether `http://` will do: where private addresses are allowed."""


class RemoveEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Tell it nothing more, for ever."""

    endpoint_id: str
    mode: Mode


Command: TypeAlias = AddEndpoint | RemoveEndpoint


class Endpoint(msgspec.Struct, frozen=True):
    """An endpoint as its events left it."""

    mode: Mode | None = None
    """None: never added."""
    removed: bool = False


def evolve(endpoint: Endpoint, event: Event) -> Endpoint:
    """The endpoint after an event."""
    if isinstance(event, EndpointAdded):
        return Endpoint(event.mode)
    return Endpoint(endpoint.mode, removed=True)


def decide(command: Command, endpoint: Endpoint) -> tuple[Event, ...]:
    """Add or remove. Removing twice is no event.

    Raises Invalid (`bad_url`, `unknown_notice`, …), Refused("endpoint_taken"), NotFound.
    """
    require_mode(command.mode)
    if isinstance(command, AddEndpoint):
        _check(command)
        if endpoint.mode is not None:
            raise Refused(f"there is an endpoint {command.endpoint_id} already", code="endpoint_taken")
        fields = msgspec.structs.asdict(command)
        del fields["plain"]
        return (EndpointAdded(**fields),)
    if endpoint.mode != command.mode:
        raise NotFound(f"there is no endpoint {command.endpoint_id}; `recount endpoints list` shows them")
    return () if endpoint.removed else (EndpointRemoved(endpoint_id=command.endpoint_id, mode=command.mode),)


def _check(command: AddEndpoint) -> None:
    require_url(command.url, plain=command.plain)
    for each in command.types:
        if each not in TYPES:
            raise Invalid(f"there is no notice {each!r}; there are {', '.join(sorted(TYPES))}", code="unknown_notice")
    if command.org is not None:
        require_org(command.org)
    if command.label is not None:
        require_label(command.label)


def require_url(url: str, *, plain: bool) -> None:
    """Raises Invalid("bad_url") unless `url` is an address that can be told: https (http if `plain`), with a host,
    without a user or a fragment."""
    schemes = ("https", "http") if plain else ("https",)
    if not (len(url) <= MAX_URL and url.isascii() and url.isprintable() and " " not in url and _sound(url, schemes)):
        raise Invalid(
            f"an endpoint is an {' or '.join(schemes)} address with a host, without user, blanks or fragment",
            code="bad_url",
        )


def _sound(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    nothing_else = "@" not in parts.netloc and "#" not in url
    return parts.scheme in schemes and bool(parts.hostname) and port != 0 and nothing_else


ENDPOINTS: Decider[Command, Endpoint] = Decider(Endpoint(), evolve, decide)


def _stream(command: Command) -> str:
    return endpoint_stream(command.endpoint_id)


def _about(command: Command) -> About:
    org = command.org if isinstance(command, AddEndpoint) else None
    return About(f"endpoint/{command.endpoint_id}", command.mode, None, org)


ADD_ENDPOINT = Act("add_endpoint", AddEndpoint, ENDPOINTS, _stream, _about)
REMOVE_ENDPOINT = Act("remove_endpoint", RemoveEndpoint, ENDPOINTS, _stream, _about)
#: A notice of the type `test`, for one endpoint.
TEST_ENDPOINT = Act(
    "test_endpoint",
    RaiseNotice,
    NOTICES,
    lambda command: notice_stream(command.notice_id),
    lambda command: About(f"endpoint/{command.endpoint_id}", command.mode),
)
