"""The timeline: an organization's story, in order, each line with its event; and the table of what each event means."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from api_world import SELLER, World, empty_world
from samples import MONTH, T, customer, event, invoice, subscription

from api.postgres import EmbeddedPostgres
from api.story import KINDS, LINES, line_of
from ledger.translations import translator_of
from tests.docs.event_types import names


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        yield made


def charge(id: str, customer: str | None, **fields: Any) -> dict[str, Any]:
    return {
        "object": "charge", "id": id, "customer": customer, "amount": 900, "amount_captured": 900,
        "amount_refunded": 0, "captured": True, "currency": "eur", "status": "succeeded", "paid": True,
        "refunded": False, "metadata": {}, "created": T, **fields,
    }  # fmt: skip


def dispute(id: str, charge: str, **fields: Any) -> dict[str, Any]:
    return {
        "object": "dispute", "id": id, "charge": charge, "amount": 900, "currency": "eur",
        "status": "needs_response", "reason": "fraudulent", "metadata": {}, "created": T, **fields,
    }  # fmt: skip


def items(price_id: str = "price_1", **fields: Any) -> Any:
    """A subscription's items as they were before an update."""
    listed = subscription("sub_1", price_id=price_id)["items"]
    return {**listed, "data": [{**each, **fields} for each in listed["data"]]}


def later(seconds: int) -> str:
    """A time after the story's beginning, as a query takes it."""
    return datetime.fromtimestamp(T + seconds, UTC).isoformat().replace("+00:00", "Z")


def told(world: World) -> None:
    """A customer of org_a subscribes, pays, gets a refund, disputes; others do things of their own."""
    plain, ending = subscription("sub_1"), subscription("sub_1", cancel_at_period_end=True, cancel_at=T + MONTH)
    before = {"cancel_at_period_end": False, "cancel_at": None}
    world.tell(
        event(1, "customer.created", customer("cus_1", org="org_a"), at=T),
        event(2, "customer.subscription.created", plain, at=T + 1),
        event(3, "invoice.paid", invoice("in_1", status="paid", amount_paid=900, amount_remaining=0), at=T + 2),
        event(4, "charge.succeeded", charge("ch_1", "cus_1"), at=T + 3),
        event(5, "charge.refunded", charge("ch_1", "cus_1", amount_refunded=300), at=T + 4),
        event(
            6,
            "charge.refunded",
            charge("ch_1", "cus_1", amount_refunded=500),
            at=T + 5,
            previous={"amount_refunded": 300},
        ),
        event(7, "charge.dispute.created", dispute("dp_1", "ch_1"), at=T + 6),
        event(8, "customer.subscription.updated", ending, at=T + 7, previous=before),
        event(9, "charge.succeeded", charge("ch_2", None), at=T + 8),
        event(10, "charge.dispute.created", dispute("dp_2", "ch_2"), at=T + 9),
        event(11, "customer.created", customer("cus_2", org="org_b"), at=T + 10),
        event(12, "customer.created", {"object": "customer", "id": "cus_broken"}, at=T + 11),
        event(13, "order.created", {"object": "order", "id": "or_1", "customer": "cus_1"}, at=T + 12),
        event(20, "customer.created", customer("cus_9"), account=SELLER, at=T + 13),
    )
    world.link(SELLER, "cus_9", "org_a")
    world.project()


def lines(content: Any) -> list[tuple[Any, ...]]:
    return [(e["event"], e["kind"], e["amount_minor"], e["currency"]) for e in content["data"]]


def test_the_story_comes_newest_first_with_what_each_event_was_about(world: World) -> None:
    # given
    told(world)
    # when
    story = world.read("/v1/orgs/org_a/timeline")
    # then
    assert lines(story) == [
        ("evt_0020", "customer_created", None, None),
        ("evt_0008", "cancellation_scheduled", None, None),
        ("evt_0007", "disputed", 900, "eur"),
        ("evt_0006", "refunded", 200, "eur"),
        ("evt_0005", "refunded", 300, "eur"),
        ("evt_0004", "charged", 900, "eur"),
        ("evt_0003", "invoice_paid", 900, "eur"),
        ("evt_0002", "subscribed", None, None),
        ("evt_0001", "customer_created", None, None),
    ]
    assert lines(world.read("/v1/orgs/org_b/timeline")) == [("evt_0011", "customer_created", None, None)]
    disputed = story["data"][2]
    assert (disputed["sentence"], disputed["object"], disputed["object_id"]) == (
        "A charge was disputed.", "dispute", "dp_1",
    )  # fmt: skip
    assert (disputed["customer"], disputed["type"]) == ("cus_1", "charge.dispute.created")
    assert disputed["position"] == world.read("/v1/stripe-events/evt_0007")["positions"][0]


def test_the_story_pages_and_filters_like_any_list(world: World) -> None:
    # given
    told(world)
    whole = world.read("/v1/orgs/org_a/timeline")["data"]
    # when
    paged, cursor = [], ""
    while cursor is not None:
        page = world.read("/v1/orgs/org_a/timeline?limit=2" + (f"&cursor={cursor}" if cursor else ""))
        paged += page["data"]
        cursor = page["next_cursor"]
    # then
    assert paged == whole
    for asked, found in (
        ("type=charge.dispute.*", ["evt_0007"]),
        (f"account={SELLER}", ["evt_0020"]),
        ("customer=cus_9", ["evt_0020"]),
        ("object_id=in_1", ["evt_0003"]),
        ("created_before=2025-10-09T08:53:21Z", ["evt_0001"]),
        ("state=stored_only", ["evt_0013"]),
        ("state=any&limit=2", ["evt_0020", "evt_0013"]),
    ):
        assert [e["event"] for e in world.read(f"/v1/orgs/org_a/timeline?{asked}")["data"]] == found, asked


