"""Kills of the worker while it asks a sandbox for things that move money.

Knows the service's processes and the sandbox's objects. Refuses to know when a kill comes: it draws the moment, so that
over many rounds they fall before a call, while it is under way, and between its answer and the keeping of it.
"""

import time
from random import Random
from typing import Any, NamedTuple

from sandboxes import Asked
from service import MASTER_BYTES, Service, kill

from api.calls.asking import ask
from api.sandbox.sandbox import Sandbox
from commands.stripe_calls import RequestCall, call_id
from commands.stripe_operations import MARK
from ledger.events import Metadata
from ledger.ids import call_stream
from ledger.keys import KeyStore, MasterKey
from ledger.store import Log
from ledger.stripe_call_events import (
    StripeCallBegun,
    StripeCallFailed,
    StripeCallSucceeded,
    StripeCallUnknown,
)

_META = Metadata(occurred_at_s=0, actor="ada", mode="test")
_WAIT_S = 60.0


class Figures(NamedTuple):
    """What happened over all rounds."""

    calls: int
    began_but_unanswered: int
    """Calls that a kill caught between their beginning and the keeping of their answer."""
    sent_again: int
    """Requests that Stripe had answered before, under the same key."""
    unknown: int


class Kills:
    """Rounds of calls, each with a kill."""

    def __init__(self, service: Service, sandbox: Sandbox, seed: int) -> None:
        self._service = service
        self._asked = Asked(sandbox)
        self._sandbox = sandbox
        self._random = Random(seed)
        self._log = Log(service.conninfo)
        self._keys = KeyStore(service.conninfo, MasterKey(MASTER_BYTES))
        self._customer = str(
            self._asked.post(
                "/v1/customers",
                payment_method="pm_card_visa",
                invoice_settings={"default_payment_method": "pm_card_visa"},
            )["id"]
        )
        self._method = self._asked.get("/v1/payment_methods", customer=self._customer)["data"][0]["id"]
        self._calls: list[str] = []
        self._caught = 0

    def close(self) -> None:
        """Give the connections back."""
        self._log.close()
        self._keys.close()

    def round(self) -> None:
        """Ask for some payments, kill whoever makes them, and wait until each has an answer."""
        ids = [call_id(f"round/{len(self._calls)}/{i}") for i in range(self._random.randint(1, 4))]
        if self._random.random() < 0.5:
            kind = self._random.choice(("delay", "lost", "lost_before", "500", "500_after", "429"))
            fault = {"kind": kind, "path": "/v1/payment_intents", "method": "POST", "seconds": 0.05}
            self._sandbox.state.faults.add(fault)
        for id in ids:
            ask(self._log, self._keys, self._payment(id), _META)
        self._calls += ids
        time.sleep(self._random.random() * 0.12)
        for pid, what in self._service.processes():
            if what == "worker":
                kill(pid)
        self._caught += sum(1 for id in ids if self._stands(id) == "begun")
        deadline = time.monotonic() + _WAIT_S
        while any(self._stands(id) != "answered" for id in ids):
            assert time.monotonic() < deadline, {id: self._stands(id) for id in ids}
            time.sleep(0.02)

    def _stands(self, id: str) -> str:
        """How far a call is, by its stream."""
        events = [r.event for r in self._log.read_stream(call_stream("test", id))]
        if any(isinstance(e, _ANSWERS) for e in events):
            return "answered"
        return "begun" if any(isinstance(e, StripeCallBegun) for e in events) else "asked"

    def _payment(self, id: str) -> RequestCall:
        params: dict[str, Any] = {
            "amount": 1_000 + len(self._calls),
            "currency": "usd",
            "customer": self._customer,
            "payment_method": self._method,
            "confirm": True,
            "off_session": True,
        }
        return RequestCall(
            call_id=id, mode="test", account="platform", operation="payment_intents.create", params=params
        )

    def check(self) -> Figures:
        """Each call was made exactly once. Raises AssertionError."""
        made: dict[str, int] = {}
        for (_, kind, _), object in self._sandbox.state.objects.items():
            if kind == "payment_intent":
                mark = object["metadata"].get(MARK)
                made[mark] = made.get(mark, 0) + 1
                assert object["status"] == "succeeded", object
        assert made == dict.fromkeys(self._calls, 1), "a payment was made twice, or not at all"
        kept = [r.event for id in self._calls for r in self._log.read_stream(call_stream("test", id))]
        assert sum(isinstance(e, StripeCallSucceeded) for e in kept) == len(self._calls)
        unknown = sum(isinstance(e, StripeCallUnknown) for e in kept)
        again = sum(1 for request in self._sandbox.asked if request["replayed"])
        return Figures(len(self._calls), self._caught, again, unknown)


_ANSWERS = (StripeCallSucceeded, StripeCallFailed)
