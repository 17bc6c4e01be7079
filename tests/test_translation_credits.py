"""Billing credits: grants and their transactions in any API version, and the balances that are made of them."""

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import oracle
import pytest
from histories import built, different, folded, ingest, project, remembered, rows_of
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw
from samples import Delivery
from samples import event as told

from ledger import inbox
from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined, Translation
from ledger.sealing import is_sealed
from ledger.store import Log
from ledger.translations import BY_NAME, translate
from replay.verify import verify
from tests.schema_made import Schemas

VERSIONS = [
    "2015-10-16", "2018-11-08", "2020-08-27", "2024-06-20", "2025-02-24.acacia", "2025-06-30.basil",
    "2025-10-29.clover", "2026-06-24.dahlia", "2026-10-28.endive",
]  # fmt: skip
T = 1_740_000_000
DAY = 86_400


def a_grant(id: str = "credgr_1", **change: Any) -> dict[str, Any]:
    """A promotional grant of 50.00, as Stripe shows it since acacia."""
    amount, currency = change.pop("amount", 5000), change.pop("currency", "usd")
    return {
        "id": id,
        "object": "billing.credit_grant",
        "amount": {"monetary": {"currency": currency, "value": amount}, "type": "monetary"},
        "applicability_config": {"scope": {"price_type": "metered"}},
        "category": "promotional",
        "created": T,
        "customer": "cus_1",
        "effective_at": T + 1,
        "expires_at": T + 30 * DAY,
        "livemode": False,
        "metadata": {"campaign": "spring"},
        "name": "Welcome, Ada",
        "priority": 50,
        "test_clock": None,
        "updated": T + 2,
        "voided_at": None,
        **change,
    }


def a_movement(id: str, kind: str, amount: int, grant: Any = "credgr_1", **change: Any) -> dict[str, Any]:
    """A transaction as Stripe shows it, with the part that its kind has."""
    direction = change.pop("direction", "credit" if kind in CREDITS else "debit")
    monetary = {"currency": change.pop("currency", "usd"), "value": amount}
    movement: dict[str, Any] = {"amount": {"monetary": monetary, "type": "monetary"}, "type": kind}
    line = {"invoice": "in_1", "invoice_line_item": "il_1"}
    about = "credits_application_invoice_voided" if direction == "credit" else "credits_applied"
    movement[about] = line if about == kind else None
    return {
        "id": id,
        "object": "billing.credit_balance_transaction",
        "created": T + 3,
        "credit": None,
        "credit_grant": grant,
        "debit": None,
        "effective_at": T + 4,
        "livemode": False,
        "test_clock": None,
        "type": direction,
        direction: movement,
        **change,
    }


CREDITS = ("credits_granted", "credits_application_invoice_voided")
DEBITS = ("credits_applied", "credits_expired", "credits_voided")


def stored(obj: dict[str, Any], kind: str, version: str | None = None, previous: Any = None) -> StripeEventReceived:
    data = {"object": obj} if previous is None else {"object": obj, "previous_attributes": previous}
    return StripeEventReceived(
        event_id="evt_1",
        type=kind,
        created_s=T + 5,
        mode="test",
        account="platform",
        api_version=version,
        endpoint="platform",
        payload=Raw(json.dumps({"id": "evt_1", "object": "event", "data": data}).encode()),
    )


def fact_of(obj: dict[str, Any], version: str | None = None, previous: Any = None) -> Translation:
    return translate(stored(obj, f"{obj['object']}.created", version, previous))


def spoken(found: Translation) -> dict[str, Any]:
    assert isinstance(found, ObjectFact), found
    facts = BY_NAME[found.model.removesuffix("s")].facts
    names = [name for i, name in enumerate(facts.__struct_fields__) if found.mask >> i & 1]
    return dict(zip(names, found.values, strict=True))


# ---- grants ---------------------------------------------------------------------------------

