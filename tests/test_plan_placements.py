"""Which plan something is on: the version that was in force when it was sold, whatever comes in whatever order."""

import random
from typing import Any

import oracle
import psycopg
import pytest
from histories import Link, built, different, folded, ingest, link, logged, project, rows_of
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from placing import Decided, S, catalogue, entries_of, plan, rows_after, sub
from samples import ACACIA, BASIL, Delivery, T, customer, event, invoice, price

from commands.agreements import Agreement, EndAgreement, MakeAgreement
from commands.agreements import decide as agree
from commands.plan_definition import Lasts
from commands.plans import Plans, decide, evolve
from ledger.codec import encode
from ledger.errors import RecountError
from ledger.events import (
    AgreementEnded,
    AgreementMade,
    Event,
    Metadata,
    NewEvent,
    PlanSubscriptionsMoved,
    SubscriptionPlanMoved,
)
from ledger.ids import agreement_stream, placement_stream, plans_stream
from ledger.store import Appended, Log, read_own
from replay.own_events import touched_by
from replay.refold import refold
from replay.verify import verify

Json = dict[str, Any]
KEY = ("test", "platform", "sub_1")
BEFORE = (T - 1000) * S


def decided(*commands: tuple[Any, int]) -> list[Decided]:
    """What follows from these commands, each given at a microsecond."""
    plans = Plans()
    found: list[Decided] = []
    for command, at_us in commands:
        if isinstance(command, Event):
            found.append((command, at_us))
            continue
        for told in decide(command, plans):
            plans = evolve(plans, told)
            found.append((told, at_us))
    return found


def moved(to: str, version: int, id: str = "sub_1", at_us: int = (T + 500) * S) -> tuple[Event, int]:
    """An operator's move."""
    event = SubscriptionPlanMoved(
        mode="test", account="platform", subscription=id, plan=to, version=version, by="ada", why="asked"
    )
    return event, at_us


def created(obj: Json, at: int = T, number: int = 1) -> Delivery:
    return Delivery(event(number, "customer.subscription.created", obj, at=at))


def updated(obj: Json, before: Json | None, at: int, number: int) -> Delivery:
    previous = {"items": before["items"]} if before is not None else None
    return Delivery(event(number, "customer.subscription.updated", obj, at=at, previous=previous))


def placement(told: list[Delivery], known: list[Decided], key: tuple[str, ...] = KEY, links: Any = ()) -> Json | None:
    """Where a subscription is after a history, which the oracle must say too."""
    return rows_after(told, known, links)["plan_placements"].get(key)


def on(row: Json | None) -> str | None:
    return None if row is None else row["plan_id"]


FIRST = catalogue(plan("pro", "k_pro"))
SECOND = catalogue(plan("pro", "k_pro", tier=2))


def test_a_subscription_is_on_the_version_that_was_in_force_when_it_was_sold() -> None:
    known = decided((FIRST, BEFORE), (SECOND, (T + 10) * S))
    row = placement([created(sub(("price_1", "k_pro")))], known, links=[Link("cus_1", "acme")])
    assert row == {
        "mode": "test",
        "account": "platform",
        "subscription": "sub_1",
        "kind": "subscription",
        "customer": "cus_1",
        "org": "acme",
        "plan": "pro",
        "version": 1,
        "plan_id": "pro@1",
        "why": {"by": "sale", "price": "price_1", "name": "k_pro", "sold_s": T},
        "since_s": T,
        "from_s": None,
        "until_s": None,
        "refunded": False,
        "also": [],
    }
    assert on(placement([created(sub(("price_1", "k_pro"), created=T + 11))], known)) == "pro@2"


def test_what_was_sold_before_there_was_a_plan_is_on_its_first_version() -> None:
    known = decided((FIRST, (T + 10) * S), (SECOND, (T + 20) * S))
    assert on(placement([created(sub(("price_1", "k_pro")))], known)) == "pro@1"


def test_a_version_counts_from_the_second_after_it_was_published() -> None:
    known = decided((FIRST, BEFORE), (SECOND, T * S + 1))
    assert on(placement([created(sub(("price_1", "k_pro")))], known)) == "pro@1"
    known = decided((FIRST, BEFORE), (SECOND, T * S))
    assert on(placement([created(sub(("price_1", "k_pro")))], known)) == "pro@2"


