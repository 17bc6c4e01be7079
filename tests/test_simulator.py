"""The laws of simulated histories: what a handler of Stripe's events may rely on when it is tested with them."""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import MIXED, ONE_OF_EACH_FAMILY, YEAR, account_of, history, in_version, objects, whole

from ledger.errors import Invalid
from ledger.months import add_months
from replay.simulator import DEFAULT_VERSIONS, Event, Object, Scenario, disturb, encode, final_objects, simulate
from replay.simulator.identifiers import Identifiers
from replay.simulator.timeline import Account, Subject, Timeline
from replay.simulator.versions import Schedule


def updates(events: tuple[Event, ...]) -> Iterator[tuple[Object, Object]]:
    """(object, previous_attributes) of all events that carry them."""
    for event in events:
        previous = event["data"].get("previous_attributes")
        if previous is not None:
            yield event["data"]["object"], previous


def moment(event: Event) -> int:
    """When it happened; thin events say so in words."""
    created: int | str = event["created"]
    return int(datetime.fromisoformat(created).timestamp()) if isinstance(created, str) else created


def differs(value: Any, previous: Any) -> bool:
    """Whether a patch says something else than the value, at each of its leaves."""
    if isinstance(previous, dict) and isinstance(value, dict) and "id" not in previous:
        return bool(previous) and all(differs(value.get(key, msgspec.UNSET), old) for key, old in previous.items())
    return bool(value != previous)


def of(shown: Any, asked: Any) -> Any:
    """What is shown at the keys that are asked for; null where there is none."""
    if isinstance(asked, dict) and isinstance(shown, dict):
        return {name: of(shown.get(name), value) for name, value in asked.items()}
    return shown


def patched(rendered: Any, previous: Any) -> Any:
    """What an object was before an update, at the keys that the patch names."""
    if isinstance(previous, dict) and isinstance(rendered, dict) and "id" not in previous:
        return {key: patched(rendered.get(key), old) for key, old in previous.items()}
    return previous


@settings(max_examples=12)
@given(
    orgs=st.integers(0, 8),
    months=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    sellers=st.integers(0, 3),
    versions=st.lists(st.sampled_from(ONE_OF_EACH_FAMILY), min_size=1, max_size=4),
    toggles=st.sampled_from((0.0, 1.0)),
)
def test_a_history_is_in_order_of_time_within_its_span_and_repeats_no_id(
    orgs: int, months: int, seed: int, sellers: int, versions: list[str], toggles: float
) -> None:
    scenario = Scenario(
        orgs=orgs,
        months=months,
        seed=seed,
        connected_accounts=sellers,
        api_versions=tuple(versions),
        toggles=toggles,
    )
    events = list(simulate(scenario))
    times = [moment(event) for event in events]
    assert times == sorted(times)
    assert scenario.start_s <= times[0] and times[-1] < scenario.end_s
    ids = Counter((account_of(event), event["id"]) for event in events)
    assert set(ids.values()) == {1}
    assert {event["api_version"] for event in events if "data" in event} <= set(versions)
    assert events == list(simulate(scenario))


def test_a_history_is_the_same_in_another_process() -> None:
    program = (
        "from hashlib import sha256\n"
        "from replay.simulator import Scenario, encode, simulate\n"
        "scenario = Scenario(orgs=20, months=6, seed=11)\n"
        "print(sha256(b'\\n'.join(map(encode, simulate(scenario)))).hexdigest())\n"
    )
    here = sha256(b"\n".join(map(encode, simulate(Scenario(orgs=20, months=6, seed=11))))).hexdigest()
    root = Path(__file__).parent.parent
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=root, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == here


def test_another_seed_is_another_history() -> None:
    ids = [{event["id"] for event in simulate(Scenario(orgs=3, months=1, seed=seed))} for seed in (1, 2)]
    assert ids[0].isdisjoint(ids[1])


def test_events_come_as_they_are_asked_for() -> None:
    first = list(islice(simulate(Scenario(orgs=10**9, months=600, seed=1, connected_accounts=0)), 2000))
    assert len(first) == 2000


