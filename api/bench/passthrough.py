"""Pass-through: charges imported and matched, beside a bare COPY; reserving from a budget that moved often."""

import contextlib
import io
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg

from api.bench.stage import Figure, Stage
from api.database import Database
from api.operations import asked_by
from api.passthrough.books import LogBooks
from api.passthrough.importing import import_charges
from api.settings import load
from commands.acts import carry_out
from commands.cost_policies import APPROVE_COST_POLICY, PROPOSE_COST_POLICY, ApproveCostPolicy, ProposeCostPolicy
from commands.reservations import Reserve, SettleReservation
from commands.reservations_spending import spend
from ledger.events import Metadata
from ledger.store import Log

_ORGS = 25
_CATEGORIES = ("inference", "search")
_AT_S = 1_760_529_600
_MATCHED = "SELECT count(*) FROM read_models.provider_charges WHERE status = 'matched'"


def run(stage: Stage) -> Iterator[Figure]:
    """Import a file and wait until every charge is matched; then reserve and settle, at first and after many."""
    count = 2_000 if stage.quick else 50_000
    text = _file(count)
    with stage.database("passthrough") as conninfo, contextlib.closing(Log(conninfo)) as log:
        stage.say(f"{count:,} charges of {_ORGS} organizations in {len(_CATEGORIES)} categories, under policies")
        bound = _copied(conninfo, text)
        yield Figure("pass-through, bare COPY of the same rows", bound, "charges/s")
        _approve(LogBooks(log))
        with stage.worker(conninfo):
            began = time.monotonic()
            report = _imported(conninfo, text)
            appended = time.monotonic() - began
            _wait_for(conninfo, count)
            matched = time.monotonic() - began
            note = f"{report} recorded; bound: bare COPY"
            yield Figure("pass-through, imported", count / appended, "charges/s", bound, note)
            yield Figure("pass-through, imported and matched", count / matched, "charges/s", bound, "bound: bare COPY")
            began = time.monotonic()
            _imported(conninfo, text)
            yield Figure("pass-through, the same file again", count / (time.monotonic() - began), "charges/s")
        yield from _reserving(stage, LogBooks(log))


def _file(count: int) -> str:
    rows = [
        f"ch_{n:08d},org_{n % _ORGS},{_CATEGORIES[n % 2]},{_AT_S - n % 600_000},{n % 997}.25,usd" for n in range(count)
    ]
    return "reference,org,category,occurred_at,amount,currency\n" + "\n".join(rows) + "\n"


def _copied(conninfo: str, text: str) -> float:
    """Rows a second of a plain COPY of the file into a table with a primary key."""
    rows = text.count("\n") - 1
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(
            'CREATE TABLE bench_charges (reference text COLLATE "C" PRIMARY KEY, org text, category text,'
            " at_s bigint, amount numeric, currency text)"
        )
        began = time.monotonic()
        with conn.cursor().copy("COPY bench_charges FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(text)
        took = time.monotonic() - began
        conn.execute("DROP TABLE bench_charges")
    return rows / took


def _approve(books: LogBooks) -> None:
    """A policy for every organization and category."""
    for org in (f"org_{n}" for n in range(_ORGS)):
        for category in _CATEGORIES:
            propose = ProposeCostPolicy(
                mode="test", org=org, category=category, billing_owner="cus_1", currency="usd", unlimited=True,
                stop_rule="notify", markup_bps=1_000, from_s=0, by="ada", why="a bench",
            )  # fmt: skip
            carry_out(books, PROPOSE_COST_POLICY, propose, asked_by("ada", "a bench"))
            approve = ApproveCostPolicy(
                mode="test", org=org, category=category, version=1, by="bob", why="a bench", now_s=_AT_S
            )
            carry_out(books, APPROVE_COST_POLICY, approve, asked_by("bob", "a bench"))


def _imported(conninfo: str, text: str) -> int:
    report = import_charges(
        Database(conninfo, conninfo, None),
        load(),
        file=io.StringIO(text),
        kind="csv",
        path="-",
        mapping=None,
        provider="openai",
        mode="test",
        asked=asked_by("ada", "a bench"),
    )
    return report.recorded


def _wait_for(conninfo: str, count: int, timeout_s: float = 120) -> None:
    """Until the worker has matched them all."""
    deadline = time.monotonic() + timeout_s
    with psycopg.connect(conninfo, autocommit=True) as conn:
        while time.monotonic() < deadline:
            row = conn.execute(_MATCHED).fetchone()
            if row is not None and row[0] >= count:
                return
            time.sleep(0.05)
    raise TimeoutError("the charges were not matched in time")


def _reserving(stage: Stage, books: LogBooks) -> Iterator[Figure]:
    few, many = (20, 100) if stage.quick else (200, 5_000)
    first = _reserved(books, 0, few)
    yield Figure("pass-through, reserve and settle, the first", first, "pairs/s", None, f"{few} of them")
    _reserved(books, few, many)
    last = _reserved(books, few + many, few)
    note = f"{few} of them after {many:,}; bound: the first"
    yield Figure("pass-through, reserve and settle, on a budget that moved often", last, "pairs/s", first, note)


def _reserved(books: LogBooks, start: int, count: int) -> float:
    metadata = Metadata(occurred_at_s=_AT_S, actor="bench", mode="test")
    began = time.monotonic()
    for n in range(start, start + count):
        its: dict[str, Any] = {"mode": "test", "org": "org_0", "id": f"r{n}", "now_s": _AT_S + n // 50}
        reserve = Reserve(
            **its, category="inference", currency="usd", estimate=Decimal(2), policy_version=1, by="bench"
        )
        spend(books, reserve, metadata)
        spend(books, SettleReservation(**its, cost=Decimal(1)), metadata)
    return count / (time.monotonic() - began)
