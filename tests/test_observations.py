"""What we see of Stripe's objects: into the log without secrets, and into the same rows as events, by the same rule."""

import json
import random
from typing import Any

import msgspec
import oracle
import psycopg
import pytest
from histories import KEY, Link, built, different, folded, ingest, project, remembered, rows_of
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from samples import ACACIA, BASIL, Delivery, T, customer, event, price, small_shop, subscription, summary
from sightings import Seen, see
from test_convergence import disordered, histories, seconds

from api.observing import Observer
from ledger import codec
from ledger.errors import Invalid
from ledger.ids import observed_stream
from ledger.keys import KeyStore, MasterKey
from ledger.observing import SECRETS, Look, answered_at, observed, open_sighting, read_object
from ledger.sealing import is_sealed, open_token
from ledger.store import Log
from replay import tables
from replay.as_of import organization_as_of
from replay.verify import verify

LOOK = Look("test", "platform", T, BASIL, "fetch")


@pytest.fixture
def keys(database: str) -> Any:
    it = KeyStore(database, MasterKey(bytes(32)))
    yield it
    it.close()


# ---- into the log ---------------------------------------------------------------------------


def test_no_secret_of_an_answer_is_kept() -> None:
    for kind, fields in SECRETS.items():
        obj = {
            "object": kind,
            "id": "x_1",
            "client_secret": "s3cret",
            "next_action": {"use_stripe_sdk": {"k": "s3cret"}},
        }
        obj |= dict.fromkeys(fields, "s3cret")
        new = Seen({"object": "thing", "id": "t_1", "nested": [{"of": obj}], **obj}).new()
        assert new is not None
        assert b"s3cret" not in codec.encode(new.event)[1] and b"s3cret" not in bytes(new.event.payload)


def test_persons_are_sealed_as_in_an_event() -> None:
    new = Seen(customer("cus_1")).new()
    assert new is not None
    stored = msgspec.json.decode(new.event.payload)
    assert is_sealed(stored["name"]) and is_sealed(stored["email"]) and is_sealed(stored["address"]["line1"])
    assert open_token(stored["name"], KEY) == "Ada Lovelace"
    assert stored["address"]["country"] == "GB" and stored["currency"] == "eur"
    assert new.metadata.subjects == ("test/platform/cus_1",)
    assert new.stream == observed_stream("test", "platform", "cus_1")


def test_numbers_of_an_answer_keep_their_digits() -> None:
    content = read_object('{"object":"price","id":"price_1","unit_amount_decimal":1.10,"rate":8.875}')
    new = observed(open_sighting(content, LOOK), KEY, [], random.Random(1).randbytes)
    assert new is not None
    assert b'"unit_amount_decimal":1.10' in bytes(new.event.payload) and b"8.875" in bytes(new.event.payload)