@pytest.mark.parametrize("version", ONE_OF_EACH_FAMILY)
def test_a_story_is_the_same_in_every_version(version: str) -> None:
    """What only some versions tell of is beside the story: plans beside prices, payments of invoices. Two types have
    had other names."""
    beside = {"plan.created", "invoice_payment.paid"}
    story = {event["id"]: event for event in in_version("2024-06-20") if event["type"] not in beside}
    told = {event["id"]: event for event in in_version(version)}
    for id, event in story.items():
        same = told.pop(id)
        assert (same["created"], same["data"]["object"].get("id")) == (
            event["created"],
            event["data"]["object"].get("id"),
        )
        assert same["type"].replace("plan.", "price.").replace(".card_auto", ".auto") == event["type"]
        assert same["api_version"] == version
    assert {event["type"] for event in told.values()} <= beside


def test_an_update_says_what_was_and_it_was_something_else() -> None:
    said = list(updates(history(MIXED)))
    assert len(said) > 500
    for rendered, previous in said:
        assert previous
        assert differs(rendered, previous), (rendered["id"], previous)


def test_what_an_update_says_was_is_what_the_event_before_it_showed() -> None:
    """Aside from what Stripe changes in silence, and from renderings in another version."""
    last: dict[tuple[str, str], Event] = {}
    checked = 0
    for event in history(MIXED):
        rendered = event["data"]["object"]
        if "id" not in rendered or event["type"] == "invoice.upcoming":
            continue
        key = account_of(event), rendered["id"]
        before = last.get(key)
        last[key] = event
        previous = event["data"].get("previous_attributes")
        if previous is None or before is None or before["api_version"] != event["api_version"]:
            continue
        if before["data"] == event["data"]:
            continue  # said twice, under two types
        for field in previous.keys() - {"items", "plan", "next_invoice_sequence", "refunds"}:
            shown = before["data"]["object"].get(field)
            expected = patched(rendered[field], previous[field]) if field in rendered else previous[field]
            assert of(shown, expected) == expected, (event["type"], field)
            checked += 1
    assert checked > 1000


def test_without_toggles_the_last_of_several_updates_in_a_second_can_be_told_from_what_they_say() -> None:
    seconds: dict[tuple[str, str, int], list[Event]] = defaultdict(list)
    for event in history(MIXED):
        if event["data"].get("previous_attributes"):
            seconds[account_of(event), event["data"]["object"].get("id", ""), event["created"]].append(event)
    several = [group for key, group in seconds.items() if len(group) > 1 and key[1]]
    assert len(several) > 50
    for group in several:
        if all(event["data"] == group[0]["data"] for event in group):
            continue  # Stripe says of a refund twice what it says once
        last = [event for event in group if not any(_follows(other, event) for other in group if other is not event)]
        assert last == [group[-1]]


def _follows(later: Event, earlier: Event) -> bool:
    """Whether what `later` says was is what `earlier` shows."""
    shown, previous = earlier["data"]["object"], later["data"]["previous_attributes"]
    for field, old in previous.items():
        value = shown.get(field)
        if isinstance(old, dict) and isinstance(value, dict):
            value = of(value, old)
        if value != old:
            return False
    return True


def test_two_processes_of_one_subject_never_act_in_the_same_second() -> None:
    scenario = Scenario(orgs=0, months=1, seed=1)
    timeline = Timeline(scenario)
    account = Account(
        id=None,
        token="t" * 10,
        name="a",
        country="US",
        schedule=Schedule([(0, "2024-06-20")]),
        pending_webhooks=1,
    )

    def every_minute(name: str) -> Iterator[int]:
        for _ in range(3):
            timeline.emit(account, name, {})
            timeline.emit(account, name, {})
            yield timeline.now_s + 60

    alone, shared = Subject(), Subject()
    for name, subject in (("a", shared), ("b", shared), ("c", alone)):
        timeline.start(every_minute(name), subject, scenario.start_s)
    acted = {(event["created"] - scenario.start_s, event["type"]) for event in timeline.events()}
    assert acted == {(0, "a"), (1, "b"), (0, "c"), (60, "a"), (61, "b"), (60, "c"), (120, "a"), (121, "b"), (120, "c")}


