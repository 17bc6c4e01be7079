"""Catalogues of plans: what a file says, what applying it changes, and what makes no sense."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from placing import catalogue, plan

from api.catalogue_file import catalogue_of
from api.plan_differences import change
from commands.agreements import Agreement, EndAgreement, MakeAgreement
from commands.agreements import decide as agree
from commands.agreements import evolve as agreed
from commands.plan_definition import Lasts, PlanDefinition, read, written
from commands.plan_moves import PLAN_MOVES, MoveSubscription
from commands.plan_rules import faults
from commands.plans import PLANS, MoveSubscriptions, Plans, decide, evolve
from ledger.errors import Invalid, NotFound, RecountError, Refused
from ledger.events import Event

NOW_S = 1_760_000_000
FILE = """
catalogue: "3-6-9"
effective: 2025-01-31
plans:
  - key: pro
    name: Pro
    model: hybrid
    tier: 2
    prices:
      - {interval: month, currency: usd, lookup_key: pro_monthly, amount_minor: 1999}
      - {interval: year, currency: usd, price: price_1}
    annual_discount_percent: "20"
    features: [api, sso]
    quotas:
      tokens: {limit: 100000, period: month}
      requests: {limit: null, period: lifetime, reset: never}
    gauges: {agents: 5, concurrent_runs: null}
    included_credits: {units: 1000, period: month, reset: never}
    overage: {tokens: {usd: {amount_minor: 150, per: 100000}}}
    multipliers: {simple: "1.0", deep: "3.0"}
    usage_rates: {lead: {usd: {amount_minor: 75}}}
    trial: {days: 14, at_end: cancel, without_payment_method: pause}
    commitment:
      paid_months: 9
      delivered_months: 12
      early_cancellation: {charge: fee, fee_minor: {usd: 5000}}
    setup_steps: [{key: import, title: Import contacts, by: customer}]
    service_policy: {grace_days: 7, when_unpaid: suspend, fail_open: [api], soft_limits: [tokens]}
    terms: {refund_policy: none after 14 days, refund_days: 14, terms_of_service: "2025-01"}
legacy_prices:
  - {price: gold, plan: pro, version: 1}