def test_a_publisher_may_say_since_when_a_version_was_in_force() -> None:
    old = catalogue(plan("pro", "k_pro"), effective_s=T - 900)
    new = catalogue(plan("pro", "k_pro", tier=2), effective_s=T - 100)
    known = decided((old, (T + 10) * S), (new, (T + 11) * S))
    assert on(placement([created(sub(("price_1", "k_pro")))], known)) == "pro@2"
    assert on(placement([created(sub(("price_1", "k_pro"), created=T - 200))], known)) == "pro@1"


def test_a_lookup_key_that_went_on_to_another_price_leaves_the_sold_one_on_its_plan() -> None:
    # given a price whose lookup key was taken away, as Stripe's transfer_lookup_key does
    told = [
        Delivery(event(1, "price.created", price("price_1", lookup_key="k_pro"), at=T - 50)),
        created(sub("price_1"), number=2),
        Delivery(
            event(3, "price.updated", price("price_1"), at=T + 5, previous={"lookup_key": "k_pro"}),
        ),
        Delivery(event(4, "price.created", price("price_2", lookup_key="k_pro"), at=T + 5)),
    ]
    known = decided((FIRST, BEFORE))
    # then both are known by it
    assert on(placement(told, known)) == "pro@1"
    assert placement(told[1:], known)["why"]["name"] == "k_pro"  # type: ignore[index] # from what was before


def test_the_lookup_key_of_the_time_of_sale_decides_between_two() -> None:
    told = [
        Delivery(event(1, "price.created", price("price_1", lookup_key="k_old"), at=T - 50)),
        Delivery(
            event(2, "price.updated", price("price_1", lookup_key="k_new"), at=T + 50, previous={"lookup_key": "k_old"})
        ),
    ]
    known = decided((catalogue(plan("old", "k_old"), plan("new", "k_new")), BEFORE))
    assert on(placement([*told, created(sub("price_1"), number=3)], known)) == "old@1"
    late = created(sub(("price_1", "k_new"), created=T + 60), T + 60, 3)
    assert on(placement([*told, late], known)) == "new@1"


def test_who_buys_another_plan_is_on_the_version_of_that_day() -> None:
    first, then = sub(("price_1", "k_a")), sub(("price_2", "k_b"))
    both = plan("a", "k_a"), plan("b", "k_b")
    known = decided((catalogue(*both), BEFORE), (catalogue(both[0], plan("b", "k_b", tier=9)), (T + 50) * S))
    told = [created(first), updated(then, first, T + 100, 2)]
    row = placement(told, known)
    assert (on(row), row and row["since_s"]) == ("b@2", T + 100)
    # and who comes back is sold it anew, when last seen elsewhere
    back = updated(first, then, T + 200, 3)
    assert on(placement([*told, back], known)) == "a@1"
    assert (placement([*told, back], known) or {})["since_s"] == T + 199


def test_another_price_of_the_same_plan_is_no_new_sale() -> None:
    month, year = sub(("price_1", "k_month")), sub(("price_2", "k_year"))
    known = decided(
        (catalogue(plan("pro", "k_month", "k_year")), BEFORE),
        (catalogue(plan("pro", "k_month", "k_year", tier=1)), (T + 50) * S),
    )
    row = placement([created(month), updated(year, month, T + 100, 2)], known)
    assert (on(row), row and row["since_s"]) == ("pro@1", T)


def test_a_price_that_only_a_later_version_has_brings_that_version() -> None:
    old, new = sub(("price_1", "k_2024")), sub(("price_2", "k_2025"))
    known = decided((catalogue(plan("pro", "k_2024")), BEFORE), (catalogue(plan("pro", "k_2025")), (T + 50) * S))
    assert on(placement([created(old), updated(new, old, T + 100, 2)], known)) == "pro@2"
    assert on(placement([created(old, T + 60)], known)) == "pro@1"


