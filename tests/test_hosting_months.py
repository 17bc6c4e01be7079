"""Months and invoices: what was accrued is invoiced once, or carried over, to the last part of a cent."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hosting import DAY, Hosting, at, cost, empty_hosting
from hypothesis import given
from hypothesis import strategies as st
from oracle import hosting as oracle

from api.database import Database
from api.hosting import accruing, closing, reading
from api.hosting.working import HostingJobs
from api.postgres import EmbeddedPostgres
from api.settings import Settings
from commands.accruals import MONTHS, CloseMonth, Months, month_after
from commands.environments import MoveEnvironment
from commands.hosting_invoices import CloseInvoice, invoice
from commands.hosting_prices import plain
from commands.spending_limits import SetSpendingLimit
from ledger.errors import Refused, StoreUnavailable
from ledger.store import Log

JAN_1 = at("2028-01-01")


@pytest.fixture
def hosting(server: EmbeddedPostgres, template: str) -> Iterator[Hosting]:
    with empty_hosting(server, template) as it:
        it.rates(0, {"cpu": "100"})
        it.create("env_1", "acme")
        it.place("namespace", "shop", "env_1", 0)
        yield it


def invoices(hosting: Hosting) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["org"], row["month"]): row for row in hosting.rows("hosting_invoices")}


# ---- one month ---------------------------------------------------------------------------------


def test_a_month_is_closed_when_it_has_been_over_for_a_day_and_makes_one_invoice(hosting: Hosting) -> None:
    hosting.costs(cost("c1", "shop", at("2028-02-29T23:30"), quantity="2"))
    assert hosting.close_months(at("2028-03-01T23:59:59")) == []
    assert [c.invoices for c in hosting.close_months(at("2028-03-02"))] == [1]
    assert hosting.close_months(at("2028-03-03")) == []
    (row,) = invoices(hosting).values()
    assert (row["month"], row["total_minor"], row["state"]) == ("2028-02", 100, "closed")
    assert row["lines"] == [{"environment": "env_1", "namespace": "shop", "amount": "100", "amount_minor": 100}]


def test_what_becomes_known_after_the_month_was_closed_is_in_the_next_ones_invoice(hosting: Hosting) -> None:
    hosting.costs(cost("c1", "shop", JAN_1))
    hosting.close_months(at("2028-02-02"))
    hosting.costs(cost("late", "shop", JAN_1 + DAY, quantity="3"), cost("c2", "shop", at("2028-02-10")))
    hosting.close_months(at("2028-03-02"))
    found = {month: row["total_minor"] for (_, month), row in invoices(hosting).items()}
    assert found == {"2028-01": 100, "2028-02": 400}


def test_a_closed_month_keeps_the_rates_that_it_was_closed_with(hosting: Hosting) -> None:
    hosting.costs(cost("c1", "shop", JAN_1))
    hosting.close_months(at("2028-02-02"))
    hosting.rates(0, {"cpu": "1000"})
    hosting.costs(cost("late", "shop", JAN_1 + DAY), cost("c2", "shop", at("2028-02-10")))
    hosting.close_months(at("2028-03-02"))
    assert invoices(hosting)["acme", "2028-02"]["total_minor"] == 100 + 1000


def test_an_open_month_is_priced_anew_by_rates_that_are_published_for_its_past(hosting: Hosting) -> None:
    hosting.costs(cost("c1", "shop", JAN_1 + 5 * DAY, JAN_1 + 5 * DAY + 2))
    hosting.accrue(JAN_1 + 7 * DAY)
    hosting.rates(JAN_1 + 5 * DAY + 1, {"cpu": "300"})
    hosting.close_months(at("2028-02-02"))
    assert invoices(hosting)["acme", "2028-01"]["accrued"] == "200"


def test_another_owner_found_out_after_the_month_was_closed_leaves_a_credit_and_a_debt(hosting: Hosting) -> None:
    hosting.costs(cost("c1", "shop", JAN_1 + DAY, quantity="2"))
    hosting.close_months(at("2028-02-02"))
    hosting.environment(MoveEnvironment(mode="test", environment="env_1", org="globex", at_s=JAN_1))
    hosting.close_months(at("2028-03-02"))
    found = invoices(hosting)
    assert (found["globex", "2028-02"]["total_minor"], found["acme", "2028-02"]["closing"]) == (200, "-200")
    assert found["acme", "2028-02"]["state"] == "carried"


def test_below_the_minimum_everything_is_carried_over_until_it_is_enough(hosting: Hosting) -> None:
    for month in (1, 2, 3):
        hosting.costs(cost(f"c{month}", "shop", at(f"2028-0{month}-10"), quantity="0.203"))
    hosting.close_months(at("2028-04-02"))
    found = invoices(hosting)
    assert [found["acme", f"2028-0{m}"]["total_minor"] for m in (1, 2, 3)] == [0, 0, 60]
    assert [found["acme", f"2028-0{m}"]["closing"] for m in (1, 2, 3)] == ["20.3", "40.6", "0.9"]
    assert [line["amount_minor"] for line in found["acme", "2028-03"]["lines"]] == [40, 20]


def test_months_are_closed_in_order_and_not_before_they_are_accrued_to_their_end() -> None:
    closed = Months("2028-01", "2028-01")
    command = CloseMonth(mode="test", month="2028-03", through=9, rates={}, counted_before="2028-04-01")
    with pytest.raises(Refused) as order:
        MONTHS.decide(command, closed)
    assert order.value.code == "month_order"
    early = CloseMonth(mode="test", month="2028-02", through=9, rates={}, counted_before="2028-02-29")
    with pytest.raises(Refused) as still_open:
        MONTHS.decide(early, closed)
    assert still_open.value.code == "month_open"
    assert month_after("2028-12") == "2029-01"


def test_invoices_that_a_crash_left_out_are_made_by_the_next_run_and_the_others_stay(hosting: Hosting) -> None:
    hosting.create("env_2", "globex")
    hosting.place("namespace", "blog", "env_2", 0)
    hosting.costs(cost("c1", "shop", JAN_1), cost("c2", "blog", JAN_1))
    now_s = at("2028-02-03")
    hosting.accrue(now_s)
    # given a job that died after it had closed the month and made one invoice
    assert closing.close_month(hosting.log, closing.closing_of(hosting.log, hosting.conninfo, "test", "2028-01"), now_s)
    hosting.project()
    with reading.seeing(hosting.conninfo) as seen:
        first = next(iter(closing.invoices_of(seen, "test", "2028-01", 50)))
    hosting.log.append(closing._closed(first, closing.Metadata(occurred_at_s=now_s, actor="system", mode="test")))
    # and something that comes before the next run
    hosting.costs(cost("late", "shop", JAN_1))
    hosting.close_months(now_s)
    assert {k: row["total_minor"] for k, row in invoices(hosting).items()} == {
        ("acme", "2028-01"): 100,
        ("globex", "2028-01"): 100,
    }


def test_three_jobs_at_once_book_and_invoice_everything_once(hosting: Hosting) -> None:
    for n in range(40):
        hosting.create(f"env_n{n}", f"org_{n % 7}")
        hosting.place("namespace", f"n{n}", f"env_n{n}", 0)
    hosting.costs(*(cost(f"c{n}", f"n{n}", JAN_1 + n * 3_600) for n in range(40)))
    hosting.project()
    now_s = at("2028-02-03")
    lock = Lock()

    def catch_up(position: int) -> None:
        with lock:
            hosting.project()

    def job(_: int) -> None:
        accruing.accrue(hosting.log, hosting.conninfo, "test", now_s, catch_up)
        catch_up(0)
        closing.close_what_is_over(hosting.log, hosting.conninfo, "test", now_s, 1, 50, catch_up)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(job, range(3)))
    keys = [(r["org"], r["environment"], r["day"]) for r in hosting.rows("accruals")]
    assert len(keys) == len(set(keys)) == 40
    assert len(invoices(hosting)) == 7
    assert sum(row["total_minor"] for row in invoices(hosting).values()) == 4_000


class Dying:
    """A log whose holder dies at its n-th append: before it is in the log, or after."""

    def __init__(self, log: Log, at: int, after: bool) -> None:
        self._log, self._left, self._after = log, at, after

    def read_stream(self, stream: str) -> Any:
        return self._log.read_stream(stream)

    def head(self) -> int:
        return self._log.head()

    def append(self, *events: Any) -> Any:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise StoreUnavailable
        done = self._log.append(*events)
        if self._left < 0:
            raise StoreUnavailable
        return done


@pytest.mark.parametrize("after", [False, True], ids=["before it is written", "after it is written"])
@pytest.mark.parametrize("number", range(5))
def test_a_job_that_dies_at_any_append_leaves_the_rest_to_the_next_one(
    hosting: Hosting, number: int, after: bool
) -> None:
    hosting.create("env_2", "globex")
    hosting.place("namespace", "blog", "env_2", 0)
    hosting.costs(cost("c1", "shop", JAN_1), cost("c2", "blog", JAN_1 + DAY, quantity="1.5"))
    now_s = at("2028-02-03")
    hosting.project()
    dying: Any = Dying(hosting.log, number, after)

    def job() -> None:
        accruing.accrue(dying, hosting.conninfo, "test", now_s, hosting.project)
        hosting.project()
        closing.close_what_is_over(dying, hosting.conninfo, "test", now_s, 1, 50, hosting.project)

    with pytest.raises(StoreUnavailable):
        job()
    hosting.close_months(now_s)
    assert hosting.accrued() == {
        ("acme", "env_1", "2028-01-01"): Decimal(100),
        ("globex", "env_2", "2028-01-02"): Decimal(150),
    }
    assert {key: row["total_minor"] for key, row in invoices(hosting).items()} == {
        ("acme", "2028-01"): 100,
        ("globex", "2028-01"): 150,
    }
    assert [row["invoices"] for row in hosting.rows("hosting_months")] == [2]


# ---- laws ----------------------------------------------------------------------------------------

AMOUNT = st.decimals(-1_000, 100_000, places=9)


@given(
    st.lists(st.lists(AMOUNT, min_size=1, max_size=6), min_size=1, max_size=8),
    st.sampled_from([0, 1, 50, 5_000]),
)
def test_rounding_loses_nothing_however_many_months_and_lines(months: list[list[Decimal]], minimum: int) -> None:
    opening, invoiced = "0", 0
    for amounts in months:
        command = CloseInvoice(
            mode="test",
            org="acme",
            currency="eur",
            month="2028-01",
            opening=opening,
            amounts=tuple(("env_1", f"n{n}", plain(a)) for n, a in enumerate(amounts)),
            minimum_minor=minimum,
        )
        said = invoice(command)
        assert sum(line.amount_minor for line in said.lines) == said.total_minor >= 0
        assert said.total_minor == 0 or said.total_minor >= minimum
        for line in said.lines:
            assert said.total_minor == 0 or abs(Fraction(line.amount) - line.amount_minor) < 1
        if said.total_minor:
            assert 0 <= Fraction(said.closing) < 1
        opening, invoiced = said.closing, invoiced + said.total_minor
    assert sum(Fraction(a) for amounts in months for a in amounts) == invoiced + Fraction(opening)


ZONES = ("Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe")


def test_400_days_over_five_time_zones_give_one_accrual_a_key_and_one_invoice_a_month(hosting: Hosting) -> None:
    """Local days, of 23 or 25 hours where clocks change, some reported days late; jobs run at odd hours."""
    chance = random.Random(6)
    for zone in ZONES:
        hosting.create(f"env_{zone}", f"org_{zone}")
        hosting.place("namespace", zone, f"env_{zone}", 0)
    waiting: list[tuple[int, Any]] = []
    first = datetime(2027, 12, 30, tzinfo=UTC)
    for n in range(400):
        for zone in ZONES:
            here = ZoneInfo(zone)
            midnight = datetime(first.year, first.month, first.day, tzinfo=here) + timedelta(days=n)
            start, end = (int((midnight + timedelta(days=d)).timestamp()) for d in (0, 1))
            if end > start:
                late = chance.choice((0, 0, 0, 3_600, 5 * DAY))
                waiting.append((end + late, cost(f"{zone}-{n}", zone, start, end, f"{(end - start) / 3600}")))
    waiting.sort(key=lambda w: w[0])
    now_s = int(first.timestamp())
    while waiting:
        now_s += chance.choice((1, 4, 9)) * DAY + chance.randrange(DAY)
        due = [event for when, event in waiting if when <= now_s]
        waiting = waiting[len(due) :]
        if due:
            hosting.costs(*due)
        hosting.close_months(now_s)
    hosting.close_months(now_s + 40 * DAY)
    bookings = [(r["org"], r["environment"], r["day"], r["number"]) for r in hosting.rows("accruals")]
    assert len(bookings) == len(set(bookings))
    found = invoices(hosting)
    assert len(found) == len(hosting.rows("hosting_invoices"))
    accrued: dict[str, Fraction] = defaultdict(Fraction)
    for (org, _, _), amount in oracle.accruals([r.event for r in hosting.log.read(0, 100_000)]).items():
        accrued[org] += amount
    for zone in ZONES:
        mine = sorted((row for (org, _), row in found.items() if org == f"org_{zone}"), key=lambda row: row["month"])
        assert len(mine) >= 13
        invoiced = sum(row["total_minor"] for row in mine)
        assert accrued[f"org_{zone}"] == invoiced + Fraction(mine[-1]["closing"])


# ---- limits --------------------------------------------------------------------------------------


def limit(hosting: Hosting, minor: int | None, *, hard: bool = False) -> None:
    currency = "eur" if minor is not None else None
    hosting.limit(SetSpendingLimit(mode="test", org="acme", limit_minor=minor, currency=currency, hard_stop=hard))


def told(hosting: Hosting) -> list[tuple[str, Any]]:
    rows = sorted(hosting.rows("notices"), key=lambda row: row["position"])
    return [(row["type"].removeprefix("spending."), row["said"].get("percent")) for row in rows]


def test_each_threshold_is_told_once_a_month_and_again_in_the_next(hosting: Hosting) -> None:
    limit(hosting, 1_000)
    hosting.costs(cost("c1", "shop", JAN_1, quantity="8"))
    assert hosting.check(JAN_1 + 7_200) == 2, "today counts before it is accrued"
    assert hosting.check(JAN_1 + 7_300) == 0
    hosting.accrue(JAN_1 + DAY)
    assert hosting.check(JAN_1 + DAY) == 0
    hosting.costs(cost("c2", "shop", JAN_1 + DAY, quantity="2"), cost("feb", "shop", at("2028-02-01"), quantity="5"))
    assert hosting.check(JAN_1 + 2 * DAY) == 1
    assert hosting.check(at("2028-02-01T02:00")) == 1
    thresholds = [("threshold_reached", p) for p in (50, 80, 100, 50)]
    assert told(hosting) == thresholds


def test_a_hard_stop_ends_when_the_limit_is_raised_and_nothing_is_told_twice(hosting: Hosting) -> None:
    limit(hosting, 100, hard=True)
    hosting.costs(cost("c1", "shop", JAN_1))
    hosting.check(JAN_1 + 7_200)
    hosting.check(JAN_1 + 7_300)
    assert [row["stopped"] for row in hosting.rows("spending_limits")] == [True]
    limit(hosting, 1_000, hard=True)
    hosting.check(JAN_1 + 7_400)
    assert [row["stopped"] for row in hosting.rows("spending_limits")] == [False]
    assert told(hosting)[-2:] == [("stopped", None), ("resumed", None)]


def test_no_limit_is_never_reached(hosting: Hosting) -> None:
    limit(hosting, None)
    hosting.costs(cost("c1", "shop", JAN_1, quantity="1000000"))
    assert hosting.check(JAN_1 + 7_200) == 0


# ---- the worker's jobs -----------------------------------------------------------------------------


def test_the_workers_jobs_accrue_close_and_warn_by_themselves_and_again_do_nothing(hosting: Hosting) -> None:
    now_s = int(time.time())
    limit(hosting, 100)
    hosting.costs(cost("old", "shop", now_s - 70 * DAY), cost("new", "shop", now_s - 60, now_s, "1000000"), now_s=now_s)
    hosting.project()
    settings = hosting_settings()
    database = Database(hosting.conninfo, hosting.conninfo, None)
    stop = Event()

    def follow() -> None:
        while not stop.is_set():
            hosting.project()
            stop.wait(0.02)

    thread = Thread(target=follow)
    thread.start()
    try:
        for _ in range(2):
            jobs = HostingJobs(database, settings, lambda: False)
            jobs.accrue()
            jobs.check()
            heads = hosting.log.head()
        jobs.accrue()
        jobs.check()
    finally:
        stop.set()
        thread.join()
    assert hosting.log.head() == heads
    months = {month for _, month in invoices(hosting)}
    assert datetime.fromtimestamp(now_s - 70 * DAY, UTC).strftime("%Y-%m") in months
    assert ("threshold_reached", 100) in told(hosting)


def hosting_settings() -> Settings:
    return Settings(
        database_url=None,
        keys_database_url=None,
        data_dir=Path(),
        master_key=None,
        platform_secrets=(),
        connect_secrets=(),
        stripe_secret_key=None,
        stripe_api_base="",
        log_level="error",
    )
