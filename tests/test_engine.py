"""The engine on a real PostgreSQL: live folding, leaders, parking, the dirty queue; whatever dies in between."""

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import oracle
import psycopg
import pytest
from databases import fresh_database
from histories import (
    KEY,
    Link,
    built,
    different,
    folded,
    ingest,
    link,
    logged,
    project,
    received,
    remembered,
    rows_of,
    submit,
)
from samples import Delivery, T, customer, event, price, product, small_shop, subscription

from api.postgres import EmbeddedPostgres
from ledger.events import StripeEventReceived
from ledger.store import Appended, Log, Tail
from projections import BILLING, CUSTOMERS
from projections.base import Column, Entry, Group, Key, Projection, Row, Table
from replay import derive, digest, rebuild
from replay.live import LostLead, Projector
from replay.verify import verify

LINKS = [Link("cus_9", "org_b"), Link("cus_2", "org_a"), Link("cus_2", None)]


def shuffled(deliveries: list[Delivery], seed: int) -> list[Delivery]:
    """Every delivery twice, in any order."""
    return random.Random(seed).sample(deliveries * 2, 2 * len(deliveries))


def checkpoint(conninfo: str, group: str = "billing") -> int:
    with psycopg.connect(conninfo) as conn:
        row = conn.execute("SELECT position FROM read_models.checkpoints WHERE name = %s", [group]).fetchone()
    assert row is not None
    return int(row[0])


def count(conninfo: str, query: str) -> int:
    with psycopg.connect(conninfo) as conn:
        row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0])


# ---- live is rebuild is oracle ----------------------------------------------------------------


def test_live_equals_a_rebuild_and_the_oracle_at_every_step(database: str, log: Log) -> None:
    # given
    rnd = random.Random(5)
    shop = small_shop()
    order: list[Any] = rnd.sample([*shop, *rnd.choices(shop, k=8)], len(shop) + 8)
    for place, said in zip((3, 15, 25), LINKS, strict=True):
        order.insert(place, said)
    for told in order:
        link(log, told) if isinstance(told, Link) else ingest(log, [told])
    built(database)  # the log's head: start anew from its beginning
    with psycopg.connect(database) as conn:
        conn.execute("TRUNCATE " + ", ".join(f"read_models.{n}" for n in BILLING.tables))
        conn.execute("UPDATE read_models.checkpoints SET position = 0")
    entries = remembered(order)
    assert len(entries) == logged(database)
    # when
    done = 0
    with closing(Projector(database, BILLING)) as projector:
        assert projector.lead()
        while done < len(entries):
            projector.batch = rnd.randint(1, 6)
            done += projector.step()
            while projector.drain():
                pass
            # then
            assert different(rows_of(database), folded(entries[:done])) == []
            assert [d for v in verify(database, ["customers"]) for d in v.differences] == []
    assert different(rows_of(database), oracle.recount(shop, LINKS)) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_databases_fed_in_other_orders_under_other_keys_have_equal_digests(
    database: str, server: EmbeddedPostgres, template: str, seed: int
) -> None:
    with fresh_database(server, template) as other:
        found = []
        for number, (conninfo, key) in enumerate(((database, KEY), (other, b"q" * 32))):
            with closing(Log(built(conninfo))) as log:
                ingest(log, shuffled(small_shop(), seed + 100 * number), key, seed=number * 1000)
                link(log, *LINKS)
            project(conninfo, sizes=[7, 1, 30])
            with psycopg.connect(conninfo, autocommit=True) as conn:
                found.append(digest.digests(conn).models)
        assert found[0] == found[1]
        assert found[0]["subscriptions"].rows == 4


def test_a_redelivery_is_kept_once_by_its_stream(database: str, log: Log) -> None:
    """The guard is deduplication: with a stream of its own for each delivery, or redeliveries appended, this fails."""
    shop = small_shop()
    for seed in range(3):
        ingest(log, shuffled(shop, seed), seed=seed)
    assert logged(database) == len(shop)
    again = Delivery({**shop[0].event, "pending_webhooks": 0, "request": {"id": "req_2"}})
    ingest(log, [again])
    assert logged(database) == len(shop)
    project(built(database))
    assert count(database, "SELECT sum(conflicts) FROM read_models.stripe_events") == 0


def test_other_content_under_a_known_id_is_shown_and_not_applied(database: str, log: Log) -> None:
    first = Delivery(event(1, "customer.created", customer(delinquent=False)))
    other = Delivery(event(1, "customer.created", customer(delinquent=True)))
    ingest(log, [first, other])
    project(built(database))
    rows = rows_of(database)
    assert rows["customers"]["test", "platform", "cus_1"]["delinquent"] is False
    assert rows["stripe_events"]["test", "platform", "evt_0001"]["state"] == "conflict"
    assert [v.differences for v in verify(database)] == [(), ()]


