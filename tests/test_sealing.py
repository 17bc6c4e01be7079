"""Sealing: nothing personal is stored in the clear, everything else is stored as it came."""

import copy
import json
import secrets
from decimal import Decimal
from typing import Any

import pytest
import samples
from hypothesis import example, given
from hypothesis import strategies as st
from laws import examples

from ledger import codec, inbox
from ledger.errors import Invalid
from ledger.personal import ADDRESS, BY_OBJECT, EVERYWHERE, PLAIN_PARENTS, PUBLIC, personal_keys
from ledger.sealing import MAX_DEPTH, PREFIX, is_sealed, open_token, subject_of_token

KEY = b"k" * 32
#: Every type of Stripe's that the tests met in the wild, and two that nobody has met yet.
TYPES = (
    "account application application_fee balance balance_transaction bank_account billing.alert"
    " billing.credit_balance_summary billing.credit_balance_transaction billing.credit_grant billing.meter"
    " billing.meter_event billing_portal.session card charge checkout.session coupon credit_note credit_note_line_item"
    " customer discount dispute entitlements.active_entitlement entitlements.active_entitlement_summary"
    " entitlements.feature invoice invoice_payment invoiceitem issuing.card issuing.cardholder item line_item mandate"
    " order payment_intent payment_link payment_method payout person plan price product promotion_code quote"
    " radar.early_fraud_warning recipient refund review setup_intent shipping_rate source subscription"
    " subscription_item subscription_schedule tax_code tax_id tax_rate test_helpers.test_clock token transfer"
    " transfer_reversal usage_record usage_record_summary webhook_endpoint unheard_of v3.yet.to.come"
).split()
PERSONAL = [t for t in TYPES if t not in PUBLIC]


def received(event: dict[str, Any], **kwargs: Any) -> Any:
    envelope = inbox.open_envelope(json.dumps(event).encode())
    return inbox.receive(envelope, KEY, "platform", secrets.token_bytes, **kwargs)


def stored(event: dict[str, Any]) -> bytes:
    """Everything that the log would hold of an event, uncompressed."""
    new = received(event)
    topic, state = codec.encode(new.event)
    whole = codec.decode(topic, state)
    return b"\n".join(
        [new.stream.encode(), bytes(whole.payload), codec.encode_metadata(new.metadata), repr(whole).encode()]
    )


def payload(event: dict[str, Any]) -> dict[str, Any]:
    return json.loads(bytes(received(event).event.payload))


