"""Third-party Stripe events, read in place where they lie beside the project: they land alike in any order.

As what each type lands, and what is put aside with which reason, is told in `test_corpus_types`.
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import oracle
import psycopg
import pytest
from databases import fresh_database
from histories import KEY, built, different, folded, ingest, logged, project, remembered, rows_of
from samples import Delivery

from api.postgres import EmbeddedPostgres
from ledger.store import Log
from replay import digest
from replay.verify import verify

CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is"),
]

IN_MEMORY, IN_POSTGRES = 45, 5


def _delivery(event: dict[str, Any]) -> Delivery:
    return Delivery(event, "connect" if event.get("account") or event.get("context") else "platform")


def _files(folder: str) -> list[Path]:
    assert CORPUS is not None
    return [f for f in sorted(Path(CORPUS, folder).glob("*.json")) if f.name != "index.json"]


@pytest.fixture(scope="module")
def named() -> dict[str, Delivery]:
    """Each file's event under an id of its own: many share one that was scrubbed upstream."""
    found = {}
    for number, file in enumerate(_files("events")):
        found[file.name] = _delivery({**json.loads(file.read_text()), "id": f"evt_corpus{number:04}"})
    return found


@pytest.fixture(scope="module")
def corpus(named: dict[str, Delivery]) -> list[Delivery]:
    """All events; those of the recorded lists under their own ids, but for one id that has two contents."""
    seen: dict[str, dict[str, Any]] = {}
    for number, file in enumerate(_files("event_lists")):
        for event in json.loads(file.read_text())["data"]:
            known = seen.setdefault(event["id"], event)
            if known != event:
                seen[f"{event['id']}_{number}"] = {**event, "id": f"{event['id']}_{number}"}
    return [*named.values(), *map(_delivery, seen.values())]


@pytest.fixture(scope="module")
def expected(corpus: list[Delivery]) -> oracle.Rows:
    return oracle.recount(corpus)


def shuffled(corpus: list[Delivery], seed: int) -> list[Delivery]:
    rnd = random.Random(seed)
    again = corpus + rnd.choices(corpus, k=len(corpus) // 3)
    rnd.shuffle(again)
    return again


def test_every_event_has_a_row(named: dict[str, Delivery], corpus: list[Delivery]) -> None:
    assert len(named) >= 242 and len(corpus) >= 465
    assert len(folded(remembered(corpus))["stripe_events"]) == len(corpus)


def test_the_oracle_agrees_on_every_row(corpus: list[Delivery], expected: oracle.Rows) -> None:
    assert different(folded(remembered(corpus)), expected) == []
    for model in ("customers", "subscriptions", "invoices", "products", "prices", "entitlement_summaries"):
        assert expected[model], f"the corpus shows nothing of {model}"


@pytest.mark.parametrize("seed", range(0, IN_MEMORY, 15))
def test_any_order_with_duplicates_gives_the_same_rows(
    corpus: list[Delivery], expected: oracle.Rows, seed: int
) -> None:
    for n in range(seed, seed + 15):
        assert different(folded(remembered(shuffled(corpus, n))), expected) == [], n


def test_any_order_with_duplicates_gives_one_digest_and_a_clean_verify(
    server: EmbeddedPostgres, template: str, corpus: list[Delivery], expected: oracle.Rows
) -> None:
    found = []
    for n in range(IN_POSTGRES):
        with fresh_database(server, template) as database:
            # given another order, other keys, other steps
            log = Log(built(database))
            ingest(log, shuffled(corpus, 1000 + n), bytes([n]) * len(KEY), seed=n)
            log.close()
            assert logged(database) == len(corpus)
            # when
            project(database, sizes=[random.Random(n).randint(1, 120) for _ in range(5)])
            # then
            assert different(rows_of(database), expected) == []
            assert [v.differences for v in verify(database)] == [(), ()]
            with psycopg.connect(database, autocommit=True) as conn:
                found.append(digest.digests(conn).models)
    assert all(models == found[0] for models in found)
