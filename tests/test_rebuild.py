"""Rebuild beside and swap: readers see the old rows or the new ones, and whatever is cut off changes nothing."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import oracle
import psycopg
import pytest
from histories import Link, built, different, ingest, link, project, rows_of
from hypothesis import given
from hypothesis import strategies as st
from samples import Delivery, T, customer, event, small_shop
from test_engine import breaking, checkpoint, count, eventually, kill

from ledger.errors import Invalid
from ledger.store import Log, Tail, as_role
from projections import ACCESS, BILLING, MODELS
from projections.base import Column
from replay import rebuild, shards
from replay.beside import beside, halves
from replay.live import LostLead, Projector
from replay.verify import BESIDE, verify


@pytest.fixture
def shop(database: str, log: Log) -> str:
    """A database with the small shop, folded."""
    built(database)
    ingest(log, small_shop())
    link(log, Link("cus_9", "org_b"))
    project(database)
    return database


EXPECTED_LINKS = [Link("cus_9", "org_b")]


def as_expected(conninfo: str) -> list[str]:
    """Where live rows are not what the oracle says."""
    return different(rows_of(conninfo), oracle.recount(small_shop(), EXPECTED_LINKS))


def schemas(conninfo: str) -> set[str]:
    with psycopg.connect(conninfo) as conn:
        return {n for (n,) in conn.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'read_models%'")}


def change(conninfo: str, statement: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(statement)


# ---- what a rebuild makes ---------------------------------------------------------------------


def test_a_rebuild_gives_the_same_rows_whatever_happened_to_the_live_ones(shop: str) -> None:
    change(shop, "UPDATE read_models.customers SET currency = 'usd'")
    change(shop, "DELETE FROM read_models.subscriptions")
    change(shop, "INSERT INTO read_models.entitlements VALUES ('test', 'org_z', 'sso', '[]', '[]')")
    done = rebuild.rebuild(shop)
    assert as_expected(shop) == []
    assert [b.rows["subscriptions"] for b in done if "subscriptions" in b.rows] == [4]
    assert schemas(shop) == {"read_models"}


def test_models_that_hang_together_are_rebuilt_together() -> None:
    (alone,) = rebuild.closure(["coupons"])
    assert set(alone.tables) == {"coupons"}
    (more,) = rebuild.closure(["products"])
    assert {"products", "prices", "catalog", "entitlements", "org_links", "subscriptions"} <= set(more.tables)
    with pytest.raises(Invalid, match="nonsense"):
        rebuild.closure(["nonsense"])


@pytest.mark.parametrize("names", [None, ["customers"], ["coupons"]])
def test_a_rebuild_while_the_live_copy_is_behind_leaves_rows_and_checkpoint_at_one_position(
    database: str, log: Log, names: list[str] | None
) -> None:
    # given a worker that stopped, and events since
    built(database)
    ingest(log, small_shop()[:10])
    link(log, Link("cus_1", "org_a"), Link("cus_1", None))
    project(database)
    ingest(log, small_shop()[10:])
    link(log, Link("cus_9", "org_x"), Link("cus_9", "org_b"))
    # when
    rebuild.rebuild(database, names)
    # then the rows are those of the position that the checkpoint names
    assert [v.differences for v in verify(database)] == [(), ()]
    # and the worker goes on from there
    project(database)
    assert as_expected(database) == []


def test_a_rebuild_beside_a_busy_worker_loses_nothing(database: str, log: Log) -> None:
    # given a worker that follows the log while events come
    built(database)
    stop = threading.Event()
    faults: list[BaseException] = []
    shop = small_shop() + [Delivery(event(f"evt_more{n}", "customer.created", customer(f"cus_{n}"))) for n in range(90)]

    def follow() -> None:
        while not stop.is_set():
            try:
                with closing(Projector(database, BILLING, batch=3)) as projector, closing(Tail(database)) as tail:
                    projector.run(tail, stop.is_set)
            except LostLead:  # the rebuild went on from where it was
                pass
            except BaseException as error:
                faults.append(error)
                return

    def deliver() -> None:
        for start in range(0, len(shop), 2):
            ingest(log, shop[start : start + 2])

    workers = [threading.Thread(target=t, daemon=True) for t in (follow, deliver)]
    for worker in workers:
        worker.start()
    # when everything is rebuilt again and again meanwhile
    rounds = 0
    while workers[1].is_alive() or rounds < 3:
        rebuild.rebuild(database)
        rounds += 1
    assert eventually(lambda: checkpoint(database) == log.head())
    stop.set()
    for worker in workers:
        worker.join(5)
    # then
    assert faults == []
    project(database)
    assert different(rows_of(database), oracle.recount(shop)) == []
    assert [v.differences for v in verify(database)] == [(), ()]


# ---- readers ----------------------------------------------------------------------------------


class Reader(threading.Thread):
    """Asks the same again and again, as a read endpoint does, and remembers every answer and every error."""

    def __init__(self, conninfo: str, *queries: str) -> None:
        super().__init__(daemon=True)
        self.conninfo, self.queries = conninfo, queries
        self.stop = threading.Event()
        self.answers: list[Any] = []
        self.errors: list[Exception] = []

    def run(self) -> None:
        with psycopg.connect(as_role(self.conninfo, "recount_reader"), autocommit=True) as conn:
            while not self.stop.is_set():
                try:
                    with conn.transaction():
                        self.answers.append(tuple(conn.execute(q, prepare=True).fetchone() for q in self.queries))
                except psycopg.Error as error:
                    self.errors.append(error)
                time.sleep(0.004)

    def distinct(self) -> list[Any]:
        """Answers without repetition of the one before."""
        return [a for n, a in enumerate(self.answers) if n == 0 or a != self.answers[n - 1]]


@contextmanager
def reading(*readers: Reader) -> Iterator[None]:
    for reader in readers:
        reader.start()
    try:
        assert eventually(lambda: all(r.answers or r.errors for r in readers))
        yield
        seen = [len(r.answers) for r in readers]
        assert eventually(lambda: all(len(r.answers) > n for r, n in zip(readers, seen, strict=True)))
    finally:
        for reader in readers:
            reader.stop.set()
        for reader in readers:
            reader.join(10)


def test_a_reader_sees_old_rows_then_new_ones_and_never_an_error_or_a_mixture(shop: str) -> None:
    # given live rows that can be told from rebuilt ones
    change(shop, "UPDATE read_models.customers SET currency = 'old'")
    change(shop, "UPDATE read_models.org_links SET claimed_by = 'old'")
    marks = "SELECT count(*), count(*) FILTER (WHERE {}) FROM read_models.{}"
    customers, links = marks.format("currency = 'old'", "customers"), marks.format("claimed_by = 'old'", "org_links")
    one = Reader(shop, customers)
    join = Reader(
        shop,
        "SELECT count(*) FILTER (WHERE c.currency = 'old'), count(*) FILTER (WHERE l.claimed_by = 'old')"
        " FROM read_models.org_links l JOIN read_models.customers c"
        " ON (c.mode, c.account, c.id) = (l.mode, l.account, l.customer)",
    )
    # a transaction that reads tables against the order in which they are swapped
    back = Reader(shop, "SELECT count(*) FROM read_models.entitlements", links, customers)
    # when
    with reading(one, join, back):
        for _ in range(4):
            rebuild.rebuild(shop)
    # then
    assert [*one.errors, *join.errors, *back.errors] == []
    assert one.distinct() == [((4, 4),), ((4, 0),)]
    assert join.distinct() == [((4, 4),), ((0, 0),)]
    assert {a[0] for a in back.answers} == {(5,)}
    assert back.answers[-1][1:] == ((5, 0), (4, 0))
    assert as_expected(shop) == []


def test_a_reader_that_holds_a_table_delays_the_swap_and_is_not_cut_off(shop: str) -> None:
    # given a reader in the midst of a long transaction
    with psycopg.connect(as_role(shop, "recount_reader")) as conn:
        assert conn.execute("SELECT count(*) FROM read_models.entitlements").fetchone() == (5,)
        rebuilding = threading.Thread(target=rebuild.rebuild, args=(shop,), daemon=True)
        rebuilding.start()
        time.sleep(1.5)
        # then it reads on, other tables as well
        assert conn.execute("SELECT count(*) FROM read_models.customers").fetchone() == (4,)
        assert rebuilding.is_alive()
    rebuilding.join(10)
    assert not rebuilding.is_alive()
    assert as_expected(shop) == []


# ---- cut off ----------------------------------------------------------------------------------

_KILLED_MIDWAY = """
    import os, signal, sys
    from replay import rebuild
    def midway(done, of):
        os.kill(os.getpid(), signal.SIGKILL)
    rebuild.rebuild(sys.argv[1], progress=midway)