class Canaries:
    """Unique strings, and where they were put."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, where: str) -> str:
        self.count += 1
        return f"canary-{self.count}-{where}"

    def person(self, keys: frozenset[str]) -> dict[str, Any]:
        """Every personal key in every shape that JSON has."""
        return {key: self(key) for key in sorted(keys)}

    def shapes(self, keys: frozenset[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for i, key in enumerate(sorted(keys)):
            shape: list[Any] = [
                [self(key)],
                [self(key), {"deep": self(key)}],
                [{"deep": self(key)}, self(key)],
                {"part": self(key)},
                {"part": {"deeper": [{"deepest": self(key)}]}},
                [[[self(key)]]],
            ]
            found[key] = shape[i % len(shape)]
        return found

    def address(self) -> dict[str, Any]:
        return {**{k: self(k) for k in ADDRESS}, "country": "SE", "postal_code": "114canary-postal"}


def full_of_canaries(object_type: str, personal: frozenset[str], see: Canaries) -> dict[str, Any]:
    """An object whose every known personal key holds a canary: flat, deep, in lists, in metadata, in its past."""
    address_part = {"city": see("city"), "country": "FR"}  # no line and no postal code: an update of a part
    obj = {
        "id": f"{object_type}_1",
        "object": object_type,
        **see.person(personal),
        "metadata": see.person(personal),
        "address": see.address(),
        "shipping": {"address": see.address(), **see.person(personal)},
        "deep": {"deeper": {"deepest": [{"list": [see.shapes(personal), ["x", [see.person(personal)]]]}]}},
        "items": {"object": "list", "data": [see.shapes(personal), see.person(personal)]},
        "nested": {"object": "unheard_of", "id": "x_1", **see.person(EVERYWHERE), "more": see.shapes(EVERYWHERE)},
        "mixed": ["plain", {"email": see("email")}, [{"name": see("name")}]],
    }
    previous = {
        **see.person(personal),
        "address": address_part,
        "shipping": {"address": {"line2": see("line2")}, **see.shapes(personal)},
        "metadata": see.person(personal),
        "items": [see.person(personal)],
    }
    return samples.event(1, f"{object_type}.updated", obj, previous=previous)


@pytest.mark.parametrize("object_type", PERSONAL)
def test_no_personal_field_of_any_type_is_stored_in_the_clear(object_type: str):
    see = Canaries()
    event = full_of_canaries(object_type, personal_keys(object_type), see)
    assert json.dumps(event).count("canary-") > 200
    assert b"canary" not in stored(event)


@pytest.mark.parametrize("object_type", sorted(PUBLIC))
def test_a_person_nested_in_a_public_object_is_sealed(object_type: str):
    see = Canaries()
    nested = {"object": "customer", "id": "cus_1", **see.person(personal_keys("customer")), "address": see.address()}
    event = samples.event(1, f"{object_type}.updated", {"id": "x_1", "object": object_type, "customer": nested})
    assert b"canary" not in stored(event)
    assert received(event).metadata.subjects == ("test/platform/cus_1",)  # so that erasing the person reaches it


@pytest.mark.parametrize("object_type", sorted(PUBLIC))
def test_what_the_platform_writes_in_its_catalog_stays_plain(object_type: str):
    obj = {"id": "x_1", "object": object_type, "name": "Gold", "description": "All of it"}
    assert payload(samples.event(1, "x.updated", obj, previous={"name": "Silver"}))["data"] == {
        "object": obj,
        "previous_attributes": {"name": "Silver"},
    }


def test_a_thin_event_and_one_without_an_object_are_sealed_too():
    thin = {
        "id": "evt_thin", "object": "v2.core.event", "type": "v2.core.account.updated", "livemode": False,
        "created": "2026-01-01T00:00:00.000Z", "data": {"email": "canary@example.com", "note": ["canary"]},
    }  # fmt: skip
    odd = samples.event(2, "odd.happened", {})
    odd["data"] = {"object": [{"email": "canary"}], "previous_attributes": [{"name": "canary"}], "phone": "canary"}
    odd["reason"] = {"request": {"client_ip": "canary"}}
    assert b"canary" not in stored(thin)
    assert b"canary" not in stored(odd)


def test_country_and_the_beginning_of_a_postal_code_stay_for_tax():
    address = {"line1": "1 Analytical Row", "postal_code": "N1 9GU", "country": "GB", "city": "London"}
    found = payload(samples.event(1, "customer.updated", samples.customer(address=address)))["data"]["object"][
        "address"
    ]
    assert found["country"] == "GB"
    assert found["postal_code"].endswith("~N1 ")
    assert open_token(found["postal_code"], KEY) == "N1 9GU"
    assert all(is_sealed(found[k]) for k in ("line1", "city", "postal_code"))


@pytest.mark.parametrize("code", ["1:2", "a~b", "::", "1", "é:x", "x\0y", "12-345"])
def test_no_postal_code_can_break_its_own_token(code: str):
    obj = samples.customer(address={"line1": "x", "postal_code": code})
    token = payload(samples.event(1, "customer.updated", obj))["data"]["object"]["address"]["postal_code"]
    assert open_token(token, KEY) == code


VALUES: list[Any] = [
    "Ada", "é\0\U0001f600\"\\", 0, 7, -1, 2**70, True, False,
    ["a", "b"], [], {"day": 1, "month": 2}, {"a": {"b": [1, None, "x"]}}, [[1], {"z": []}],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_an_opened_token_is_exactly_what_came(value: Any):
    token = payload(samples.event(1, "customer.updated", samples.customer(description=value)))["data"]["object"][
        "description"
    ]
    assert is_sealed(token)
    assert subject_of_token(token) == "test/platform/cus_1"
    assert open_token(token, KEY) == value
    assert type(open_token(token, KEY)) is type(value)


def test_a_sealed_number_keeps_its_digits():
    body = (
        json.dumps(samples.event(1, "x.y", {"object": "x", "id": "x_1", "note": "N"})).replace('"N"', "1.10").encode()
    )
    new = inbox.receive(inbox.open_envelope(body), KEY, "platform", secrets.token_bytes)
    opened = open_token(json.loads(bytes(new.event.payload))["data"]["object"]["note"], KEY)
    assert (opened, str(opened)) == (Decimal("1.10"), "1.10")


@pytest.mark.parametrize(
    "number", ["1.10", "8.875", "1E+5", "0.0", "-0.0", "100000000000000000000000", "1.0", "-5E-324"]
)
def test_a_plain_number_keeps_its_digits(number: str):
    body = json.dumps(samples.event(1, "x.y", {"object": "x", "n": "N"})).replace('"N"', number).encode()
    new = inbox.receive(inbox.open_envelope(body), KEY, "platform", secrets.token_bytes)
    assert f'"n":{number}'.encode() in bytes(new.event.payload)


def test_a_token_opens_nowhere_else_and_in_no_other_shape():
    one = payload(samples.event(1, "customer.updated", samples.customer()))["data"]["object"]
    token = one["name"]
    assert open_token(token, KEY) == "Ada Lovelace"
    moved = [
        token.replace("cus_1", "cus_2"),
        token.replace("evt_0001", "evt_0002"),
        token.replace("object.name", "object.email"),
        token.replace("test/", "live/"),
        token + "~N1",
        one["address"]["postal_code"].replace("~N1 ", "~E1 "),
        one["address"]["postal_code"].removesuffix("~N1 "),
    ]
    for broken in moved:
        assert broken not in (token, one["address"]["postal_code"])
        with pytest.raises(Invalid) as caught:
            open_token(broken, KEY)
        assert caught.value.code == "sealed_value_broken"
    with pytest.raises(Invalid):
        open_token(token, b"x" * 32)
    assert open_token(token, None) is None


TOKEN = payload(samples.event(1, "customer.updated", samples.customer()))["data"]["object"]["address"]["postal_code"]


@given(st.integers(len(PREFIX), len(TOKEN) - 1), st.characters() | st.sampled_from("=A~:é%"))
@example(len(TOKEN) - 5, "=")
@example(len(TOKEN) - 1, "")
def test_a_token_altered_anywhere_does_not_open(at: int, char: str):
    broken = TOKEN[:at] + char + TOKEN[at + 1 :]
    for altered in (broken, TOKEN[:at] + char + TOKEN[at:], TOKEN[:at]):
        if altered != TOKEN and not any("\ud800" <= c <= "\udfff" for c in altered):
            with pytest.raises(Invalid):
                open_token(altered, KEY)


def test_what_comes_looking_like_a_token_is_sealed_wherever_it_stands():
    forged = TOKEN
    obj = samples.customer(
        name=forged,
        email="sealed:1:canary",
        currency="sealed:1:canary",
        tags=["sealed:1:canary", [["sealed:1:canary"]]],
    )
    event = samples.event(1, "customer.updated", obj, previous={"name": "sealed:1:canary"})
    assert b"canary" not in stored(event)
    told = payload(event)["data"]["object"]
    assert open_token(told["name"], KEY) == forged
    assert open_token(told["currency"], KEY) == "sealed:1:canary"


@pytest.mark.parametrize("plan", ["gold:monthly", "50%25:off", "a b/c", "é:"])
def test_a_token_names_its_subject_whatever_the_id(plan: str):
    event = samples.event(1, "x.updated", {"object": "unheard_of", "id": plan, "name": "Ada"})
    token = payload(event)["data"]["object"]["name"]
    assert subject_of_token(token) == f"test/platform/{plan}"
    assert open_token(token, KEY) == "Ada"


# ---- everything else stays ---------------------------------------------------------------------------------------

_NAMES = st.sampled_from(
    [
        "name",
        "email",
        "address",
        "line1",
        "postal_code",
        "country",
        "amount",
        "object",
        "value",
        "plan",
        "metadata",
        "data",
    ]
) | st.text(max_size=4)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
    | st.sampled_from(["customer", "price", "list", "unheard_of", "", "sealed:1:x", "\0", "\U0001f600"])
    | st.text(max_size=6)
)
_JSON = st.recursive(
    _LEAVES, lambda below: st.lists(below, max_size=3) | st.dictionaries(_NAMES, below, max_size=4), max_leaves=25
)


def dumps(value: Any) -> str:
    """JSON with its numbers' digits."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def loads(text: str | bytes) -> Any:
    """JSON as pairs, in order, numbers as their digits."""
    return json.loads(text, object_pairs_hook=lambda p: ("object", p), parse_float=Decimal, parse_int=str)


