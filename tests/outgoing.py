"""A small installation whose reactions, deadlines and deliveries are run by hand, with a clock of its own.

Knows how to bring things about and to look. Refuses to know what should come of it.
"""

import json
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
from histories import Link, ingest, link
from samples import Delivery, Json

from api.deliveries import Deliverer
from api.outgoing import acting_on
from api.posting import Answer, Poster
from api.scheduler import Scheduler
from commands import reactions
from commands.base import Journal
from commands.deadlines import DEADLINES
from commands.endpoints import ENDPOINTS, AddEndpoint, RemoveEndpoint
from ledger.events import EndpointAdded, Metadata, NewEvent, NoticeRaised
from ledger.ids import endpoint_stream, endpoint_subject, notice_stream
from ledger.keys import KeyStore, MasterKey
from ledger.store import Appended, Log, as_role
from projections import GROUPS
from replay import rebuild
from replay.live import Projector
from replay.reacting import Reactor

MASTER = b"m" * 32
DAY = 86_400
LEADS = dict.fromkeys(DEADLINES, 0) | {"trial.ending": 3 * DAY, "override.ending": 3 * DAY}
META = Metadata(occurred_at_s=0, actor="ada", reason="a test")


class Recording(Poster):
    """Takes what is posted, and answers as it is told to."""

    def __init__(self, answer: Callable[[str, Json], Answer] = lambda url, body: Answer(204, None)) -> None:
        super().__init__(allow_private=True)
        self.answer = answer
        self.posts: list[tuple[str, bytes, dict[str, str]]] = []

    def post(self, url: str, body: bytes, headers: Any) -> Answer:
        self.posts.append((url, body, dict(headers)))
        return self.answer(url, json.loads(body))

    @property
    def said(self) -> list[Json]:
        return [json.loads(body) for _, body, _ in self.posts]


