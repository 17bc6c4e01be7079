"""The key store: a key a subject, wrapped; destroyed for ever; an index by e-mail that reveals nothing."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from cryptography.exceptions import InvalidTag

from ledger import keys as keys_module
from ledger.errors import StoreUnavailable
from ledger.keys import KeyStore, MasterKey

MASTER = MasterKey(b"m" * 32)


@pytest.fixture
def keys(database: str) -> Iterator[KeyStore]:
    it = KeyStore(database, MASTER, max_connections=8)
    yield it
    it.close()


@pytest.fixture
def other(database: str) -> Iterator[KeyStore]:
    """The key store of another process."""
    it = KeyStore(database, MASTER)
    yield it
    it.close()


def test_a_subjects_key_is_the_same_for_every_process(keys: KeyStore, other: KeyStore):
    made = keys.ensure(["a", "b", "a"])
    assert len(made) == 2
    assert len(set(made.values())) == 2
    assert other.ensure(["b", "a"]) == made
    assert other.open(["a", "b", "unknown"]) == {**made, "unknown": None}
    assert keys.cached("a") == made["a"]
    assert other.cached("unknown") is None


def test_of_racing_processes_all_get_the_one_key_that_is_kept(database: str):
    stores = [KeyStore(database, MASTER) for _ in range(8)]
    subjects = [f"s{i}" for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda s: s.ensure(subjects), stores))
    assert all(f == found[0] for f in found)
    assert stores[0].open(subjects) == found[0]
    for store in stores:
        store.close()


def test_a_key_is_stored_wrapped_and_opens_under_no_other_master(keys: KeyStore, database: str):
    key = keys.ensure(["a"])["a"]
    with psycopg.connect(database) as conn:
        row = conn.execute("SELECT wrapped_key FROM subject_keys.keys").fetchone()
    assert row is not None
    assert key not in row[0]
    assert MASTER.unwrap(row[0], "a") == key
    for master, subject in ((MasterKey(b"x" * 32), "a"), (MASTER, "b")):
        with pytest.raises(InvalidTag):
            master.unwrap(row[0], subject)


def test_a_destroyed_key_is_gone_for_everybody_at_once_and_for_ever(keys: KeyStore, other: KeyStore, database: str):
    key = keys.ensure(["a"])["a"]
    other.ensure(["a"])

    assert keys.destroy("a") is True

    assert keys.open(["a"]) == other.open(["a"]) == {"a": None}
    assert keys.cached("a") is None
    assert keys.destroy("a") is False
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT wrapped_key FROM subject_keys.keys WHERE subject = 'a'").fetchone() == (None,)
    assert keys.ensure(["a"])["a"] != key
    assert keys.open(["a"]) == {"a": None}


def test_a_destroyed_subject_gets_a_key_that_nobody_keeps(keys: KeyStore, other: KeyStore):
    keys.destroy("a")
    assert keys.ensure(["a"]) != other.ensure(["a"])
    assert keys.open(["a"]) == {"a": None}


def test_a_subject_can_be_erased_before_it_was_ever_seen(keys: KeyStore, other: KeyStore):
    assert keys.destroy("a") is False
    keys.ensure(["a"])
    assert other.open(["a"]) == {"a": None}


def test_a_subject_is_found_by_its_email_until_it_is_erased(keys: KeyStore, other: KeyStore):
    keys.ensure(["a", "b"])
    assert not keys.knows_email("a", "Ada@Example.com")
    for subject in ("a", "b"):
        keys.index_email(subject, "Ada@Example.com")
    assert keys.knows_email("a", "ada@example.com")
    assert other.subjects_with_email(" ada@EXAMPLE.com ") == ["a", "b"]
    assert other.subjects_with_email("adam@example.com") == []
    keys.destroy("a")
    assert other.subjects_with_email("ada@example.com") == ["b"]
    keys.index_email("a", "ada@example.com")
    other.index_email("a", "ada@example.com")
    assert other.subjects_with_email("ada@example.com") == ["b"]


@pytest.mark.parametrize("first", ["index", "destroy"])
def test_an_index_entry_that_races_with_an_erasure_does_not_stay(
    keys: KeyStore, other: KeyStore, database: str, first: str
):
    keys.ensure(["a"])
    threads = [
        threading.Thread(target=keys.destroy, args=("a",)),
        threading.Thread(target=other.index_email, args=("a", "ada@example.com")),
    ]
    with psycopg.connect(database) as conn:  # holds the subject's row for a moment, so that both wait for it
        conn.execute("SELECT FROM subject_keys.keys WHERE subject = 'a' FOR UPDATE")
        for waiting, thread in enumerate(threads if first == "destroy" else reversed(threads), 1):
            thread.start()
            wait_for_waiters(database, waiting)
    for thread in threads:
        thread.join()
    assert keys.subjects_with_email("ada@example.com") == []


def wait_for_waiters(database: str, count: int) -> None:
    """Until so many sessions wait for a lock."""
    with psycopg.connect(database, autocommit=True) as conn:
        for _ in range(500):
            row = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ).fetchone()
            if row is not None and row[0] >= count:
                return
            time.sleep(0.005)
    raise AssertionError("nobody waits for the lock")


def test_the_blind_index_holds_no_address(keys: KeyStore, database: str):
    keys.ensure(["a"])
    keys.index_email("a", "canary@example.com")
    with psycopg.connect(database) as conn:
        assert b"canary" not in b"".join(r[0] for r in conn.execute("SELECT digest FROM subject_keys.blind_index"))
    assert MASTER.blind("canary@example.com") != MasterKey(b"x" * 32).blind("canary@example.com")


def test_a_process_forgets_keys_rather_than_grow(keys: KeyStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keys_module, "CACHE_SIZE", 4)
    first = keys.ensure(["a", "b", "c"])
    second = keys.ensure(["a", "b", "c", "d", "e"])
    assert {s: second[s] for s in "abc"} == first
    assert keys.ensure("abcde") == second
    for i in range(10):
        keys.index_email("a", f"{i}@example.com")
    assert keys.subjects_with_email("3@example.com") == ["a"]


def test_a_key_of_another_length_is_no_master_key():
    with pytest.raises(ValueError):
        MasterKey(b"short")


def test_without_a_database_the_store_says_unavailable():
    keys = KeyStore("host=/nonexistent dbname=recount connect_timeout=1", MASTER, max_connections=5)
    acts = [
        lambda: keys.ensure(["a"]),
        lambda: keys.open(["a"]),
        lambda: keys.index_email("a", "x"),
        lambda: keys.subjects_with_email("x"),
        lambda: keys.destroy("a"),
    ]
    with ThreadPoolExecutor(5) as pool:
        found = [type(f.exception()) for f in [pool.submit(act) for act in acts]]
    keys.close()
    assert found == [StoreUnavailable] * 5
