"""Billing acts of one process: each is recorded, then asked of Stripe at once, for somebody who waits for what comes.

An act under a key that came before asks nothing anew: its answer is fetched again. The settings' key decides the mode.
"""

import contextlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from api.calls.acts import act_on
from api.calls.asking import Answered
from api.calls.customers import Customers, Whom
from api.calls.wiring import Calls, open_calls
from api.database import Database
from api.settings import Settings
from commands.acts import Act, Asked, Done
from commands.stripe_calls import call_id
from ledger.errors import Refused
from ledger.ids import Mode, call_stream, org_subject, receipt_stream
from ledger.keys import KeyStore
from ledger.sealing import Sealer

#: Stands for the customer in a dry run, where none was made yet.
NOT_MADE_YET = "cus_to_be_made"


class Performed(NamedTuple):
    """What an act came to."""

    done: Done
    answer: Answered | None
    """None of a dry run, and while it waits for a second person."""

    @property
    def object(self) -> Mapping[str, Any]:
        """What Stripe answered with; empty where it was not asked."""
        return self.answer.object if self.answer is not None else {}


class Desk:
    """Where billing acts are carried out. Opens nothing before it is used; may be used from several threads."""

    def __init__(
        self, database: Database, settings: Settings, keys: KeyStore, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._opened: Calls | None = None

    @property
    def conninfo(self) -> str:
        """Of the database."""
        return self._database.conninfo

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def calls(self, mode: Mode) -> Calls:
        """What asks Stripe in this mode. Raises Refused (`stripe_key_missing`, `other_mode`)."""
        with self._lock:
            if self._opened is None:
                self._opened = open_calls(
                    self._database, self._settings, self._keys, waited_for=True, clock=self._clock
                )
            calls = self._opened
        if calls.maker.mode != mode:
            raise Refused(f"the service's Stripe key is of {calls.maker.mode} mode, not of {mode}", code="other_mode")
        return calls

    def customers(self, mode: Mode) -> Customers:
        """Who organizations are in Stripe."""
        calls = self.calls(mode)
        return Customers(self._database.conninfo, calls.journal, self._keys, calls.waiter)

    def was_asked(self, mode: Mode, asked: Asked) -> bool:
        """Whether an act came under this key before."""
        return bool(self.calls(mode).journal.read_stream(receipt_stream(asked.person, asked.idempotency_key)))

    def perform(
        self,
        act: Act[Any, Any],
        whom: Whom,
        asked: Asked,
        given: Mapping[str, Any],
        *,
        chosen: Mapping[str, Any] | None = None,
        **found: Any,
    ) -> Performed:
        """Record an act for an organization, and ask Stripe. `given`: by the caller; `found`: out by us.

        `chosen`: what the caller said, where the act has it in other words; by it a key that comes again is known.

        Raises what the act is refused with, CallRefused, StripeUnavailable, StoreUnavailable.
        """
        calls = self.calls(whom.mode)
        id = call_id(receipt_stream(asked.person, asked.idempotency_key))
        whole = {"call_id": id, "mode": whom.mode, "account": whom.account, "org": whom.org or None, **found, **given}
        told = {**whom._asdict(), **(given if chosen is None else chosen)}
        personal = [f for f in getattr(act.command, "PERSONAL", ()) if given.get(f)]
        if personal:
            subject = org_subject(whom.mode, whom.account, whom.org)
            key = self._keys.ensure([subject])[subject]
            sealer = Sealer(key, subject, call_stream(whom.mode, id), secrets.token_bytes)
            for field in personal:
                whole[field] = sealer.token(f"params.{field}", given[field])
                # What was asked is compared by a digest, from which nobody must guess an address.
                told[field] = hmac.digest(key, str(given[field]).encode(), "sha256").hex()
        command = msgspec.convert(whole, act.command)
        done = act_on(self._settings, calls.journal, act, command, asked, told)
        if asked.dry_run or done.waiting is not None:
            return Performed(done, None)
        return Performed(done, calls.waiter.answer(id))


@contextlib.contextmanager
def opened(database: Database, settings: Settings) -> Iterator[Desk]:
    """A desk for one act, as the command line needs it."""
    with (
        contextlib.closing(database.key_store(settings)) as keys,
        contextlib.closing(Desk(database, settings, keys)) as desk,
    ):
        yield desk