def test_a_move_stays_whatever_is_published_and_says_who_and_why() -> None:
    known = decided(
        (FIRST, BEFORE),
        (SECOND, (T + 10) * S),
        moved("pro", 2),
        (catalogue(plan("pro", "k_pro", tier=3)), (T + 600) * S),
    )
    row = placement([created(sub(("price_1", "k_pro")))], known)
    assert on(row) == "pro@2"
    assert row is not None
    instead = {"plan": "pro", "version": 1}
    assert row["why"] == {"by": "move", "person": "ada", "reason": "asked", "instead_of": instead}
    assert row["since_s"] == T + 500


def test_a_move_ends_when_the_customer_buys_another_plan_and_not_before() -> None:
    both = plan("a", "k_a"), plan("b", "k_b"), plan("c", "k_c")
    known = decided((catalogue(*both), BEFORE), moved("c", 1))
    a, b = sub(("price_1", "k_a")), sub(("price_2", "k_b"))
    assert on(placement([created(a)], known)) == "c@1"
    assert on(placement([created(a), updated(b, a, T + 400, 2)], known)) == "c@1"  # before the move
    assert on(placement([created(a), updated(b, a, T + 600, 2)], known)) == "b@1"
    assert on(placement([created(a), updated(sub(("price_3", "k_c")), a, T + 600, 2)], known)) == "c@1"


def test_what_no_plan_names_is_on_none_until_it_is_moved() -> None:
    assert placement([created(sub("price_9"))], decided((FIRST, BEFORE))) is None
    row = placement([created(sub("price_9"))], decided((FIRST, BEFORE), moved("pro", 1)))
    assert on(row) == "pro@1"
    assert row is not None
    assert row["why"]["instead_of"] is None


def test_many_are_moved_at_once() -> None:
    both = PlanSubscriptionsMoved(
        mode="test", plan="pro", version=2, subscriptions=("platform/sub_1", "platform/sub_2"), by="bob", why="all"
    )
    known = decided((FIRST, BEFORE), (SECOND, (T + 10) * S), (both, (T + 50) * S))
    told = [created(sub(("price_1", "k_pro"), id=f"sub_{n}"), number=n) for n in (1, 2, 3)]
    rows = rows_after(told, known)["plan_placements"]
    assert [rows["test", "platform", f"sub_{n}"]["plan_id"] for n in (1, 2, 3)] == ["pro@2", "pro@2", "pro@1"]


@pytest.mark.parametrize("name", ["price_1", "k_gold"])
def test_a_price_of_old_is_the_plans_that_a_catalogue_says(name: str) -> None:
    told = [created(sub(("price_1", "k_gold")))]
    gold = plan("gold", on_sale=False)
    row = placement(told, decided((catalogue(gold, legacy={name: "gold"}), BEFORE)))
    assert row is not None
    assert (on(row), row["why"]["by"], row["why"]["name"]) == ("gold@1", "legacy_price", name)
    again = catalogue(plan("gold", tier=4), legacy={name: ("gold", 1)})
    assert on(placement(told, decided((catalogue(gold), BEFORE), (again, T * S - 1)))) == "gold@1"
    unmapped = decided((catalogue(gold, legacy={name: "gold"}), BEFORE), (catalogue(gold), T * S))
    assert placement(told, unmapped) is None


def test_a_price_of_another_account_is_not_the_platforms() -> None:
    theirs = Delivery(event(1, "customer.subscription.created", sub(("price_1", "k_pro")), account="acct_1"), "connect")
    key = ("test", "acct_1", "sub_1")
    assert placement([theirs], decided((FIRST, BEFORE)), key) is None
    kit = catalogue(plan("kit", "k_pro", account="acct_1"))
    assert on(placement([theirs], decided((kit, BEFORE)), key)) == "kit@1"


def test_prices_of_two_plans_are_the_first_ones_and_the_other_is_told() -> None:
    known = decided((catalogue(plan("a", "k_a"), plan("b", "k_b")), BEFORE))
    row = placement([created(sub(("price_2", "k_b"), ("price_1", "k_a")))], known)
    assert row is not None
    assert (on(row), row["also"]) == ("b@1", ["a"])


# ---- without a subscription -----------------------------------------------------------------