# ---- one transaction a step -------------------------------------------------------------------


@contextmanager
def failing(conninfo: str, table: str) -> Iterator[None]:
    """While inside, the database refuses to write `table`."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(
            "CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
        )
        conn.execute(
            f"CREATE TRIGGER refusing BEFORE INSERT OR UPDATE ON read_models.{table} EXECUTE FUNCTION public.refuse()"
        )
        yield
        conn.execute(f"DROP TRIGGER refusing ON read_models.{table}")


def test_rows_and_checkpoint_move_in_one_transaction_or_not_at_all(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard is tracking in one transaction: with rows or checkpoint committed by themselves, this fails."""
    # given something folded, and more to fold
    built(database)
    shop = small_shop()
    ingest(log, shop[:8])
    project(database)
    ingest(log, shop[8:])
    before, position = rows_of(database), checkpoint(database)
    written = ("stripe_events", "customers", "subscriptions", "invoices", "org_links", "entitlements", "checkpoints")
    for table in (*written, "dirty"):
        # when a step fails at any of its writes, those to the queue included
        monkeypatch.setattr(derive, "AT_ONCE", 0 if table == "dirty" else 50)
        with failing(database, table), closing(Projector(database, BILLING)) as projector:
            assert projector.lead()
            with pytest.raises(psycopg.errors.RaiseException):
                projector.step()
        # then nothing of it was kept
        assert (rows_of(database), checkpoint(database)) == (before, position), table
    # and the next leader does it all
    project(database)
    assert different(rows_of(database), oracle.recount(shop)) == []


def test_a_step_cut_off_before_its_commit_is_done_again_by_the_next_leader(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = small_shop()
    ingest(built_log(database, log), shop)
    with closing(Projector(database, BILLING)) as projector:
        assert projector.lead()
        with monkeypatch.context() as patch:
            pid = projector.conn.info.backend_pid
            patch.setattr(derive, "follow_up", lambda *_: bool(kill(database, pid)))
            with pytest.raises(psycopg.OperationalError):
                projector.step()
    assert checkpoint(database) == 0
    project(database)
    assert different(rows_of(database), oracle.recount(shop)) == []


def built_log(conninfo: str, log: Log) -> Log:
    built(conninfo)
    return log


def kill(conninfo: str, pid: int) -> None:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])


# ---- leaders ----------------------------------------------------------------------------------

#: Counts deliveries: unlike Stripe's objects, it shows an event that was applied twice.
_TALLY = Table("tally", ("mode",), (Column("mode", "text"), Column("events", "bigint")))


def _more(state: bytes | None, entry: Entry) -> bytes:
    return str(int(state or b"0") + 1).encode()


def _one_key(entry: Entry) -> tuple[Key, ...]:
    return ((entry.event.mode,),)  # type: ignore[attr-defined]


TALLY = Projection(
    "tally",
    1,
    _TALLY,
    (StripeEventReceived.NAME,),
    _one_key,
    _more,
    lambda key, state: _TALLY.row(*key, int(state)),
)
TALLYING = Group("tallying", (TALLY,))


@pytest.fixture
def tallied(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with one read model, which counts."""
    monkeypatch.setattr(rebuild, "GROUPS", (TALLYING,))
    monkeypatch.setattr(rebuild, "MODELS", {"tally": TALLY})
    return built(database)


def test_exactly_one_of_two_projectors_leads(database: str) -> None:
    built(database)
    with closing(Projector(database, BILLING)) as second:
        with closing(Projector(database, BILLING)) as first:
            assert (first.lead(), second.lead()) == (True, False)
            assert (first.lead(), second.lead()) == (True, False)
        assert eventually(second.lead)


def eventually(holds: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_killed_leader_is_followed_without_loss_or_double_application(tallied: str, log: Log) -> None:
    # given two workers that follow the log
    stop = threading.Event()
    leaders: dict[str, int] = {}
    lost = []

    def work(name: str) -> None:
        while not stop.is_set():
            try:
                with closing(Projector(tallied, TALLYING, batch=5)) as projector, closing(Tail(tallied)) as tail:
                    leaders[name] = projector.conn.info.backend_pid
                    projector.run(tail, stop.is_set)
            except (psycopg.OperationalError, LostLead) as error:
                lost.append(error)

    workers = [threading.Thread(target=work, args=(n,), daemon=True) for n in "ab"]
    for worker in workers:
        worker.start()
    # when whoever leads is killed again and again while events come
    total = 300
    appends = []
    for n in range(total):
        appends.append(submit(log, received(Delivery(event(n, "customer.updated", customer())), seed=n)))
        if n % 60 == 30:
            kill_leader(tallied)
    assert all(isinstance(a.result(10), Appended) for a in appends)
    # then every event counts once
    assert eventually(lambda: checkpoint(tallied, "tallying") == log.head())
    stop.set()
    for worker in workers:
        worker.join(5)
    assert len(lost) >= 1
    assert count(tallied, "SELECT events FROM read_models.tally") == total


def kill_leader(conninfo: str) -> None:
    """Cut off the connection that holds the lead, as a killed process would."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND ((classid::bigint << 32) | objid::bigint) ="
            " hashtextextended(current_database() || '/read_models/tallying', 0)"
        )


