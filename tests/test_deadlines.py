"""Deadlines: each acts once, in order, whoever looks, however late, and whatever the clock does."""

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outgoing import DAY, LEADS, Installation
from samples import T, customer, event, price, product, subscription

from api.scheduler import Scheduler, leads
from api.settings import Settings
from commands.deadlines import DEADLINES, Due, meet
from ledger.events import DeadlineMet, OverrideEnded, OverrideGranted
from ledger.ids import deadline_stream, override_stream
from ledger.store import Log
from projections.deadlines import SOURCES
from replay import rebuild, verify

END = T + 20 * DAY
#: The database's own clock says since when an endpoint listens: this is after it.
AHEAD = int(time.time()) + 20 * DAY


@pytest.fixture
def here(database: str) -> Iterator[Installation]:
    with closing(Installation(database, T + 100)) as found:
        yield found


def trial(here: Installation, n: int = 1, ends: int = END, *, at: int = T, status: str = "trialing") -> None:
    """A subscription on trial, or one that was."""
    kind = "created" if at == T else "updated"
    sub = subscription(f"sub_{n}", f"cus_{n}", status=status, trial_start=T, trial_end=ends)
    here.tell(
        event(f"evt_c{n}", "customer.created", customer(f"cus_{n}", org=f"org_{n}"), at=T),
        event(f"evt_s{n}_{at}", f"customer.subscription.{kind}", sub, at=at),
    )


def sold(here: Installation) -> None:
    here.tell(
        event("evt_p", "product.created", product("prod_1", "agents", limits={"agents": "5"}), at=T),
        event("evt_q", "price.created", price("price_1", "prod_1"), at=T),
    )


def override(here: Installation, until_s: int | None, feature: str = "sso", org: str = "org_1") -> None:
    said = OverrideGranted(
        mode="test", org=org, feature=feature, limit=None, from_s=None, until_s=until_s, reason="a favor"
    )  # fmt: skip
    here.append(override_stream("test", org, feature), said)


def told(here: Installation, *types: str) -> list[tuple[str, str | None]]:
    return [(n.type, n.org) for n in here.notices() if not types or n.type in types]


# ---- what is due, and when -------------------------------------------------------------------


def test_who_is_on_trial_is_told_so_many_days_before_it_ends(here: Installation):
    here.listen()
    trial(here)
    assert here.tick(END - 3 * DAY - 1) == 0
    assert here.tick(END - 3 * DAY) == 1
    (notice,) = here.notices()
    assert (notice.type, notice.org, notice.at_s) == ("trial.ending", "org_1", END - 3 * DAY)
    assert notice.said == {
        "account": "platform", "customer": "cus_1", "subscription": "sub_1", "ends_s": END
    }  # fmt: skip
    assert here.tick(END - DAY) == 0


def test_a_trial_that_moves_is_due_anew(here: Installation):
    here.listen()
    trial(here)
    trial(here, ends=END + 10 * DAY, at=T + 50)
    assert here.tick(END - 3 * DAY) == 0
    assert here.tick(END + 7 * DAY) == 1
    trial(here, ends=END + 20 * DAY, at=T + 60)
    assert here.tick(END + 17 * DAY) == 1
    assert [n.said["ends_s"] for n in here.notices()] == [END + 10 * DAY, END + 20 * DAY]


def test_a_trial_that_was_paid_for_meanwhile_is_due_no_more(here: Installation):
    here.listen()
    trial(here)
    trial(here, at=T + 50, status="active")
    assert here.tick(END) == 0
    assert here.rows("SELECT * FROM {r}.deadlines WHERE kind = 'trial.ending'") == []


def test_an_override_that_ends_soon_is_told_to_whom_it_concerns(here: Installation):
    here.listen()
    override(here, END)
    assert here.tick(END - 3 * DAY) == 1
    (notice,) = here.notices()
    assert (notice.type, notice.org) == ("override.ending", "org_1")
    assert notice.said == {"feature": "sso", "granted": True, "ends_s": END}


