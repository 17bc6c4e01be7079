"""How the CLI reaches the edge of the house, which it may not import: through entry points that the edge registers."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoints, distribution
from typing import Any, NamedTuple, Protocol, cast

import psycopg

from ledger.errors import RecountError, StoreUnavailable
from ledger.store import as_role
from replay.cli.options import Asks
from replay.lines import to_stderr

GROUP = "recount.service"


class NotInstalled(RecountError):
    """This part of Recount is not installed; install it again with `pip install recount`."""

    code = "not_installed"


class KeyStore(Protocol):
    """As much of the key store as showing personal fields needs."""

    def open(self, subjects: list[str]) -> Mapping[str, bytes | None]:
        """Keys to read with; None: destroyed or unknown."""

    def close(self) -> None:
        """Give the connections back."""


class Database(Protocol):
    """How to reach the log and the key store, as their owner."""

    @property
    def conninfo(self) -> str: ...

    def key_store(self, settings: Any) -> KeyStore:
        """The subjects' keys."""


class Attached(NamedTuple):
    """The settings, and the database that they name."""

    settings: Any
    database: Database

    @property
    def conninfo(self) -> str:
        """How to connect as the owner."""
        return self.database.conninfo

    @contextlib.contextmanager
    def reading(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that can change nothing."""
        with psycopg.connect(as_role(self.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
            yield conn

    def act(self, name: str, asks: Asks, /, **what: Any) -> Any:
        """Do an operation of the edge that is an act of its own: issuing keys, erasing, approving."""
        return service(name)(self.database, self.settings, asked=_asked(asks), **what)

    def call(self, name: str, **what: Any) -> Any:
        """Ask something of the edge that changes nothing."""
        return service(name)(self.database, self.settings, **what)

    def carry_out(self, name: str, asks: Asks, /, **given: Any) -> Any:
        """Carry out the act `name`, as `commands.registry` has it."""
        return service("carry_out")(self.database, self.settings, name=name, given=given, asked=_asked(asks))


def _asked(asks: Asks) -> Any:
    """What the edge makes of it: with the clock, and a key where none was given."""
    return service("asked_by")(asks.person, asks.reason, idempotency_key=asks.idempotency_key, dry_run=asks.dry_run)


def service(name: str) -> Callable[..., Any]:
    """A function of the edge. Raises NotInstalled."""
    for found in _doors().select(group=GROUP, name=name):
        opened = cast("Callable[..., Any]", found.load())
        if "structlog" in sys.modules:  # what the edge says while a command runs
            to_stderr()
        return opened
    raise NotInstalled(f"`{name}` is not installed; install Recount again with `pip install recount`")


@cache
def _doors() -> EntryPoints:
    """Our own: those of every package that is installed would be read as well."""
    return distribution("recount").entry_points


@contextlib.contextmanager
def attached() -> Iterator[Attached]:
    """The settings and the database. Raises BadSetting, StoreUnavailable with the mend."""
    settings = service("settings")()
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(service("database")(settings))
        except (psycopg.OperationalError, StoreUnavailable) as error:
            raise StoreUnavailable(
                f"{_first_line(error)}; start it with `recount serve`, or mend DATABASE_URL"
                " (`recount doctor` says what is wrong)"
            ) from error
        yield Attached(settings, database)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