"""


def test_a_rebuild_killed_midway_leaves_the_live_tables_alone_and_the_next_one_works(shop: str) -> None:
    # given
    change(shop, "UPDATE read_models.customers SET currency = 'usd'")
    before = rows_of(shop)
    # when
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(_KILLED_MIDWAY), shop], timeout=30, check=False)
    assert process.returncode == -signal.SIGKILL
    # then
    assert rebuild.NEXT in schemas(shop)
    assert rows_of(shop) == before
    rebuild.rebuild(shop)
    assert as_expected(shop) == []
    assert schemas(shop) == {"read_models"}


def test_a_rebuild_that_loses_its_connection_before_the_swap_commits_changes_nothing(
    shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(shop, "UPDATE read_models.customers SET currency = 'usd'")
    before, position = rows_of(shop), checkpoint(shop)
    swapped = rebuild._swap

    def cut(conn: psycopg.Connection[Any], *rest: Any) -> None:
        swapped(conn, *rest)
        kill(shop, conn.info.backend_pid)

    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "_swap", cut)
        with pytest.raises(psycopg.OperationalError):
            rebuild.rebuild(shop)
    assert (rows_of(shop), checkpoint(shop)) == (before, position)
    rebuild.rebuild(shop)
    assert as_expected(shop) == []


# ---- changed definitions ----------------------------------------------------------------------


def with_model(changed: Any) -> dict[str, Any]:
    """The registry with one model replaced: what `rebuild` imports as GROUPS and MODELS."""
    group = dataclasses.replace(
        BILLING,
        projections=tuple(changed if p.name == changed.name else p for p in BILLING.projections),
        derivations=tuple(changed if d.name == changed.name else d for d in BILLING.derivations),
    )
    return {
        "GROUPS": tuple(group if g.name == group.name else g for g in rebuild.GROUPS),
        "MODELS": {**MODELS, changed.name: changed},
    }


def test_only_a_changed_definition_is_built_anew_before_going_live(
    shop: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rebuild.ensure_built(shop) == []
    # given a new version whose rows differ
    ingest(
        log,
        [
            Delivery(
                event(
                    90,
                    "coupon.created",
                    {
                        "id": "c_1",
                        "object": "coupon",
                        "created": T,
                        "duration": "once",
                        "valid": True,
                        "percent_off": 10,
                    },
                    at=T,
                )
            )
        ],
    )
    project(shop)
    old = next(p for p in BILLING.projections if p.name == "coupons")
    table = dataclasses.replace(old.table, columns=(*old.table.columns, Column("worth", "bigint")))

    def to_row(key: Any, state: bytes) -> Any:
        return table.row(*old.to_row(key, state), 7)

    new = dataclasses.replace(old, version=2, table=table, to_row=to_row)
    for name, value in with_model(new).items():
        monkeypatch.setattr(rebuild, name, value)
    # when
    (done,) = rebuild.ensure_built(shop)
    # then that model alone was built, and is what readers see
    assert done.models == ("coupons",)
    assert count(shop, "SELECT sum(worth) FROM read_models.coupons") == 7
    assert rebuild.ensure_built(shop) == []


def test_the_version_alone_suffices_to_build_anew(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change(shop, "UPDATE read_models.catalog SET name = 'old'")
    new = dataclasses.replace(MODELS["catalog"], version=2)
    for name, value in with_model(new).items():
        monkeypatch.setattr(rebuild, name, value)
    (done,) = rebuild.ensure_built(shop)
    assert "catalog" in done.models
    assert as_expected(shop) == []


def test_a_model_that_is_no_more_is_dropped(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = dataclasses.replace(BILLING, projections=tuple(p for p in BILLING.projections if p.name != "coupons"))
    monkeypatch.setattr(rebuild, "GROUPS", (fewer,))
    monkeypatch.setattr(rebuild, "MODELS", {n: m for n, m in MODELS.items() if n not in ("coupons", *ACCESS.tables)})
    rebuild.ensure_built(shop)
    with psycopg.connect(shop) as conn:
        assert conn.execute("SELECT to_regclass('read_models.coupons')").fetchone() == (None,)


# ---- faults of ours ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["customers", "stripe_events"])
def test_a_rebuild_with_a_fault_of_ours_parks_like_the_live_fold(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    # given a definition that fails at one event, folded live
    built(database)
    for n in range(3):
        ingest(log, [Delivery(event(n, "customer.updated", customer("cus_bad", balance=n), at=T + n))])
    ingest(log, [Delivery(event(9, "customer.created", customer("cus_1")))])
    projection = next(p for p in BILLING.projections if p.name == model)
    broken = breaking(BILLING, projection, lambda e: getattr(e.event, "event_id", "") == "evt_0001")
    with closing(Projector(database, broken)) as projector:
        assert projector.lead()
        projector.catch_up()
    before = rows_of(database)
    stale = f"SELECT count(*) FROM read_models.{model} WHERE stale"
    live = (count(database, stale), count(database, "SELECT count(*) FROM read_models.parked"))
    # when it is rebuilt with the fault still there
    monkeypatch.setattr(rebuild, "GROUPS", (broken,))
    monkeypatch.setattr(rebuild, "MODELS", {m.name: m for m in broken.models})
    rebuild.rebuild(database)
    # then nothing changed: the rest is whole, the key stays as it was before the fault, stale and parked
    assert different(rows_of(database), before) == []
    assert (count(database, stale), count(database, "SELECT count(*) FROM read_models.parked")) == live
    assert verify(database)[0].differences == ()


@pytest.mark.parametrize(
    ("slow", "bad"), [("we", None), ("the twin", None), ("we", "evt_0010"), ("the twin", "evt_0031")]
)
def test_a_rebuild_shared_by_two_processes_is_the_rebuild_of_one(
    shop: str, log: Log, monkeypatch: pytest.MonkeyPatch, slow: str, bad: str | None
) -> None:
    # given, perhaps, a fault of ours in the one half or the other
    group = BILLING
    for name in ("stripe_events", "customers", "subscriptions", "invoices"):
        projection = next(p for p in group.projections if p.name == name)
        group = breaking(group, projection, lambda e: getattr(e.event, "event_id", "") == bad)
    monkeypatch.setattr(rebuild, "GROUPS", (group,))
    monkeypatch.setattr(rebuild, "MODELS", {m.name: m for m in group.models})
    ingest(log, [Delivery(event(n, "customer.updated", customer("cus_1", balance=n), at=T + n)) for n in range(80, 99)])
    rebuild.rebuild(shop)
    alone, parked = rows_of(shop), count(shop, "SELECT count(*) FROM read_models.parked")
    assert parked == (0 if bad is None else 2)
    # when two processes share it, whichever is done first
    monkeypatch.setattr(rebuild, "_SHARE_FROM_ROWS", 1)
    for name, value in {"_SHARE_FROM": 1, "_READ_ROWS": 3, "_SEND_STATES": 1}.items():
        monkeypatch.setattr(shards, name, value)
    if slow == "the twin":
        half = shards._fold_half
        monkeypatch.setattr(shards, "_fold_half", lambda *given: (time.sleep(0.3), half(*given)))
    change(shop, "UPDATE read_models.customers SET currency = 'old'")
    seen: list[int] = []

    def progress(done: int, of: int) -> None:
        seen.append(done)
        time.sleep(0.05 if slow == "we" else 0)

    (done,) = rebuild.rebuild(shop, progress=progress)
    # then nothing tells
    assert different(rows_of(shop), alone) == []
    assert count(shop, "SELECT count(*) FROM read_models.parked") == parked
    assert seen[-1] == done.events
    assert verify(shop)[0].differences == ()


# ---- verify -----------------------------------------------------------------------------------


def test_verify_names_missing_extra_and_differing_rows(shop: str) -> None:
    # given
    change(shop, "DELETE FROM read_models.customers WHERE id = 'cus_2'")
    change(shop, "INSERT INTO read_models.products (mode, account, id) VALUES ('test', 'platform', 'prod_9')")
    change(shop, "UPDATE read_models.invoices SET amount_due_minor = 1, status = 'void'")
    change(shop, "UPDATE read_models.entitlements SET segments = '[]' WHERE org = 'org_a' AND feature = 'agents'")
    # when
    found = [d for v in verify(shop) for d in v.differences]
    # then
    assert {(d.model, d.key, d.kind, d.columns) for d in found} == {
        ("customers", ("test", "platform", "cus_2"), "missing", ()),
        ("products", ("test", "platform", "prod_9"), "extra", ()),
        ("invoices", ("test", "platform", "in_1"), "differs", ("status", "amount_due_minor")),
        ("entitlements", ("test", "org_a", "agents"), "differs", ("segments",)),
    }
    assert BESIDE not in schemas(shop)
    # and after a rebuild there is nothing to name
    rebuild.rebuild(shop)
    assert [v.differences for v in verify(shop)] == [(), ()]


# ---- more new than old ------------------------------------------------------------------------


def test_a_log_of_which_more_is_new_than_old_is_folded_anew(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "_ANEW_FROM", 3)
    built(database)
    ingest(log, small_shop())
    done = rebuild.ensure_built(database)
    assert [b.position for b in done] == [log.head()]
    assert different(rows_of(database), oracle.recount(small_shop())) == []


def test_a_log_of_which_less_is_new_is_left_to_the_steps(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "_ANEW_FROM", 3)
    built(database)
    deliveries = small_shop()
    ingest(log, deliveries[:-4])
    project(database)
    ingest(log, deliveries[-4:])
    assert rebuild.ensure_built(database) == []


# ---- beside -----------------------------------------------------------------------------------


def test_what_is_done_beside_comes_back_or_raises_here() -> None:
    with beside(lambda: 6 * 7) as answer:
        assert answer() == 42

    def fails() -> None:
        raise Invalid("a fault of ours")

    with beside(fails) as answer, pytest.raises(Invalid, match="a fault of ours"):
        answer()


def test_a_process_beside_that_dies_is_noticed() -> None:
    with beside(lambda: os.kill(os.getpid(), signal.SIGKILL)) as answer, pytest.raises(RuntimeError, match="died"):
        answer()


@given(st.lists(st.integers(0, 1_000), max_size=12))
def test_halves_hold_everything_once_and_differ_by_no_more_than_one_part(weights: list[int]) -> None:
    parts = list(enumerate(weights))
    mine, theirs = halves(parts, lambda part: part[1])
    assert sorted([*mine, *theirs]) == parts
    assert abs(sum(w for _, w in mine) - sum(w for _, w in theirs)) <= max(weights, default=0)