def opened(value: Any) -> Any:
    """A stored value with every token opened again."""
    if isinstance(value, tuple):
        return ("object", [(k, opened(v)) for k, v in value[1]])
    if isinstance(value, list):
        return [opened(v) for v in value]
    return loads(dumps(open_token(value, KEY))) if is_sealed(value) else value


@examples(300)
@given(st.dictionaries(_NAMES, _JSON, max_size=5), st.dictionaries(_NAMES, _JSON, max_size=3))
@example({"object": "price", "name": "x", "customer": {"object": "customer", "name": "y"}}, {"name": "z"})
def test_opening_every_token_gives_back_the_same_json(obj: dict[str, Any], previous: dict[str, Any]):
    event = {**samples.event(1, "x.y", {}), "data": {"object": obj, "previous_attributes": previous, "after": 1}}
    text = dumps(event)
    new = inbox.receive(inbox.open_envelope(text.encode()), KEY, "platform", secrets.token_bytes)
    assert opened(loads(bytes(new.event.payload))) == loads(text)


@examples(200)
@given(_JSON)
def test_what_names_nothing_personal_is_left_alone(value: Any):
    def impersonal(v: Any) -> Any:
        if isinstance(v, dict):
            return {f"k{i}": impersonal(x) for i, x in enumerate(v.values())}
        if isinstance(v, list):
            return [impersonal(x) for x in v]
        return "x" if v == "sealed:1:x" else v

    event = samples.event(1, "x.y", {"object": "unheard_of", "content": impersonal(value)})
    new = inbox.receive(inbox.open_envelope(dumps(event).encode()), KEY, "platform", secrets.token_bytes)
    assert loads(bytes(new.event.payload)) == loads(dumps(event))


