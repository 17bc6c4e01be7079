"""What must add up: every charge, refund, dispute and movement of the corpus, by what the translations make of it.

So does every payment that they make up. Invoices and credit notes have a file of their own. An object that says too
little to be checked, or that does not add up, stands in a table with the reason.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from histories import KEY, folded, received, remembered
from samples import Delivery, event

from ledger.facts import ObjectFact, Quarantined
from ledger.translations import BY_NAME, translate

CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")
FOLDERS = ("events", "event_lists", "recorded_api")
Facts = Mapping[str, Any]


class Identity(NamedTuple):
    """An equation, and when there is anything to check."""

    speaks: Callable[[Facts], Any]
    holds: Callable[[Facts], Any]


def _tells(*fields: str) -> Callable[[Facts], bool]:
    """Whether facts tell all these fields: none is absent or null."""
    return lambda f: all(f.get(field) is not None for field in fields)


def _taken(f: Facts) -> int:
    """What was captured of a charge; versions that do not tell captured it whole or not at all."""
    whole: int = f["amount_minor"] if f["captured"] else 0
    told: int | None = f.get("amount_captured_minor")
    return whole if told is None else told


def _moved(f: Facts) -> bool:
    """Whether an expanded balance transaction is in the object's own currency."""
    movement = f.get("movement")
    return movement is not None and movement["currency"] == f["currency"]


def _nets(movement: Facts) -> bool:
    return bool(movement["net_minor"] == movement["amount_minor"] - movement["fee_minor"])


def _at_most(part: str, whole: str) -> Identity:
    return Identity(_tells(part, whole), lambda f: 0 <= f[part] <= f[whole])


def _sum_of(listed: str, complete: str, total: str) -> Identity:
    """A list that is whole adds up to its total; what failed or was canceled does not count."""
    counts = ("succeeded", "pending", None)
    return Identity(
        lambda f: f.get(complete) is True and f.get(total) is not None,
        lambda f: sum(one["amount_minor"] for one in f[listed] if one.get("status") in counts) == f[total],
    )