def test_ids_never_repeat_and_those_of_one_version_do_not_shift_the_others() -> None:
    ids, again = Identifiers(5), Identifiers(5)
    spelled = [ids.short("cus") for _ in range(20_000)]
    assert len(set(spelled)) == 20_000
    for n, id in enumerate(spelled):
        if n % 3 == 0:
            again.long("evt", 1_700_000_000, "t" * 10, extra=True)
        assert again.short("cus") == id
    assert len({ids.long("evt", 1, "t", extra=extra) for _ in range(10_000) for extra in (False, True)}) == 20_000
    early, late = ids.long("evt", 1_700_000_000, "t"), ids.long("evt", 1_700_000_001, "t")
    assert early < late and len(ids.long("evt", 1_700_000_000, "t" * 10)) == len("evt_1K2OXkHSaWXyvFpKYcsJI7yW")


def test_toggles_go_there_and_back_within_a_second_only_when_asked_for() -> None:
    def there_and_back(toggles: float) -> int:
        scenario = Scenario(orgs=10, months=4, seed=5, toggles=toggles, bare_updates=0)
        seconds: dict[tuple[str, str, int], list[Event]] = defaultdict(list)
        for event in simulate(scenario):
            if event.get("data", {}).get("previous_attributes"):
                seconds[account_of(event), event["data"]["object"].get("id", ""), event["created"]].append(event)
        return sum(
            1
            for group in seconds.values()
            if len(group) == 2 and _follows(group[0], group[1]) and _follows(group[1], group[0])
        )

    assert there_and_back(0) == 0
    assert there_and_back(1) > 30


def test_the_scenario_sets_how_many_events_share_a_second() -> None:
    def share_of_paid_invoices_in_one_second(ties: float) -> float:
        events = history(Scenario(orgs=30, months=6, seed=7, ties=ties, trials=0, bank_debits=0))
        finalized = {
            event["data"]["object"]["id"]: event["created"] for event in events if event["type"] == "invoice.finalized"
        }
        paid = [event for event in events if event["type"] == "invoice.paid"]
        return sum(finalized[event["data"]["object"]["id"]] == event["created"] for event in paid) / len(paid)

    assert share_of_paid_invoices_in_one_second(0) < 0.35 < 0.7 < share_of_paid_invoices_in_one_second(1)


def test_nothing_refers_to_what_has_not_been_said_before() -> None:
    """Except what is told of out of turn: the invoice behind `latest_invoice`, and payments, which tell of it first."""
    known: set[tuple[str, str]] = set()
    for event in history(MIXED):
        account, rendered = account_of(event), event["data"]["object"]
        if rendered["object"] in {"subscription", "invoice", "payment_method", "charge", "payment_intent"}:
            detached = rendered["object"] == "payment_method" and rendered["customer"] is None
            assert detached or (account, rendered["customer"]) in known
        if rendered["object"] == "subscription":
            for item in rendered["items"]["data"]:
                assert (account, item["plan"]["id"]) in known
        if rendered["object"] == "price":
            assert (account, rendered["product"]) in known
        if rendered["object"] == "invoice" and rendered.get("parent"):
            assert (account, rendered["parent"]["subscription_details"]["subscription"]) in known
        if "id" in rendered:
            known.add((account, rendered["id"]))


def test_the_platform_passes_through_all_versions_in_their_order_and_a_seller_through_two() -> None:
    passed: dict[str, list[str]] = defaultdict(list)
    for event in history(MIXED):
        versions = passed[account_of(event)]
        if not versions or versions[-1] != event["api_version"]:
            versions.append(event["api_version"])
    assert tuple(passed.pop("platform")) == DEFAULT_VERSIONS
    assert len(passed) == MIXED.sellers
    for versions in passed.values():
        assert len(versions) == 2
        assert DEFAULT_VERSIONS.index(versions[1]) == DEFAULT_VERSIONS.index(versions[0]) + 1