def test_an_override_that_was_ended_or_has_no_end_is_not_due(here: Installation):
    here.listen()
    override(here, END)
    here.append(override_stream("test", "org_1", "sso"), OverrideEnded(mode="test", org="org_1", feature="sso"))
    override(here, None, "audit")
    assert here.tick(END + DAY) == 0
    assert here.notices() == []


def test_what_changes_by_time_alone_is_told_when_it_does(here: Installation):
    here.listen()
    here.react()
    sold(here)
    trial(here, ends=AHEAD)
    here.react()
    here.tick(AHEAD - 1)
    before = len(told(here, "entitlement.changed"))
    assert here.tick(AHEAD) == 1
    notice = here.notices()[-1]
    assert (notice.type, notice.org, notice.at_s) == ("entitlement.changed", "org_1", AHEAD)
    assert (notice.said["because"], notice.said["before"]["state"], notice.said["now"]["state"]) == (
        "time", "trialing", "grace"
    )  # fmt: skip
    here.react()
    assert len(told(here, "entitlement.changed")) == before + 1


def test_turns_of_one_feature_are_told_one_after_the_other(here: Installation):
    here.listen()
    sold(here)
    sub = subscription("sub_1", "cus_1", status="trialing", trial_start=T, trial_end=AHEAD, cancel_at=AHEAD + 5 * DAY)
    here.tell(
        event("evt_c", "customer.created", customer("cus_1", org="org_1"), at=T),
        event("evt_s", "customer.subscription.created", sub, at=T),
    )
    here.project()
    while here.tick(AHEAD + 9 * DAY):
        pass
    turns = [n for n in here.notices() if n.type == "entitlement.changed"]
    assert [n.at_s for n in turns] == [AHEAD, AHEAD + 5 * DAY]
    assert [n.said["now"]["state"] for n in turns] == ["grace", "revoked"]


def test_what_turned_before_anybody_listened_is_met_and_not_told(here: Installation):
    # given a turn that is long past by the database's own clock, which says when the endpoint was added
    sold(here)
    trial(here, ends=T + DAY)
    here.listen()
    assert here.tick(time.time()) == 2
    assert here.notices() == []
    assert [(m.kind, m.lapsed) for m in here.logged(DeadlineMet.NAME)] == [
        ("trial.ending", True), ("entitlement.turning", True)
    ]  # fmt: skip
    assert here.tick() == 0


def test_an_announcement_of_what_has_happened_is_not_made(here: Installation):
    here.listen()
    override(here, END)
    assert here.tick(END) >= 1
    assert told(here, "override.ending") == []


def test_while_nobody_listens_announcements_wait(here: Installation):
    trial(here)
    assert here.tick(END - 2 * DAY) == 0
    here.listen(mode="live")
    assert here.tick() == 0
    here.listen()
    assert here.tick() == 1
    assert told(here) == [("trial.ending", "org_1")]


def test_whose_it_is_is_asked_when_it_is_due(here: Installation):
    here.listen()
    trial(here)
    here.link("cus_1", "acme")
    here.tick(END - 3 * DAY)
    assert told(here) == [("trial.ending", "acme")]


# ---- once, in order --------------------------------------------------------------------------


def many(here: Installation, count: int = 12) -> list[str]:
    """Trials that end an hour apart, received in no order. Returns their organizations in the order of their ends."""
    order = list(range(1, count + 1))
    random.Random(3).shuffle(order)
    for n in order:
        trial(here, n, END + n * 3_600)
    here.project()
    return [f"org_{n}" for n in range(1, count + 1)]


