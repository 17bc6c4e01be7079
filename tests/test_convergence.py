"""Laws of the whole fold, without a database: order, repetition and batches change nothing; the codec loses nothing."""

import random
from typing import Any, get_type_hints

import msgspec
import oracle
import pytest
from field_values import values_of
from histories import Link, different, folded, raising, remembered
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from samples import (
    ACACIA,
    BASIL,
    Delivery,
    T,
    customer,
    event,
    invoice,
    price,
    product,
    small_shop,
    subscription,
    summary,
)

from ledger import codec
from ledger.events import EVENTS, Cause, Event, Metadata
from projections import BILLING
from replay.fold import States, fold, route
from replay.simulator import Scenario, encode, simulate

LINKS = [Link("cus_9", "org_b"), Link("cus_1", "org_a", account="acct_seller"), Link("cus_9", "org_a")]

# ---- generated histories --------------------------------------------------------------------

#: When things happen: few seconds, so that ties are common.
seconds = st.integers(T, T + 2)
where = st.sampled_from([*(6 * [{}]), {"account": "acct_1"}, {"live": True}])
customers = st.sampled_from(["cus_1", "cus_2"])
features = st.sampled_from(["agents", "sso", "agents, sso", ""])
limits = st.sampled_from([{}, {"agents": "3"}, {"agents": "unlimited"}, {"sso": "0"}])
statuses = st.sampled_from(
    ["active", "trialing", "past_due", "incomplete", "unpaid", "paused", "canceled", "incomplete_expired"]
)
maybe_time = st.one_of(st.none(), st.integers(T - 5, T + 900))


@st.composite
def told(draw: st.DrawFn) -> tuple[str, dict[str, Any], str, dict[str, Any] | None]:
    """An event's type, object, API version and, sometimes, what the object was before."""
    version = draw(st.sampled_from([ACACIA, BASIL]))
    kind = draw(st.sampled_from(["customer", "subscription", "subscription", "product", "price", "invoice", "summary"]))
    previous: dict[str, Any] | None = None
    verb = draw(st.sampled_from(["created", "updated", "updated", "deleted"]))
    if kind == "customer":
        obj = customer(draw(customers), org=draw(st.sampled_from([None, "org_a", "org_b"])))
        obj["delinquent"] = draw(st.booleans())
        obj["created"] = draw(st.sampled_from([T - 9, T, None]))  # without one it is quarantined
        previous = {"delinquent": not obj["delinquent"]}
    elif kind == "subscription":
        kind = "customer.subscription"
        obj = subscription(
            draw(st.sampled_from(["sub_1", "sub_2"])),
            draw(customers),
            draw(st.sampled_from(["price_1", "price_2"])),
            version,
            product=draw(st.sampled_from(["prod_1", "prod_2", None])),
            status=draw(statuses),
            trial_end=draw(st.one_of(st.none(), st.integers(T, T + 900))),
            cancel_at=draw(maybe_time),
            cancel_at_period_end=draw(st.booleans()),
            ended_at=draw(maybe_time),
            metadata=draw(st.sampled_from([{}, {"org_id": "org_c"}])),
        )
        previous = {"status": draw(statuses)}
    elif kind == "product":
        obj = product(draw(st.sampled_from(["prod_1", "prod_2"])), draw(features), limits=draw(limits))
    elif kind == "price":
        obj = price(draw(st.sampled_from(["price_1", "price_2"])), draw(st.sampled_from(["prod_1", "prod_2"])))
        obj["metadata"] = draw(st.sampled_from([{}, {"limit_agents": "7"}, {"features": "audit"}]))
        previous = {"metadata": {"features": "audit"}}
    elif kind == "invoice":
        verb = draw(st.sampled_from(["created", "updated", "paid", "voided"]))
        obj = invoice(
            customer=draw(customers), version=version, status=draw(st.sampled_from(["draft", "open", "paid"]))
        )
        obj["attempt_count"] = draw(st.integers(0, 2))
        previous = {"attempt_count": draw(st.integers(0, 2))}
    else:
        kind, verb = "entitlements.active_entitlement_summary", "updated"
        obj = summary(draw(customers), draw(st.sets(st.sampled_from(["agents", "audit"]))))
    return f"{kind}.{verb}", obj, version, previous if draw(st.booleans()) else None


@st.composite
def histories(draw: st.DrawFn) -> list[Delivery]:
    """A history of a few objects in two modes and two accounts; some events come in two API versions."""
    found: list[Delivery] = []
    count: dict[str, int] = {}
    for kind, obj, version, previous in draw(st.lists(told(), min_size=1, max_size=20)):
        place = draw(where)
        whole = {"at": draw(seconds), "previous": previous, **place}
        endpoint = "connect" if "account" in place else "platform"
        number = count[str(place)] = count.get(str(place), 0) + 1
        name = f"evt_{number * 7 % 23:02}"  # in no order, and shared between modes and accounts
        found.append(Delivery(event(name, kind, obj, version=version, **whole), endpoint))
        if version == ACACIA and draw(st.booleans()):
            found.append(Delivery(event(name, kind, obj, version=BASIL, **whole), endpoint))
    return found