def checkout(**fields: Any) -> Json:
    """A paid session that sells a plan once."""
    return {
        "object": "checkout.session",
        "id": "cs_1",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "customer": "cus_1",
        "payment_intent": "pi_1",
        "subscription": None,
        "invoice": None,
        "currency": "eur",
        "amount_total": 900,
        "metadata": {"recount_plan": "pack"},
        "created": T,
        **fields,
    }


PACK = catalogue(plan("pack", "k_pack", model="one_time", lasts=Lasts(months=1, days=2)))
FOR_EVER = catalogue(plan("pack", "k_pack", model="one_time"))
CS = ("test", "platform", "cs_1")


def session(**fields: Any) -> Delivery:
    return Delivery(event(1, "checkout.session.completed", checkout(**fields)))


def test_what_was_bought_once_lasts_for_its_time_or_for_ever() -> None:
    row = placement([session()], decided((PACK, BEFORE)), CS)
    assert row is not None
    assert (on(row), row["kind"], row["from_s"], row["until_s"]) == ("pack@1", "checkout", T, T + 33 * 86_400)
    forever = placement([session()], decided((FOR_EVER, BEFORE)), CS)
    assert forever is not None
    assert forever["until_s"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"payment_status": "unpaid"},
        {"status": "open"},
        {"mode": "setup"},
        {"metadata": {}},
        {"metadata": {"recount_plan": "other"}},
        {"invoice": "in_1"},
    ],
)
def test_what_is_not_paid_or_names_no_plan_is_no_purchase(fields: Json) -> None:
    assert placement([session(**fields)], decided((PACK, BEFORE)), CS) is None


def test_a_seller_cannot_sell_the_platforms_plan() -> None:
    theirs = Delivery(event(1, "checkout.session.completed", checkout(), account="acct_1"), "connect")
    assert rows_after([theirs], decided((PACK, BEFORE)))["plan_placements"] == {}


def paid_invoice(**fields: Any) -> Delivery:
    line = {
        "object": "line_item",
        "id": "il_1",
        "amount": 900,
        "currency": "eur",
        "quantity": 1,
        "period": {"start": T, "end": T},
        "pricing": {"type": "price_details", "price_details": {"price": "price_1", "product": "prod_1"}},
    }
    obj = invoice(
        status="paid",
        parent=None,
        lines={"object": "list", "data": [line], "has_more": False, "total_count": 1},
        **fields,
    )
    return Delivery(event(2, "invoice.paid", obj))


def test_a_paid_invoice_of_no_subscription_is_a_purchase_of_its_prices() -> None:
    known = decided((catalogue(plan("pack", "price_1", model="one_time")), BEFORE))
    row = placement([paid_invoice()], known, ("test", "platform", "in_1"))
    assert row is not None
    assert (on(row), row["kind"], row["why"]["price"]) == ("pack@1", "invoice", "price_1")
    both = [session(invoice="in_1"), paid_invoice()]
    assert list(rows_after(both, known)["plan_placements"]) == [("test", "platform", "in_1")]


def test_a_purchase_whose_money_went_back_says_so() -> None:
    charge = {
        "object": "charge",
        "id": "ch_1",
        "payment_intent": "pi_1",
        "customer": "cus_1",
        "status": "succeeded",
        "captured": True,
        "currency": "eur",
        "amount": 900,
        "amount_captured": 900,
        "amount_refunded": 0,
        "created": T,
    }
    refund = {
        "object": "refund",
        "id": "re_1",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "amount": 900,
        "currency": "eur",
        "status": "succeeded",
        "created": T + 9,
    }
    paid = [session(), Delivery(event(2, "charge.succeeded", charge))]
    known = decided((PACK, BEFORE))
    assert (placement(paid, known, CS) or {})["refunded"] is False
    back = Delivery(event(3, "refund.created", refund, at=T + 9))
    assert (placement([*paid, back], known, CS) or {})["refunded"] is True


