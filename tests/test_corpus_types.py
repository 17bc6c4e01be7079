"""Every event type of the corpus lands as the reference says, and the reference says something of every type.

The page is read as people read it. Which files say too little, and why, is a table here: no page can know that.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import stripe
from histories import Rows, folded, remembered
from samples import Delivery
from stripe.events._event_classes import _V2_EVENT_NOTIFICATION_CLASS_LOOKUP

from tests.docs.event_types import names
from tests.docs.generate import REFERENCE
from tests.docs.reference_stripe import STORED_ONLY, Fate, rows_of

CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")
in_the_corpus = pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")

_OTHER_OBJECT = (
    "the object is a '{}', not a 'source' or 'card' or 'bank_account' or 'alipay_account' or 'bitcoin_receiver'"
)
#: File -> state and reason, for the files whose type is translated and that are not applied.
ASIDE = {
    # made by a mock's templates, which fill in the subscription's id only when they are served
    "customer.subscription.created__nover__stripe-mock-data__0f9842.json": ("quarantined", "lacks id"),
    "customer.subscription.deleted__nover__stripe-mock-data__13b3e8.json": ("quarantined", "lacks id"),
    "customer.subscription.updated__nover__stripe-mock-data__1a94d5.json": ("quarantined", "lacks id"),
    # of a time when a dispute was a part of its charge, and had no id
    "charge.dispute.closed__nover__stripe-ruby-mock__8398d0.json": ("quarantined", "lacks id"),
    "charge.dispute.created__nover__stripe-mock-data__28edf3.json": ("quarantined", "lacks id"),
    "charge.dispute.updated__nover__stripe-ruby-mock__98b29b.json": ("quarantined", "lacks id"),
    # one recorded envelope, into which upstream put other objects
    **{
        f"source.chargeable__2018-05-21__webhookdb__{file}.json": ("quarantined", _OTHER_OBJECT.format(of))
        for file, of in (
            ("9cccd1", "charge"),
            ("b7a647", "customer"),
            ("c492b5", "customer"),
            ("cc3db1", "subscription"),
            ("d0793c", "subscription_item"),
            ("d11108", "price"),
            ("dbc418", "charge"),
            ("e76a5b", "coupon"),
            ("f01503", "invoice"),
        )
    },
    # written by hand, without the `data` that tells what is wrong
    "v1.billing.meter.error_report_triggered__nover__stripe-python__628cb0.json": (
        "waiting",
        "thin event: what it is about must be fetched",
    ),
}
#: Types of the corpus that never were Stripe's.
MADE_UP = {"foo.created"}
#: How many types the corpus shows, so that a corpus that was cut down is noticed.
TYPES_SHOWN = 109


def page() -> dict[str, Fate]:
    return rows_of((REFERENCE / "stripe-types.md").read_text())


def _files(folder: str) -> list[Path]:
    assert CORPUS is not None
    return [f for f in sorted(Path(CORPUS, folder).glob("*.json")) if f.name != "index.json"]


def _delivery(event: dict[str, Any], event_id: str) -> Delivery:
    account = event.get("account") or event.get("context")
    return Delivery({**event, "id": event_id}, "connect" if account else "platform")


@cache
def deliveries() -> dict[str, Delivery]:
    """Every event of the corpus under an id of its own, which names its file and its place there."""
    found = {}
    for file in _files("events"):
        found[file.name] = _delivery(json.loads(file.read_text()), file.name)
    for file in _files("event_lists"):
        for place, event in enumerate(json.loads(file.read_text())["data"]):
            found[f"{file.name} {place}"] = _delivery(event, f"{file.name} {place}")
    return found


@cache
def landed() -> Rows:
    return folded(remembered(list(deliveries().values())))


def events() -> dict[str, dict[str, Any]]:
    return {key[2]: row for key, row in landed()["stripe_events"].items()}


def test_the_list_has_every_type_once_and_in_order() -> None:
    for listed in names():
        objects = [event_type.rpartition(".")[0] for event_type in listed]
        assert len(set(listed)) == len(listed)
        assert objects == sorted(objects)


def test_every_type_that_the_sdk_knows_is_on_the_page() -> None:
    # given
    snapshot = set(get_args(stripe.Event.__annotations__["type"]))
    thin = set(_V2_EVENT_NOTIFICATION_CLASS_LOOKUP)
    # then
    assert len(snapshot) > 200 and snapshot <= page().keys()
    assert len(thin) > 200 and thin <= page().keys()


@pytest.mark.corpus
@in_the_corpus
def test_every_type_that_any_api_version_lists_is_on_the_page() -> None:
    # given
    assert CORPUS is not None
    schemas = sorted(Path(CORPUS, "openapi", "derived").glob("objects-*.json"))
    # when
    listed = {event_type for path in schemas for event_type in json.loads(path.read_bytes())["event_types"]}
    # then
    assert len(schemas) == 8 and len(listed) > 280
    assert listed - page().keys() == set()


@pytest.mark.corpus
@in_the_corpus
def test_every_event_type_of_the_corpus_lands_as_the_page_says() -> None:
    # given
    told, found = page(), events()
    assert len({row["type"] for row in found.values()}) >= TYPES_SHOWN
    for event_id, row in found.items():
        said = told.get(row["type"], Fate(row["type"], STORED_ONLY, (), None))
        assert (row["type"] in told) != (row["type"] in MADE_UP), row["type"]
        # then
        if event_id in ASIDE:
            assert ((row["state"], row["reason"]), said.state) == (ASIDE[event_id], "applied")
            continue
        assert (row["state"], row["reason"]) == (said.state, None), event_id
        if said.model is not None:
            assert row["object"] in said.objects
            place = next(key[:2] for key in landed()["stripe_events"] if key[2] == event_id)
            assert (*place, row["object_id"]) in landed()[said.model], event_id


@pytest.mark.corpus
@in_the_corpus
def test_nothing_else_is_put_aside() -> None:
    aside = {
        i: (row["state"], row["reason"]) for i, row in events().items() if row["state"] in ("quarantined", "waiting")
    }
    assert aside == ASIDE


def test_the_page_is_read_as_it_stands() -> None:
    # given
    text = (
        "## Event types\n\n| event type | becomes | object | read model |\n| --- | --- | --- | --- |\n"
        "| `a.b` | `applied` | `x`, `y` | [`things`](read-models.md#things) |\n| `ping` | `stored_only` |  |  |\n\n"
        "## Thin event types\n\n| about | event types | becomes |\n| --- | --- | --- |\n"
        "| `v1.c` | `v1.c.d`, `v1.c.e` | `waiting` |\n\n## a\n\n| `deleted` |  | deleted (all) |\n"
    )
    # then
    assert list(rows_of(text).values()) == [
        Fate("a.b", "applied", ("x", "y"), "things"),
        Fate("ping", "stored_only", (), None),
        Fate("v1.c.d", "waiting", (), None),
        Fate("v1.c.e", "waiting", (), None),
    ]
