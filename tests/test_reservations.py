"""Reservations: admitted within a cap alone, settled at what it cost, and never more than one for the last cent."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from outgoing import Installation
from passthrough import CATEGORY, META, NOW, ORG, Interrupted, Memory, Office, charge

from api.passthrough.books import LogBooks
from commands.passthrough import BudgetKey
from commands.reservations_spending import acknowledge
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import NoticeRaised
from ledger.ids import budget_stream, reservation_stream
from ledger.passthrough import period_of
from ledger.store import Log

KEY = BudgetKey("test", ORG, CATEGORY, period_of(NOW), "usd")


@pytest.fixture
def office() -> Office:
    return Office(Memory())


def refusal(do: Any, *given: Any, **more: Any) -> str:
    with pytest.raises((Refused, Invalid)) as caught:
        do(*given, **more)
    return caught.value.code


def notices(office: Office) -> list[NoticeRaised]:
    return [r.event for r in office.books.all if isinstance(r.event, NoticeRaised)]  # type: ignore[attr-defined]


def spent(office: Office) -> tuple[str, str]:
    budget = office.budget()
    return str(budget.settled), str(budget.reserved(office.now_s))


def test_nothing_is_spent_without_a_policy_that_holds(office: Office) -> None:
    assert refusal(office.reserve, "r1") == "no_policy"
    office.policy(from_s=NOW + 10)
    assert refusal(office.reserve, "r1") == "outside_dates"
    office.now_s = NOW + 10
    assert refusal(office.reserve, "r1", currency="eur") == "other_currency"
    assert office.reserve("r1").changed


def test_what_is_spent_reserved_and_asked_for_stays_within_the_cap(office: Office) -> None:
    office.policy(1_000)
    office.reserve("r1", 600)
    assert refusal(office.reserve, "r2", "400.000001") == "above_cap"
    office.reserve("r2", 400)
    assert refusal(office.reserve, "r3", "0.000001") == "above_cap"
    office.settle("r1", 100)
    assert spent(office) == ("100", "400")
    office.reserve("r3", 500)
    assert refusal(office.reserve, "r4", 1) == "above_cap"
    office.release("r2")
    office.reserve("r4", 400)


def test_without_a_cap_everything_is_admitted(office: Office) -> None:
    office.policy(None)
    for n in range(5):
        office.reserve(f"r{n}", 10**14)


def test_the_same_again_is_answered_the_same_and_reserves_once(office: Office) -> None:
    office.policy()
    first = office.reserve("r1", 100)
    again = office.reserve("r1", 100)
    assert (again.changed, again.reservation) == (False, first.reservation)
    assert refusal(office.reserve, "r1", 101) == "reservation_exists"
    assert spent(office) == ("0", "100")
    for _ in range(2):
        office.settle("r1", 70)
    assert spent(office) == ("70", "0")
    assert refusal(office.settle, "r1", 71) == "already_settled"
    assert refusal(office.release, "r1") == "already_settled"


def test_what_was_released_cost_nothing(office: Office) -> None:
    office.policy()
    office.reserve("r1", 100)
    for _ in range(2):
        office.release("r1")
    assert refusal(office.settle, "r1", 1) == "already_released"
    assert spent(office) == ("0", "0")
    with pytest.raises(NotFound):
        office.release("unknown")


def test_a_reservation_that_runs_out_holds_nothing_from_its_own_time_on(office: Office) -> None:
    office.policy(100)
    office.reserve("r1", 100, lasts_s=60)
    office.now_s = NOW + 59
    assert refusal(office.reserve, "r2", 1) == "above_cap"
    assert not office.expire("r1").changed
    office.now_s = NOW + 60
    office.reserve("r2", 100)
    assert office.expire("r1").reservation.status == "expired"
    assert spent(office) == ("0", "100")


def test_what_was_spent_after_a_reservation_ran_out_is_counted_all_the_same(office: Office) -> None:
    office.policy(100)
    office.reserve("r1", 100, lasts_s=60)
    office.now_s = NOW + 120
    office.reserve("r2", 60)
    settled = office.settle("r1", 90)
    assert settled.reservation.status == "settled"
    assert spent(office) == ("90", "60")
    assert refusal(office.reserve, "r3", 1) == "above_cap"


def test_an_overshoot_is_recorded_and_blocks_the_next(office: Office) -> None:
    office.policy(100)
    office.reserve("r1", 50)
    office.settle("r1", 130)
    history = office.books.read_stream("reservation/test/acme:r1")
    assert (history[-1].event.cost, history[-1].event.over) == ("130", "80")
    assert refusal(office.reserve, "r2", 1) == "above_cap"


def test_a_charge_counts_with_its_reservation_and_not_twice(office: Office) -> None:
    office.policy(1_000)
    office.reserve("r1", 100)
    assert office.charge(charge("c1", 80, reservation="r1"), charge("c2", 30)).new == ("c1", "c2")
    assert spent(office) == ("110", "20")  # 30 without a reservation; 80 of 100 are spent
    office.settle("r1", 80)
    assert spent(office) == ("110", "0")
    office.charge(charge("c3", 50, reservation="r1"))  # the provider billed more than was said
    assert spent(office) == ("160", "0")
    office.charge(charge("c3", 50, reservation="r1"))
    assert spent(office) == ("160", "0")


def test_a_charge_of_no_reservation_is_told(office: Office) -> None:
    office.policy()
    done = office.charge(charge("c1", reservation="r9"), charge("c2"))
    assert [(r.reference, r.code) for r in done.refused] == [("c1", "unknown_reservation")]
    assert done.new == ("c2",)


def test_crossing_the_warning_is_told_once(office: Office) -> None:
    office.policy(1_000, warn_percent=80)
    for n in range(10):
        office.reserve(f"r{n}", 100)
        office.settle(f"r{n}", 99)
    assert [n.type for n in notices(office)] == ["passthrough.warning"]
    (notice,) = notices(office)
    assert (notice.org, notice.said["spent_minor"], notice.said["warn_at_minor"]) == (ORG, "891", "800")


def test_a_new_month_is_warned_of_anew(office: Office) -> None:
    office.policy(100, warn_percent=50)
    office.reserve("r1", 60)
    office.settle("r1", 60)
    office.now_s += 30 * 86_400
    office.reserve("r2", 60)
    office.settle("r2", 60)
    assert [n.said["period"] for n in notices(office)] == ["2025-10", "2025-11"]


def test_charges_alone_cross_the_warning_too(office: Office) -> None:
    office.policy(1_000, warn_percent=10)
    office.charge(*(charge(f"c{n}", 30) for n in range(5)))
    assert [n.type for n in notices(office)] == ["passthrough.warning"]


@pytest.mark.parametrize(
    ("rule", "then"), [("notify", None), ("block_new", "budget_stopped"), ("halt", "budget_stopped")]
)
def test_the_stop_rule_decides_what_may_begin_after_the_cap_was_reached(
    office: Office, rule: str, then: str | None
) -> None:
    office.policy(100, stop_rule=rule)
    office.reserve("r1", 100)
    office.settle("r1", 100)
    (notice,) = notices(office)
    assert (notice.type, notice.said["rule"], notice.said["acknowledge"]) == ("passthrough.stop", rule, True)
    office.charge(charge("back", -50))  # the provider gave something back: there is room again
    if then is None:
        assert office.reserve("r2", 10).changed
    else:
        assert refusal(office.reserve, "r2", 10) == then
        office.policy(200, stop_rule=rule)
        assert office.reserve("r2", 10).changed
    assert len(notices(office)) == 1


def test_a_stop_is_acknowledged_once(office: Office) -> None:
    with pytest.raises(NotFound):
        acknowledge(office.books, KEY, "key_1", NOW, META)
    office.policy(10)
    office.charge(charge("c1", 10))
    assert acknowledge(office.books, KEY, "key_1", NOW + 5, META) is not None
    assert acknowledge(office.books, KEY, "key_2", NOW + 9, META) is None
    stop = office.budget().stop
    assert stop is not None
    assert (stop.acknowledged_by, stop.acknowledged_s) == ("key_1", NOW + 5)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"estimate": 0}, "bad_amount"),
        ({"estimate": -1}, "bad_amount"),
        ({"estimate": "0.0000001"}, "bad_amount"),
        ({"lasts_s": 0}, "bad_period"),
        ({"lasts_s": 86_401}, "bad_period"),
        ({"id": ""}, "bad_reference"),
        ({"id": "a\0"}, "bad_reference"),
    ],
)
def test_a_reservation_that_cannot_be_meant_is_refused(office: Office, wrong: dict[str, Any], code: str) -> None:
    office.policy()
    given = {"id": "r1", "estimate": 1, **wrong}
    assert refusal(office.reserve, given.pop("id"), given.pop("estimate"), **given) == code


# ---- on PostgreSQL ------------------------------------------------------------------------------


def test_of_32_concurrent_reservations_of_the_last_cent_one_is_admitted(log: Log) -> None:
    office = Office(LogBooks(log))
    office.policy(1_000)
    office.reserve("first", 999)

    def ask(n: int) -> str:
        try:
            office.reserve(f"r{n}", 1)
        except Refused as refused:
            return refused.code
        return "admitted"

    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(ask, range(32)))
    assert sorted(answers) == ["above_cap"] * 31 + ["admitted"]
    assert office.budget().reserved(NOW) == 1_000


def test_who_comes_between_takes_the_last_cent_and_nothing_is_kept_of_who_read_before() -> None:
    books = Interrupted()
    office = Office(books)
    office.policy(1_000)
    office.reserve("first", 999)
    books.others = [lambda: office.reserve("quick", 1)]
    with pytest.raises(Refused) as caught:
        office.reserve("slow", 1)
    assert caught.value.code == "above_cap"
    assert office.budget().reserved(NOW) == 1_000
    assert office.books.read_stream(reservation_stream("test", ORG, "slow")) == []


def test_concurrent_reservations_that_fit_are_all_admitted(log: Log) -> None:
    office = Office(LogBooks(log))
    office.policy(1_000)
    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(lambda n: office.reserve(f"r{n}", 10), range(48)))
    assert all(d.changed for d in done)
    assert office.budget().reserved(NOW) == 480


def test_the_thousandth_reservation_reads_no_more_than_the_first(log: Log) -> None:
    """Every event of a budget says all of it: what is read does not grow with what happened."""
    office = Office(LogBooks(log))
    office.policy(None)
    for n in range(40):
        office.reserve(f"r{n}", 1, lasts_s=60 + n % 7)
        office.settle(f"r{n}", "0.25")
    stream = budget_stream(*KEY)
    read: list[str] = []
    office.books.read_stream = _counting(office.books.read_stream, read)  # type: ignore[method-assign]
    office.reserve("last", 1)
    assert stream not in read and len(read) <= 3
    head = office.books.read_heads([stream])[stream]
    assert head.version == 81
    assert (head.event.settled, len(head.event.holds)) == ("10", 1)


def _counting(read_stream: Any, read: list[str]) -> Any:
    def reading(stream: str) -> Any:
        read.append(stream)
        return read_stream(stream)

    return reading


@pytest.fixture
def here(database: str) -> Iterator[Installation]:
    with closing(Installation(database, NOW)) as found:
        yield found


def test_a_reservation_that_nobody_settles_expires_at_its_time(here: Installation) -> None:
    office = Office(LogBooks(here.log))
    office.policy()
    office.reserve("r1", 100, lasts_s=60)
    office.reserve("r2", 100, lasts_s=600)
    office.settle("r2", 40)
    assert here.tick(NOW + 59) == 0
    assert here.tick(NOW + 60) == 1
    assert here.tick(NOW + 10_000) == 0
    rows = here.rows("SELECT id, status, cost_minor FROM {r}.reservations ORDER BY id")
    assert rows == [("r1", "expired", None), ("r2", "settled", "40")]


def test_a_stop_that_nobody_acknowledges_is_told_again_once(here: Installation) -> None:
    here.listen()
    office = Office(LogBooks(here.log))
    office.now_s = int(here.rows("SELECT extract(epoch FROM now())::bigint")[0][0])
    office.policy(10, from_s=0)
    office.charge(charge("c1", 10, occurred_s=office.now_s))
    assert [n.type for n in here.notices()] == ["passthrough.stop"]
    here.tick(office.now_s + 899)
    assert [n.type for n in here.notices()] == ["passthrough.stop"]
    for _ in range(2):
        here.tick(office.now_s + 900)
    assert [n.type for n in here.notices()] == ["passthrough.stop", "passthrough.stop_overdue"]
    (stop, overdue) = here.notices()
    assert overdue.said["notice"] == stop.notice_id


def test_a_stop_that_was_acknowledged_is_not_told_again(here: Installation) -> None:
    here.listen()
    office = Office(LogBooks(here.log))
    office.now_s = int(here.rows("SELECT extract(epoch FROM now())::bigint")[0][0])
    office.policy(10, from_s=0)
    office.charge(charge("c1", 10, occurred_s=office.now_s))
    key = KEY._replace(period=period_of(office.now_s))
    acknowledge(office.books, key, "key_1", office.now_s + 1, META)
    here.tick(office.now_s + 10_000)
    assert [n.type for n in here.notices()] == ["passthrough.stop"]
    assert Decimal(here.rows("SELECT settled_minor FROM {r}.pass_through_budgets")[0][0]) == 10
