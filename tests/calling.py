"""Calls to Stripe in memory: a journal that loses connections and processes that die, at whatever step a test says."""

from collections.abc import Iterable, Mapping
from secrets import token_bytes
from typing import Any

from stripe_fake import FakeClient, FakeStripe

from api.calls.asking import ask
from api.calls.client import Reply, Request
from api.calls.making import Maker
from commands.stripe_calls import RequestCall
from ledger.codec import encode_metadata
from ledger.errors import StoreUnavailable
from ledger.events import Metadata, NewEvent, Recorded
from ledger.observing import Sighting, observed
from ledger.store import Appended, Conflict, Outcome

NOW_S = 1_800_000_000.0
META = Metadata(occurred_at_s=int(NOW_S), actor="ada", mode="test")


class Crash(BaseException):
    """The process dies here."""


class Steps:
    """What happens at each step: nothing, or a crash or a lost connection before or after it."""

    def __init__(self, plan: Iterable[str] = ()) -> None:
        self.plan = list(plan)

    def before(self) -> str:
        what = self.plan.pop(0) if self.plan else ""
        if what == "crash before":
            raise Crash
        if what == "lost before":
            raise StoreUnavailable
        return what

    def after(self, what: str) -> None:
        if what == "crash after":
            raise Crash
        if what == "lost after":
            raise StoreUnavailable


STEPS = ("", "", "", "crash before", "crash after", "lost before", "lost after")


class MemoryJournal:
    """A log in memory, with the log's own rule: a unit is appended whole, at versions that nobody has."""

    def __init__(self, steps: Steps) -> None:
        self.events: dict[str, list[Recorded]] = {}
        self.order: list[Recorded] = []
        self.steps = steps

    def read_stream(self, stream: str) -> list[Recorded]:
        return list(self.events.get(stream, ()))

    def append(self, *events: NewEvent) -> Outcome:
        what = self.steps.before()
        heads = {e.stream: len(self.events.get(e.stream, ())) for e in events}
        for e in events:
            if e.version != heads[e.stream] + 1:
                return Conflict((e.stream,))
            heads[e.stream] += 1
        positions = []
        for e in events:
            position = len(self.order) + 1
            recorded = Recorded(
                position, e.stream, e.version, e.event, encode_metadata(e.metadata), position * 1_000_000
            )
            self.events.setdefault(e.stream, []).append(recorded)
            self.order.append(recorded)
            positions.append(position)
        self.steps.after(what)
        return Appended(tuple(positions))

    def append_bulk(self, events: Any) -> int:
        raise NotImplementedError


class MemoryKeys:
    """Subjects' keys in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes | None] = {}

    def ensure(self, subjects: Iterable[str]) -> Mapping[str, bytes]:
        return {s: self.kept.setdefault(s, token_bytes(32)) or token_bytes(32) for s in subjects}

    def open(self, subjects: Iterable[str]) -> Mapping[str, bytes | None]:
        return {s: self.kept.get(s) for s in subjects}

    def destroy(self, subject: str) -> None:
        self.kept[subject] = None


class MemoryObserver:
    """As `api.observing.Observer`."""

    def __init__(self, journal: MemoryJournal, keys: MemoryKeys) -> None:
        self.journal = journal
        self.keys = keys

    def events(self, sightings: Iterable[Sighting]) -> tuple[NewEvent, ...]:
        found = [
            observed(s, self.keys.ensure([s.subject])[s.subject], self.journal.read_stream(s.stream), token_bytes)
            for s in sightings
        ]
        return tuple(e for e in found if e is not None)


class SteppedClient(FakeClient):
    """A client whose process may die before a request leaves, or before its answer is read."""

    def __init__(self, stripe: FakeStripe, steps: Steps) -> None:
        super().__init__(stripe)
        self.steps = steps

    def send(self, request: Request) -> Reply:
        what = self.steps.before()
        reply = super().send(request)
        self.steps.after(what)
        return reply


class Desk:
    """Everything that makes calls, in memory; its processes die and start anew as often as a test likes."""

    def __init__(self, plan: Iterable[str] = (), faults: Iterable[str] = ()) -> None:
        self.now_s = NOW_S
        self.steps = Steps(plan)
        self.stripe = FakeStripe(lambda: self.now_s)
        self.stripe.faults.extend(faults)
        self.journal = MemoryJournal(self.steps)
        self.keys = MemoryKeys()

    def maker(self) -> Maker:
        """A process that makes calls."""
        return Maker(
            self.journal,
            self.keys,
            MemoryObserver(self.journal, self.keys),
            SteppedClient(self.stripe, self.steps),
            lambda: self.now_s,
        )

    def ask(self, operation: str, *path: str, id: str = "call_1", **fields: Any) -> None:
        """Ask for a call; whatever the plan says happens later."""
        plan, self.steps.plan = self.steps.plan, []
        given = {"mode": "test", "account": "platform", **fields}
        request = RequestCall(call_id=id, operation=operation, path=path, **given)  # type: ignore[arg-type]
        ask(self.journal, self.keys, request, META)
        self.steps.plan = plan

    def logged(self, kind: type[Any]) -> list[Any]:
        """Every event of this type."""
        return [r.event for r in self.journal.order if isinstance(r.event, kind)]