def test_an_agreement_without_stripe_is_a_placement_from_when_it_was_made() -> None:
    made = MakeAgreement(mode="test", id="agr_1", org="acme", plan="pro", version=1, by="ada", why="by wire")
    (event,) = agree(made, Agreement())
    assert isinstance(event, AgreementMade)
    known = decided((FIRST, BEFORE), (event, T * S + 5))
    key = ("test", "platform", "agr_1")
    row = placement([], known, key)
    assert row is not None
    assert (on(row), row["org"], row["kind"], row["from_s"], row["until_s"]) == ("pro@1", "acme", "agreement", T, None)
    (ended,) = agree(EndAgreement(mode="test", id="agr_1", by="bob", why="unpaid"), Agreement(event))
    assert isinstance(ended, AgreementEnded)
    ends = [*known, (ended, (T + 50) * S)]
    assert (placement([], ends, key) or {})["until_s"] == T + 50
    moves = [*ends, moved("pro", 2, "agr_1", (T + 60) * S)]
    row = placement([], moves, key)
    assert (on(row), (row or {})["until_s"]) == ("pro@2", T + 50)


# ---- the law --------------------------------------------------------------------------------

KEYS = st.sampled_from(["k_a", "k_b", "k_c", None])
PRICES = st.sampled_from(["price_1", "price_2", "price_3"])
SECONDS = st.integers(T, T + 6)


@st.composite
def stories(draw: st.DrawFn) -> list[Delivery]:
    """Subscriptions that change prices, prices that change lookup keys, and things bought once."""
    told: list[Delivery] = []
    for number in range(draw(st.integers(0, 10))):
        at, version = draw(SECONDS), draw(st.sampled_from([ACACIA, BASIL]))
        kind = draw(st.sampled_from(["sub", "sub", "sub", "price", "customer", "checkout", "invoice"]))
        if kind == "sub":
            items = draw(st.lists(st.tuples(PRICES, KEYS), min_size=1, max_size=2, unique_by=lambda i: i[0]))
            obj = sub(*items, id=draw(st.sampled_from(["sub_1", "sub_2"])), created=draw(SECONDS))
            before = draw(st.none() | st.lists(st.tuples(PRICES, KEYS), min_size=1, max_size=1))
            previous = {"items": sub(*before)["items"]} if before else None
            verb = draw(st.sampled_from(["created", "updated", "deleted"]))
            told.append(
                Delivery(event(number, f"customer.subscription.{verb}", obj, at=at, version=version, previous=previous))
            )
        elif kind == "price":
            obj = price(draw(PRICES), lookup_key=draw(KEYS))
            previous = {"lookup_key": draw(KEYS)}
            told.append(Delivery(event(number, "price.updated", obj, at=at, version=version, previous=previous)))
        elif kind == "customer":
            obj = customer(org=draw(st.sampled_from([None, "acme", "globex"])))
            told.append(Delivery(event(number, "customer.updated", obj, at=at)))
        elif kind == "checkout":
            obj = checkout(
                metadata=draw(st.sampled_from([{}, {"recount_plan": "a"}, {"recount_plan": "once"}])),
                invoice=draw(st.sampled_from([None, "in_1"])),
                status=draw(st.sampled_from(["open", "complete"])),
                created=draw(SECONDS),
            )
            told.append(Delivery(event(number, "checkout.session.completed", obj, at=at)))
        else:
            told.append(Delivery({**paid_invoice(created=draw(SECONDS)).event, "id": f"evt_{number}", "created": at}))
    return told


NAMED = st.sampled_from(["k_a", "k_b", "k_c", "price_1", "price_2"])