def disordered(deliveries: list[Delivery], rnd: random.Random) -> list[Delivery]:
    """Every delivery at least once, in any order."""
    again = deliveries + rnd.choices(deliveries, k=len(deliveries) // 2)
    rnd.shuffle(again)
    return again


@given(histories(), st.randoms(use_true_random=False))
@examples(80)
def test_any_order_with_any_duplicates_gives_the_rows_that_the_oracle_gives(
    history: list[Delivery], rnd: random.Random
) -> None:
    links = [Link("cus_2", "org_linked")]
    expected = oracle.recount(history, links)
    for _ in range(2):
        entries = remembered([*disordered(history, rnd), *links])
        cuts = sorted(rnd.sample(range(len(entries)), k=min(3, len(entries))))
        assert different(folded(entries, cuts), expected) == []


@given(histories(), st.randoms(use_true_random=False))
@examples(40)
def test_any_order_and_batches_leave_the_same_bytes(history: list[Delivery], rnd: random.Random) -> None:
    # given the same events, in the order of the log and in another
    entries = remembered(history)
    other = rnd.sample(entries, len(entries)) + rnd.choices(entries, k=3)
    # when
    first, second = States(), States()
    fold(route(BILLING, entries), first, {}, raising)
    for one in other:
        fold(route(BILLING, [one]), second, {}, raising)
    # then nothing tells them apart, the webhook ledger's list of renderings aside
    del first["stripe_events"], second["stripe_events"]
    assert first == second


@pytest.mark.parametrize("seed", range(10))
def test_a_small_shop_comes_out_alike_in_any_order(seed: int) -> None:
    rnd = random.Random(seed)
    shop = small_shop()
    expected = oracle.recount(shop, LINKS)
    entries = remembered([*LINKS[:1], *disordered(shop, rnd), *LINKS[1:]])
    assert different(folded(entries, [5, 9]), expected) == []


def test_a_last_write_by_arrival_would_be_noticed() -> None:
    """The guard is the order rule: with `absorb` keeping whatever came last, this fails."""
    shop = small_shop()
    forward, backward = folded(remembered(shop)), folded(remembered(shop[::-1]))
    assert different(forward, backward) == []
    assert forward["subscriptions"]["test", "platform", "sub_1"]["status"] == "active"
    assert forward["subscriptions"]["test", "platform", "sub_3"]["status"] == "canceled"
    assert forward["customers"]["test", "platform", "cus_2"]["undecided"] is True


def test_an_event_that_both_endpoints_received_comes_out_alike_whichever_was_first() -> None:
    both = [Delivery(event(1, "customer.created", customer()), endpoint) for endpoint in ("platform", "connect")]
    assert folded(remembered(both)) == folded(remembered(both[::-1]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_simulated_history_comes_out_alike_in_any_order(seed: int) -> None:
    scenario = Scenario(orgs=5, months=3, seed=seed)
    events = list(simulate(scenario))
    said = [Delivery(msgspec.json.decode(encode(e)), "connect" if "account" in e else "platform") for e in events]
    expected = oracle.recount(said)
    assert {"applied", "stored_only"} <= {r["state"] for r in expected["stripe_events"].values()}
    for n in range(2):
        assert different(folded(remembered(disordered(said, random.Random(n)))), expected) == []


# ---- the codec ------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=40,
)
payloads = st.dictionaries(st.text(max_size=5), json_values, max_size=8).map(
    lambda value: msgspec.Raw(msgspec.json.encode(value))
)


def any_event(kind: type[Event]) -> st.SearchStrategy[Event]:
    fields = {
        name: payloads if hint is msgspec.Raw else values_of(hint, st.from_type)
        for name, hint in get_type_hints(kind).items()
        if name in kind.__struct_fields__
    }
    return st.fixed_dictionaries(fields).map(lambda found: kind(**found))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.NAME)
@given(data=st.data())
@examples(40)
def test_every_event_survives_the_codec(kind: type[Event], data: st.DataObject) -> None:
    told = data.draw(any_event(kind).filter(_encodable))
    topic, state = codec.encode(told)
    back = codec.decode(topic, state)
    assert type(back) is kind
    for name in kind.__struct_fields__:
        ours, theirs = getattr(told, name), getattr(back, name)
        assert (bytes(ours) == bytes(theirs)) if isinstance(ours, msgspec.Raw) else ours == theirs


def _encodable(told: Event) -> bool:
    """Lone surrogates are no Unicode text: JSON from outside never holds one."""
    try:
        msgspec.json.encode(told)
    except UnicodeEncodeError:
        return False
    return True


@given(
    st.builds(
        Metadata,
        actor=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
        reason=st.none() | st.just("because"),
        cause=st.none() | st.builds(Cause, stream=st.just("a/b"), version=st.integers(1, 2**40)),
        correlation=st.none() | st.just("c"),
        subjects=st.lists(st.sampled_from(["s1", "s2"])).map(tuple),
        digest=st.none() | st.just("ff"),
    )
)
def test_metadata_survives_the_codec(metadata: Metadata) -> None:
    assert codec.decode_metadata(codec.encode_metadata(metadata)) == metadata


def test_an_event_of_a_newer_release_is_refused_and_not_guessed_at() -> None:
    for topic in ("nobody.knows/1", "api_key.revoked/999"):
        with pytest.raises(codec.UnknownEvent):
            codec.decode(topic, b'{"key_id":"k"}')