def test_three_schedulers_side_by_side_meet_each_once_and_in_order(here: Installation):
    here.listen()
    orgs = many(here)
    here.now_s = END
    three = [here.scheduler() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            list(pool.map(lambda s: s.tick(), three))
    assert [org for _, org in told(here)] == orgs
    here.project()
    assert here.tick() == 0


def test_a_scheduler_that_was_down_for_a_day_meets_each_once_and_in_order(here: Installation):
    here.listen()
    orgs = many(here)
    assert here.tick(END - 3 * DAY) == 0
    assert here.tick(END - 2 * DAY) == 12
    assert [org for _, org in told(here)] == orgs
    assert here.tick() == 0


def test_a_clock_that_jumps_to_and_fro_meets_each_once(here: Installation):
    here.listen()
    orgs = many(here)
    chance = random.Random(5)
    for _ in range(25):
        here.tick(END - 3 * DAY + chance.randrange(-12, 13) * 3_600)
    here.tick(END - 2 * DAY)
    assert sorted(org or "" for _, org in told(here)) == sorted(orgs)
    assert here.tick(END - 40 * DAY) == 0


def test_a_clock_that_only_goes_on_meets_them_in_order(here: Installation):
    here.listen()
    orgs = many(here)
    for step in range(0, 13, 2):
        here.tick(END - 3 * DAY + step * 3_600 + 5)
    assert [org for _, org in told(here)] == orgs


@pytest.fixture
def in_paris() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Paris"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.__setitem__("TZ", before)
    time.tzset()


def test_the_hour_that_comes_twice_in_autumn_meets_each_once_and_in_order(here: Installation, in_paris: None):
    # 2027-10-31: at 03:00 clocks in Paris go back to 02:00, which is 01:00 UTC
    back = 1_824_944_400
    assert time.localtime(back - 1)[3:5] == (2, 59) and time.localtime(back)[3:5] == (2, 0)
    here.listen()
    for n in range(1, 9):
        trial(here, n, back + 3 * DAY + (n - 4) * 900)
    here.project()
    for now_s in range(back - 3_600, back + 7_200, 300):
        here.tick(now_s)
    assert [org for _, org in told(here)] == [f"org_{n}" for n in range(1, 9)]
    assert [n.at_s for n in here.notices()] == [back + (n - 4) * 900 for n in range(1, 9)]


def test_a_scheduler_whose_read_models_stand_still_meets_nothing_twice(here: Installation):
    here.listen()
    trial(here)
    here.project()
    here.now_s = END - DAY
    scheduler = here.scheduler()
    assert scheduler.tick() == 1
    assert scheduler.tick() == 0  # the row is still there: nothing was folded


def test_what_is_met_from_sixteen_threads_is_met_once(log: Log):
    due = Due("trial.ending", "test", "platform:sub_1", END, "acme", {})
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda n: meet(log, DEADLINES["trial.ending"], due, END - n), range(1, 17)))
    assert sorted(done) == [False] * 15 + [True]
    assert len(log.read_stream(deadline_stream("trial.ending", "test", "platform:sub_1", END))) == 1
    assert len(log.read(0, 10)) == 2


def test_one_that_raises_does_not_keep_the_others_from_their_time(here: Installation, monkeypatch: pytest.MonkeyPatch):
    import api.scheduler as module

    here.listen()
    trial(here, 1, END)
    trial(here, 2, END + 1)

    def faulty(journal: Any, deadline: Any, due: Due, *rest: Any) -> bool:
        if due.org == "org_1":
            raise ValueError("a fault of ours")
        return meet(journal, deadline, due, *rest)

    monkeypatch.setattr(module, "meet", faulty)
    assert here.tick(END - DAY) == 1
    monkeypatch.undo()
    assert here.tick() == 1
    assert [org for _, org in told(here)] == ["org_2", "org_1"]


def test_a_database_that_is_gone_loses_no_deadline(here: Installation):
    import psycopg

    here.listen()
    trial(here)
    here.project()
    here.now_s = END - DAY
    scheduler: Scheduler = here.scheduler()
    assert scheduler.tick() == 1
    with psycopg.connect(here.conninfo, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid = %s",
            [scheduler._conn.info.backend_pid],  # type: ignore[union-attr]
        )
    trial(here, ends=END + 5 * DAY, at=T + 50)
    here.project()
    here.now_s = END + 4 * DAY
    with pytest.raises(psycopg.Error):
        scheduler.tick()
    assert scheduler.tick() >= 1