@st.composite
def decisions(draw: st.DrawFn) -> list[Decided]:
    """Catalogues, moves and agreements, as far as deciders let them pass, recorded in their order."""
    plans, found, at_us = Plans(), [], (T - 2) * S
    for number in range(draw(st.integers(0, 7))):
        at_us += draw(st.integers(0, 3 * S))
        kind = draw(st.sampled_from(["apply", "apply", "apply", "move", "many", "agree"]))
        if kind == "apply":
            told = [
                plan(key, *draw(st.lists(NAMED, min_size=1, max_size=2, unique=True)), tier=draw(st.integers(0, 2)))
                for key in draw(st.sampled_from([("a",), ("b",), ("a", "b"), ()]))
            ]
            lasts = draw(st.sampled_from([None, Lasts(days=3), Lasts(months=13)]))
            told += [plan("once", "price_3", model="one_time", lasts=lasts)] * draw(st.integers(0, 1))
            legacy = draw(st.dictionaries(NAMED, st.sampled_from(["a", "b", ("a", 1), "once"]), max_size=1))
            effective_s = draw(st.none() | st.integers(T - 3, T + 6))
            name = draw(st.sampled_from(["shop", "shop", "other"]))
            command = catalogue(*told, legacy=legacy, catalogue=name, effective_s=effective_s)
            try:
                events = decide(command, plans)
            except RecountError:
                continue
            for each in events:
                plans = evolve(plans, each)
                found.append((each, at_us))
        elif kind == "move":
            id = draw(st.sampled_from(["sub_1", "cs_1", "agr_0", "in_1"]))
            found.append(moved(draw(st.sampled_from(["a", "b"])), draw(st.integers(1, 2)), id, at_us))
        elif kind == "many":
            both = ("platform/sub_1", "platform/sub_2")
            many = PlanSubscriptionsMoved(mode="test", plan="b", version=1, subscriptions=both, by="bob", why="all")
            found.append((many, at_us))
        else:
            until_s = draw(st.none() | st.integers(T, T + 9))
            made = MakeAgreement(
                mode="test", id=f"agr_{number}", org="acme", plan="a", version=1, by="ada", why="wire", until_s=until_s
            )
            found += [(e, at_us) for e in agree(made, Agreement())]
            if draw(st.booleans()):
                end = AgreementEnded(mode="test", id=f"agr_{number}", at_s=None, by="bob", why="over")
                found.append((end, at_us + 1))
    return found


