"""Hosting from a cost event to Stripe's invoice, however many work at it and whenever they are killed: the same books.

Everything that appends or asks Stripe runs through a log whose process dies now and then; whoever died begins anew from
what the log holds. Nothing is accrued, closed, asked for or sent twice.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from random import Random
from typing import Any

import psycopg
import pytest
from billing_story import DAY, HOUR, LEADS, Story, story
from databases import fresh_database
from hosting import at, cost

from api.calls.issuing import Issuing
from api.calls.looking_up import look_up
from api.calls.making import Maker
from api.hosting import accruing, spending
from api.hosting import closing as months
from api.observing import Observer
from api.outgoing import acting_on
from api.scheduler import Scheduler
from commands import reactions
from commands.spending_limits import SetSpendingLimit
from commands.stripe_calls import CALLS
from ledger.hosting_billing_events import HostingInvoiceClosed
from ledger.ids import call_stream
from ledger.issuing_events import IssuanceRequested
from ledger.store import Log
from ledger.stripe_call_events import StripeCallBegun, StripeCallRequested
from replay.reacting import Reactor
from replay.verify import verify

MODE = "test"
ORGS = ("acme", "globex", "initech")
#: When everybody looks at the clock: while January is open, when it may be closed, when February may, and later.
TIMES = tuple(at(f"2028-{day}") for day in ("01-20", "02-02T03:00", "03-02T03:00", "03-12"))


#: What is written on the way, by the first part of its stream.
KINDS = ("accrual", "hosting_months", "hosting_invoice", "reaction", "issuance", "stripe_call", "observed")
_JOBS = 7
_CALLS = _JOBS - 1


class Killed(BaseException):
    """The process is gone. Nothing catches it."""


class Mortal:
    """A log whose process dies just before the first append of each kind, just after the second, then now and then."""

    def __init__(self, log: Log, rnd: Random, often: float) -> None:
        self._log, self._rnd, self._often = log, rnd, often
        self._seen: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, *events: Any) -> Any:
        kind = events[0].stream.partition("/")[0]
        self._seen[kind] += 1
        self._maybe("before", kind, self._seen[kind] == 1)
        outcome = self._log.append(*events)
        self._maybe("after", kind, self._seen[kind] == 2)
        return outcome

    def _maybe(self, when: str, kind: str, surely: bool) -> None:
        if self._often and (surely or self._rnd.random() < self._often):
            self.kills[f"{when} {kind}"] += 1
            raise Killed


class One:
    """One of those who work at it: what reacts, what meets deadlines, what issues, and what makes calls."""

    def __init__(self, told: Story, log: Any) -> None:
        self._told, self._log = told, log
        calls: Any = told.calls
        maker = Maker(log, calls.keys, Observer(log, calls.keys), calls.stripe, lambda: told.now_s)
        self._maker = maker
        self._issuing = Issuing(calls._replace(journal=log, maker=maker), _Customers(told), lambda: told.now_s)
        self._scheduler = Scheduler(told.conninfo, log, LEADS, lambda: told.now_s)
        acting = acting_on(log, lambda: told.now_s)
        self._reactor = Reactor(told.conninfo, reactions.REACTIONS, reactions.WATCHES, acting, hold_from=100)
        self._reactor._leads = True  # as if the lock had failed: all of them believe that they lead

    def close(self) -> None:
        self._scheduler.close()
        self._reactor.close()

    def jobs(self) -> tuple[Callable[[], Any], ...]:
        here, now_s = self._told, int(self._told.now_s)
        log, where, project = self._log, self._told.conninfo, here.hosting.project
        return (
            lambda: accruing.accrue(log, where, MODE, now_s, project),
            lambda: months.close_what_is_over(log, where, MODE, now_s, 1, 50, project),
            lambda: spending.check_spending(log, where, MODE, now_s),
            self._scheduler.tick,
            self._reactor.step,
            self._issue,
            self._call,
        )  # as many as `_JOBS`, the last one asks Stripe

    def react(self) -> None:
        """React to whatever there is."""
        while self._reactor.step():
            pass

    def _issue(self) -> None:
        for row in self._told.rows("issuances"):
            if row["state"] == "issuing":
                self._issuing.bring_on(row["id"])

    def _call(self) -> None:
        for row in self._told.rows("stripe_calls"):
            if row["state"] in ("succeeded", "failed"):
                continue
            known = CALLS.fold(r.event for r in self._log.read_stream(call_stream(MODE, row["id"])))
            if known.to_be_made:
                self._maker.attempt(row["id"])
            elif known.to_be_looked_up:
                look_up(self._maker, known, self._told.now_s)


class _Customers:
    """Every organization has its customer."""

    def __init__(self, told: Story) -> None:
        self._told = told

    def ensured(self, whom: Any, asked: Any) -> str:
        return str(self._told.one("org_links", org=whom.org)["customer"])


class Crew:
    """So many of them, of whom any may die in mid-job and is replaced."""

    def __init__(self, told: Story, rnd: Random, size: int, often: float) -> None:
        self._told, self._rnd = told, rnd
        self.log = Mortal(told.log, rnd, often)
        self._ones = [One(told, self.log) for _ in range(size)]
        self._asked = True

    def close(self) -> None:
        for one in self._ones:
            one.close()

    def work(self) -> None:
        """Jobs in any order, of anybody, until none of any does anything any more."""
        self._asked = True
        quiet = 0
        for _ in range(300):
            if self._asked:  # else Stripe has nothing new to tell
                self._asked = False
                self._told.sandbox.tick()
                self._told.hear()
            before = self._told.log.head()
            for job in self._rnd.sample(range(_JOBS), _JOBS):
                self._told.project()
                self._do(job)
            quiet = quiet + 1 if self._told.log.head() == before else 0
            if quiet > 1:
                return
        raise AssertionError("it does not come to rest")

    def _do(self, job: int) -> None:
        n, before = self._rnd.randrange(len(self._ones)), self._told.log.head()
        try:
            self._ones[n].jobs()[job]()
        except Killed:
            self._ones[n].close()
            self._ones[n] = One(self._told, self.log)
        self._asked |= job == _CALLS and self._told.log.head() != before


def used(told: Story) -> None:
    """Three organizations with cards of which one is declined; environments, rates, a limit."""
    told.hosting.rates(0, {"cpu": "100"})
    told.hosting.rates(at("2028-02-15"), {"cpu": "130"}, markup="10")
    for n, org in enumerate(ORGS):
        customer = told.stripe.post("/v1/customers", metadata={"org_id": org}, name=org)["id"]
        told.card(customer, "pm_card_chargeCustomerFail" if org == "globex" else "pm_card_visa")
        told.hosting.create(f"env_{org}", org)
        told.hosting.place("namespace", f"ns_{org}", f"env_{org}", 0)
        told.hosting.costs(cost(f"{org}-1", f"ns_{org}", at("2028-01-10"), quantity=f"{n + 2}.003"))
        if org != "initech":  # who stays below the minimum in January
            told.hosting.costs(cost(f"{org}-2", f"ns_{org}", at("2028-01-31T20:00"), at("2028-02-01T04:00"), "8"))
    told.hosting.limit(SetSpendingLimit(mode=MODE, org="acme", limit_minor=400, currency="eur", hard_stop=True))


def lived(told: Story, rnd: Random, size: int, often: float) -> tuple[Any, Mortal]:
    """What stands in the end."""
    used(told)
    with closing(Crew(told, rnd, size, often)) as crew:
        for at_s in TIMES:
            told.now_s = at_s
            crew.work()
            if at_s == TIMES[1]:  # January is closed, and some of it comes late
                told.hosting.costs(cost("acme-late", "ns_acme", at("2028-01-05"), quantity="1.5"))
                told.hosting.costs(cost("globex-3", "ns_globex", at("2028-02-15"), quantity="4.4"))
        for _ in range(2):  # what failed is tried again by the sandbox, and calls that a kill left are made
            told.now_s += HOUR
            crew.work()
    return books(told), crew.log


def books(told: Story) -> dict[str, Any]:
    """Amounts and states, without the ids that Stripe makes up."""
    bills = {row["invoice"]: row for row in told.rows("issuances")}
    invoices = [
        (bills[i["id"]]["source"], i["total"], i["status"], sorted(line["amount"] for line in i["lines"]["data"]))
        for i in told.invoices()
    ]
    names = ("id", "org", "month", "state", "total_minor", "opening", "accrued", "closing", "invoiced_minor", "lines")
    return {
        "accrued": told.hosting.accrued(),
        "months": [(row["month"], row["invoices"]) for row in told.rows("hosting_months")],
        "hosting": [{name: row[name] for name in names} for row in told.rows("hosting_invoices")],
        "stripe": sorted(invoices),
        "limits": [(r["org"], r["month"], r["reached"], r["stopped"]) for r in told.rows("spending_limits")],
        "debts": sorted((r["org"], r["state"]) for r in told.rows("service_states")),
        "waits": told.stripe.get("/v1/invoiceitems", pending="true")["data"],
    }


def once(told: Story) -> None:
    """Nothing was closed, asked for or sent twice."""
    said = [r.event for r in told.log.read(0, 100_000)]
    closed = Counter((e.org, e.month) for e in said if isinstance(e, HostingInvoiceClosed))
    asked = Counter(e.source for e in said if isinstance(e, IssuanceRequested))
    begun = Counter(e.call_id for e in said if isinstance(e, StripeCallBegun))
    assert set(closed.values()) == set(asked.values()) == set(begun.values()) == {1}
    assert begun.keys() == {e.call_id for e in said if isinstance(e, StripeCallRequested)}
    assert len(told.invoices()) == len(asked)


def test_three_of_each_with_kills_in_mid_job_give_the_books_of_one_without(server: Any, template: str) -> None:
    with fresh_database(server, template) as database, story(database, TIMES[0] - DAY) as told:
        one, _ = lived(told, Random(0), 1, 0)
        once(told)
    with fresh_database(server, template) as database, story(database, TIMES[0] - DAY) as told:
        three, log = lived(told, Random(1), 3, 0.05)
        once(told)
        assert [found.differences for found in verify(told.conninfo)] == [()] * 2
    assert three == one
    # and that was no easy life: each kind of work was cut off, before it was written and after it
    cut = {tuple(kill.split()) for kill in log.kills}
    assert cut >= {(when, kind) for when in ("before", "after") for kind in KINDS}, log.kills
    assert len(one["stripe"]) >= 4


def test_however_often_what_asks_for_an_issuance_is_killed_or_repeated_one_is_asked_for_and_one_invoice_sent(
    database: str,
) -> None:
    with story(database, TIMES[2]) as told:
        used(told)
        told.settle()
        told.hosting.close_months(int(told.now_s))
        closed = [r.event for r in told.log.read(0, 10_000) if isinstance(r.event, HostingInvoiceClosed)]
        owed = [e for e in closed if e.total_minor]
        # when it is killed between the event and its request, before it is written and after,
        for n in range(2 * len(owed)):
            doomed = Doomed(told.log, n)
            with closing(One(told, doomed)) as one, pytest.raises(Killed):
                one.react()
            told.project()
        # and after the last one, before it noted how far it came, so that it begins from the start
        assert len(asked_for(told)) == len(owed)
        with psycopg.connect(told.conninfo) as conn:
            conn.execute("UPDATE ledger.reactions SET position = 0 WHERE mode = ''")
        with closing(One(told, told.log)) as one:
            one.react()
        told.settle()
        # then each is asked for once, and sent once
        assert sorted(e.source for e in asked_for(told)) == sorted(e.invoice for e in owed)
        assert sorted(i["total"] for i in told.invoices()) == sorted(e.total_minor for e in owed)
        once(told)


def asked_for(told: Story) -> list[IssuanceRequested]:
    return [r.event for r in told.log.read(0, 10_000) if isinstance(r.event, IssuanceRequested)]


class Doomed:
    """A log whose process dies at its first append: before it is written, or (odd `number`) after."""

    def __init__(self, log: Log, number: int) -> None:
        self._log, self._after = log, number % 2

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, *events: Any) -> Any:
        if self._after:
            self._log.append(*events)
        raise Killed