GRANT_FACTS = {
    "customer": "cus_1",
    "amount_minor": 5000,
    "currency": "usd",
    "amount_type": "monetary",
    "category": "promotional",
    "price_type": "metered",
    "prices": None,
    "priority": 50,
    "effective_at_s": T + 1,
    "expires_at_s": T + 30 * DAY,
    "voided_at_s": None,
    "name": "Welcome, Ada",
    "metadata": {"campaign": "spring"},
    "created_s": T,
    "updated_s": T + 2,
}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_credit_grant_says_the_same_in_every_api_version(version: str) -> None:
    # given a grant, which older versions render like acacia; before acacia's February there was no priority
    grant = a_grant()
    silent = set()
    if version < "2025-02":
        del grant["priority"]
        silent = {"priority"}
    if version >= "2025-10":
        grant["customer_account"] = None
    # when
    fact = fact_of(grant, version)
    # then
    assert spoken(fact) == {k: v for k, v in GRANT_FACTS.items() if k not in silent}
    assert isinstance(fact, ObjectFact)
    assert (fact.model, fact.id, fact.customer, fact.claim) == ("credit_grants", "credgr_1", "cus_1", None)


def test_a_grant_bound_to_prices_names_them_and_no_kind_of_prices() -> None:
    scope = {"prices": [{"id": "price_2"}, {"id": None}, {"id": "price_1"}]}
    said = spoken(fact_of(a_grant(applicability_config={"scope": scope})))
    assert (said["price_type"], said["prices"]) == (None, ("price_2", "price_1"))


def test_a_grant_tells_what_it_was_before_it_was_voided() -> None:
    fact = fact_of(a_grant(voided_at=T + 9), previous={"voided_at": None, "updated": T})
    assert isinstance(fact, ObjectFact)
    names = BY_NAME["credit_grant"].facts.__struct_fields__
    assert {names[i]: v for i, v in (fact.was or {}).items()} == {"voided_at_s": None, "updated_s": T}


def test_what_a_grant_does_not_speak_of_is_not_told() -> None:
    for absent, silent in (
        ("applicability_config", {"price_type", "prices"}),
        ("expires_at", {"expires_at_s"}),
        ("metadata", {"metadata"}),
        ("name", {"name"}),
    ):
        payload = {k: v for k, v in a_grant().items() if k != absent}
        assert set(GRANT_FACTS) - set(spoken(fact_of(payload))) == silent


def test_credit_that_is_no_money_has_no_currency() -> None:
    said = spoken(fact_of(a_grant() | {"amount": {"monetary": None, "type": "custom_pricing_unit"}}))
    assert (said["amount_minor"], said["currency"], said["amount_type"]) == (None, None, "custom_pricing_unit")


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"customer": None}, "customer"),
        ({"id": None}, None),
        ({"amount": None}, "amount"),
        ({"amount": {"type": "monetary", "monetary": None}}, "amount.monetary"),
        ({"amount": {"type": "monetary", "monetary": {"currency": "usd"}}}, "amount.monetary.value"),
        ({"amount": {"type": "monetary", "monetary": {"value": 1}}}, "amount.monetary.currency"),
    ],
)
def test_a_grant_that_lacks_what_it_must_have_is_quarantined(change: dict[str, Any], lacking: str | None) -> None:
    found = fact_of({**a_grant(), **change})
    assert isinstance(found, Quarantined)
    assert found.reason == f"lacks {lacking}" if lacking else found.reason.startswith("wrong shape")


def test_a_grants_name_is_sealed_before_it_is_stored() -> None:
    # given a grant that names a person; when it is received
    event = told(1, "billing.credit_grant.created", a_grant())
    new = inbox.receive(inbox.open_envelope(json.dumps(event).encode()), bytes(32), "platform", bytes)
    assert b"Ada" not in bytes(new.event.payload)
    # then its fact carries a token under the customer's key
    said = spoken(translate(new.event))
    assert is_sealed(said["name"]) and new.metadata.subjects == ("test/platform/cus_1",)
    # and a movement, which names nobody, costs no key of its own
    moved = told(2, "billing.credit_balance_transaction.created", a_movement("cbtxn_1", "credits_applied", 5))
    assert inbox.open_envelope(json.dumps(moved).encode()).subject == "test/platform/public"