#: Kind of object -> what its amounts must satisfy.
IDENTITIES: dict[str, dict[str, Identity]] = {
    "charge": {
        "captured is at most the amount": Identity(_tells("captured"), lambda f: 0 <= _taken(f) <= f["amount_minor"]),
        "nothing is taken that is not captured": Identity(
            lambda f: f.get("captured") is False and f.get("amount_captured_minor") is not None,
            lambda f: f["amount_captured_minor"] == 0,
        ),
        "captured less refunded is not negative": Identity(
            _tells("captured", "amount_refunded_minor"), lambda f: _taken(f) >= f["amount_refunded_minor"] >= 0
        ),
        "refunded is the sum of the refunds": _sum_of("refunds", "refunds_complete", "amount_refunded_minor"),
        "the booking is what was captured": Identity(_moved, lambda f: f["movement"]["amount_minor"] == _taken(f)),
        "net is the booking less its fee": Identity(_tells("movement"), lambda f: _nets(f["movement"])),
        "the application's fee is part of the amount": _at_most("application_fee_amount_minor", "amount_minor"),
        "what is transferred is part of the amount": _at_most("transfer_amount_minor", "amount_minor"),
    },
    "refund": {
        "something is refunded": Identity(_tells("amount_minor"), lambda f: f["amount_minor"] > 0),
        "the booking is what was refunded": Identity(
            _moved, lambda f: f["movement"]["amount_minor"] == -f["amount_minor"]
        ),
        "net is the booking less its fee": Identity(_tells("movement"), lambda f: _nets(f["movement"])),
    },
    "dispute": {
        "something is disputed": Identity(_tells("amount_minor"), lambda f: f["amount_minor"] > 0),
        "net is the booking less its fee": Identity(
            lambda f: f.get("movements"), lambda f: all(map(_nets, f["movements"]))
        ),
        "what is disputed was withdrawn, or given back": Identity(
            lambda f: f.get("movements") and {m["currency"] for m in f["movements"]} == {f["currency"]},
            lambda f: (
                sum(m["amount_minor"] for m in f["movements"]) == (0 if f["status"] == "won" else -f["amount_minor"])
            ),
        ),
    },
    "balance_transaction": {
        "net is the amount less its fee": Identity(_tells("net_minor"), _nets),
        "the fee is the sum of its parts": Identity(
            _tells("fee_details"), lambda f: sum(d["amount_minor"] for d in f["fee_details"]) == f["fee_minor"]
        ),
    },
    "payment_intent": {
        "received is at most the amount": _at_most("amount_received_minor", "amount_minor"),
        "what succeeded was received whole": Identity(
            lambda f: f["status"] == "succeeded" and f.get("amount_received_minor") is not None,
            lambda f: f["amount_received_minor"] == f["amount_minor"],
        ),
        "capturable is at most the amount": _at_most("amount_capturable_minor", "amount_minor"),
    },
    "transfer": {
        "reversed is at most the amount": _at_most("amount_reversed_minor", "amount_minor"),
        "reversed is the sum of the reversals": _sum_of("reversals", "reversals_complete", "amount_reversed_minor"),
        "reversed is said of what is reversed whole": Identity(
            _tells("reversed", "amount_reversed_minor"),
            lambda f: f["reversed"] == (f["amount_reversed_minor"] == f["amount_minor"]),
        ),
    },
}
_NO_ID = "of a time when a dispute was a part of its charge: it has no id"
#: (file, kind) -> why nothing of what is there can be checked, and what it is quarantined for.
TOO_LITTLE = {
    ("charge.dispute.closed__nover__stripe-ruby-mock__8398d0.json", "dispute"): (_NO_ID, "lacks id"),
    ("charge.dispute.created__nover__stripe-mock-data__28edf3.json", "dispute"): (_NO_ID, "lacks id"),
    ("charge.dispute.updated__nover__stripe-ruby-mock__98b29b.json", "dispute"): (_NO_ID, "lacks id"),
}
#: (file, kind, id, identity) -> why it does not hold there. Every object of the corpus adds up.
EXCEPTIONS: dict[tuple[str, str, str, str], str] = {}
#: What no object of the corpus speaks of; held to samples alone.
NOT_SHOWN = {
    ("charge", "what is transferred is part of the amount"),
    ("refund", "the booking is what was refunded"),
    ("refund", "net is the booking less its fee"),
}
#: How many objects the corpus shows at least.
SHOWN = {"charge": 105, "refund": 11, "dispute": 7, "balance_transaction": 26, "payment_intent": 103, "transfer": 12}


class Found(NamedTuple):
    """An object of the corpus, wherever it stands."""

    file: str
    kind: str
    id: str | None
    facts: Facts | str
    """What it says; or why it says nothing."""
    object: dict[str, Any]
    version: str | None
    kind_of_event: str


def broken(kind: str, facts: Facts) -> list[str]:
    """The identities that do not hold."""
    return [name for name, it in IDENTITIES[kind].items() if it.speaks(facts) and not it.holds(facts)]


@cache
def found() -> tuple[Found, ...]:
    assert CORPUS is not None
    files = [f for folder in FOLDERS for f in sorted(Path(CORPUS, folder).glob("*.json")) if f.name != "index.json"]
    return tuple(
        _said(file.name, obj, version) for file in files for obj, version in _objects(json.loads(file.read_bytes()))
    )