# ---- the read model --------------------------------------------------------------------------

_MOVES = st.lists(
    st.tuples(st.sampled_from(["trial", "override", "end", "tick", "link"]), st.integers(0, 6)),
    min_size=3,
    max_size=12,
)


@settings(max_examples=12)
@given(_MOVES)
def test_the_oracle_agrees_on_what_is_due(server: Any, template: str, moves: list[tuple[str, int]]):
    from databases import fresh_database
    from oracle.outgoing import deadlines

    with fresh_database(server, template) as conninfo, closing(Installation(conninfo, T)) as here:
        here.listen()
        sold(here)
        trial(here)
        for n, (what, days) in enumerate(moves):
            if what == "trial":
                trial(here, ends=END + days * DAY, at=T + 1 + n, status="active" if days == 0 else "trialing")
            elif what == "override":
                override(here, END + days * DAY, "agents" if days % 2 else "sso")
            elif what == "end":
                here.append(
                    override_stream("test", "org_1", "sso"), OverrideEnded(mode="test", org="org_1", feature="sso")
                )
            elif what == "tick":
                here.tick(END - 4 * DAY + days * DAY)
            else:
                here.link("cus_1", f"org_{days}")
        here.project()
        rows = {
            "subscriptions": {
                tuple(row[:3]): {"status": row[3], "trial_end_s": row[4], "customer": row[5]}
                for row in here.rows("SELECT mode, account, id, status, trial_end_s, customer FROM {r}.subscriptions")
            },
            "overrides": {
                tuple(row[:3]): {"until_s": row[3], "granted": row[4]}
                for row in here.rows("SELECT mode, org, feature, until_s, granted FROM {r}.overrides")
            },
            "entitlements": {
                tuple(row[:3]): {"segments": row[3]}
                for row in here.rows("SELECT mode, org, feature, segments FROM {r}.entitlements")
            },
        }
        met = [(m.mode, m.kind, m.key, m.at_s) for m in here.logged(DeadlineMet.NAME)]
        names = ("mode", "kind", "key", "at_s", "org", "account", "customer", "about")
        found = {
            tuple(row[:3]): dict(zip(names, row, strict=True))
            for row in here.rows(f"SELECT {', '.join(names)} FROM {{r}}.deadlines")
        }
        assert found == deadlines(rows, met)
        # each was met once, and none of what is told was told twice
        assert len(set(met)) == len(met)


def test_live_and_rebuilt_agree_and_a_rebuild_meets_nothing(here: Installation):
    here.listen()
    sold(here)
    many(here, 4)
    override(here, END)
    here.tick(END - 3 * DAY)
    here.tick(END + 2 * 3_600)
    before = here.log.head()
    rebuild.rebuild(here.conninfo)
    assert [found.differences for found in verify.verify(here.conninfo)] == [()] * 2
    assert here.log.head() == before
    assert here.tick() == 0


# ---- the registries --------------------------------------------------------------------------


def test_every_deadline_has_a_source_and_every_source_a_deadline():
    assert {s.kind for s in SOURCES} == set(DEADLINES)


def test_every_lead_is_a_setting(monkeypatch: pytest.MonkeyPatch):
    names = set(Settings.__struct_fields__)
    assert all(d.lead is None or d.lead in names for d in DEADLINES.values())
    assert set(LEADS) == set(DEADLINES)


def test_the_lead_is_what_is_set():
    import msgspec

    from api.settings import load

    given = msgspec.structs.replace(load(), trial_notice_days=7, override_notice_days=0)
    assert leads(given) == dict.fromkeys(DEADLINES, 0) | {"trial.ending": 7 * DAY}