class Installation:
    """A log, its read models, and whatever runs beside them, each when it is called."""

    def __init__(self, conninfo: str, now_s: float) -> None:
        self.conninfo = conninfo
        self.now_s = now_s
        self.log = Log(conninfo)
        rebuild.ensure_built(conninfo)
        self.projectors = [Projector(conninfo, group) for group in GROUPS]
        self.keys = KeyStore(conninfo, MasterKey(MASTER))
        self.poster = Recording()
        self._closing: list[Any] = [self.log, self.keys, *self.projectors]
        self._reactor: Reactor | None = None
        self._deliverer: Deliverer | None = None

    def close(self) -> None:
        for each in reversed(self._closing):
            each.close()

    # ---- what runs ---------------------------------------------------------------------

    def project(self) -> None:
        for projector in self.projectors:
            assert projector.lead()
            projector.catch_up()

    def reactor(
        self, journal: Journal | None = None, *, hold_from: int = 100, watches: Any = None, to: Any = None
    ) -> Reactor:
        reactor = Reactor(
            self.conninfo,
            reactions.REACTIONS if to is None else to,
            reactions.WATCHES if watches is None else watches,
            acting_on(journal or self.log, lambda: self.now_s),  # type: ignore[arg-type]
            hold_from=hold_from,
        )
        self._closing.append(reactor)
        return reactor

    def react(self, **how: Any) -> None:
        """Fold, react, and so on until nothing moves."""
        if self._reactor is None or how:
            self.stop_reacting()
            self._reactor = self.reactor(**how)
        assert self._reactor.lead()
        self.project()
        for _ in range(100):
            if not self._reactor.step():
                return
            self.project()
        raise AssertionError("it does not come to rest")

    def stop_reacting(self) -> None:
        """Give up the lead."""
        if self._reactor is not None:
            self._closing.remove(self._reactor)
            self._reactor.close()
            self._reactor = None

    def scheduler(self, clock: Callable[[], float] | None = None, journal: Journal | None = None) -> Scheduler:
        scheduler = Scheduler(self.conninfo, journal or self.log, LEADS, clock or (lambda: self.now_s))
        self._closing.append(scheduler)
        return scheduler

    def tick(self, now_s: float | None = None) -> int:
        """Fold, and let a scheduler look once."""
        self.now_s = self.now_s if now_s is None else now_s
        self.project()
        with closing(Scheduler(self.conninfo, self.log, LEADS, lambda: self.now_s)) as scheduler:
            met = scheduler.tick()
        self.project()
        return met

    def deliverer(self, poster: Poster | None = None, *, attempts: int = 12) -> Deliverer:
        deliverer = Deliverer(
            self.conninfo,
            self.log,
            self.keys,
            poster or self.poster,
            attempts=attempts,
            clock=lambda: self.now_s,
            chance=lambda: 0.0,
        )
        self._closing.append(deliverer)
        return deliverer

    def deliver(self, **how: Any) -> int:
        """Fold, and deliver whatever is due now. Returns how many attempts were made."""
        if self._deliverer is None or how:
            if self._deliverer is not None:
                self._closing.remove(self._deliverer)
                self._deliverer.close()
            self._deliverer = self.deliverer(**how)
        deadline = time.monotonic() + 5
        while not self._deliverer.lead():  # the server lets go of the last one's lock when it notices
            assert time.monotonic() < deadline, "another delivers"
            time.sleep(0.02)
        made = 0
        self.project()
        while some := self._deliverer.step():
            made += some
            self.project()
        return made

    # ---- what happens ------------------------------------------------------------------

    def tell(self, *events: Json) -> None:
        ingest(self.log, [Delivery(e, "connect" if "account" in e else "platform") for e in events])

    def link(self, customer: str, org: str | None, **where: str) -> None:
        link(self.log, Link(customer, org, **where))

    def append(self, stream: str, event: Any) -> int:
        """One more event of a stream. Returns its position."""
        outcome = self.log.append(NewEvent(stream, len(self.log.read_stream(stream)) + 1, event, META))
        assert isinstance(outcome, Appended)
        return outcome.positions[0]

    def listen(self, id: str = "ep_1", mode: str = "test", **fields: Any) -> None:
        """An endpoint, with its secret; folded, so that it is known."""
        command = AddEndpoint(endpoint_id=id, mode=mode, url=f"https://{id}.example.com/hooks", **fields)  # type: ignore[arg-type]
        (added,) = ENDPOINTS.decide(command, ENDPOINTS.initial)
        assert isinstance(added, EndpointAdded)
        self.append(endpoint_stream(id), added)
        self.keys.ensure([endpoint_subject(id)])
        self.project()

    def unlisten(self, id: str = "ep_1", mode: str = "test") -> None:
        state = ENDPOINTS.fold(r.event for r in self.log.read_stream(endpoint_stream(id)))
        (removed,) = ENDPOINTS.decide(RemoveEndpoint(endpoint_id=id, mode=mode), state)  # type: ignore[arg-type]
        self.append(endpoint_stream(id), removed)
        self.project()

    def notice(self, id: str, org: str | None = "acme", type: str = "organization.linked", **fields: Any) -> None:
        given = {"mode": "test", "at_s": int(self.now_s), "said": {}, "endpoint_id": None, **fields}
        self.append(notice_stream(id), NoticeRaised(notice_id=id, type=type, org=org, **given))

    # ---- looking -----------------------------------------------------------------------

    def rows(self, statement: str, *params: Any) -> list[Any]:
        with psycopg.connect(as_role(self.conninfo, "recount_reader"), autocommit=True) as conn:
            return conn.execute(statement.replace("{r}", "read_models"), params).fetchall()

    def logged(self, name: str) -> list[Any]:
        """All events of this name."""
        from ledger.store import read_own

        with psycopg.connect(self.conninfo, autocommit=True) as conn:
            return [r.event for r in read_own(conn, [name])]

    def notices(self) -> list[Any]:
        return self.logged(NoticeRaised.NAME)