@pytest.mark.parametrize(
    ("version", "name", "has", "lacks"),
    [
        ("2016-07-06", "invoice", {"date", "closed", "forgiven"}, {"status", "created", "auto_advance"}),
        ("2018-11-08", "invoice", {"date", "status", "billing", "finalized_at"}, {"created", "closed"}),
        ("2018-11-08", "subscription", {"start", "billing", "current_period_end"}, {"start_date", "discounts"}),
        ("2018-11-08", "customer", {"account_balance", "sources"}, {"balance"}),
        ("2020-08-27", "charge", {"invoice", "refunds"}, set()),
        ("2022-11-15", "payment_intent", {"latest_charge", "invoice"}, {"charges"}),
        (
            "2024-06-20",
            "invoice",
            {"subscription", "payment_intent", "charge", "paid", "tax"},
            {"parent", "total_taxes"},
        ),
        ("2024-06-20", "subscription", {"current_period_end", "discount", "discounts"}, {"billing_mode"}),
        (
            "2025-06-30.basil",
            "invoice",
            {"parent", "total_taxes"},
            {"subscription", "charge", "paid", "tax", "discount"},
        ),
        ("2025-06-30.basil", "subscription", {"billing_mode"}, {"current_period_end", "discount"}),
        ("2025-06-30.basil", "charge", set(), {"invoice", "refunds"}),
        ("2026-03-25.dahlia", "subscription", {"billing_schedules", "managed_payments"}, {"current_period_end"}),
        ("2026-10-28.endive", "product", {"tax_details", "marketing_features"}, {"features"}),
        ("2018-11-08", "account", {"verification", "legal_entity"}, {"requirements", "business_profile"}),
        ("2024-06-20", "account", {"requirements", "business_profile"}, {"verification", "legal_entity"}),
        ("2018-11-08", "invoiceitem", {"plan", "subscription"}, {"price", "pricing", "parent"}),
        ("2025-02-24.acacia", "invoiceitem", {"price", "subscription", "unit_amount"}, {"pricing", "parent"}),
        ("2025-06-30.basil", "invoiceitem", {"pricing", "parent"}, {"price", "subscription", "unit_amount"}),
        ("2025-06-30.basil", "promotion_code", {"coupon"}, {"promotion"}),
        ("2025-10-29.clover", "promotion_code", {"promotion"}, {"coupon"}),
        ("2025-02-24.acacia", "checkout.session", {"shipping_details"}, {"managed_payments"}),
        ("2026-03-25.dahlia", "checkout.session", {"managed_payments"}, {"shipping_details"}),
        ("2026-10-28.endive", "charge", {"payment_intent"}, {"invoice", "refunds"}),
    ],
)
def test_an_object_has_the_fields_of_its_version(version: str, name: str, has: set[str], lacks: set[str]) -> None:
    rendered = list(objects(in_version(version), name))
    assert rendered
    for one in rendered:
        if one.get("deleted"):
            continue
        assert has <= one.keys()
        assert lacks.isdisjoint(one.keys())


def test_items_and_lines_have_the_shape_of_their_version() -> None:
    def first_item(version: str) -> Object:
        item: Object = next(objects(in_version(version), "subscription"))["items"]["data"][0]
        return item

    def first_line(version: str) -> Object:
        line: Object = next(objects(in_version(version), "invoice"))["lines"]["data"][0]
        return line

    assert "price" not in first_item("2018-11-08")
    assert "current_period_end" not in first_item("2024-06-20")
    assert {"price", "plan", "current_period_end"} <= first_item("2025-06-30.basil").keys()
    assert "current_trial" in first_item("2026-10-28.endive")
    assert {"price", "plan", "proration", "subscription"} <= first_line("2024-06-20").keys()
    assert {"price", "plan", "proration", "subscription"}.isdisjoint(first_line("2025-06-30.basil"))
    assert "subtotal" in first_line("2025-10-29.clover")
    assert "quantity_decimal" in first_line("2026-03-25.dahlia")
    clover = list(objects(in_version("2025-10-29.clover", orgs=40), "discount"))
    assert clover and all(discount["source"]["type"] == "coupon" for discount in clover)
    acacia = list(objects(in_version("2025-02-24.acacia", orgs=40), "discount"))
    assert acacia and all(discount["coupon"]["object"] == "coupon" for discount in acacia)


