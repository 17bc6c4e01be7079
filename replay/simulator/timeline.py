"""The course of simulated time: processes that wait and emit, and what they emit in order of time.

A process is a generator that yields the second at which it wants to go on; in between it emits events, all of them
in its present second. Refuses to know what the events say.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush
from random import Random
from typing import Any, TypeAlias

from replay.simulator.identifiers import Identifiers
from replay.simulator.scenario import Scenario
from replay.simulator.versions import Schedule, Shape

Object: TypeAlias = dict[str, Any]
Event: TypeAlias = dict[str, Any]
Process: TypeAlias = Iterator[int]

_AUTOMATIC: Object = {"id": None, "idempotency_key": None}


class Account:
    """A Stripe account: the platform's own (`id` is None) or a connected one."""

    __slots__ = ("charges_enabled", "country", "fee_percent", "gone", "id", "name", "payouts_enabled",
                 "pending_webhooks", "schedule", "token")  # fmt: skip

    def __init__(
        self,
        *,
        id: str | None,
        token: str,
        name: str,
        country: str,
        schedule: Schedule,
        pending_webhooks: int,
        fee_percent: int | None = None,
    ) -> None:
        self.id = id
        self.token = token
        self.name = name
        self.country = country
        self.schedule = schedule
        self.pending_webhooks = pending_webhooks
        self.fee_percent = fee_percent
        """What the platform takes of each payment to a connected account."""
        self.charges_enabled = True
        self.payouts_enabled = True
        self.gone = False
        """A connected account that has deauthorized the platform: nothing more is heard of it."""


class Subject:
    """Something with a history of its own. Two processes of one subject never act in the same second.

    So that the order of what they do within a second is decided by what one process does, and can be told from
    the events.
    """

    __slots__ = ("acted_s",)

    def __init__(self) -> None:
        self.acted_s = -1


class Timeline:
    """One history in the making."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.random = Random(f"{scenario.seed}/story")
        self.ids = Identifiers(scenario.seed)
        self.now_s = scenario.start_s
        self.livemode = scenario.livemode
        self._end_s = scenario.end_s
        self._heap: list[tuple[int, int, Process, Subject]] = []
        self._started = 0
        self._emitted: list[Event] = []
        self._request: Object | None = None

    def start(self, process: Process, subject: Subject, at_s: int) -> None:
        """Let a process begin at a second that is not past."""
        self._started += 1
        heappush(self._heap, (at_s, self._started, process, subject))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random.random() < probability

    def tied(self) -> bool:
        """Whether what could share this second shall share it."""
        return self.random.random() < self.scenario.ties

    def shape(self, account: Account) -> Shape:
        """How the account's events are rendered now."""
        return account.schedule.at(self.now_s)

    def requested(self) -> None:
        """What the present process emits from here on in this second comes from a request to the API, not by itself."""
        self._request = {"id": self.ids.short("req"), "idempotency_key": self.ids.key()}

    def emit(
        self, account: Account, type: str, object: Object, previous: Object | None = None, extra: bool = False
    ) -> None:
        """Say that something happened now. `extra` marks what only some API versions have."""
        if account.gone:
            return
        shape = account.schedule.at(self.now_s)
        data: Object = {"object": object}
        if previous is not None:
            data["previous_attributes"] = previous
        request: Any = self._request or _AUTOMATIC
        if not shape.requests:
            request = request["id"]
        event = {
            "id": self.ids.long("evt", self.now_s, account.token, extra),
            "object": "event",
            "api_version": shape.version,
            "created": self.now_s,
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": account.pending_webhooks,
            "request": request,
            "type": type,
        }
        if account.id is not None:
            event["account"] = account.id
        self._emitted.append(event)

    def emit_thin(self, type: str, related: Object) -> None:
        """Say that something happened on the platform, without the object: https://docs.stripe.com/event-destinations."""
        self._emitted.append(
            {
                "id": self.ids.long("evt", self.now_s, "thin"),
                "object": "v2.core.event",
                "context": None,
                "created": datetime.fromtimestamp(self.now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "livemode": self.livemode,
                "reason": None,
                "related_object": related,
                "type": type,
            }
        )

    def events(self) -> Iterator[Event]:
        """All events in order of time, until the history ends."""
        heap, emitted = self._heap, self._emitted
        while heap:
            at_s, number, process, subject = heappop(heap)
            if at_s >= self._end_s:
                continue
            if at_s <= subject.acted_s:
                heappush(heap, (subject.acted_s + 1, number, process, subject))
                continue
            self.now_s = at_s
            self._request = None
            wake_s = next(process, None)
            if wake_s is not None:
                heappush(heap, (max(wake_s, at_s + 1), number, process, subject))
            if emitted:
                subject.acted_s = at_s
                yield from emitted
                emitted.clear()
