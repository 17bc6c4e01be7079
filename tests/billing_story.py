"""What a month of hosting or a batch of charges comes to at Stripe, on one clock: Recount's and the sandbox's.

Knows how to let time pass, how Stripe's events travel, and how to look. Refuses to know what should come of it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from random import Random
from typing import Any

import oracle.invoicing as judge
import psycopg
from hosting import Hosting
from outgoing import LEADS
from sandbox_world import META, SandboxWorld
from sandboxes import ENDIVE, Asked

from api.outgoing import acting_on
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from api.scheduler import Scheduler
from commands import reactions
from commands.enforcement import ENFORCEMENTS, AcknowledgeEnforcement
from ledger.events import NewEvent
from ledger.ids import enforcement_stream
from ledger.store import Appended
from projections import BILLING
from replay.reacting import Reactor

DAY = 86_400
HOUR = 3_600


class Post:
    """How Stripe's events travel: at once and once; or late, several times, and in any order."""

    def __init__(self, seed: int | None = None, most_late_s: int = 3 * DAY) -> None:
        self._random = Random(seed) if seed is not None else None
        self._most_late_s = most_late_s

    def arrivals(self, now_s: int) -> list[int]:
        """When an event that is sent now arrives."""
        if self._random is None:
            return [now_s]
        copies = self._random.choice((1, 1, 2, 3))
        return [now_s + self._random.choice((0, self._random.randint(0, self._most_late_s))) for _ in range(copies)]

    def mix(self, waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What arrives in the same second, in some order."""
        if self._random is not None:
            self._random.shuffle(waiting)
        return waiting


class Story(SandboxWorld):
    """A world with reactions and deadlines, over a sandbox that lives by the same clock."""

    def __init__(self, conninfo: str, base: str, sandbox: Sandbox, version: str, clock: "Clock", post: Post) -> None:
        super().__init__(conninfo, base, sandbox, version)
        self._clock = clock
        self._post = post
        self.customer = ""
        self._travelling: list[tuple[int, dict[str, Any]]] = []
        self._looking = psycopg.connect(conninfo, autocommit=True)
        self._judged_at = -1
        self.hosting = _Hosted(self)
        self.reactor = Reactor(
            conninfo, reactions.REACTIONS, reactions.WATCHES, acting_on(self.log, lambda: self.now_s), hold_from=100
        )
        self.scheduler = Scheduler(conninfo, self.log, LEADS, lambda: self.now_s)
        assert self.reactor.lead()
        self.settle()

    @property
    def now_s(self) -> float:  # type: ignore[override] # a number that is settable, as it is there
        """What time it is, to both."""
        return self._clock.now_s

    @now_s.setter
    def now_s(self, value: float) -> None:
        clock: Clock | None = getattr(self, "_clock", None)
        if clock is not None:
            clock.now_s = max(clock.now_s, value)

    def close(self) -> None:
        self.reactor.close()
        self.scheduler.close()
        self._looking.close()
        super().close()

    # ---- what moves -------------------------------------------------------------------------

    def turn(self) -> bool:
        """One round of everything. Returns whether anything moved."""
        self.sandbox.tick()
        self.project()
        self.scheduler.tick()
        self.project()
        reacted = self.reactor.step()
        self.project()
        if not hasattr(self, "_began"):  # reactions begin at the head of the log
            self._began = True
            return True
        moved = super().turn() or reacted
        self.judged()
        return moved

    def hear(self) -> bool:
        """Take in what arrives by now of Stripe's events; the same one may arrive again."""
        now_s = int(self.now_s)
        for each in self.stripe.unheard(self._told):
            self._travelling += [(at_s, each) for at_s in self._post.arrivals(now_s)]
        here = self._post.mix([event for at_s, event in self._travelling if at_s <= now_s])
        self._travelling = [(at_s, event) for at_s, event in self._travelling if at_s > now_s]
        for each in here:
            self.log.append(self._received(each))  # one that is there already is refused, and answered with a success
        self.project()
        return bool(here)

    def until(self, at_s: int, step_s: int = 12 * HOUR) -> None:
        """Let time pass."""
        while self.now_s < at_s:
            self.now_s = min(at_s, self.now_s + step_s)
            self.settle()

    def everything_arrives(self) -> None:
        """Until nothing of Stripe's travels any more."""
        while self._travelling:
            self.until(max(at_s for at_s, _ in self._travelling))

    # ---- what people do ---------------------------------------------------------------------

    def card(self, customer: str, method: str) -> None:
        """A card is on file, and the one that is charged."""
        found = self.stripe.post(f"/v1/payment_methods/{method}/attach", customer=customer)
        self.stripe.post(f"/v1/customers/{customer}", invoice_settings={"default_payment_method": found["id"]})

    def acknowledge(self, org: str, environment: str) -> None:
        """The deployment system says that it did what it was asked last."""
        stream = enforcement_stream("test", org, environment)
        history = self.log.read_stream(stream)
        state = ENFORCEMENTS.fold(r.event for r in history)
        assert state.asked is not None
        command = AcknowledgeEnforcement(mode="test", org=org, environment=environment, request=state.asked.request)
        events = ENFORCEMENTS.decide(command, state)
        unit = [NewEvent(stream, len(history) + 1 + i, e, META) for i, e in enumerate(events)]
        assert not unit or isinstance(self.log.append(*unit), Appended)
        self.settle()

    # ---- what is believed -------------------------------------------------------------------

    def rows(self, model: str, *, without: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
        """Every row of a read model, without what says when it was recorded."""
        table = BILLING.tables[model]
        names = [c.name for c in table.columns if c.digested and c.name not in without]
        keys = ", ".join(f'"{k}"' for k in table.key)
        columns = ", ".join(f'"{n}"' for n in names)
        self.project()
        found = self._looking.execute(f'SELECT {columns} FROM read_models."{model}" ORDER BY {keys}').fetchall()
        return [dict(zip(names, row, strict=True)) for row in found]

    def judged(self) -> None:
        """Everything that is believed of what we bill is what an oracle says that looks at the whole log."""
        head = self.log.head()
        if head == self._judged_at:
            return
        self._judged_at = head
        log = [(r.version, r.event) for r in self.log.read(0, 100_000)]
        issuances, invoices = self.rows("issuances"), {r["id"]: r for r in self.rows("invoices")}
        failed = {r["id"] for r in self.rows("payment_failures")}
        for row in issuances:
            assert row["standing"] == judge.standing(row, invoices.get(row["invoice"]), row["invoice"] in failed)
        expected = judge.hosting_states((e for _, e in log), issuances)
        for row in self.rows("hosting_invoices"):
            told = expected[row["mode"], row["id"]]
            assert {name: row[name] for name in told} == told
        changes = {(r["mode"], r["org"], r["batch"], r["version"]): r for r in self.rows("batch_invoice_changes")}
        assert changes == judge.batch_invoice_changes(log, issuances)

    def one(self, model: str, **which: Any) -> Mapping[str, Any]:
        """The only row of a read model that is so."""
        found = [r for r in self.rows(model) if all(r[k] == v for k, v in which.items())]
        assert len(found) == 1, (model, which, found)
        return found[0]


class Clock:
    """The time."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s


class _Hosted(Hosting):
    """What clusters report of a story, and hosting's jobs."""

    def __init__(self, story: Story) -> None:
        self.conninfo, self.log, self.minimum = story.conninfo, story.log, 50
        self._story = story

    def project(self, position: int = 0) -> None:
        self._story.project()


@contextmanager
def story(database: str, now_s: int, *, post: Callable[[], Post] = Post, version: str = ENDIVE) -> Iterator[Story]:
    """Over a fresh database and sandbox, from an instant on."""
    clock = Clock(now_s)
    sandbox = Sandbox(version=version, wall=lambda: clock.now_s)
    with (
        serving(sandbox) as base,
        closing(Story(database, base, sandbox, version, clock, post())) as told,
    ):
        assert isinstance(told.stripe, Asked)
        yield told
