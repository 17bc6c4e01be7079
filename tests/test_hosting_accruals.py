"""Accruals: every second is priced once, whom it concerns; what comes late is a difference, and nothing is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hosting import DAY, Hosting, at, cost, empty_hosting
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import hosting as oracle

from api.postgres import EmbeddedPostgres
from commands.accruals import ACCRUING
from commands.environments import ChangeRateCard, CreditOutage, MoveEnvironment, WithdrawOutage
from commands.hosting_breakdown import break_down
from commands.rate_cards import RATE_CARDS, PublishRateCard
from ledger.claims import IdTaken, day_name, unclaimed
from ledger.errors import Invalid, Refused
from ledger.hosting_billing_events import AccrualsCounted
from ledger.ids import costs_stream, rate_card_stream
from replay.verify import verify

JAN_1 = at("2028-01-01")
NOON = JAN_1 + DAY // 2


@pytest.fixture
def hosting(server: EmbeddedPostgres, template: str) -> Iterator[Hosting]:
    with empty_hosting(server, template) as it:
        yield it


@pytest.fixture
def acme(hosting: Hosting) -> Hosting:
    """One environment of acme with one namespace in it, at one rate."""
    hosting.rates(0)
    hosting.create("env_1", "acme")
    hosting.place("namespace", "shop", "env_1", 0)
    return hosting


def told(hosting: Hosting) -> dict[tuple[str, str, int], Fraction]:
    return oracle.accruals([r.event for r in hosting.log.read(0, 10_000)])


def booked(hosting: Hosting) -> dict[tuple[str, str, int], Fraction]:
    return {
        (org, environment, at(day) // DAY): Fraction(amount)
        for (org, environment, day), amount in hosting.accrued().items()
    }


def test_a_day_is_accrued_when_it_is_over_and_once(acme: Hosting) -> None:
    acme.costs(cost("c1", "shop", NOON, quantity="2.5"))
    assert acme.accrue(JAN_1 + DAY - 1).bookings == 0
    assert acme.accrue(JAN_1 + DAY).bookings == 1
    assert acme.accrued() == {("acme", "env_1", "2028-01-01"): Decimal("10.5")}
    assert acme.accrue(JAN_1 + DAY).bookings == 0
    assert acme.accrue(JAN_1 + 9 * DAY).bookings == 0


def test_what_comes_late_is_an_adjustment_with_a_number(acme: Hosting) -> None:
    acme.costs(cost("c1", "shop", NOON))
    acme.accrue(JAN_1 + DAY)
    acme.costs(cost("c2", "shop", NOON, quantity="3"))
    acme.accrue(JAN_1 + 2 * DAY)
    found = [(r["number"], r["amount"]) for r in acme.rows("accruals")]
    assert sorted(found) == [("0000", "4.2"), ("0001", "12.6")]


def test_the_same_cost_event_again_is_a_success_and_another_with_its_id_a_refusal(acme: Hosting) -> None:
    one, two = cost("c1", "shop", NOON), cost("c2", "shop", NOON)
    assert acme.costs(one)[:2] == (1, 0)
    head = acme.log.head()
    assert acme.costs(one)[:2] == (0, 1)
    assert acme.costs(one, two)[:2] == (1, 1)
    for other in (cost("c1", "shop", NOON, quantity="2"), cost("c1", "blog", NOON)):
        with pytest.raises(Refused, match="c1") as refused:
            acme.costs(cost("c3", "shop", NOON), other)
        assert refused.value.code == "cost_event_conflict"
    assert acme.costs(cost("c3", "shop", NOON))[:2] == (1, 0), "nothing of a refused batch was claimed"
    assert acme.log.head() > head


def priced_by(card: str, at_s: int, environment: str = "env_1") -> ChangeRateCard:
    return ChangeRateCard(mode="test", environment=environment, rate_card=card, at_s=at_s)


def test_another_rate_card_prices_what_is_used_from_its_instant_on_and_the_past_anew(acme: Hosting) -> None:
    acme.rates(0, {"cpu": "100"}, card="dear")
    acme.costs(cost("c1", "shop", NOON, quantity="2"))
    acme.accrue(JAN_1 + DAY)
    acme.environment(priced_by("dear", NOON + 1_800))
    acme.accrue(JAN_1 + DAY)
    assert acme.accrued() == {("acme", "env_1", "2028-01-01"): Decimal("104.2")}
    row = next(r for r in acme.rows("environments") if r["id"] == "env_1")
    assert row["rate_card"] == "dear"
    assert row["rate_cards"] == [
        {"rate_card": "standard", "from_s": None}, {"rate_card": "dear", "from_s": NOON + 1_800},
    ]  # fmt: skip
    # said again it is nothing, and another word about the same instant counts in its place
    head = acme.log.head()
    acme.environment(priced_by("dear", NOON + 1_800))
    assert acme.log.head() == head
    acme.environment(priced_by("standard", NOON + 1_800))
    acme.accrue(JAN_1 + DAY)
    assert acme.accrued() == {("acme", "env_1", "2028-01-01"): Decimal("8.4")}


def test_a_day_on_which_the_currency_changes_has_a_booking_in_each(acme: Hosting) -> None:
    card = {"card": "dollars", "currency": "usd", "effective_s": 0, "markup_percent": "0", "rates": {"cpu": "100"}}
    acme._say(RATE_CARDS, rate_card_stream("test", "dollars"), PublishRateCard(mode="test", **card))
    acme.costs(cost("c1", "shop", NOON, quantity="2"))
    acme.environment(priced_by("dollars", NOON + 1_800))
    acme.accrue(JAN_1 + DAY)
    found = {(r["currency"], r["amount"]) for r in acme.rows("accruals")}
    assert found == {("eur", "4.2"), ("usd", "100")}
    assert acme.accrue(JAN_1 + DAY).bookings == 0


def test_a_correction_names_what_it_corrects_and_compensates_it(acme: Hosting) -> None:
    with pytest.raises(Invalid) as unknown:
        acme.costs(cost("c2", "shop", NOON, quantity="-1", corrects="c1"))
    assert unknown.value.code == "nothing_to_correct"
    with pytest.raises(Invalid):
        acme.costs(cost("c2", "shop", NOON, quantity="-1"))
    acme.costs(cost("c1", "shop", NOON))
    acme.accrue(JAN_1 + DAY)
    acme.costs(cost("c2", "shop", NOON, quantity="-1", corrects="c1"))
    acme.accrue(JAN_1 + DAY)
    assert acme.accrued() == {}
    assert len(acme.rows("accruals")) == 2


def test_a_record_is_split_at_the_second_of_a_cut_over_a_new_owner_and_a_new_rate(acme: Hosting) -> None:
    acme.create("env_2", "globex")
    acme.costs(cost("c1", "shop", NOON, NOON + 3_600, "3600"))
    acme.place("namespace", "shop", "env_2", NOON + 7)
    acme.environment(MoveEnvironment(mode="test", environment="env_2", org="initech", at_s=NOON + 1_000))
    acme.rates(NOON + 2_000, {"cpu": "1"}, markup="50")
    acme.accrue(JAN_1 + DAY)
    assert acme.accrued() == {
        ("acme", "env_1", "2028-01-01"): Decimal(7) * Decimal("4.2"),
        ("globex", "env_2", "2028-01-01"): Decimal(993) * Decimal("4.2"),
        ("initech", "env_2", "2028-01-01"): 1_000 * Decimal("4.2") + 1_600 * Decimal("1.5"),
    }


def test_a_cut_over_that_becomes_known_later_moves_what_was_booked(acme: Hosting) -> None:
    acme.create("env_2", "globex")
    acme.costs(cost("c1", "shop", NOON, quantity="10"))
    acme.accrue(JAN_1 + 3 * DAY)
    acme.place("namespace", "shop", "env_2", JAN_1)
    acme.accrue(JAN_1 + 3 * DAY)
    assert acme.accrued() == {("globex", "env_2", "2028-01-01"): Decimal(42)}


def test_a_project_is_the_place_of_namespaces_that_have_none_of_their_own(acme: Hosting) -> None:
    acme.create("env_2", "globex")
    acme.place("project", "web", "env_2", 0)
    acme.costs(cost("c1", "shop", NOON, project="web"), cost("c2", "blog", NOON, project="web"), cost("c3", "x", NOON))
    done = acme.accrue(JAN_1 + DAY)
    assert {k[1] for k in acme.accrued()} == {"env_1", "env_2"}
    assert done.unpaid == ("x",)


def test_an_outage_takes_its_share_off_whenever_it_is_said_and_gives_it_back(acme: Hosting) -> None:
    acme.costs(cost("c1", "shop", NOON, quantity="2"))
    acme.accrue(JAN_1 + DAY)
    outage = {"mode": "test", "environment": "env_1", "outage": "net"}
    acme.environment(CreditOutage(**outage, from_s=NOON, until_s=NOON + 1_800, percent="50", reason="it was down"))
    acme.accrue(JAN_1 + DAY)
    assert acme.accrued() == {("acme", "env_1", "2028-01-01"): Decimal("6.3")}
    acme.environment(WithdrawOutage(**outage))
    acme.accrue(JAN_1 + DAY)
    assert acme.accrued() == {("acme", "env_1", "2028-01-01"): Decimal("8.4")}


def test_the_first_record_of_an_organization_makes_its_default_environment(hosting: Hosting) -> None:
    hosting.rates(0)
    hosting.costs(cost("c1", "new", NOON, org="acme"), cost("c2", "newer", NOON, org="acme"))
    hosting.costs(cost("c3", "new", NOON + 3_600, org="globex"))
    hosting.accrue(JAN_1 + DAY)
    (row,) = hosting.rows("environments")
    assert (row["org"], row["is_default"], row["name"]) == ("acme", True, "default")
    assert hosting.accrued() == {("acme", row["id"], "2028-01-01"): Decimal("12.6")}


def test_claims_say_what_the_log_says(acme: Hosting) -> None:
    acme.costs(cost("c1", "shop", NOON), cost("c2", "shop", NOON))
    acme.costs(cost("c2", "shop", NOON), cost("c3", "shop", NOON))
    with acme.log.connection() as conn:
        for recorded in acme.log.read(0, 100):
            if recorded.event.NAME == "hosting.costs_recorded":
                assert unclaimed(conn, "test", recorded.stream, recorded.event) == []
                assert unclaimed(conn, "live", recorded.stream, recorded.event) != []
                assert recorded.stream == costs_stream("test", recorded.event.batch)


def test_of_many_who_report_the_same_at_once_each_cost_event_counts_once(acme: Hosting) -> None:
    records = [cost(f"c{n}", "shop", JAN_1 + n * 60, JAN_1 + n * 60 + 60) for n in range(60)]
    batches = [tuple(reversed(records[n : n + 20])) if n % 2 else tuple(records[n : n + 20]) for n in range(0, 41, 5)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda batch: acme.costs(*batch), batches * 2))
    assert sum(t.accepted for t in taken) == 60
    acme.accrue(JAN_1 + DAY)
    assert acme.accrued() == {("acme", "env_1", "2028-01-01"): 60 * Decimal("4.2")}


@given(
    st.dictionaries(st.none() | st.text(max_size=3), st.decimals(-1_000, 10_000, places=6), max_size=12),
    st.none() | st.integers(1, 5),
)
def test_shares_of_a_breakdown_sum_to_its_total(amounts: dict[str | None, Decimal], top: int | None) -> None:
    broken = break_down(amounts, top)
    assert sum(Fraction(share.amount) for share in broken.shares) == sum(map(Fraction, amounts.values()))
    assert sum(share.amount_minor for share in broken.shares) == broken.total_minor
    assert sum(Decimal(share.share_percent) for share in broken.shares) == (100 if broken.total else 0)
    assert sum(share.others or 1 for share in broken.shares) == len(amounts)
    assert top is None or len(broken.shares) <= top + 1


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["2028-01-01", "2028-01-02", "2028-01-03"])), max_size=6))
def test_what_was_counted_is_never_more_than_what_some_run_counted(runs: list[tuple[int, str]]) -> None:
    counted = ACCRUING.fold(AccrualsCounted(mode="test", through=t, before_day=d) for t, d in runs)
    if runs:
        # somebody counted every day before the last one, and that far
        assert counted.before_day == max(day for _, day in runs)
        assert counted.through <= max(through for through, day in runs if day == counted.before_day)


# ---- laws ------------------------------------------------------------------------------------------

INSTANTS = st.integers(JAN_1 - DAY, JAN_1 + 3 * DAY)
ENVIRONMENTS = st.sampled_from(["env_1", "env_2"])
ORGS = st.sampled_from(["acme", "globex", "initech"])
SAID: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(["n1", "n2"]), st.none() | ENVIRONMENTS, INSTANTS),
    st.tuples(st.just("project"), st.sampled_from(["p1", "p2"]), st.none() | ENVIRONMENTS, INSTANTS),
    st.tuples(st.just("move"), ENVIRONMENTS, ORGS, INSTANTS),
    st.tuples(st.just("card"), ENVIRONMENTS, st.sampled_from(["standard", "cheap", "unheard-of"]), INSTANTS),
    st.tuples(
        st.just("rates"), st.sampled_from(["1", "0.333333333333", "7.5"]), st.sampled_from(["0", "12.5"]), INSTANTS
    ),
    st.tuples(st.just("outage"), ENVIRONMENTS, st.sampled_from(["100", "33.3333"]), INSTANTS),
    st.tuples(st.just("accrue"), INSTANTS),
    st.tuples(
        st.just("costs"),
        st.lists(
            st.tuples(
                st.integers(0, 30),
                st.sampled_from(["n1", "n2", "n3"]),
                st.none() | st.sampled_from(["p1", "p2"]),
                INSTANTS,
                st.integers(1, 2 * DAY),
                st.sampled_from(["1", "0.000000001", "12.345678901"]),
                st.sampled_from(["cpu", "egress"]),
            ),
            min_size=1,
            max_size=5,
        ),
    ),
)


def carry_out(hosting: Hosting, number: int, said: tuple[Any, ...]) -> None:
    kind, *rest = said
    match kind:
        case "place" | "project":
            id, environment, instant = rest
            hosting.place("namespace" if kind == "place" else "project", id, environment, instant)
        case "move":
            environment, org, instant = rest
            hosting.environment(MoveEnvironment(mode="test", environment=environment, org=org, at_s=instant))
        case "card":
            environment, card, instant = rest
            hosting.environment(ChangeRateCard(mode="test", environment=environment, rate_card=card, at_s=instant))
        case "rates":
            rate, markup, instant = rest
            hosting.rates(instant, {"cpu": rate, "egress": "0.1"}, markup=markup)
        case "outage":
            environment, percent, instant = rest
            hosting.environment(
                CreditOutage(
                    mode="test",
                    environment=environment,
                    outage=f"o{number}",
                    from_s=instant,
                    until_s=instant + 5_000,
                    percent=percent,
                    reason="it was down",
                )
            )
        case "accrue":
            hosting.accrue(rest[0])
        case "costs":
            records = {n: (n, ns, p, f, d, q, r) for n, ns, p, f, d, q, r in rest[0]}
            for n, ns, p, f, d, q, r in records.values():
                with suppress(IdTaken):  # an id that was used by another record is refused, and nothing happens
                    hosting.costs(cost(f"c{n}", ns, f, f + d, q, resource=r, project=p))


@settings(max_examples=6)
@given(st.lists(SAID, min_size=4, max_size=14))
def test_whatever_is_said_and_accrued_when_the_bookings_sum_to_what_the_oracle_says(
    server: EmbeddedPostgres, template: str, history: list[tuple[Any, ...]]
) -> None:
    with empty_hosting(server, template) as hosting:
        hosting.create("env_1", "acme")
        hosting.create("env_2", "globex")
        hosting.rates(JAN_1 - 2 * DAY)
        hosting.rates(JAN_1 + 5_000, {"cpu": "0.7"}, card="cheap")
        for number, said in enumerate(history):
            carry_out(hosting, number, said)
        hosting.accrue(JAN_1 + 10 * DAY)
        assert booked(hosting) == told(hosting)
        assert hosting.accrue(JAN_1 + 10 * DAY).bookings == 0, "what is booked is not booked again"


def test_all_of_it_is_made_anew_from_the_log_alike(acme: Hosting) -> None:
    for number, said in enumerate(
        [
            ("place", "n1", "env_1", JAN_1),
            ("costs", [(1, "n1", None, JAN_1, DAY, "12.345678901", "cpu"), (2, "n2", None, JAN_1, DAY, "1", "cpu")]),
            ("accrue", JAN_1 + 2 * DAY),
            ("outage", "env_1", "33.3333", JAN_1),
            ("card", "env_1", "cheap", JAN_1 + 3_600),
            ("accrue", JAN_1 + 3 * DAY),
        ]
    ):
        carry_out(acme, number, said)
    acme.close_months(at("2028-03-05"))
    assert [v.differences for v in verify(acme.conninfo) if v.differences] == []
    assert booked(acme) == told(acme)


@settings(max_examples=3)
@given(st.data())
def test_order_and_duplication_of_batches_change_nothing(server: EmbeddedPostgres, template: str, data: Any) -> None:
    records = [cost(f"c{n}", f"n{n % 3}", JAN_1 + n * 5_000, JAN_1 + n * 5_000 + 7_000, "1.1") for n in range(20)]
    batches = [tuple(records[n : n + 4]) for n in range(0, 20, 3)]  # they overlap
    orders = [batches, data.draw(st.permutations(batches + batches[:3]))]
    found = []
    for order in orders:
        with empty_hosting(server, template) as hosting:
            hosting.rates(0)
            hosting.create("env_1", "acme")
            for n in range(3):
                hosting.place("namespace", f"n{n}", "env_1", 0)
            for batch in order:
                hosting.costs(*batch)
            hosting.accrue(JAN_1 + 3 * DAY)
            found.append([(r["day"], r["number"], r["entries"]) for r in hosting.rows("accruals")])
    assert found[0] == found[1]
    assert day_name(JAN_1 // DAY) == "2028-01-01"