def test_what_is_rare_has_the_shape_of_its_version_too() -> None:
    def said(version: str, name: str) -> list[Object]:
        return list(objects(in_version(version, orgs=60, months=9), name))

    acacia, basil = "2025-02-24.acacia", "2025-06-30.basil"
    assert all("refund" in note and "tax_amounts" in note for note in said(acacia, "credit_note"))
    assert all("refunds" in note and "total_taxes" in note for note in said(basil, "credit_note"))
    assert {"plans"} == {"plans"} & said("2018-11-08", "subscription_schedule")[0]["phases"][0].keys()
    assert {"items"} == {"items"} & said(acacia, "subscription_schedule")[0]["phases"][0].keys()
    assert "renewal_behavior" in said("2018-11-08", "subscription_schedule")[0]
    assert "coupon" not in said(basil, "subscription_schedule")[0]["phases"][0]
    assert "usage_threshold_config" in said("2024-06-20", "billing.alert_triggered")[0]["alert"]
    assert "usage_threshold" in said(acacia, "billing.alert_triggered")[0]["alert"]
    assert "customer" not in said(acacia, "refund")[0] and "customer" in said("2026-10-28.endive", "refund")[0]
    assert said(acacia, "dispute")


def test_a_thin_event_names_an_object_and_carries_none() -> None:
    thin = [event for event in whole(YEAR) if "data" not in event]
    assert thin
    for event in thin:
        assert event["object"] == "v2.core.event"
        assert event["related_object"]["type"] == "billing.meter"
        assert event["created"].endswith("Z")
        assert "api_version" not in event


def test_the_new_kinds_do_not_crowd_out_subscriptions_invoices_and_payments() -> None:
    kinds = Counter(
        event["type"] for event in history(Scenario(orgs=250, months=12, seed=7, api_versions=("2024-06-20",)))
    )
    old = ("customer.updated", "customer.subscription.", "invoice.", "payment_intent.", "charge.succeeded")
    assert sum(n for kind, n in kinds.items() if kind.startswith(old)) > 0.65 * kinds.total()


def test_the_request_of_an_old_event_is_a_string_or_null() -> None:
    requests = [event["request"] for event in in_version("2016-07-06")]
    assert None in requests
    assert all(request is None or request.startswith("req_") for request in requests)
    assert all(event["request"].keys() == {"id", "idempotency_key"} for event in in_version("2018-11-08"))


def test_a_year_has_every_kind_of_event() -> None:
    kinds = {event["type"] for event in history(YEAR)}
    assert kinds >= set(
        """
        account.application.deauthorized account.external_account.created account.updated application_fee.created
        application_fee.refund.updated application_fee.refunded balance.available billing.alert.triggered
        billing.credit_balance_transaction.created billing.credit_grant.created billing.credit_grant.updated
        billing.meter.created billing.meter.deactivated billing.meter.reactivated billing.meter.updated
        billing_portal.configuration.created billing_portal.configuration.updated billing_portal.session.created
        capability.updated cash_balance.funds_available charge.dispute.closed charge.dispute.created
        charge.dispute.funds_reinstated charge.dispute.funds_withdrawn charge.dispute.updated charge.failed
        charge.pending charge.refund.updated charge.refunded charge.succeeded charge.updated
        checkout.session.async_payment_failed checkout.session.async_payment_succeeded checkout.session.completed
        checkout.session.expired coupon.created credit_note.created credit_note.updated credit_note.voided
        customer.created customer.deleted customer.discount.created customer.discount.deleted
        customer.discount.updated customer.subscription.created customer.subscription.deleted
        customer.subscription.paused customer.subscription.resumed customer.subscription.trial_will_end
        customer.subscription.updated customer.tax_id.created customer.tax_id.deleted customer.tax_id.updated
        customer.updated customer_cash_balance_transaction.created entitlements.active_entitlement_summary.updated
        invoice.created invoice.finalized invoice.marked_uncollectible invoice.overdue invoice.paid
        invoice.payment_action_required invoice.payment_failed invoice.payment_succeeded invoice.sent invoice.upcoming
        invoice.updated invoice.voided invoice_payment.paid invoiceitem.created invoiceitem.deleted mandate.updated
        payment_intent.created payment_intent.partially_funded payment_intent.payment_failed payment_intent.processing
        payment_intent.requires_action payment_intent.succeeded payment_link.created payment_link.updated
        payment_method.attached payment_method.automatically_updated payment_method.detached payment_method.updated
        payout.created payout.failed payout.paid payout.reconciliation_completed plan.created price.created
        price.updated product.created product.updated promotion_code.created promotion_code.updated quote.accepted
        quote.canceled quote.created quote.finalized radar.early_fraud_warning.created
        radar.early_fraud_warning.updated refund.created refund.failed refund.updated review.closed review.opened
        setup_intent.canceled setup_intent.created setup_intent.requires_action setup_intent.setup_failed
        setup_intent.succeeded subscription_schedule.canceled subscription_schedule.completed
        subscription_schedule.created subscription_schedule.expiring subscription_schedule.released
        subscription_schedule.updated tax.settings.updated tax_rate.created tax_rate.updated topup.created
        topup.succeeded transfer.created transfer.reversed transfer.updated
        """.split()
    )