def test_the_time_is_stripes_and_a_replayed_answer_has_none() -> None:
    at = {"Date": "Thu, 09 Oct 2025 08:53:20 GMT"}
    assert answered_at(at) == T
    assert answered_at({**at, "Idempotent-Replayed": "true"}) is None
    assert answered_at({**at, "idempotent-replayed": "false"}) == T
    for none in ({}, {"date": "yesterday"}):
        with pytest.raises(Invalid) as caught:
            answered_at(none)
        assert caught.value.code == "no_date"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"object": "list", "data": []}, "not_an_object"),
        ({"id": "cus_1"}, "not_an_object"),
        ({"object": "customer", "id": "cus_1", "livemode": True}, "other_mode"),
        ({"object": "customer", "id": "cus_1", "a": json.loads("[" * 80 + "]" * 80)}, "too_deep"),
    ],
)
def test_what_is_no_object_of_the_mode_is_refused(content: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        open_sighting(content, LOOK)
    assert caught.value.code == code
    for body in ("[1]", "{", b"\xff"):
        with pytest.raises(Invalid):
            read_object(body)


def test_what_has_no_id_is_kept_under_whom_it_is_of() -> None:
    assert Seen({"object": "balance", "available": []}).sighting.object_id == "platform"
    assert Seen({"object": "cash_balance", "customer": "cus_1"}).sighting.object_id == "cus_1"


def test_the_same_content_is_kept_once_for_a_second(log: Log, keys: KeyStore) -> None:
    observer = Observer(log, keys)
    assert observer.keep([Seen(customer()).sighting]) == 1
    assert observer.keep([Seen(customer()).sighting, Seen(customer(), why="reconcile").sighting]) == 0
    assert observer.keep([Seen(customer(), at_s=T + 1).sighting]) == 1
    assert observer.keep([Seen(customer(balance=5), at_s=T + 1).sighting]) == 1
    assert observer.keep([Seen(customer(), version=ACACIA, at_s=T + 1).sighting]) == 1
    stream = log.read_stream(observed_stream("test", "platform", "cus_1"))
    assert [r.version for r in stream] == [1, 2, 3, 4]


def test_one_answer_with_an_object_twice_is_one_unit_with_it_once(log: Log, keys: KeyStore) -> None:
    cash = {"object": "cash_balance", "customer": "cus_1", "available": {"eur": 5}}
    events = Observer(log, keys).events([Seen(o).sighting for o in (customer(), cash, customer())])
    assert [e.version for e in events] == [1, 2]
    log.append(*events)
    assert Observer(log, keys).events([Seen(o).sighting for o in (customer(), cash)]) == ()


def test_a_seen_customer_is_found_by_its_email(log: Log, keys: KeyStore) -> None:
    Observer(log, keys).keep([Seen(customer()).sighting])
    assert keys.subjects_with_email("cus_1@example.com") == ["test/platform/cus_1"]


# ---- into rows ------------------------------------------------------------------------------


@st.composite
def sights(draw: st.DrawFn) -> list[Seen]:
    """Looks at the objects of `test_convergence`'s histories, in the same few seconds."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["customer", "deleted", "subscription", "price", "summary", "unknown"]))
        version = draw(st.sampled_from([ACACIA, BASIL]))
        whom = draw(st.sampled_from(["cus_1", "cus_2"]))
        if kind == "customer":
            obj = customer(whom, org=draw(st.sampled_from([None, "org_a"])), delinquent=draw(st.booleans()))
        elif kind == "deleted":
            obj = {"object": "customer", "id": whom, "deleted": True}
        elif kind == "subscription":
            status = draw(st.sampled_from(["active", "past_due", "canceled"]))
            obj = subscription("sub_1", whom, "price_1", version, product="prod_1", status=status)
        elif kind == "price":
            obj = price("price_1", draw(st.sampled_from(["prod_1", "prod_2"])))
        elif kind == "summary":
            obj = summary(whom, draw(st.sets(st.sampled_from(["agents", "audit"]))))
        else:
            obj = {"object": "never.heard_of", "id": "x_1", "customer": whom}
        account = draw(st.sampled_from(["platform", "platform", "acct_1"]))
        found.append(Seen(obj, draw(seconds), version, account, why=draw(st.sampled_from(["call", "fetch"]))))
    return found


@given(histories(), sights(), st.randoms(use_true_random=False))
@examples(60)
def test_events_and_sights_in_any_order_and_number_give_the_rows_that_the_oracle_gives(
    history: list[Delivery], seen: list[Seen], rnd: random.Random
) -> None:
    links = [Link("cus_2", "org_linked")]
    expected = oracle.recount(history, links, seen=seen)
    for _ in range(2):
        mixed: list[Any] = [*disordered(history, rnd), *links, *seen, *rnd.choices(seen, k=2)]
        rnd.shuffle(mixed)
        rows = folded(remembered(mixed), sorted(rnd.sample(range(len(mixed)), k=1)))
        for key, row in rows["observations"].items():  # of two that say the same the first is kept
            row["why"] = expected["observations"][key]["why"]
        assert different(rows, expected) == []


def test_what_was_seen_goes_over_an_event_of_its_second_and_not_over_a_later_one() -> None:
    def status(*told: Any) -> Any:
        row = folded(remembered(told))["subscriptions"]["test", "platform", "sub_1"]
        assert not row["undecided"]
        return row["status"]

    said = Delivery(event(1, "customer.subscription.updated", subscription(status="past_due"), at=T))
    after = Delivery(event(2, "customer.subscription.updated", subscription(status="unpaid"), at=T + 1))
    look = Seen(subscription(status="active"))
    assert status(said, look) == status(look, said) == "active"
    assert status(said, look, after) == status(after, said, look) == "unpaid"


def test_a_look_settles_a_tie_that_events_could_not() -> None:
    told = [Delivery(event(n, "customer.updated", customer(delinquent=n == 1), at=T)) for n in (1, 2)]
    before = folded(remembered(told))["customers"]["test", "platform", "cus_1"]
    after = folded(remembered([*told, Seen(customer(delinquent=True))]))["customers"]["test", "platform", "cus_1"]
    assert (before["undecided"], after["undecided"], after["delinquent"]) == (True, False, True)


def test_what_was_deleted_is_seen_as_deleted() -> None:
    told = [Delivery(event(1, "customer.created", customer(), at=T))]
    rows = folded(remembered([*told, Seen({"object": "customer", "id": "cus_1", "deleted": True}, T + 9)]))
    row = rows["customers"]["test", "platform", "cus_1"]
    assert (row["deleted"], row["currency"], row["changed_s"]) == (True, "eur", T + 9)


def test_a_sellers_bank_account_is_no_buyers() -> None:
    bank = {"object": "bank_account", "id": "ba_1", "last4": "6789", "country": "US", "currency": "usd"}
    rows = folded(remembered([Seen({**bank, "account": "acct_1"}), Seen({**bank, "id": "ba_2", "customer": "cus_1"})]))
    assert [k[2] for k in rows["external_accounts"]] == ["ba_1"]
    assert [k[2] for k in rows["payment_methods"]] == ["ba_2"]


def test_what_lacks_a_needed_field_is_shown_and_moves_nothing() -> None:
    rows = folded(remembered([Seen({"object": "subscription", "id": "sub_1", "status": "active"})]))
    (row,) = rows["observations"].values()
    assert (row["state"], row["reason"]) == ("quarantined", "lacks items")
    assert rows["subscriptions"] == {}


def test_live_rebuild_as_of_and_the_oracle_agree_about_what_was_seen(database: str, log: Log) -> None:
    # given a shop of events, and looks at some of its objects that say otherwise
    shop = small_shop()
    seen = [
        Seen(customer("cus_1", org="org_seen"), T + 5_000_000),
        Seen(subscription("sub_1", "cus_1", status="past_due"), T + 5_000_001),
        Seen({"object": "product", "id": "prod_1", "deleted": True}, T + 5_000_002),
    ]
    built(database)
    ingest(log, shop)
    see(log, *seen)
    # when
    project(database, sizes=[7])
    # then
    assert different(rows_of(database), oracle.recount(shop, seen=seen)) == []
    assert [v.differences for v in verify(database) if v.differences] == []
    with psycopg.connect(tables.projector_conninfo(database), autocommit=True) as conn:
        as_of = organization_as_of(conn, "test", "org_seen", log.head())
    (found,) = as_of.rows["subscriptions"]
    assert found.status == "past_due"