def test_a_leader_whose_checkpoint_moved_under_it_writes_nothing(tallied: str, log: Log) -> None:
    ingest(log, [Delivery(event(n, "customer.updated", customer())) for n in range(4)])
    with closing(Projector(tallied, TALLYING)) as projector:
        assert projector.lead()
        # when another process went on in the meantime
        with psycopg.connect(tallied, autocommit=True) as conn:
            conn.execute("UPDATE read_models.checkpoints SET position = 2")
        # then
        with pytest.raises(LostLead):
            projector.step()
    assert count(tallied, "SELECT count(*) FROM read_models.tally") == 0


# ---- parking ----------------------------------------------------------------------------------


def breaking(group: Group, projection: Projection, is_bad: Callable[[Entry], bool]) -> Group:
    """The group with a projection whose fold fails for some entries."""

    def apply(state: bytes | None, entry: Entry) -> bytes | None:
        if is_bad(entry):
            raise ValueError("a fault of ours")
        return projection.apply(state, entry)

    def make(entry: Entry) -> tuple[Row, bytes]:
        if is_bad(entry):
            raise ValueError("a fault of ours")
        assert projection.make is not None
        return projection.make(entry)

    broken = dataclasses.replace(projection, apply=apply, make=make if projection.make is not None else None)
    parts = tuple(broken if p is projection else p for p in group.projections)
    return dataclasses.replace(group, projections=parts)


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_an_apply_that_raises_parks_its_key_alone_until_it_is_folded_anew(database: str, log: Log, batch: int) -> None:
    # given a fold that fails at one event of one customer
    built(database)
    bad = [
        Delivery(event(1, "customer.created", customer("cus_bad"), at=T)),
        Delivery(event(2, "customer.updated", customer("cus_bad", balance=1), at=T + 1)),
        Delivery(event(3, "customer.updated", customer("cus_bad", balance=2), at=T + 2)),
    ]
    good = [Delivery(event(n, "customer.created", customer(f"cus_{n}"))) for n in range(10, 15)]
    history = [bad[0], good[0], bad[1], good[1], bad[2], *good[2:]]
    ingest(log, history)
    broken = breaking(BILLING, CUSTOMERS, lambda e: getattr(e.said, "event_id", "") == "evt_0002")
    # when
    with closing(Projector(database, broken, batch=batch)) as projector:
        assert projector.lead()
        projector.catch_up()
    # then the key stays as it was before, marked stale; everything else went on
    rows = rows_of(database)
    assert checkpoint(database) == log.head()
    assert rows["customers"]["test", "platform", "cus_bad"]["balance_minor"] == 0
    assert len(rows["customers"]) == 6 and len(rows["stripe_events"]) == 8
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT id FROM read_models.customers WHERE stale").fetchall() == [("cus_bad",)]
        parked = conn.execute("SELECT model, key, error FROM read_models.parked").fetchall()
    assert parked == [("customers", ["test", "platform", "cus_bad"], "ValueError: a fault of ours")]
    # and a leader that comes later leaves it alone as well
    ingest(log, [Delivery(event(4, "customer.updated", customer("cus_bad", balance=3), at=T + 3))])
    project(database)
    assert rows_of(database)["customers"]["test", "platform", "cus_bad"]["balance_minor"] == 0
    # when the definition was mended and the model is rebuilt, the running leader takes the key up again
    with closing(Projector(database, BILLING)) as projector:
        assert projector.lead() and projector.step() == 0
        rebuild.rebuild(database, ["customers"])
        ingest(log, [Delivery(event(5, "customer.updated", customer("cus_bad", balance=4), at=T + 4))])
        projector.catch_up()
    assert rows_of(database)["customers"]["test", "platform", "cus_bad"]["balance_minor"] == 4
    assert count(database, "SELECT count(*) FROM read_models.parked") == 0
    assert count(database, "SELECT count(*) FROM read_models.customers WHERE stale") == 0
    assert [v.differences for v in verify(database)] == [(), ()]