def test_a_year_has_the_hard_cases() -> None:
    events = history(YEAR)
    subscriptions, invoices = list(objects(events, "subscription")), list(objects(events, "invoice"))
    statuses = {subscription["status"] for subscription in subscriptions}
    assert statuses >= {"incomplete", "incomplete_expired", "trialing", "active", "past_due", "paused", "canceled"}
    assert "unpaid" in statuses
    assert {invoice["currency"] for invoice in invoices} >= {"usd", "eur", "gbp", "jpy", "kwd"}
    assert any(invoice["total"] < 0 and invoice.get("status") == "paid" for invoice in invoices)
    assert any(invoice["starting_balance"] < 0 < invoice["amount_due"] for invoice in invoices)
    assert any("quantity" not in item for one in subscriptions for item in one["items"]["data"])
    assert any(one["pause_collection"] for one in subscriptions)
    assert any(one["cancel_at_period_end"] for one in subscriptions)
    deleted = [event["data"]["object"] for event in events if event["type"] == "customer.deleted"]
    assert any(one.keys() == {"id", "object", "deleted"} for one in deleted)
    assert any("email" in one for one in deleted)
    bare = [
        event for event in events if event["type"].endswith(".updated") and "previous_attributes" not in event["data"]
    ]
    assert bare
    assert any("id" not in event["data"]["object"] for event in events if event["type"] == "invoice.upcoming")
    assert any(invoice["billing_reason"] == "manual" for invoice in invoices)
    assert any(invoice["lines"]["has_more"] for invoice in invoices)


def test_ids_repeat_across_accounts_with_other_content() -> None:
    accounts: dict[tuple[str, str], dict[str, Object]] = defaultdict(dict)
    for (account, name, id), rendered in final_objects(history(YEAR)).items():
        accounts[name, id][account] = rendered
    shared = {key: owners for key, owners in accounts.items() if len(owners) > 1}
    assert {name for name, _ in shared} >= {"product", "coupon", "customer"}
    assert any(len({encode(one) for one in owners.values()}) > 1 for owners in shared.values())


def test_most_organizations_can_be_told_by_the_customer_some_by_the_subscription_and_some_not() -> None:
    events = history(YEAR)
    claims = {one["id"]: "org_id" in one["metadata"] for one in objects(events, "customer") if "metadata" in one}
    by_subscription = {one["customer"] for one in objects(events, "subscription") if "org_id" in one["metadata"]}
    customers = Counter("customer" if claimed else id in by_subscription for id, claimed in claims.items())
    assert customers["customer"] > customers[True] > 0
    assert customers[False] > 0


def test_features_and_limits_follow_the_convention() -> None:
    seen = set()
    for name in ("product", "price"):
        for one in objects(history(MIXED), name):
            for key, value in one["metadata"].items():
                assert isinstance(value, str)
                if key == "features":
                    seen |= set(value.split(","))
                else:
                    assert key.startswith("limit_")
                    assert value == "unlimited" or value.isdecimal()
    assert {"agents", "hosting", "sso"} <= seen


def test_nobody_in_a_history_can_be_written_to() -> None:
    for customer in objects(history(MIXED), "customer"):
        if "email" in customer:
            assert customer["email"].endswith("@example.com")
    for invoice in objects(history(MIXED), "invoice"):
        assert (invoice["hosted_invoice_url"] or "https://invoice.example.com/").startswith(
            "https://invoice.example.com/"
        )


