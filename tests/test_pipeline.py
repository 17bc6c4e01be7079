"""A pipeline: what goes in comes out as it was, a transaction is whole or nothing, and no fault stays behind."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.pipeline import Pipeline

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as it:
        it.execute("CREATE TABLE kept (id bigint PRIMARY KEY, said text)")
        yield it


def kept(conn: psycopg.Connection) -> list[tuple[int, str]]:
    return conn.execute("SELECT id, said FROM kept ORDER BY id").fetchall()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    TEXTS, st.lists(TEXTS), st.integers(-(2**63), 2**63 - 1), st.none() | st.booleans(), st.booleans()
)  # fmt: skip
def test_a_value_comes_back_as_it_went(
    conn: psycopg.Connection, text: str, texts: list[str], number: int, flag: bool | None, binary: bool
) -> None:
    pipeline = Pipeline(conn)
    with pipeline.transaction():
        answer = pipeline.execute(
            "SELECT %b::text, %s::text[], %b::bigint, %b::boolean", [text, texts, number, flag], binary=binary
        )
        assert answer.fetchall() == [(text, texts, number, flag)]


def test_answers_are_told_apart_in_whatever_order_they_are_asked_for(conn: psycopg.Connection) -> None:
    pipeline = Pipeline(conn)
    with pipeline.transaction():
        answers = [pipeline.execute("SELECT g FROM generate_series(1, %b) g", [n]) for n in range(20)]
        for n in (7, 3, 19, 0):
            assert [row for (row,) in answers[n].fetchall()] == list(range(1, n + 1))
        assert (answers[2].fetchone(), answers[2].fetchone(), answers[2].fetchone()) == ((1,), (2,), None)
        assert answers[2].fetchall() == []


def test_a_transaction_is_whole_or_nothing(conn: psycopg.Connection) -> None:
    pipeline = Pipeline(conn)
    with pipeline.transaction():
        pipeline.execute("INSERT INTO kept VALUES (%b, %b)", [1, "a"])

    def insert_and_fail() -> None:
        with pipeline.transaction():
            pipeline.execute("INSERT INTO kept VALUES (%b, %b)", [2, "b"])
            raise KeyError

    with pytest.raises(KeyError):
        insert_and_fail()
    assert kept(conn) == [(1, "a")]


@pytest.mark.parametrize("waits", [False, True])
def test_a_fault_of_the_server_is_told_once_and_undoes_all(conn: psycopg.Connection, waits: bool) -> None:
    pipeline = Pipeline(conn)
    insert = "INSERT INTO kept VALUES (%b, %b)"

    def insert_twice() -> None:
        with pipeline.transaction():
            pipeline.execute(insert, [1, "a"])
            pipeline.execute(insert, [1, "b"])
            later = pipeline.execute("SELECT count(*) FROM kept")  # met for the first time after the fault
            if waits:
                later.fetchall()

    with pytest.raises(psycopg.errors.UniqueViolation, match="kept_pkey"):
        insert_twice()
    assert kept(conn) == []
    # and then everything works as if it had not been
    with pipeline.transaction():
        pipeline.execute(insert, [1, "a"])
        assert pipeline.execute("SELECT count(*) FROM kept").fetchone() == (1,)
    assert kept(conn) == [(1, "a")]


def test_what_is_found_wrong_at_the_commit_is_told(conn: psycopg.Connection) -> None:
    conn.execute("CREATE TABLE other (id bigint REFERENCES kept DEFERRABLE INITIALLY DEFERRED)")
    pipeline = Pipeline(conn)
    with pytest.raises(psycopg.errors.ForeignKeyViolation), pipeline.transaction():
        pipeline.execute("INSERT INTO other VALUES (1)")
    assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert conn.execute("SELECT count(*) FROM other").fetchone() == (0,)


def test_much_goes_out_while_much_comes_in(conn: psycopg.Connection) -> None:
    """Where both only sent, each would wait for the other to read (https://github.com/psycopg/psycopg/issues/685)."""
    pipeline, big = Pipeline(conn), "x" * 4_000_000
    with pipeline.transaction():
        answers = [pipeline.execute("SELECT %b::text || %b::text", [big, big]) for _ in range(8)]
        assert {len(answer.fetchall()[0][0]) for answer in answers} == {8_000_000}


def test_two_pipelines_over_one_connection_share_no_name(conn: psycopg.Connection) -> None:
    for n in range(3):
        pipeline = Pipeline(conn)
        with pipeline.transaction():
            assert pipeline.execute("SELECT %b::int", [n]).fetchone() == (n,)


@pytest.mark.parametrize("waits", [False, True])
def test_a_lost_connection_is_told(conn: psycopg.Connection, database: str, waits: bool) -> None:
    pipeline = Pipeline(conn)

    def lose() -> None:
        with pipeline.transaction():
            pipeline.execute("SELECT 1").fetchall()
            with psycopg.connect(database, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 2000)", [conn.info.backend_pid])
            answer = pipeline.execute("SELECT 2")
            if waits:
                answer.fetchall()

    with pytest.raises(psycopg.OperationalError):
        lose()
    assert conn.closed or conn.broken
