"""Laws of the order rule: what is last is a function of the set of facts, never of how they came."""

import random
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import said_by
from oracle.order import last_words

from ledger.facts import ObjectFact
from projections.ordering import absorb, merge, settle

WIDTH = 4
NAMES = tuple(f"field_{i}" for i in range(WIDTH))
SEALED = frozenset({3})
FULL = (1 << WIDTH) - 1
VERSIONS = ("", "2024-12-18.acacia", "2025-06-30.basil")

values = st.one_of(st.none(), st.integers(0, 2), st.just(["a", {"b": 1}]))


def fact(
    event_id: str,
    now: dict[int, Any],
    *,
    at_s: int = 100,
    version: str = VERSIONS[-1],
    rank: int = 1,
    fetched: bool = False,
    was: dict[int, Any] | None = None,
) -> ObjectFact:
    mask = sum(1 << i for i in now)
    told = tuple(now[i] for i in sorted(now))
    return ObjectFact(
        "m", "thing", "test", "a", "o", None, None, at_s, event_id, version, rank, fetched, mask, told, was or None
    )


@st.composite
def any_facts(draw: st.DrawFn) -> list[ObjectFact]:
    """Any facts at all, no two of one identity: ties, silence, chains that lie, renderings, fetched objects."""
    names = draw(
        st.lists(
            st.tuples(st.sampled_from(["evt_1", "evt_2", "evt_3", "evt_4"]), st.sampled_from(VERSIONS), st.booleans()),
            min_size=1,
            max_size=7,
            unique=True,
        )
    )
    fields = st.dictionaries(st.integers(0, WIDTH - 1), values, min_size=1)
    return [
        fact(
            event_id,
            draw(fields),
            at_s=draw(st.integers(100, 102)),
            version=version,
            rank=draw(st.sampled_from([0, 1, 1, 8, 9])),
            fetched=fetched,
            was=draw(st.one_of(st.none(), fields)),
        )
        for event_id, version, fetched in names
    ]


def absorbed(facts: list[ObjectFact]) -> bytes | None:
    return reduce(absorb, facts, None)