# ---- transactions ---------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [*CREDITS, *DEBITS])
def test_a_movement_says_the_same_in_every_api_version(kind: str, version: str) -> None:
    # given a movement, whose grant newer versions may expand
    grant = a_grant() if version >= "2026" else "credgr_1"
    fact = fact_of(a_movement("cbtxn_1", kind, 1200, grant), version)
    # then
    invoiced = kind in ("credits_applied", "credits_application_invoice_voided")
    assert spoken(fact) == {
        "credit_grant": "credgr_1",
        "direction": "credit" if kind in CREDITS else "debit",
        "kind": kind,
        "amount_minor": 1200,
        "currency": "usd",
        "invoice": "in_1" if invoiced else None,
        "invoice_line": "il_1" if invoiced else None,
        "effective_at_s": T + 4,
        "created_s": T + 3,
    }
    assert isinstance(fact, ObjectFact)
    assert (fact.model, fact.id, fact.customer) == ("credit_balance_transactions", "cbtxn_1", None)


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"debit": None}, "credit or debit"),
        ({"credit_grant": None}, "credit_grant"),
        ({"debit": {"type": "credits_applied"}}, "debit.amount"),
        ({"debit": {"amount": {"monetary": {"currency": "usd", "value": 1}}}}, "debit.type"),
    ],
)
def test_a_movement_that_lacks_what_it_must_have_is_quarantined(change: dict[str, Any], lacking: str) -> None:
    found = fact_of({**a_movement("cbtxn_1", "credits_applied", 1200), **change})
    assert found == Quarantined(f"lacks {lacking}")


def test_the_tables_of_places_have_one_row_for_every_field() -> None:
    for name in ("credit_grant", "credit_balance_transaction"):
        family = BY_NAME[name]
        assert tuple(w.field for w in family.whence) == family.facts.__struct_fields__


@pytest.mark.corpus
def test_these_payloads_are_valid_where_the_schemas_know_them() -> None:
    # given Stripe's schemas, which the project does not contain
    folder = os.environ.get("RECOUNT_STRIPE_CORPUS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RECOUNT_STRIPE_CORPUS names no folder: the third-party Stripe corpus is not here")
    checked = 0
    for file in sorted(Path(folder, "openapi/derived").glob("objects-*.json")):
        schemas = Schemas(file)
        movements = [a_movement("cbtxn_1", kind, 1) for kind in (*CREDITS, *DEBITS)]
        for payload in (a_grant(customer_account=None), *movements):
            if payload["object"] in schemas.resources:
                # when they are compared with it, then nothing in them is our own invention
                assert schemas.faults(payload["object"], payload) == [], schemas.version
                checked += 1
    assert checked >= 6 * 6


# ---- balances -------------------------------------------------------------------------------


def deliveries(*objects: dict[str, Any], account: str | None = None) -> list[Delivery]:
    where = "connect" if account else "platform"
    return [
        Delivery(told(f"evt_{n:04}", f"{o['object']}.created", o, at=T + n, account=account), where)
        for n, o in enumerate(objects)
    ]


def balances(*objects: dict[str, Any]) -> list[dict[str, Any]]:
    """What the customer's row says of a history, by the product; the oracle must agree."""
    history = deliveries(*objects)
    rows = folded(remembered(history))
    assert different(rows, oracle.recount(history)) == []
    return rows["credit_balances"]["test", "platform", "cus_1"]["balances"]


