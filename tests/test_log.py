"""The log: units are all or nothing, commit order is position order, nothing is ever changed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from ledger import store
from ledger.events import Metadata, NewEvent, OrganizationLinked
from ledger.ids import link_stream
from ledger.store import Appended, Conflict, Log, Unit

META = Metadata(occurred_at_s=1_700_000_000, actor="ada")


def linked(n: int, version: int = 1, org: str = "org_1") -> NewEvent:
    return NewEvent(
        link_stream("test", "platform", f"cus_{n}"),
        version,
        OrganizationLinked(mode="test", account="platform", customer=f"cus_{n}", org=org),
        META,
    )


def test_what_is_appended_is_read_back_in_order(log: Log):
    outcome = log.append(linked(1), linked(1, 2, "org_2"), linked(2))
    assert isinstance(outcome, Appended)
    assert list(outcome.positions) == sorted(outcome.positions)
    events = log.read(0, 10)
    assert [(e.stream, e.version, e.event.org) for e in events] == [
        ("org_link/test/platform/cus_1", 1, "org_1"),
        ("org_link/test/platform/cus_1", 2, "org_2"),
        ("org_link/test/platform/cus_2", 1, "org_1"),
    ]
    assert [e.version for e in log.read_stream("org_link/test/platform/cus_1")] == [1, 2]
    assert log.head() == events[-1].position


def test_a_unit_that_loses_leaves_nothing(log: Log):
    log.append(linked(1))
    outcome = log.append(linked(2), linked(1, org="org_other"))
    assert outcome == Conflict(("org_link/test/platform/cus_2", "org_link/test/platform/cus_1"))
    assert [e.stream for e in log.read(0, 10)] == ["org_link/test/platform/cus_1"]


def test_a_unit_that_meets_itself_has_succeeded(log: Log):
    first = log.append(linked(1), linked(2))
    assert log.append(linked(1), linked(2)) == first
    assert len(log.read(0, 10)) == 2


def test_a_version_that_would_leave_a_gap_is_refused(log: Log):
    assert isinstance(log.append(linked(1, version=2)), Conflict)
    assert log.head() == 0


def test_units_of_one_group_win_and_lose_singly(log: Log):
    log.append(linked(1))
    units = [Unit((linked(2),)), Unit((linked(3), linked(1, org="org_x"))), Unit((linked(4),))]
    with log.connection() as conn:
        outcomes = log.recorder.append(conn, units)
    assert [type(o) for o in outcomes] == [Appended, Conflict, Appended]
    assert [e.event.customer for e in log.read(0, 10)] == ["cus_1", "cus_2", "cus_4"]


def test_of_concurrent_writers_to_one_version_exactly_one_wins(log: Log):
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda i: log.append(linked(1, org=f"org_{i}")), range(64)))
    assert sum(isinstance(o, Appended) for o in outcomes) == 1
    assert len(log.read(0, 100)) == 1


def test_a_tailing_reader_misses_nothing_under_concurrent_writers(log: Log, database: str):
    """Fails when the lock in `ledger.append_units` is taken out: positions would then commit out of order."""
    writers = [Log(database) for _ in range(6)]
    done = threading.Event()
    seen: list[int] = []

    def tail() -> None:
        after = 0
        while True:
            finished = done.is_set()
            events = log.read(after, 500)
            seen.extend(e.position for e in events)
            if events:
                after = events[-1].position
            elif finished:
                return

    reader = threading.Thread(target=tail)
    reader.start()

    def write(w: int) -> None:
        for i in range(150):
            writers[w].append(linked(w * 1000 + i))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    done.set()
    reader.join()
    for w in writers:
        w.close()
    assert len(seen) == 900
    assert seen == sorted(seen)


def test_recorded_at_never_decreases_with_position(log: Log):
    for i in range(20):
        log.append(linked(i))
    stamps = [e.recorded_at_us for e in log.read(0, 100)]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize("statement", ["UPDATE ledger.events SET topic = 'x'", "DELETE FROM ledger.events"])
@pytest.mark.parametrize("owner", [False, True])
def test_nobody_may_change_the_log(log: Log, database: str, statement: str, owner: bool):
    log.append(linked(1))
    conninfo = database if owner else store.writer_conninfo(database)
    with psycopg.connect(conninfo) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


def test_not_even_the_owner_may_truncate_the_log(log: Log, database: str):
    with psycopg.connect(database) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("TRUNCATE ledger.events")


def test_a_bulk_append_leaves_out_what_is_there(log: Log):
    log.append(linked(1))
    assert log.append_bulk([linked(i) for i in range(5)] + [linked(4)]) == 4
    assert len(log.read(0, 100)) == 5


def test_the_librarys_own_insert_goes_the_same_way(log: Log):
    from eventsourcing.persistence import IntegrityError, StoredEvent

    event = StoredEvent("org_link/test/platform/cus_9", 1, "organization.unlinked/1", b"{}")
    assert log.recorder.insert_events([event], metadata=META)
    with pytest.raises(IntegrityError):
        log.recorder.insert_events([event], metadata=META)
    assert [e.originator_id for e in log.recorder.select_events("org_link/test/platform/cus_9")] == [
        "org_link/test/platform/cus_9"
    ]
    assert log.recorder.max_notification_id() == log.head()


def test_a_time_names_one_position(log: Log):
    from datetime import UTC, datetime, timedelta

    outcomes = [log.append(linked(i)) for i in range(5)]
    events = log.read(0, 10)
    with log.connection() as conn:
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=events[2].recorded_at_us)
        assert store.position_at(conn, at) == outcomes[2].positions[0]
        assert store.position_at(conn, at - timedelta(microseconds=1)) == outcomes[1].positions[0]
        assert store.position_at(conn, datetime(1999, 1, 1, tzinfo=UTC)) == 0


def test_the_unsafe_switch_of_the_library_is_refused(database: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POSTGRES_ENABLE_DB_FUNCTIONS", "y")
    with pytest.raises(store.UnsafeStore):
        Log(database)
