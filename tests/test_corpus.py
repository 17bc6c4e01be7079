"""Third-party Stripe events, read in place where they lie beside the project: every one lands, in any order alike."""

import json
import os
import random
from pathlib import Path
from typing import Any

import oracle
import psycopg
import pytest
from histories import KEY, built, different, folded, fresh_database, ingest, logged, project, remembered, rows_of
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

#: Files that say less than their type must, each with the reason that people are shown.
QUARANTINED = {
    # made by a mock's templates, which fill in the subscription's id only when they are served
    "customer.subscription.created__nover__stripe-mock-data__0f9842.json": "lacks id",
    "customer.subscription.deleted__nover__stripe-mock-data__13b3e8.json": "lacks id",
    "customer.subscription.updated__nover__stripe-mock-data__1a94d5.json": "lacks id",
}
WAITING = {
    "v1.billing.meter.error_report_triggered__nover__stripe-python__628cb0.json": (
        "thin event: its object has not been fetched"
    ),
}
#: Event types that a read model of this release is made of, `invoice.upcoming` (an invoice that is none yet) aside.
TRANSLATED = (
    "customer.created", "customer.updated", "customer.deleted", "customer.subscription.", "invoice.", "product.",
    "price.", "plan.", "entitlements.active_entitlement_summary.",
)  # fmt: skip


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


def test_every_event_lands_with_a_right_reason(named: dict[str, Delivery], corpus: list[Delivery]) -> None:
    # given
    assert len(named) >= 242 and len(corpus) >= 465
    # when
    rows = folded(remembered(corpus))["stripe_events"]
    # then every event has a row
    assert len(rows) == len(corpus)
    state = {key[2]: row for key, row in rows.items()}
    files = {told.event["id"]: name for name, told in named.items()}
    for wanted, listed in (("quarantined", QUARANTINED), ("waiting", WAITING)):
        found = {files.get(i, i): row["reason"] for i, row in state.items() if row["state"] == wanted}
        assert found == listed
    # and what is translated was applied, everything else stored
    for event_id, row in state.items():
        if row["state"] in ("quarantined", "waiting"):
            continue
        translated = row["type"].startswith(TRANSLATED) and row["type"] != "invoice.upcoming"
        assert row["state"] == ("applied" if translated else "stored_only"), (event_id, row)
        assert row["reason"] is None


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