def test_a_balance_is_what_was_granted_less_what_was_taken() -> None:
    # given a grant, of which a part was used, a part of that given back, and the rest expired
    (balance,) = balances(
        a_grant(),
        a_movement("cbtxn_1", "credits_granted", 5000),
        a_movement("cbtxn_2", "credits_applied", 2000),
        a_movement("cbtxn_3", "credits_application_invoice_voided", 500),
        a_movement("cbtxn_4", "credits_expired", 3500, effective_at=T + 30 * DAY),
    )
    # then everything is in its place
    amounts = {k: v for k, v in balance.items() if k.endswith("_minor")}
    assert amounts == {
        "granted_minor": 5000,
        "applied_minor": 2000,
        "reinstated_minor": 500,
        "expired_minor": 3500,
        "voided_minor": 0,
        "other_minor": 0,
        "remaining_minor": 0,
    }
    (grant,) = balance["grants"]
    assert grant["confirmed"] is True and grant["remaining_minor"] == 0
    # and until its end it could be used
    assert balance["segments"] == [
        {"available_minor": 3500, "from_s": T + 1, "until_s": T + 30 * DAY},
        {"available_minor": 0, "from_s": T + 30 * DAY, "until_s": None},
    ]


def test_what_expires_later_is_on_the_schedule_before_stripe_books_it() -> None:
    # given three grants: one with an end, one that begins later, one for ever; and one in another currency
    dollars, euros = sorted(
        balances(
            a_grant("credgr_1", amount=100, expires_at=T + 10 * DAY),
            a_grant("credgr_2", amount=30, effective_at=T + 5 * DAY, expires_at=T + 20 * DAY),
            a_grant("credgr_3", amount=7, effective_at=None, created=T, expires_at=None),
            a_grant("credgr_4", amount=900, currency="eur"),
        ),
        key=lambda b: b["currency"] != "usd",
    )
    # then
    assert [(s["from_s"], s["until_s"], s["available_minor"]) for s in dollars["segments"]] == [
        (T, T + 1, 7),
        (T + 1, T + 5 * DAY, 107),
        (T + 5 * DAY, T + 10 * DAY, 137),
        (T + 10 * DAY, T + 20 * DAY, 37),
        (T + 20 * DAY, None, 7),
    ]
    assert dollars["remaining_minor"] == 137  # nothing is booked yet
    assert euros["granted_minor"] == 900


def test_a_voided_grant_ends_when_it_was_voided_whichever_word_comes_first() -> None:
    ends = {
        "the grant's": [a_grant(voided_at=T + 3 * DAY)],
        "the movement's": [a_grant(), a_movement("cbtxn_1", "credits_voided", 5000, effective_at=T + 3 * DAY)],
    }
    for objects in ends.values():
        (balance,) = balances(*objects)
        assert [(s["from_s"], s["until_s"], s["available_minor"]) for s in balance["segments"]] == [
            (T + 1, T + 3 * DAY, 5000),
            (T + 3 * DAY, None, 0),
        ]


def test_grants_stand_in_the_order_in_which_they_are_used() -> None:
    (balance,) = balances(
        a_grant("credgr_1", priority=50, expires_at=None, category="paid"),
        a_grant("credgr_2", priority=50, expires_at=None),
        a_grant("credgr_3", priority=50, expires_at=T + DAY, category="paid"),
        a_grant("credgr_4", priority=0, expires_at=None, category="paid"),
    )
    assert [g["grant"] for g in balance["grants"]] == ["credgr_4", "credgr_3", "credgr_2", "credgr_1"]


def test_a_kind_of_movement_that_nobody_knows_yet_still_counts() -> None:
    (balance,) = balances(
        a_grant(),
        a_movement("cbtxn_1", "credits_gifted_on", 100),
        a_movement("cbtxn_2", "credits_found", 30, direction="credit"),
    )
    assert (balance["other_minor"], balance["remaining_minor"]) == (-70, 4930)


def test_movements_of_a_grant_that_was_never_told_are_nobodys() -> None:
    # given movements alone, then the grant's own word
    moved = a_movement("cbtxn_1", "credits_applied", 100)
    assert folded(remembered(deliveries(moved)))["credit_balances"] == {}
    # then the balance is whole as soon as the grant is known
    (balance,) = balances(moved, a_grant())
    assert balance["remaining_minor"] == 4900