def _objects(document: Any, version: str | None = None) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Every object with amounts in a document, those inside others too, with the API version around it."""
    if isinstance(document, list):
        for each in document:
            yield from _objects(each, version)
    elif isinstance(document, dict):
        version = document.get("api_version", version)
        kind = document.get("object")
        if isinstance(kind, str) and kind in IDENTITIES and "amount" in document:
            yield document, version
        for key, each in document.items():
            if key != "previous_attributes":
                yield from _objects(each, version)


def _said(file: str, obj: dict[str, Any], version: str | None) -> Found:
    family = BY_NAME[obj["object"]]
    kind = family.event_types[0].replace("*", "updated")
    fact = translate(received(Delivery(event(1, kind, obj, version=version)), KEY).event)
    if not isinstance(fact, ObjectFact):
        assert isinstance(fact, Quarantined)
        return Found(file, family.name, obj.get("id"), fact.reason, obj, version, kind)
    values = iter(fact.values)
    facts = {n: next(values) for i, n in enumerate(family.facts.__struct_fields__) if fact.mask & (1 << i)}
    return Found(file, family.name, obj.get("id"), facts, obj, version, kind)


in_the_corpus = pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")


@pytest.mark.corpus
@in_the_corpus
def test_everything_in_the_corpus_adds_up_or_is_in_the_table() -> None:
    wrong = {
        (it.file, it.kind, it.id, name)
        for it in found()
        if not isinstance(it.facts, str)
        for name in broken(it.kind, it.facts)
    }
    assert wrong == set(EXCEPTIONS)


@pytest.mark.corpus
@in_the_corpus
def test_what_says_too_little_is_in_the_table() -> None:
    silent = {(it.file, it.kind): it.facts for it in found() if isinstance(it.facts, str)}
    assert silent == {key: reason for key, (_, reason) in TOO_LITTLE.items()}


@pytest.mark.corpus
@in_the_corpus
def test_the_corpus_shows_enough_of_each_kind() -> None:
    # given
    speaking = [(it.kind, it.facts) for it in found() if not isinstance(it.facts, str)]
    # when
    kinds = Counter(kind for kind, _ in speaking)
    every = {(kind, name) for kind, named in IDENTITIES.items() for name in named}
    checked = {(k, name) for k, facts in speaking for name, it in IDENTITIES[k].items() if it.speaks(facts)}
    # then
    assert {kind: kinds[kind] for kind in SHOWN if kinds[kind] < SHOWN[kind]} == {}
    assert every - checked == NOT_SHOWN


@pytest.mark.corpus
@in_the_corpus
def test_every_payment_of_the_corpus_keeps_what_it_received_less_what_was_refunded_and_lost() -> None:
    # given every object with amounts, as an event of an account that is its file's own: ids repeat across files
    told = [(it, f"evt_{number}") for number, it in enumerate(found()) if not isinstance(it.facts, str)]
    delivered = [
        Delivery(event(event_id, it.kind_of_event, it.object, version=it.version, account=f"acct_{it.file}"), "connect")
        for it, event_id in told
    ]
    # when
    payments = folded(remembered(delivered))["payments"]
    # then
    assert len(payments) >= 94 and sum(bool(p["movements"]) for p in payments.values()) >= 24
    for key, payment in payments.items():
        taken_back = payment["refunded_minor"] + payment["lost_minor"]
        assert payment["kept_minor"] == payment["received_minor"] - taken_back, key
        assert 0 <= taken_back <= payment["received_minor"], key
        if payment["net_minor"] is not None:
            assert payment["net_minor"] == sum(m["net_minor"] for m in payment["movements"]), key


_BOOKED = {"amount_minor": 800, "fee_minor": 30, "net_minor": 770, "currency": "eur"}
_BACK = {"amount_minor": -300, "fee_minor": 0, "net_minor": -300, "currency": "eur"}
_PART = {"amount_minor": 300, "status": "succeeded"}
#: Facts that satisfy every identity of their kind, and speak of each.
SOUND: dict[str, Facts] = {
    "charge": {
        "amount_minor": 1000, "captured": True, "amount_captured_minor": 800, "amount_refunded_minor": 300,
        "currency": "eur", "refunds": [_PART, {"amount_minor": 70, "status": "failed"}], "refunds_complete": True,
        "movement": _BOOKED, "application_fee_amount_minor": 100, "transfer_amount_minor": 700,
    },
    "refund": {"amount_minor": 300, "currency": "eur", "movement": _BACK},
    "dispute": {"amount_minor": 300, "currency": "eur", "status": "lost", "movements": [_BACK]},
    "balance_transaction": {**_BOOKED, "fee_details": [{"amount_minor": 10}, {"amount_minor": 20}]},
    "payment_intent": {
        "status": "succeeded", "amount_minor": 1000, "amount_received_minor": 1000, "amount_capturable_minor": 0,
    },
    "transfer": {
        "amount_minor": 300, "amount_reversed_minor": 300, "reversed": True, "reversals": [_PART],
        "reversals_complete": True,
    },
}  # fmt: skip
#: (kind, what is said instead, the identities that break).
BREAKS: list[tuple[str, Facts, set[str]]] = [
    ("charge", {"amount_captured_minor": 1001}, {"captured is at most the amount", "the booking is what was captured"}),
    ("charge", {"captured": False}, {"nothing is taken that is not captured"}),
    (
        "charge",
        {"amount_refunded_minor": 801, "refunds": [{"amount_minor": 801, "status": "pending"}]},
        {"captured less refunded is not negative"},
    ),
    ("charge", {"refunds": [_PART, _PART]}, {"refunded is the sum of the refunds"}),
    ("charge", {"movement": {**_BOOKED, "net_minor": 771}}, {"net is the booking less its fee"}),
    ("charge", {"application_fee_amount_minor": 1001}, {"the application's fee is part of the amount"}),
    ("charge", {"transfer_amount_minor": -1}, {"what is transferred is part of the amount"}),
    ("refund", {"amount_minor": 0}, {"something is refunded", "the booking is what was refunded"}),
    ("refund", {"movement": {**_BACK, "fee_minor": 5}}, {"net is the booking less its fee"}),
    ("dispute", {"amount_minor": -300}, {"something is disputed", "what is disputed was withdrawn, or given back"}),
    ("dispute", {"movements": [{**_BACK, "net_minor": 0}]}, {"net is the booking less its fee"}),
    ("dispute", {"status": "won"}, {"what is disputed was withdrawn, or given back"}),
    ("balance_transaction", {"net_minor": 800}, {"net is the amount less its fee"}),
    ("balance_transaction", {"fee_details": []}, {"the fee is the sum of its parts"}),
    ("payment_intent", {"amount_received_minor": 999}, {"what succeeded was received whole"}),
    ("payment_intent", {"status": "canceled", "amount_received_minor": 1001}, {"received is at most the amount"}),
    ("payment_intent", {"amount_capturable_minor": 1001}, {"capturable is at most the amount"}),
    ("transfer", {"reversals": []}, {"reversed is the sum of the reversals"}),
    ("transfer", {"reversed": False}, {"reversed is said of what is reversed whole"}),
    (
        "transfer",
        {"amount_reversed_minor": 301, "reversals_complete": False},
        {"reversed is at most the amount", "reversed is said of what is reversed whole"},
    ),
]


def test_sound_facts_break_nothing_and_speak_of_everything() -> None:
    assert SOUND.keys() == IDENTITIES.keys()
    assert {kind: broken(kind, facts) for kind, facts in SOUND.items()} == {kind: [] for kind in SOUND}
    silent = [(k, n) for k, named in IDENTITIES.items() for n, it in named.items() if not it.speaks(SOUND[k])]
    assert silent == [("charge", "nothing is taken that is not captured")]


@pytest.mark.parametrize(("kind", "instead", "names"), BREAKS)
def test_facts_that_do_not_add_up_are_noticed(kind: str, instead: Facts, names: set[str]) -> None:
    assert set(broken(kind, {**SOUND[kind], **instead})) == names


def test_every_identity_has_facts_that_break_it() -> None:
    every = {(kind, name) for kind, named in IDENTITIES.items() for name in named}
    assert {(kind, name) for kind, _, names in BREAKS for name in names} == every