@given(any_facts(), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_leave_the_same_state(facts: list[ObjectFact], rnd: random.Random) -> None:
    again = facts + rnd.choices(facts, k=rnd.randint(0, 6))
    rnd.shuffle(again)
    assert absorbed(again) == absorbed(facts)


@given(any_facts())
def test_the_last_word_is_what_the_oracle_says(facts: list[ObjectFact]) -> None:
    state = absorbed(facts)
    assert state is not None
    settled = settle(state, WIDTH, SEALED)
    told, undecided = last_words([said_by(f, NAMES) for f in facts], NAMES, {NAMES[i] for i in SEALED})
    assert dict(zip(NAMES, settled.values, strict=True)) == told
    assert settled.undecided == undecided
    assert settled.changed_s == max(f.at_s for f in facts)


@given(any_facts(), st.data())
def test_merging_two_states_is_absorbing_all_of_both(facts: list[ObjectFact], data: st.DataObject) -> None:
    sides = [data.draw(st.integers(1, 3)) for _ in facts]  # 3: known to both
    left = [f for f, side in zip(facts, sides, strict=True) if side & 1]
    right = [f for f, side in zip(facts, sides, strict=True) if side & 2]
    assert merge(absorbed(left), absorbed(right)) == absorbed(facts)
    assert merge(absorbed(right), absorbed(left)) == absorbed(facts)


@given(any_facts(), any_facts(), any_facts())
def test_merging_is_associative_and_idempotent(
    one: list[ObjectFact], two: list[ObjectFact], three: list[ObjectFact]
) -> None:
    # One identity has one content: where the three disagree, the first to speak is right in all of them.
    known: dict[Any, ObjectFact] = {}
    for f in (*one, *two, *three):
        known.setdefault((f.event_id, f.api_version, f.fetched), f)
    a, b, c = (absorbed([known[f.event_id, f.api_version, f.fetched] for f in side]) for side in (one, two, three))
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a
    assert merge(a, None) == merge(None, a) == a


@given(any_facts())
def test_a_fact_that_is_known_changes_nothing(facts: list[ObjectFact]) -> None:
    state = absorbed(facts)
    assert all(absorb(state, f) == state for f in facts)


@given(any_facts(), st.integers(0, 2**WIDTH - 1))
def test_a_late_fact_about_what_is_known_better_changes_nothing(facts: list[ObjectFact], mask: int) -> None:
    state = absorbed(facts)
    known = reduce(lambda m, f: m | f.mask, facts, 0)
    stale = {i: "stale" for i in range(WIDTH) if known & mask & (1 << i)}
    if stale:
        assert absorb(state, fact("evt_0", stale, at_s=1)) == state


# ---- chains as they really happen -------------------------------------------------------------


@st.composite
def chain(draw: st.DrawFn, sealed: frozenset[int] = SEALED) -> list[ObjectFact]:
    """One second of an object's life: created, then updated; each event says what it changed from. No toggles."""
    now: dict[int, Any] = dict.fromkeys(range(WIDTH), 0)
    length = draw(st.integers(2, 5))
    # Ids in no order: Stripe's do not tell which event came first.
    ids = draw(st.permutations([f"evt_{i}" for i in range(length)]))
    told = [fact(ids[0], now, rank=draw(st.sampled_from([0, 1])))]
    for step in range(1, length):
        changed = draw(st.sets(st.integers(0, WIDTH - 1), min_size=1))
        was = {i: now[i] for i in changed if i not in sealed}
        now = {**now, **dict.fromkeys(changed, step)}
        told.append(fact(ids[step], now, was=was))
    return told


def silent_about(told: ObjectFact, mask: int, version: str) -> ObjectFact | None:
    """The same event in an API version that has only the fields of `mask`."""
    now = dict(zip(range(WIDTH), told.values, strict=True))
    left = {i: v for i, v in now.items() if mask & (1 << i)}
    was = {i: v for i, v in (told.was or {}).items() if mask & (1 << i)}
    return fact(told.event_id, left, version=version, rank=told.rank, was=was) if left else None


def only_sealed_changes(told: list[ObjectFact]) -> bool:
    """Whether some step changed personal fields alone, which put nothing in order."""
    return any(not f.was for f in told[1:])


@given(chain(), st.randoms(use_true_random=False))
def test_a_chain_of_one_second_ends_at_its_true_end(told: list[ObjectFact], rnd: random.Random) -> None:
    shuffled = rnd.sample(told, len(told))
    state = absorbed(shuffled)
    assert state is not None
    settled = settle(state, WIDTH, SEALED)
    plain = [i for i in range(WIDTH) if i not in SEALED]
    assert [settled.values[i] for i in plain] == [told[-1].values[i] for i in plain]
    assert not settled.undecided
    if not only_sealed_changes(told):
        assert settled.values == list(told[-1].values)


@given(chain(sealed=frozenset()), st.integers(1, FULL), st.randoms(use_true_random=False))
def test_a_chain_that_came_in_two_api_versions_ends_alike(
    told: list[ObjectFact], mask: int, rnd: random.Random
) -> None:
    older = [silent_about(f, mask, VERSIONS[1]) for f in told]
    everything = [*told, *(f for f in older if f is not None)]
    rnd.shuffle(everything)
    state = absorbed(everything)
    assert state is not None
    settled = settle(state, WIDTH, frozenset())
    assert settled.values == list(told[-1].values)
    assert not settled.undecided


@given(chain(sealed=frozenset()), st.data())
def test_a_chain_with_gaps_is_never_wrong_in_silence(told: list[ObjectFact], data: st.DataObject) -> None:
    # given only some of the events, each in whatever API version
    picked = data.draw(st.lists(st.integers(0, len(told) - 1), min_size=1, unique=True).map(sorted))
    seen = [silent_about(told[i], data.draw(st.integers(1, FULL)), VERSIONS[1]) for i in picked]
    seen_facts = [f for f in seen if f is not None]
    state = absorbed(data.draw(st.permutations(seen_facts)))
    assert state is not None
    # when
    settled = settle(state, WIDTH, frozenset())
    # then every field has the last value that anybody told, or Stripe is asked
    if not settled.undecided:
        for i in range(WIDTH):
            spoken = [told[n].values[i] for n, f in zip(picked, seen_facts, strict=True) if f.mask & (1 << i)]
            assert settled.values[i] == (spoken[-1] if spoken else None)


@pytest.mark.parametrize("ids", [("evt_1", "evt_2"), ("evt_2", "evt_1")])
def test_a_value_toggled_there_and_back_is_marked_undecided(ids: tuple[str, str]) -> None:
    there = fact(ids[0], {0: "on"}, was={0: "off"})
    back = fact(ids[1], {0: "off"}, was={0: "on"})
    for order in ([there, back], [back, there]):
        state = absorbed(order)
        assert state is not None
        settled = settle(state, 1, frozenset())
        assert settled.undecided
        assert settled.values == ["off" if ids[1] == "evt_2" else "on"]


def test_an_object_fetched_later_decides_a_toggle() -> None:
    told = [
        fact("evt_1", {0: "on"}, was={0: "off"}),
        fact("evt_2", {0: "off"}, was={0: "on"}),
        fact("fetch_1", {0: "on"}, at_s=101, fetched=True),
    ]
    state = absorbed(told)
    assert state is not None
    settled = settle(state, 1, frozenset())
    assert (settled.values, settled.undecided) == (["on"], False)


def test_a_fetched_object_goes_over_events_of_its_second() -> None:
    told = [fact("evt_1", {0: "a"}), fact("zzz", {0: "b"}), fact("fetch_1", {0: "c"}, fetched=True)]
    state = absorbed(told)
    assert state is not None
    settled = settle(state, 1, frozenset())
    assert (settled.values, settled.undecided) == (["c"], False)


def test_a_tie_that_a_chain_already_left_behind_does_not_mark_the_row() -> None:
    # given two updates that agree about field 0, and a creation that they both follow and that differs
    told = [
        fact("evt_1", {0: "new"}, rank=0),
        fact("evt_2", {0: "on"}, was={0: "new"}),
        fact("evt_3", {0: "on"}, was={0: "new"}),
    ]
    # when
    state = absorbed(told)
    # then nothing is in doubt
    assert state is not None
    assert settle(state, 1, frozenset()).undecided is False


def test_an_end_outranks_every_update_of_its_second_whatever_a_chain_says() -> None:
    ended = fact("evt_1", {0: "canceled"}, rank=9)
    update = fact("evt_2", {0: "active"}, was={0: "canceled"})
    for order in ([ended, update], [update, ended]):
        state = absorbed(order)
        assert state is not None
        settled = settle(state, 1, frozenset())
        assert (settled.values, settled.undecided) == (["canceled"], False)


def test_the_newest_api_version_of_one_event_is_its_word() -> None:
    told = [fact("evt_1", {0: v}, version=v) for v in reversed(VERSIONS)]
    state = absorbed(told)
    assert state is not None
    settled = settle(state, 1, frozenset())
    assert (settled.values, settled.undecided) == ([VERSIONS[-1]], False)


def test_a_field_that_newer_facts_are_silent_about_keeps_its_last_value() -> None:
    state = absorbed([fact("evt_2", {0: "new"}, at_s=200), fact("evt_1", {0: "old", 1: "kept"}, at_s=100)])
    assert state is not None
    settled = settle(state, 2, frozenset())
    assert settled.values == ["new", "kept"]