"""


def told(events: tuple[Event, ...]) -> list[str]:
    """Events, in short."""
    return [f"{e.NAME} {getattr(e, 'plan', getattr(e, 'price', ''))}" for e in events]


def after(*commands: Any) -> Plans:
    plans = Plans()
    for command in commands:
        for event in decide(command, plans):
            plans = evolve(plans, event)
    return plans


def wrong(text: str) -> list[str]:
    """What is said of a file."""
    with pytest.raises(Invalid) as caught:
        decide(catalogue_of(text, "test", NOW_S), Plans())
    assert caught.value.code == "invalid_catalogue"
    return str(caught.value).splitlines()


# ---- the file -------------------------------------------------------------------------------


def test_a_file_says_all_that_a_plan_has() -> None:
    command = catalogue_of(FILE, "test", NOW_S)
    assert command.effective_s == 1_738_281_600
    (event, mapped) = decide(command, Plans())
    assert told((event, mapped)) == ["plan.published pro", "plan.price_mapped pro"]
    definition = written(command.plans[0])
    assert definition["gauges"] == {"agents": 5, "concurrent_runs": None}
    assert definition["quotas"]["tokens"] == {"limit": 100000, "period": "month", "reset": "anniversary"}
    assert definition["commitment"]["early_cancellation"] == {"charge": "fee", "fee_minor": {"usd": 5000}}
    assert read(definition) == command.plans[0]


def test_what_the_log_keeps_is_read_again_by_later_releases_that_know_more_fields() -> None:
    old = {"key": "pro", "name": "Pro", "model": "usage"}
    assert read(old) == PlanDefinition(key="pro", name="Pro", model="usage")
    assert read({**old, "model": "something of a newer release"}) is None


@pytest.mark.parametrize(
    ("found", "instead", "expected"),
    [
        ("key: pro", "key: pro\n    key: max", "line 6, column 5: 'key' is there twice"),
        ("tier: 2", "teir: 2", "plan pro: Object contains unknown field `teir`"),
        ("name: Pro", "name: yes", "plan pro: name: Expected `str`, got `bool` (in quotes, if it is a word)"),
        ("model: hybrid", "model: hire", "plan pro: model: Invalid enum value 'hire'"),
        ("1999", "19.99", "plan pro: prices[0].amount_minor: Expected `int | null`, got `float` (whole minor units"
         " for money; a ratio as a decimal in quotes)"),
        ('"3.0"', "3.0", "plan pro: multipliers[...]: Expected `str`, got `float` (whole minor units for money; a"
         " ratio as a decimal in quotes)"),
        ('catalogue: "3-6-9"', "catalogue: 369", "catalogue: say its name, in quotes if it is a number or a date:"
         ' "3-6-9"'),
        ("2025-01-31", "2999-01-31", "effective: a time that has passed; without it, versions are in force from now"),
        ("2025-01-31", "soon", "effective: a day or a time, e.g. 2026-01-31 or 2026-01-31T12:00:00Z"),
        ("catalogue:", "catalog: x\ncatalogue:", "there is no field catalog; there are catalogue, effective, plans,"
         " legacy_prices"),
        ("plans:", "plans: {}\nplans_:", "plans: must be a list"),
        ("usd, lookup_key", "USD, lookup_key", "plan pro: prices[0].currency: three lower-case letters, e.g. usd"),
        ("lookup_key: pro_monthly", "lookup_key: a, price: b", "plan pro: prices[0]: give its lookup_key or its id as"
         " price, not both"),
        ("price: price_1", "lookup_key: pro_monthly", "plan pro: prices: pro_monthly is there 2 times"),
        ("interval: year", "interval: month", "plan pro: prices: 2 for 1 month usd"),
        ("[api, sso]", "[api, tokens]", "plan pro: tokens: a feature is there once, among features, quotas or gauges"),
        ("limit: 100000", "limit: -1", "plan pro: quotas.tokens: a whole number, or null for no limit"),
        ("reset: never}\n    g", "reset: calendar}\n    g", "plan pro: quotas.requests.reset: never, since a lifetime"
         " does not begin anew"),
        ("period: month}\n      req", "period: month, reset: never}\n      req", "plan pro: quotas.tokens.period:"
         " lifetime, since it is never reset"),
        ('deep: "3.0"', 'deep: "0"', "plan pro: multipliers.deep: a decimal in quotes above 0 and up to 1000, e.g."
         ' "1.5"'),
        ('"20"', '"101"', "plan pro: annual_discount_percent: a decimal in quotes above 0 and up to 100, e.g."
         ' "1.5"'),
        ("days: 14, at", "days: 0, at", "plan pro: trial.days: 1 to 730"),
        ("delivered_months: 12", "delivered_months: 8", "plan pro: commitment: paid_months from 1, and"
         " delivered_months no fewer, up to 120"),
        ("charge: fee,", "charge: nothing,", "plan pro: commitment.early_cancellation: fee_minor by currency goes"
         " with `charge: fee`, and only with it"),
        ("per: 100000", "per: 0", "plan pro: overage.tokens.usd: whole minor units, not below zero, for at least one"),
        ("fail_open: [api]", "fail_open: [chat]", "plan pro: service_policy: chat is no feature of the plan"),
        ("grace_days: 7", "grace_days: 999", "plan pro: service_policy.grace_days: 0 to 365"),
        ("key: import", "key: Import!", "plan pro: setup_steps: 'Import!' must be a key, and be there once"),
        ("key: pro", "key: Pro", "plan Pro: key: 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a"
         " letter or a digit"),
    ],
)  # fmt: skip
def test_each_fault_of_a_file_is_named_with_its_plan_and_place(found: str, instead: str, expected: str) -> None:
    assert FILE.count(found) >= 1
    assert expected in wrong(FILE.replace(found, instead, 1))


def test_faults_of_several_plans_are_told_at_once() -> None:
    text = "catalogue: shop\nplans: [{key: a, name: A, model: hire}, {key: b, name: 7, model: usage}]"
    assert [line.partition(":")[0] for line in wrong(text)] == ["plan a", "plan b"]


@pytest.mark.parametrize("text", ["", "[]", "a: [", "&a [*a]", "{[1]: 2}", "x: 2020-13-45", "catalogue: \x00"])
def test_what_is_no_catalogue_is_said_to_be_none(text: str) -> None:
    assert wrong(text)


@pytest.mark.parametrize(
    ("model", "names", "fields", "expected"),
    [
        ("subscription", [], {}, "prices: a plan of the model subscription needs one that recurs"),
        ("hybrid", [], {}, "prices: a plan of the model hybrid needs one that recurs"),
        ("usage", [], {}, None),
        ("prepaid", [], {}, None),
        ("postpaid", ["k"], {}, None),
        ("one_time", [], {}, None),
        ("one_time", ["k"], {"lasts": Lasts(months=12)}, None),
        ("one_time", ["k"], {"lasts": Lasts()}, "lasts: up to 1200 months and 36500 days, and some of either"),
        ("subscription", ["k"], {"lasts": Lasts(days=1)}, "lasts: only what is sold once lasts for a time"),
        ("usage", [], {"account": "other"}, "account: platform, or a connected account's acct_…"),
        ("usage", [], {"name": " "}, "name: say one"),
    ],
)
def test_a_model_says_which_prices_a_plan_needs(
    model: str, names: list[str], fields: dict[str, Any], expected: str | None
) -> None:
    found = faults([plan("a", *names, **{"model": model, **fields})], [])
    assert found == ([f"plan a: {expected}"] if expected else [])


# ---- applying -------------------------------------------------------------------------------


def test_applying_the_same_file_again_changes_nothing() -> None:
    command = catalogue_of(FILE, "test", NOW_S)
    assert decide(command, after(command)) == ()


def test_a_changed_plan_is_a_new_version_and_the_others_stay() -> None:
    both = plan("a", "k_a"), plan("b", "k_b")
    events = decide(catalogue(both[0], plan("b", "k_b", tier=1)), after(catalogue(*both)))
    assert told(events) == ["plan.published b"]
    assert events[0].version == 2  # type: ignore[attr-defined]


def test_a_plan_that_its_file_no_longer_has_is_retired_and_comes_back_as_a_new_version() -> None:
    one = catalogue(plan("a", "k_a"))
    gone = decide(catalogue(), after(one))
    assert told(gone) == ["plan.retired a"]
    assert decide(catalogue(), after(one, catalogue())) == ()
    again = decide(one, after(one, catalogue()))
    assert [e.version for e in again] == [2]  # type: ignore[attr-defined]


def test_another_catalogue_is_left_alone_and_may_not_take_its_plans_nor_its_prices() -> None:
    shop = after(catalogue(plan("a", "k_a"), legacy={"gold": "a"}))
    other = {"catalogue": "other"}
    assert told(decide(catalogue(plan("b", "k_b"), **other), shop)) == ["plan.published b"]
    for taking, code in [
        (catalogue(plan("a", "k_b"), **other), "plan_elsewhere"),
        (catalogue(plan("b", "k_a"), **other), "price_on_two_plans"),
        (catalogue(plan("b", "k_b"), legacy={"gold": "b"}, **other), "price_on_two_plans"),
    ]:
        with pytest.raises(Refused) as caught:
            decide(taking, shop)
        assert caught.value.code == code
    freed = after(catalogue(plan("a", "k_a")), catalogue())
    assert told(decide(catalogue(plan("a", "k_a"), **other), freed)) == ["plan.published a"]


def test_one_price_on_two_plans_of_a_file_is_a_fault() -> None:
    with pytest.raises(Invalid) as caught:
        decide(catalogue(plan("a", "k"), plan("b", "k")), Plans())
    assert str(caught.value) == "plan b: the price k belongs to plan a already"
    assert decide(catalogue(plan("a", "k"), plan("b", "k", account="acct_1")), Plans())


def test_prices_of_old_are_mapped_changed_and_unmapped() -> None:
    gold = plan("a", "k_a"), plan("b", "k_b")
    first = catalogue(*gold, legacy={"gold": "a", "silver": "b"})
    assert told(decide(first, Plans()))[2:] == ["plan.price_mapped a", "plan.price_mapped b"]
    changed = decide(catalogue(*gold, legacy={"gold": ("b", 1)}), after(first))
    assert told(changed) == ["plan.price_unmapped silver", "plan.price_mapped b"]
    for legacy in ({"gold": "none"}, {"gold": ("a", 2)}):
        with pytest.raises(NotFound):
            decide(catalogue(*gold, legacy=legacy), Plans())


def test_versions_are_in_force_in_their_order() -> None:
    late = after(catalogue(plan("a", "k_a"), effective_s=1000))
    with pytest.raises(Refused) as caught:
        decide(catalogue(plan("a", "k_a", tier=1), effective_s=999), late)
    assert caught.value.code == "effective_before"
    assert decide(catalogue(plan("a", "k_a", tier=1), effective_s=1000), late)


def test_what_a_file_changes_is_told_field_by_field() -> None:
    plans = after(catalogue(plan("a", "k_a"), plan("b", "k_b")))
    events = decide(catalogue(plan("a", "k_a", tier=3, features=("sso",)), legacy={"gold": "a"}), plans)
    changes = [change(e, plans, {"a@1": 12, "b@1": 3}) for e in events]
    assert [(c.action, c.name, c.version, c.staying) for c in changes] == [
        ("change", "a", 2, 12),
        ("retire", "b", None, 3),
        ("map", "gold → a", None, 0),
    ]
    told_of = [(d.field, d.before, list(d.after) if isinstance(d.after, tuple) else d.after) for d in changes[0][3]]
    assert sorted(told_of, key=str) == [("features", (), ["sso"]), ("tier", 0, 3)]


SOME = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["k_1", "k_2", "k_3"]), st.integers(0, 2)),
    max_size=3,
    unique_by=lambda p: p[0],
)


@examples(300)
@given(st.lists(st.tuples(st.sampled_from(["shop", "other"]), SOME), max_size=6))
def test_after_any_files_each_catalogue_is_what_its_last_one_says(files: list[tuple[str, list[Any]]]) -> None:
    plans, last, versions = Plans(), dict[str, dict[str, int]](), dict[str, list[int]]()
    for name, some in files:
        command = catalogue(*(plan(key, lookup_key, tier=tier) for key, lookup_key, tier in some), catalogue=name)
        try:
            events = decide(command, plans)
        except RecountError:
            continue
        for event in events:
            plans = evolve(plans, event)
            if event.NAME == "plan.published":
                versions.setdefault(event.plan, []).append(event.version)  # type: ignore[attr-defined]
        last[name] = {key: tier for key, _, tier in some}
        assert decide(command, plans) == ()
    on_sale: dict[str, dict[str, int]] = {name: {} for name in last}
    for key, known in plans.plans.items():
        if not known.retired:
            on_sale[known.catalogue][key] = known.definition["tier"]
    assert on_sale == last
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    prices = [n for k in plans.plans.values() if not k.retired and (p := read(dict(k.definition))) for n in p.names]
    assert len(prices) == len(set(prices))


# ---- moves and agreements -------------------------------------------------------------------


def move(version: int = 2, now_on: str | None = "pro@1") -> MoveSubscription:
    whose = {"mode": "test", "account": "platform", "subscription": "sub_1"}
    return MoveSubscription(**whose, plan="pro", version=version, by="ada", why="asked", now_on=now_on)  # type: ignore[arg-type]


def test_what_is_where_it_shall_be_is_not_moved() -> None:
    (first,) = PLAN_MOVES.decide(move(), None)
    assert PLAN_MOVES.decide(move(now_on="pro@2"), None) == ()
    assert PLAN_MOVES.decide(move(now_on="pro@2"), first) == ()  # type: ignore[arg-type]
    # its customer bought something else meanwhile
    assert PLAN_MOVES.decide(move(now_on="max@1"), first) != ()  # type: ignore[arg-type]
    # it was moved, and the read models have not seen it yet
    assert PLAN_MOVES.decide(move(1), first) != ()  # type: ignore[arg-type]


def test_many_are_moved_to_a_version_that_there_is() -> None:
    many = MoveSubscriptions(
        mode="test", plan="a", version=1, subscriptions=("platform/sub_1",), by="ada", why="all", from_plan="a"
    )
    plans = after(catalogue(plan("a", "k_a")))
    assert len(decide(many, plans)) == 1
    assert decide(msgspec.structs.replace(many, subscriptions=()), plans) == ()
    for other in ({"version": 2}, {"plan": "none"}, {"from_plan": "none"}, {"from_version": 2}):
        with pytest.raises(NotFound):
            decide(msgspec.structs.replace(many, **other), plans)
    assert PLANS.fold(decide(many, plans)) == Plans()  # plans do not change by it


def agreement(**fields: Any) -> MakeAgreement:
    given: dict[str, Any] = {"mode": "test", "id": "agr_1", "org": "acme", "plan": "pro", "version": 1}
    return MakeAgreement(**{**given, "by": "ada", "why": "by wire", **fields})


def test_an_agreement_is_made_once_and_ends_when_it_is_said_to() -> None:
    (made,) = agree(agreement(), Agreement())
    state = agreed(Agreement(), made)
    assert agree(agreement(), state) == ()
    with pytest.raises(Refused) as caught:
        agree(agreement(plan="max"), state)
    assert caught.value.code == "agreement_made"
    end = EndAgreement(mode="test", id="agr_1", by="bob", why="over", at_s=500)
    (ended,) = agree(end, state)
    after_it = agreed(state, ended)
    assert agree(end, after_it) == ()
    assert agree(msgspec.structs.replace(end, at_s=400), after_it) != ()
    with pytest.raises(NotFound):
        agree(end, Agreement())


def test_an_agreement_ends_after_it_begins() -> None:
    with pytest.raises(Invalid):
        agree(agreement(from_s=5, until_s=5), Agreement())
    (made,) = agree(agreement(from_s=5), Agreement())
    with pytest.raises(Invalid):
        agree(EndAgreement(mode="test", id="agr_1", by="b", why="w", at_s=4), agreed(Agreement(), made))