def test_a_derivation_that_raises_parks_its_key_and_the_others_are_derived(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(database)
    ingest(log, small_shop())
    (entitlements,) = (d for d in BILLING.derivations if d.name == "entitlements")

    def fails(key: Key, rows: Any) -> Any:
        if key == ("test", "org_a"):
            raise ValueError("a fault of ours")
        return entitlements.derive(key, rows)

    failing = dataclasses.replace(entitlements, derive=fails)
    parts = tuple(failing if d is entitlements else d for d in BILLING.derivations)
    broken = dataclasses.replace(BILLING, derivations=parts)
    with closing(Projector(database, broken)) as projector:
        assert projector.lead()
        projector.catch_up()
    assert {k[1] for k in rows_of(database)["entitlements"]} == {"org_b"}
    assert count(database, "SELECT count(*) FROM read_models.parked WHERE model = 'entitlements'") == 1
    rebuild.rebuild(database, ["entitlements"])
    assert different(rows_of(database), oracle.recount(small_shop())) == []
    assert count(database, "SELECT count(*) FROM read_models.parked") == 0


# ---- the dirty queue --------------------------------------------------------------------------

ORGS = 60


def many_orgs() -> list[Delivery]:
    """Many organizations that have the same product."""
    told = [
        event("evt_product", "product.created", product("prod_1", limits={"agents": "1"}), at=T - 90),
        event("evt_price", "price.created", price("price_1"), at=T - 90),
    ]
    for n in range(ORGS):
        told.append(event(f"evt_c{n}", "customer.created", customer(f"cus_{n:03}", org=f"org_{n:03}")))
        bought = subscription(f"sub_{n:03}", f"cus_{n:03}", product="prod_1" if n % 2 else None)
        told.append(event(f"evt_s{n}", "customer.subscription.created", bought))
    return [Delivery(e) for e in told]


def limits(conninfo: str) -> dict[str, int | None]:
    """What each organization may use of `agents` now."""
    found = rows_of(conninfo)["entitlements"]
    return {k[1]: row["segments"][-1]["limit"] for k, row in found.items() if k[2] == "agents"}


def test_a_catalogue_edit_spreads_in_bounded_steps_behind_a_direct_change(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    ingest(log, many_orgs())
    project(built(database))
    monkeypatch.setattr(derive, "SPREAD_KEYS", 7)
    monkeypatch.setattr(derive, "DRAIN_KEYS", 10)
    assert set(limits(database).values()) == {1}
    # when the product of all is edited, and after that one organization gets another one
    edit = product("prod_1", limits={"agents": "2"}, updated=T + 1)
    ingest(
        log,
        [
            Delivery(event("evt_edit", "product.updated", edit, at=T + 1)),
            Delivery(event("evt_new_c", "customer.created", customer("cus_new", org="org_new"), at=T + 2)),
            Delivery(event("evt_new_s", "customer.subscription.created", subscription("sub_new", "cus_new"), at=T + 2)),
        ],
    )
    with closing(Projector(database, BILLING)) as projector:
        assert projector.lead() and projector.step() == 3
        while projector.drain(bulk=False):
            pass
        # then the direct change is there, and nobody else's yet
        found = limits(database)
        assert found.pop("org_new") == 2
        assert set(found.values()) == {1}
        # and the others follow, a bounded number at a time
        seen = 0
        while projector.drain():
            done = sum(v == 2 for v in limits(database).values()) - 1
            assert 0 <= done - seen <= 10
            seen = done
    assert set(limits(database).values()) == {2}
    assert seen == ORGS
    assert [v.differences for v in verify(database)] == [(), ()]


def test_the_dirty_queue_survives_a_crash_at_any_step(database: str, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    # given an edit that touches all organizations
    ingest(log, many_orgs())
    project(built(database))
    monkeypatch.setattr(derive, "SPREAD_KEYS", 16)
    monkeypatch.setattr(derive, "DRAIN_KEYS", 16)
    monkeypatch.setattr(derive, "BULK_KEYS", 16)
    edit = product("prod_1", limits={"agents": "2"}, updated=T + 1)
    ingest(log, [Delivery(event("evt_edit", "product.updated", edit, at=T + 1))])
    with closing(Projector(database, BILLING)) as projector:
        assert projector.lead() and projector.step() == 1
    # when each process dies after one more step of it
    crashes = 0
    while 1 in limits(database).values():
        assert crashes < 20
        with closing(Projector(database, BILLING)) as projector:
            assert eventually(projector.lead)
            assert projector.step() == 0
            assert projector.drain()
            with monkeypatch.context() as patch:  # and the next step is cut off in its midst
                pid = projector.conn.info.backend_pid
                patch.setattr(derive, "derive_keys", lambda *_, pid=pid: kill(database, pid) or {})
                with pytest.raises((psycopg.OperationalError, AssertionError)):
                    assert projector.drain()
        crashes += 1
    # then nothing was forgotten
    project(database)
    assert set(limits(database).values()) == {2}
    assert [v.differences for v in verify(database)] == [(), ()]