@examples(300)
@given(stories(), decisions(), st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_what_stripe_tells_gives_the_placements_of_the_oracle(
    told: list[Delivery], known: list[Decided], rnd: random.Random
) -> None:
    expected = oracle.recount(told, decided=known)
    shuffled = told * rnd.choice([1, 2])
    rnd.shuffle(shuffled)
    assert different(folded(entries_of(shuffled, known, rnd), cuts=[3, 7]), expected) == []


@examples(100)
@given(decisions())
def test_every_decision_survives_the_codec_and_versions_follow_each_other(known: list[Decided]) -> None:
    versions: dict[str, list[int]] = {}
    for told, _ in known:
        encode(told)
        if told.NAME == "plan.published":
            versions.setdefault(told.plan, []).append(told.version)  # type: ignore[attr-defined]
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


# ---- in PostgreSQL --------------------------------------------------------------------------


def append(log: Log, stream: str, *events: Event) -> None:
    """Append events to a stream of operators' decisions."""
    for told in events:
        version = len(log.read_stream(stream)) + 1
        new = NewEvent(stream, version, told, Metadata(occurred_at_s=T, actor="ada"))
        assert isinstance(log.append(new), Appended)


def recorded(log_of: str) -> list[Decided]:
    """What was decided, with the times at which the database recorded it."""
    names = [
        "plan.published", "plan.retired", "plan.price_mapped", "plan.price_unmapped", "subscription_plan.moved",
        "plan.subscriptions_moved", "agreement.made", "agreement.ended",
    ]  # fmt: skip
    with psycopg.connect(log_of) as conn:
        return [(r.event, r.recorded_at_us) for r in read_own(conn, names)]


def test_live_placements_are_what_the_oracle_says_when_catalogue_and_sales_meet_in_any_order(database: str) -> None:
    # given subscriptions that were told of before any plan was known
    log = Log(built(database))
    told = [created(sub(("price_5", "k_a"), id=f"sub_{n}"), number=n + 10) for n in range(1, 5)]
    told += [session(), paid_invoice(), Delivery(event(90, "customer.created", customer(org="acme")))]
    told.append(Delivery(event(91, "price.updated", price("price_2", lookup_key="k_b"), at=T - 9)))
    told.append(created(sub("price_2", id="sub_9"), number=19))
    ingest(log, told)
    project(database, sizes=[2, 3, 500])
    # when catalogues come, change, map prices of old, move, and a customer's organization changes
    first = catalogue(plan("a", "k_a"), plan("pack", "price_1", model="one_time"))
    second = catalogue(plan("a", "k_a", tier=1), plan("b"), plan("gone"), legacy={"k_b": "b"})
    plans = Plans()
    for command in (first, second, catalogue(plan("a", "k_a", tier=1), plan("b"))):
        events = decide(command, plans)
        for each in events:
            plans = evolve(plans, each)
        append(log, plans_stream("test"), *events)
        project(database, sizes=[1, 500])
        rows = rows_of(database)
        assert different(rows, oracle.recount(told, decided=recorded(database))) == []
    append(log, placement_stream("test", "platform", "sub_1"), moved("b", 1)[0])
    link(log, Link("cus_1", "globex"))
    log.close()
    project(database)
    # then all rows are as the oracle says, and as a rebuild makes them
    rows = rows_of(database)
    assert different(rows, oracle.recount(told, [Link("cus_1", "globex")], decided=recorded(database))) == []
    placed = rows["plan_placements"]
    assert {k[2]: (r["plan_id"], r["org"]) for k, r in placed.items() if k[2] in ("sub_1", "sub_2")} == {
        "sub_1": ("b@1", "globex"),
        "sub_2": ("a@1", "globex"),
    }
    assert all(v.differences == () for v in verify(database))
    assert logged(database) > len(told)


def test_every_row_about_plans_is_made_anew_from_its_own_events(database: str) -> None:
    # given a row of each model that plans rest on
    log = Log(built(database))
    told = [created(sub(("price_5", "k_a")), number=11), created(sub(("price_5", None), id="sub_2"), T + 5, 12)]
    told.append(Delivery(event(13, "price.updated", price("price_5", lookup_key="k_b"), at=T + 9)))
    ingest(log, told)
    append(log, plans_stream("test"), *decide(catalogue(plan("a", "k_a"), plan("b"), legacy={"k_b": "b"}), Plans()))
    many = PlanSubscriptionsMoved(
        mode="test", plan="a", version=1, subscriptions=("platform/sub_1",), by="bob", why="all"
    )
    append(log, plans_stream("test"), many)
    append(log, placement_stream("test", "platform", "sub_2"), moved("a", 1, "sub_2")[0])
    made = MakeAgreement(mode="test", id="agr_1", org="acme", plan="a", version=1, by="ada", why="wire")
    append(log, agreement_stream("test", "agr_1"), *agree(made, Agreement()))
    log.close()
    project(database)
    before = rows_of(database)
    models = (
        "plans", "plan_names", "legacy_prices", "plan_moves", "agreements", "subscription_sales", "price_lookup_keys",
        "plan_placements",
    )  # fmt: skip
    places = [(model, key) for model in models for key in before[model]]
    assert {m for m, _ in places} == set(models)
    # when each is made anew, then it is as it was
    assert refold(database, places).changed == 0
    assert rows_of(database) == before
    # and so it is after it was lost
    with psycopg.connect(database, autocommit=True) as conn:
        for model in models[:-1]:
            conn.execute(f"DELETE FROM read_models.{model}")
    refold(database, places)
    assert rows_of(database) == before


def test_a_released_event_is_folded_into_what_was_sold(database: str) -> None:
    # given an event of a subscription that changes its prices, of which the read models know nothing yet
    log = Log(built(database))
    first, then = sub(("price_1", "k_a")), sub(("price_2", "k_b"))
    ingest(log, [created(first, number=11)])
    append(log, plans_stream("test"), *decide(catalogue(plan("a", "k_a"), plan("b", "k_b")), Plans()))
    project(database)
    later = updated(then, first, T + 50, 12)
    ingest(log, [later])
    log.close()
    # when it is applied key by key, as a release does
    with psycopg.connect(database, autocommit=True) as conn:
        places = touched_by(conn, "test", "platform", later.event["id"])
    assert {m for m, _ in places} == {
        "stripe_events", "subscriptions", "subscription_sales", "price_lookup_keys"
    }  # fmt: skip
    project(database)
    refold(database, places)
    # then the placement follows
    assert rows_of(database)["plan_placements"][KEY]["plan_id"] == "b@1"
    assert all(v.differences == () for v in verify(database))