def test_live_mode_is_said_everywhere() -> None:
    for event in simulate(Scenario(orgs=5, months=2, seed=1, livemode=True)):
        assert event["livemode"] is True
        assert event.get("data", {"object": {}})["object"].get("livemode", True) is True


def test_the_final_object_is_the_last_one_said() -> None:
    final = final_objects(history(MIXED))
    ended = {
        (account_of(event), "subscription", event["data"]["object"]["id"])
        for event in history(MIXED)
        if event["type"] == "customer.subscription.deleted"
    }
    assert ended
    assert all(final[key]["status"] == "canceled" for key in ended)
    summaries = [key for key in final if key[1] == "entitlements.active_entitlement_summary"]
    assert summaries and all(id.startswith("cus_") for _, _, id in summaries)


def test_an_event_is_encoded_as_one_compact_line() -> None:
    for event in islice(history(MIXED), 0, None, 50):
        line = encode(event)
        assert b"\n" not in line
        assert b'": ' not in line
        assert json.loads(line) == event


@given(seed=st.integers(), duplicate=st.sampled_from((0.0, 0.2, 1.0)), shuffle=st.sampled_from((False, True, 1, 7)))
def test_reordering_and_duplicates_lose_and_invent_nothing(seed: int, duplicate: float, shuffle: bool | int) -> None:
    events = history(MIXED)[:300]
    delivered = list(disturb(events, seed=seed, shuffle=shuffle, duplicate=duplicate))
    counts = Counter(event["id"] for event in delivered)
    assert set(counts) == {event["id"] for event in events}
    assert set(counts.values()) <= {1, 2}
    assert (duplicate != 0.0 or len(delivered) == 300) and (duplicate != 1.0 or len(delivered) == 600)
    said = {event["id"]: event["data"] for event in events}
    assert all(event["data"] is said[event["id"]] for event in delivered)
    again = list(disturb(events, seed=seed, shuffle=shuffle, duplicate=duplicate))
    assert [event["id"] for event in again] == [event["id"] for event in delivered]


@given(seed=st.integers(), window=st.integers(1, 50))
def test_a_window_lets_no_event_arrive_further_ahead_than_it_is_wide(seed: int, window: int) -> None:
    numbered: list[Event] = [{"id": n} for n in range(400)]
    for place, event in enumerate(disturb(numbered, seed=seed, shuffle=window)):
        assert event["id"] <= place + window


def test_nothing_is_disturbed_unless_asked() -> None:
    events = history(MIXED)[:500]
    assert list(disturb(events, seed=1)) == list(events)


def test_a_dropped_event_never_arrives_not_even_as_a_duplicate() -> None:
    events = history(MIXED)[:2000]
    assert list(disturb(events, seed=1, drop=1.0, duplicate=1.0)) == []
    kept = {event["id"] for event in disturb(events, seed=1, drop=0.25, duplicate=0.5, shuffle=True)}
    assert 1350 < len(kept) < 1650


def test_a_full_shuffle_leaves_little_in_its_place() -> None:
    numbered: list[Event] = [{"id": n} for n in range(1000)]
    delivered = list(disturb(numbered, seed=4, shuffle=True))
    assert sum(event["id"] == place for place, event in enumerate(delivered)) < 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"orgs": -1},
        {"months": 0},
        {"api_versions": ()},
        {"api_versions": ("latest",)},
        {"toggles": 1.5},
        {"connected_accounts": -1},
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Scenario(**{"orgs": 1, "months": 1, "seed": 1, **wrong})


@pytest.mark.parametrize("wrong", [{"drop": 1.1}, {"duplicate": -0.1}, {"shuffle": 0}, {"shuffle": -3}])
def test_a_disturbance_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        disturb([], seed=1, **wrong)


def test_a_month_after_the_31st_is_its_last_day_and_the_anchor_comes_back() -> None:
    january_31_s = 1_738_281_600
    february_s = add_months(january_31_s, 1)
    assert february_s == 1_740_700_800  # 2025-02-28
    assert add_months(february_s, 1, january_31_s) == 1_743_379_200  # 2025-03-31
    assert add_months(1_706_659_200, 1) == 1_709_164_800  # 2024-01-31 to 2024-02-29