def test_a_seller_reads_its_own_part_of_the_story(world: World) -> None:
    told(world)
    key = world.key("service", account=SELLER)
    assert [e["event"] for e in world.read("/v1/orgs/org_a/timeline", key)["data"]] == ["evt_0020"]
    assert world.ask("/v1/orgs/org_b/timeline", key).status_code == 404


def test_what_names_no_customer_is_told_by_what_it_hangs_on(world: World) -> None:
    """Given a payment of an invoice, a booking of credit and a mandate, whose owners are known, then each is a line."""
    money = {"monetary": {"currency": "eur", "value": 500}, "type": "monetary"}
    grant = {"object": "billing.credit_grant", "id": "credgr_1", "customer": "cus_1", "amount": money, "created": T}
    given = {"amount": money, "type": "credits_granted"}
    booked = {"object": "billing.credit_balance_transaction", "id": "cbtxn_1", "credit_grant": "credgr_1"}
    paying = {"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1", "status": "paid", "currency": "eur"}
    method = {"object": "payment_method", "id": "pm_1", "customer": "cus_1", "type": "sepa_debit", "created": T}
    mandate = {"object": "mandate", "id": "mandate_1", "status": "inactive", "payment_method": "pm_1"}
    world.tell(
        event(1, "customer.created", customer("cus_1", org="org_a"), at=T),
        event(
            2, "invoice_payment.paid", paying | {"amount_requested": 900, "amount_paid": 900, "created": T}, at=T + 1
        ),
        event(3, "billing.credit_balance_transaction.created", booked | {"credit": given, "created": T}, at=T + 2),
        event(4, "mandate.updated", mandate, at=T + 3),
    )
    world.project()
    assert lines(world.read("/v1/orgs/org_a/timeline")) == [("evt_0001", "customer_created", None, None)]
    world.tell(
        event(5, "invoice.paid", invoice("in_1", status="paid"), at=T),
        event(6, "billing.credit_grant.created", grant, at=T),
        event(7, "payment_method.attached", method, at=T),
    )
    world.project()
    assert lines(world.read(f"/v1/orgs/org_a/timeline?created_after={later(1)}")) == [
        ("evt_0004", "mandate_changed", None, None),
        ("evt_0003", "credit_moved", 500, "eur"),
        ("evt_0002", "invoice_paid_by", 900, "eur"),
    ]


def test_the_rendering_of_the_newest_version_tells(world: World) -> None:
    """Given one event in two API versions, when told, then it is one line, of the newer one."""
    world.tell(
        event(1, "customer.created", customer("cus_1", org="org_a"), at=T),
        event(2, "invoice.paid", invoice("in_1", status="paid", amount_paid=900), at=T),
    )
    world.tell_again(
        event(2, "invoice.paid", invoice("in_1", status="paid", amount_paid=9), at=T, version="2024-06-20")
    )
    world.project()
    found = [e for e in world.read("/v1/orgs/org_a/timeline")["data"] if e["event"] == "evt_0002"]
    assert [e["amount_minor"] for e in found] == [900]


# ---- the table -------------------------------------------------------------------------------


def test_every_type_in_the_table_is_one_of_stripes() -> None:
    assert set(LINES) - set(names().snapshot) == set()


def test_every_line_is_a_word_and_a_sentence() -> None:
    for line in LINES.values():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", line.kind) and line.kind in KINDS
        assert re.fullmatch(r"[A-Z][^.]+\.", line.sentence)


@pytest.mark.parametrize("event_type", sorted(t for t, line in LINES.items() if line.amount is not None))
def test_an_amount_is_a_field_that_the_type_tells_beside_its_currency(event_type: str) -> None:
    translator = translator_of(event_type)
    assert translator is not None, "a type without a translation tells no amount"
    fields = translator.family.facts.__struct_fields__
    assert {LINES[event_type].amount, "currency"} <= set(fields)


def test_a_type_that_has_no_line_is_told_all_the_same() -> None:
    assert line_of("order.created", None) == ("other", "Stripe reported order.created.", None, None)


@pytest.mark.parametrize(
    ("changed", "previous", "kind"),
    [
        ({"status": "past_due"}, {"status": "active"}, "subscription_past_due"),
        ({"status": "canceled"}, {"status": "active"}, "unsubscribed"),
        ({"cancel_at_period_end": True}, {"cancel_at_period_end": False}, "cancellation_scheduled"),
        ({"cancel_at_period_end": False}, {"cancel_at_period_end": True}, "cancellation_withdrawn"),
        ({"pause_collection": {"behavior": "void"}}, {"pause_collection": None}, "collection_paused"),
        ({"pause_collection": None}, {"pause_collection": {"behavior": "void"}}, "collection_resumed"),
        ({}, {"items": items(price_id="price_0")}, "plan_changed"),
        ({}, {"items": items(current_period_end=T)}, "renewed"),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": None}}, "subscription_changed"),
        ({}, None, "subscription_changed"),
    ],
)
def test_what_changed_says_what_an_update_was(
    world: World, changed: dict[str, Any], previous: dict[str, Any] | None, kind: str
) -> None:
    # given
    world.tell(
        event(1, "customer.created", customer("cus_1", org="org_a"), at=T),
        event(2, "customer.subscription.updated", subscription("sub_1", **changed), at=T + 1, previous=previous),
    )
    world.project()
    # then
    assert world.read("/v1/orgs/org_a/timeline?limit=1")["data"][0]["kind"] == kind