# ---- odd JSON ----------------------------------------------------------------------------------------------------


def nested(depth: int, key: str, lists: bool) -> bytes:
    """An event that is `depth` levels deep in all."""
    inside = depth - 3
    before, after = ("[", "]") if lists else (f'{{"{key}":', "}")
    whole = json.dumps(samples.event(1, "x.y", {"object": "x", key: "HERE"}))
    return whole.replace('"HERE"', before * inside + "1" + after * inside).encode()


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("key", ["a", "name", "address", "plan"])
def test_json_may_be_64_levels_deep_and_no_deeper(key: str, lists: bool):
    def store(depth: int) -> None:
        inbox.receive(inbox.open_envelope(nested(depth, key, lists)), KEY, "platform", secrets.token_bytes)

    store(MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 500, 5_000, 100_000):
        with pytest.raises(Invalid) as caught:
            store(depth)
        assert caught.value.code == "too_deep"


@pytest.mark.parametrize("lists", [True, False])
def test_previous_attributes_are_measured_from_the_top(lists: bool):
    event = json.loads(nested(MAX_DEPTH, "a", lists))
    event["data"] = {"object": {}, "previous_attributes": event["data"]["object"]}
    received(event)
    event["data"]["previous_attributes"] = {"b": event["data"]["previous_attributes"]}
    with pytest.raises(Invalid):
        received(event)


def test_of_duplicate_keys_the_last_counts_and_no_other_is_kept():
    body = json.dumps(samples.event(1, "x.y", {"object": "x", "id": "x_1"})).replace(
        '"object": "x"', '"object": "x", "email": "canary@a", "plain": "gone", "email": "canary@b", "plain": "kept"'
    )
    new = inbox.receive(inbox.open_envelope(body.encode()), KEY, "platform", secrets.token_bytes)
    told = json.loads(bytes(new.event.payload))["data"]["object"]
    assert open_token(told["email"], KEY) == "canary@b"
    assert told["plain"] == "kept"
    assert b"gone" not in bytes(new.event.payload)


def test_a_redelivery_has_the_same_digest_and_another_content_has_not():
    event = samples.event(1, "customer.updated", samples.customer())
    again = {**copy.deepcopy(event), "pending_webhooks": 7, "request": {"id": "req_1"}}
    other = copy.deepcopy(event)
    other["data"]["object"]["name"] = "Grace"
    digests = [received(e).metadata.digest for e in (event, again, other)]
    assert digests[0] == digests[1] != digests[2]


def test_the_digest_is_keyed_so_that_nothing_can_be_guessed_from_it():
    body = json.dumps(samples.event(1, "customer.updated", samples.customer())).encode()
    digests = {
        inbox.receive(inbox.open_envelope(body), key, "platform", secrets.token_bytes).metadata.digest
        for key in (KEY, b"x" * 32)
    }
    assert len(digests) == 2


def test_the_table_knows_no_key_that_a_plain_parent_would_hide():
    assert PLAIN_PARENTS.isdisjoint(EVERYWHERE)
    assert all(keys == frozenset() or keys >= EVERYWHERE for keys in BY_OBJECT.values())
