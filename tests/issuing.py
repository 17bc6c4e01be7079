"""Issuing in memory over a sandbox: processes that die at any step, and a Stripe that loses answers. Knows no law."""

import json
from email.utils import formatdate
from typing import Any, NamedTuple

from calling import META, MemoryJournal, MemoryKeys, MemoryObserver, Steps
from sandboxes import ENDIVE, KEY, Asked, pairs

from api.calls.asking import Waiter
from api.calls.client import NoAnswer, Reply, Request
from api.calls.issuing import Issuing
from api.calls.looking_up import look_up
from api.calls.making import Maker
from api.sandbox.forms import decode
from api.sandbox.sandbox import Request as SandboxRequest
from api.sandbox.sandbox import Sandbox
from commands.issuing import ISSUANCES, Command, request_issuance
from commands.issuing_process import Issuance
from commands.issuing_terms import RequestIssuance
from commands.stripe_calls import CALLS
from ledger.events import NewEvent
from ledger.ids import call_stream, issuance_stream
from ledger.issuing_events import IssuanceLine
from ledger.stripe_call_events import StripeCallRequested


class InProcess:
    """As `api.calls.client.Stripe`, asking a sandbox in this process."""

    mode = "test"

    def __init__(self, sandbox: Sandbox, steps: Steps, version: str = ENDIVE) -> None:
        self.sandbox = sandbox
        self.steps = steps
        self.api_version = version

    def send(self, request: Request) -> Reply:
        what = self.steps.before()
        if what == "silent":
            raise NoAnswer("as the test asked for")
        account = None if request.account == "platform" else request.account
        said = decode(pairs(dict(request.params)))
        asked = SandboxRequest(
            request.method, request.path, said, KEY, account, request.api_version or self.api_version,
            idempotency_key=request.idempotency_key,
        )  # fmt: skip
        answer, replayed = self.sandbox.ask(asked)
        self.steps.after(what)
        if what == "unheard":
            raise NoAnswer("as the test asked for")
        headers = {"date": formatdate(self.sandbox.wall_s, usegmt=True), "request-id": "req_1"}
        return Reply(
            answer.status, {**headers, **({"idempotent-replayed": "true"} if replayed else {})}, json.dumps(answer.body)
        )


class _Customer(NamedTuple):
    """An organization that has a customer."""

    id: str

    def ensured(self, whom: object, asked: object) -> str:
        return self.id


class _Calls(NamedTuple):
    journal: MemoryJournal
    keys: MemoryKeys
    stripe: InProcess
    maker: Maker
    waiter: Waiter


class Issuings:
    """Everything that issues, in memory; its processes die and start anew as often as a test likes."""

    def __init__(self, version: str = ENDIVE) -> None:
        self.sandbox = Sandbox(version=version)
        self.stripe = Asked(self.sandbox, version)
        self.steps = Steps()
        self.journal = MemoryJournal(self.steps)
        self.keys = MemoryKeys()
        self.version = version
        self.customer = self.stripe.post("/v1/customers", email="a@acme.example")["id"]
        self.ahead_s = 0

    @property
    def now_s(self) -> float:
        return float(self.sandbox.wall_s + self.ahead_s)

    def command(self, command: Command, id: str) -> None:
        """Carry out what a person, a reaction or a deadline asks for; nothing dies."""
        plan, self.steps.plan = self.steps.plan, []
        stream = issuance_stream("test", id)
        history = self.journal.read_stream(stream)
        events = ISSUANCES.decide(command, ISSUANCES.fold(r.event for r in history))
        self.journal.append(*(NewEvent(stream, len(history) + 1 + i, e, META) for i, e in enumerate(events)))
        self.steps.plan = plan

    def request(self, *lines: IssuanceLine, source: str = "1", **terms: Any) -> str:
        """Have lines billed. Returns the issuance's id."""
        whole = {"mode": "test", "account": "platform", "org": "acme", "currency": "eur", "source_kind": "manual"}
        command = RequestIssuance(**{**whole, "source": source, "lines": lines, **terms})  # type: ignore[arg-type]
        assert request_issuance(command).command is command
        self.command(command, command.issuance)
        return command.issuance

    def process(self) -> tuple[Issuing, Maker]:
        """A process that has just started."""
        stripe = InProcess(self.sandbox, self.steps, self.version)
        maker = Maker(
            self.journal, self.keys, MemoryObserver(self.journal, self.keys), stripe, lambda: self.now_s
        )  # fmt: skip
        calls: Any = _Calls(self.journal, self.keys, stripe, maker, Waiter(maker))
        return Issuing(calls, _Customer(self.customer), lambda: self.now_s), maker

    def issuance(self, id: str) -> Issuance:
        return ISSUANCES.fold(r.event for r in self.journal.read_stream(issuance_stream("test", id)))

    def calls(self) -> list[str]:
        """Every call that was asked for, in order."""
        return [r.event.call_id for r in self.journal.order if isinstance(r.event, StripeCallRequested)]

    def go_on(self, id: str) -> bool:
        """One process takes what steps it can, and makes what calls there are. Returns whether anything moved."""
        issuing, maker = self.process()
        moved = issuing.bring_on(id)
        for call in self.calls():
            known = CALLS.fold(r.event for r in self.journal.read_stream(call_stream("test", call)))
            if known.to_be_made:
                moved = maker.attempt(call).call.answer is not None or moved
            elif known.to_be_looked_up:
                moved = look_up(maker, known, self.now_s).answer is not None or moved
        return moved

    def invoices(self) -> list[dict[str, Any]]:
        """All that the sandbox holds."""
        return self.stripe.get("/v1/invoices", limit=100)["data"]  # type: ignore[no-any-return]


def line(key: str = "a", amount_minor: int = 1000, **more: Any) -> IssuanceLine:
    """A line to bill."""
    return IssuanceLine(key=key, description=f"line {key}", amount_minor=amount_minor, **more)
