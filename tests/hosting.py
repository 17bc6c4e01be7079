"""A hosting world for tests: what people and clusters say goes into a real log, and the jobs run when they are told."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from databases import fresh_database

from api.hosting import accruing, closing, spending, taking
from api.postgres import EmbeddedPostgres
from commands.cost_events import CostEvent
from commands.environments import ENVIRONMENTS, CreateEnvironment
from commands.placements import PLACEMENTS, Place
from commands.rate_cards import RATE_CARDS, PublishRateCard
from commands.spending_limits import SPENDING_LIMITS
from ledger.claims import Claimed
from ledger.events import Metadata, NewEvent
from ledger.ids import environment_stream, placing_stream, rate_card_stream, spending_stream
from ledger.store import Appended, Log
from projections import BILLING
from replay.live import Projector

DAY = 86_400
MODE = "test"
RATES = {"cpu": "4.2", "memory": "0.57", "storage": "0.013", "egress": "9"}


def at(text: str) -> int:
    """Seconds since the epoch of an ISO time, UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


@contextlib.contextmanager
def empty_hosting(server: EmbeddedPostgres, template: str) -> Iterator["Hosting"]:
    """A world in a database of its own, in which nothing happened yet."""
    with fresh_database(server, template) as conninfo, contextlib.closing(Hosting(conninfo)) as hosting:
        yield hosting


class Hosting:
    """One database, followed by hand."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.log = Log(conninfo)
        self.projector = Projector(conninfo, BILLING)
        assert self.projector.lead()
        self.minimum = 50

    def close(self) -> None:
        self.projector.close()
        self.log.close()

    def project(self, position: int = 0) -> None:
        self.projector.catch_up()

    def _say(self, decider: Any, stream: str, command: Any) -> None:
        history = self.log.read_stream(stream)
        events = decider.decide(command, decider.fold(r.event for r in history))
        meta = Metadata(occurred_at_s=0, actor="ops@example.com", mode=MODE)
        unit = [NewEvent(stream, len(history) + 1 + i, e, meta) for i, e in enumerate(events)]
        assert not unit or isinstance(self.log.append(*unit), Appended)

    def environment(self, command: Any) -> None:
        self._say(ENVIRONMENTS, environment_stream(MODE, command.environment), command)

    def create(self, id: str, org: str, card: str = "standard") -> None:
        self.environment(CreateEnvironment(mode=MODE, environment=id, org=org, name=id, rate_card=card))

    def place(self, kind: Any, id: str, environment: str | None, at_s: int) -> None:
        command = Place(mode=MODE, kind=kind, id=id, environment=environment, at_s=at_s)
        self._say(PLACEMENTS, placing_stream(MODE, kind, id), command)

    def rates(
        self, effective_s: int, rates: dict[str, str] | None = None, *, markup: str = "0", card: str = "standard"
    ) -> None:
        command = PublishRateCard(
            mode=MODE, card=card, currency="eur", effective_s=effective_s, markup_percent=markup, rates=rates or RATES
        )
        self._say(RATE_CARDS, rate_card_stream(MODE, card), command)

    def limit(self, command: Any) -> None:
        self._say(SPENDING_LIMITS, spending_stream(MODE, command.org), command)

    def costs(self, *events: CostEvent, now_s: int = 2**37, source: str = "cluster") -> Claimed:
        return taking.take(self.log, taking.Reporter(MODE, source, now_s), taking.Batch(events=events))

    def accrue(self, now_s: int) -> accruing.Accrued:
        self.project()
        done = accruing.accrue(self.log, self.conninfo, MODE, now_s, self.project)
        self.project()
        return done

    def close_months(self, now_s: int) -> list[closing.Closed]:
        self.accrue(now_s)
        done = closing.close_what_is_over(self.log, self.conninfo, MODE, now_s, 1, self.minimum, self.project)
        self.project()
        return done

    def check(self, now_s: int) -> int:
        self.project()
        return spending.check_spending(self.log, self.conninfo, MODE, now_s)

    def rows(self, model: str) -> list[dict[str, Any]]:
        self.project()
        names = BILLING.tables[model].names
        with psycopg.connect(self.conninfo) as conn:
            found = conn.execute(
                f'SELECT {", ".join(names)} FROM read_models."{model}" ORDER BY {names[0]}, {names[1]}'
            )
            return [dict(zip(names, row, strict=True)) for row in found]

    def accrued(self) -> dict[tuple[str, str, str], Decimal]:
        """(organization, environment, day) -> everything that was booked, adjustments included; without what is 0."""
        found: dict[tuple[str, str, str], Decimal] = {}
        for row in self.rows("accruals"):
            key = (row["org"], row["environment"], row["day"])
            found[key] = found.get(key, Decimal(0)) + Decimal(row["amount"])
        return {key: amount for key, amount in found.items() if amount}


def cost(
    id: str,
    namespace: str,
    from_s: int,
    until_s: int | None = None,
    quantity: str = "1",
    *,
    resource: str = "cpu",
    **more: Any,
) -> CostEvent:
    """A cost event of an hour unless told."""
    return CostEvent(
        id=id,
        namespace=namespace,
        resource=resource,
        from_s=from_s,
        until_s=until_s if until_s is not None else from_s + 3_600,
        quantity=quantity,
        **more,
    )