_TIMES = st.one_of(st.none(), st.integers(0, 6).map(lambda n: T + n * DAY))
_GRANTS = st.lists(
    st.fixed_dictionaries(
        {
            "amount": st.integers(0, 100),
            "currency": st.sampled_from(["usd", "jpy"]),
            "customer": st.sampled_from(["cus_1", "cus_2"]),
            "category": st.sampled_from(["paid", "promotional"]),
            "priority": st.one_of(st.none(), st.integers(0, 2)),
            "effective_at": _TIMES,
            "expires_at": _TIMES,
            "voided_at": _TIMES,
        }
    ),
    max_size=4,
)
_MOVEMENTS = st.lists(
    st.tuples(
        st.sampled_from([*CREDITS, *DEBITS, "credits_gifted_on"]),
        st.integers(0, 50),
        st.integers(0, 4),
        st.sampled_from(["usd", "jpy"]),
        _TIMES,
    ),
    max_size=8,
)


@given(_GRANTS, _MOVEMENTS, st.randoms(use_true_random=False), st.booleans())
@example([], [("credits_applied", 1, 0, "usd", None)], None, True)
def test_balances_add_up_in_any_order_and_the_oracle_agrees(
    grants: list[dict[str, Any]], movements: list[tuple[Any, ...]], shuffle: Any, connected: bool
) -> None:
    # given any grants and movements, told in any order, some twice
    objects = [a_grant(f"credgr_{n}", **g) for n, g in enumerate(grants)]
    objects += [
        a_movement(f"cbtxn_{n}", kind, amount, f"credgr_{grant}", currency=currency, effective_at=at or T)
        for n, (kind, amount, grant, currency, at) in enumerate(movements)
    ]
    history = deliveries(*objects, account="acct_1" if connected else None)
    again = history + history[::2]
    if shuffle is not None:
        shuffle.shuffle(again)
    # when they are folded, in two steps
    rows = folded(remembered(again), [len(history) // 2])
    # then the order made no difference, and an independent computation says the same
    expected = oracle.recount(history)
    assert different(rows, expected) == []
    for row in rows["credit_balances"].values():
        for balance in row["balances"]:
            # and each sum is what was granted, less what was taken, grant by grant
            for sums in (balance, *balance["grants"]):
                kept = sums["granted_minor"] + sums["reinstated_minor"] + sums["other_minor"]
                taken = sums["applied_minor"] + sums["expired_minor"] + sums["voided_minor"]
                assert sums["remaining_minor"] == kept - taken
            assert balance["remaining_minor"] == sum(g["remaining_minor"] for g in balance["grants"])
            # and the schedule has no gap, no repetition and no end
            spans = balance["segments"]
            assert all(a["until_s"] == b["from_s"] for a, b in pairwise(spans))
            assert all(a["available_minor"] != b["available_minor"] for a, b in pairwise(spans))
            assert not spans or spans[-1]["until_s"] is None


def test_balances_are_the_same_live_and_rebuilt(database: str) -> None:
    # given movements that come before their grant, in a connected account too
    objects = [
        a_movement("cbtxn_1", "credits_applied", 40),
        a_grant(amount=100),
        a_movement("cbtxn_2", "credits_applied", 5, "credgr_2"),
        a_grant("credgr_2", amount=10, customer="cus_2"),
    ]
    history = [*deliveries(*objects), *deliveries(*objects, account="acct_1")]
    log = Log(built(database))
    ingest(log, history)
    log.close()
    # when they are folded live, one by one
    project(database, sizes=(1,))
    # then
    rows = rows_of(database)
    assert different(rows, oracle.recount(history)) == []
    assert rows["credit_balances"]["test", "acct_1", "cus_1"]["balances"][0]["remaining_minor"] == 60
    assert [v.differences for v in verify(database)] == [(), ()]
