"""Laws of service control: one state whatever the order of facts, no stage skipped, nothing before its boundary."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any

import oracle
from databases import fresh_database
from histories import different, folded, received
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import examples
from outgoing import LEADS, Installation
from samples import ACACIA, BASIL, Delivery, Json, T, customer, event, invoice, price, subscription

from api.outgoing import acting_on
from api.scheduler import Scheduler
from commands.reactions import REACTIONS, WATCHES
from commands.service_policies import faults
from ledger import inbox
from ledger.codec import encode_metadata
from ledger.events import (
    AgreementMade,
    DeadlineMet,
    DifferenceClosed,
    Event,
    Metadata,
    NewEvent,
    PlanPublished,
    Recorded,
)
from ledger.ids import difference_stream
from ledger.service_events import (
    DebtWrittenOff,
    EnforcementAcknowledged,
    EnforcementAsked,
    GraceExtended,
    ServiceCancelled,
    ServicePaused,
    ServicePolicyEnforced,
    ServicePolicyPublished,
    ServiceRecovered,
    ServiceResumed,
    ServiceStepped,
    ServiceSuspended,
)
from ledger.service_policy import BUILT_IN, CLOSED, SEVERITY, STATES, PolicyDefinition, PolicyStage, written
from ledger.store import Log, Outcome
from projections.base import Entry
from projections.service_ladder import Owed, ladder, severest
from replay import verify
from replay.fold import entry_of
from replay.reacting import Reactor

DAY = 86_400
S = 1_000_000
MODELS = (
    "payment_failures", "service_policies", "service_steps", "service_words", "debt_write_offs", "debts",
    "service_states", "service_changes", "enforcements", "enforcement_changes", "debt_alerts", "entitlements",
    "deadlines",
)  # fmt: skip

# ---- ladders --------------------------------------------------------------------------------------

times = st.integers(T, T + 90 * DAY)


@st.composite
def stages(draw: st.DrawFn) -> list[dict[str, Any]]:
    states = sorted(draw(st.sets(st.sampled_from(STATES[1:]), min_size=1)), key=lambda s: SEVERITY[s])
    days: list[int | None] = [draw(st.integers(0, 9)) for _ in states[:-1]]
    return [{"state": s, "days": d} for s, d in zip(states, [*days, None], strict=True)]


owed = st.builds(
    Owed,
    stages(),
    st.none() | times,
    st.lists(times, max_size=3),
    st.lists(times, max_size=3),
    st.none() | st.integers(1, 20),
)


@given(owed, st.none() | times)
def test_a_ladder_has_every_stage_once_in_order_and_no_gap(debt: Owed, promised: int | None) -> None:
    found = ladder(debt, promised)
    if debt.start_s is None:
        assert found == []
        return
    if not found:  # its first stage closes, and it has begun anew: it waits for a failure that may never come
        assert debt.stages[0]["state"] in CLOSED and max(debt.fresh_s) > debt.start_s
        return
    assert [s.state for s in found] == [s["state"] for s in debt.stages]
    assert found[0].from_s >= debt.start_s and found[-1].until_s is None
    assert all(a.until_s == b.from_s and a.from_s <= b.from_s for a, b in pairwise(found))
    if promised is not None:
        assert all(s.from_s >= promised for s in found if s.state in CLOSED)


@given(st.dictionaries(st.sampled_from("abc"), owed), times)
def test_of_several_debts_the_severest_counts_at_every_second(debts: dict[str, Owed], at_s: int) -> None:
    ladders = {name: ladder(debt) for name, debt in debts.items()}
    there = [s.state for each in ladders.values() for s in each if _holds(s.from_s, s.until_s, at_s)]
    found = [s["state"] for s in severest(ladders) if _holds(s["from_s"], s["until_s"], at_s)]
    assert found == ([max(there, key=lambda s: SEVERITY[s])] if there else [])


def _holds(from_s: int, until_s: int | None, at_s: int) -> bool:
    return from_s <= at_s and (until_s is None or at_s < until_s)


def test_the_policies_that_are_there_before_any_is_published_are_sound() -> None:
    assert faults(tuple(BUILT_IN.values())) == []


# ---- one state, whatever the order ----------------------------------------------------------------

ORGS = ("org_a", "org_b")
seconds = st.integers(T, T + 12 * DAY)


class Said:
    """An event of ours, and the microsecond at which it was recorded."""

    def __init__(self, stream: str, event: Event, at_us: int) -> None:
        self.stream, self.event, self.at_us = stream, event, at_us


@st.composite
def stripe_events(draw: st.DrawFn) -> list[Delivery]:
    default = draw(st.sampled_from([None, "pm_1"]))
    told = customer("cus_1", org="org_a", invoice_settings={"default_payment_method": default})
    found = [event("evt_c", "customer.created", told, at=T - 9)]
    for n in range(draw(st.integers(1, 9))):
        at, id = draw(seconds), draw(st.sampled_from(["in_1", "in_2"]))
        kind = draw(st.sampled_from(["failed", "failed", "failed", "updated", "payment", "note", "charge", "method"]))
        if kind in ("failed", "updated"):
            status = "open" if kind == "failed" else draw(st.sampled_from(["open", "paid", "uncollectible", "void"]))
            version = draw(st.sampled_from([ACACIA, BASIL]))
            obj = invoice(
                id, "cus_1", version, status=status, attempt_count=draw(st.integers(0, 5)), attempted=True,
                amount_remaining=draw(st.sampled_from([900, 900, 400, 0])),
                collection_method=draw(st.sampled_from(["charge_automatically"] * 3 + ["send_invoice"])),
                due_date=draw(st.none() | seconds),
            )  # fmt: skip
            if id == "in_2" and version == BASIL:
                obj["parent"] = None
            elif id == "in_2":
                obj["subscription"] = None
            type = "invoice.payment_failed" if kind == "failed" else "invoice.updated"
            found.append(event(f"evt_{n}", type, obj, at=at, version=version))
            continue
        type, obj = draw(_beside(kind, id, at))
        found.append(event(f"evt_{n}", type, obj, at=at))
    if draw(st.booleans()):
        found.append(event("evt_s", "customer.subscription.created", subscription("sub_1", "cus_1"), at=T))
        found.append(event("evt_p", "price.created", price("price_1", metadata={"features": "agents"}), at=T))
    return [Delivery(e) for e in found]


@st.composite
def _beside(draw: st.DrawFn, kind: str, id: str, at: int) -> tuple[str, Any]:
    if kind == "payment":
        paid = draw(st.sampled_from([100, 200, 900]))
        by = {"type": "payment_intent", "payment_intent": "pi_1"}
        return "invoice_payment.paid", {
            "object": "invoice_payment", "id": f"inpay_{at}", "invoice": id, "status": "paid", "currency": "eur",
            "amount_requested": paid, "amount_paid": paid, "is_default": False, "payment": by, "created": at,
            "status_transitions": {"paid_at": at, "canceled_at": None},
        }  # fmt: skip
    if kind == "note":
        return "credit_note.created", {
            "object": "credit_note", "id": f"cn_{at}", "customer": "cus_1", "invoice": id, "status": "issued",
            "currency": "eur", "amount": 900, "pre_payment_amount": 900, "post_payment_amount": 0, "created": at,
        }  # fmt: skip
    if kind == "charge":
        code = draw(st.sampled_from(["card_declined", "stolen_card", "incorrect_number"]))
        return "charge.failed", {
            "object": "charge", "id": f"ch_{at}", "payment_intent": "pi_1", "invoice": id, "customer": "cus_1",
            "status": "failed", "currency": "eur", "amount": 900, "failure_code": code, "created": at,
        }  # fmt: skip
    method = {"object": "payment_method", "id": f"pm_{at}", "customer": "cus_1", "type": "card", "card": {}}
    return "payment_method.attached", {**method, "created": at}


@st.composite
def acts(draw: st.DrawFn) -> list[Said]:
    """What operators and Recount itself decided, in the order of the log."""
    found: list[Said] = []
    at_s = T
    which = {"mode": "test", "org": "org_a"}
    kinds = ["plan", "policy", "enforce", "step", "word", "word", "met", "met", "closed", "asked", "ack", "off"]
    for n, kind in enumerate(draw(st.lists(st.sampled_from(kinds), max_size=10))):
        at_s += draw(st.integers(0, DAY))
        service = draw(st.sampled_from(["postpaid", "platform/sub_1"]))
        found += [Said(stream, said, at_s * S) for stream, said in _act(draw, kind, n, at_s, which, service)]
    return found


def _act(
    draw: st.DrawFn, kind: str, n: int, at_s: int, which: dict[str, Any], service: str
) -> Iterator[tuple[str, Event]]:
    where, of = f"service/{service}", {**which, "service": service}
    state, flag = draw(st.sampled_from(STATES)), draw(st.booleans())
    if kind == "plan":
        yield from _plan(draw, n)
    elif kind == "policy":
        key = draw(st.sampled_from(["standard", "hard"]))
        policy = PolicyDefinition(
            key=key, failed_retries=draw(st.integers(0, 2)), scale_to_zero=flag, fresh_starts=draw(st.integers(0, 2)),
            stages=tuple(PolicyStage(**s) for s in draw(stages())),
            tolerated_minor={"eur": draw(st.sampled_from([0, 400]))},
        )  # fmt: skip
        yield (
            "policies",
            ServicePolicyPublished(mode="test", policy=key, version=n + 1, definition=written(policy)),
        )
    elif kind == "enforce":
        yield "policies", ServicePolicyEnforced(mode="test", policy="standard")
    elif kind == "step":
        because = {"scale_to_zero": flag, "invoice": "in_1"}
        told = {"before": "active", "state": state, "enforced": True, "boundary_s": at_s, "at_s": at_s}
        yield where, ServiceStepped(**of, **told, because=because)
    elif kind == "word":
        word: Any = draw(
            st.sampled_from([ServicePaused, ServiceSuspended, ServiceCancelled, ServiceResumed, ServiceRecovered])
        )
        more = GraceExtended(**of, until_s=at_s + draw(st.integers(0, 9)) * DAY, reason="asked")
        yield where, more if flag else word(**of, reason="asked")
    elif kind == "met":
        key = f"org_a:{service.replace('/', '%2F')}"
        yield f"met/{n}", DeadlineMet(kind="service.boundary", mode="test", key=key, at_s=at_s, lapsed=False)
    elif kind == "closed":
        done = {"state": state, "enforced": flag, "boundary_s": None, "because": {}}
        said = DifferenceClosed(
            reaction="service_changes", mode="test", key=("org_a", service), done=done, silent=False
        )
        yield difference_stream("service_changes", "test", ("org_a", service)), said
    elif kind == "asked":
        told = {"request": f"enf_{n}", "wanted": "zero", "attempt": 1, "at_s": at_s, "due_s": at_s + 600}
        yield "enforcement", EnforcementAsked(**which, environment="default", because={}, **told)
    elif kind == "ack":
        yield "enforcement", EnforcementAcknowledged(**which, environment="default", request=f"enf_{n - 1}")
    else:
        yield "debt/in_1", DebtWrittenOff(mode="test", account="platform", invoice="in_1", reason="gone")


def _plan(draw: st.DrawFn, n: int) -> Iterator[tuple[str, Event]]:
    policy = {
        "policy": draw(st.sampled_from([None, "hard", "unheard-of", "pause-at-first-failure"])),
        "grace_days": draw(st.sampled_from([None, 1])),
        "when_unpaid": draw(st.sampled_from(["restrict", "suspend", "keep"])),
    }
    definition = {
        "key": "pro", "name": "Pro", "model": draw(st.sampled_from(["subscription", "hybrid", "postpaid"])),
        "prices": [{"price": "price_1", "lookup_key": None, "interval": "month", "currency": "eur"}],
        "features": ["sso"], "service_policy": policy,
    }  # fmt: skip
    told = PlanPublished(
        mode="test", catalogue="shop", plan="pro", version=n + 1, effective_s=T - 9, definition=definition
    )
    yield "plan", told
    agreed = AgreementMade(
        mode="test", id=f"agr_{n}", org="org_a", plan="pro", version=n + 1, from_s=T, until_s=None, reference=None,
        by="ada", why="agreed",
    )  # fmt: skip
    yield f"agreement/{n}", agreed


def log_of(told: Sequence[Delivery | Said]) -> list[Entry]:
    """What a log would hold. What is ours was recorded when it says, whatever came before it."""
    streams: dict[str, list[Recorded]] = {}
    entries: list[Entry] = []
    for n, one in enumerate(told):
        new: NewEvent | None
        if isinstance(one, Delivery):
            new, at_us = received(one, seed=n), n
            if new.stream in streams:
                new = inbox.after_conflict(new, streams[new.stream])
        else:
            version = len(streams.get(one.stream, ())) + 1
            new, at_us = NewEvent(one.stream, version, one.event, Metadata(occurred_at_s=0, actor="ada")), one.at_us
        if new is None:
            continue
        recorded = Recorded(len(entries) + 1, new.stream, new.version, new.event, encode_metadata(new.metadata), at_us)
        streams.setdefault(new.stream, []).append(recorded)
        entries.append(entry_of(recorded))
    return entries


def interleaved(deliveries: list[Delivery], decided: list[Said], rnd: random.Random) -> list[Any]:
    """Every delivery at least once, in any order, with what was decided between them in its own."""
    stripes: list[Any] = deliveries + rnd.choices(deliveries, k=len(deliveries) // 2)
    rnd.shuffle(stripes)
    places = sorted(rnd.randint(0, len(stripes)) for _ in decided)
    for place, one in reversed(list(zip(places, decided, strict=True))):
        stripes.insert(place, one)
    return stripes


@given(stripe_events(), acts(), st.randoms(use_true_random=False))
@examples(120)
def test_any_order_of_events_between_acts_gives_one_state_and_that_is_the_oracles(
    deliveries: list[Delivery], decided: list[Said], rnd: random.Random
) -> None:
    told = oracle.recount(deliveries, decided=[(d.event, d.at_us) for d in decided])
    for _ in range(2):
        entries = log_of(interleaved(deliveries, decided, rnd))
        cuts = sorted(rnd.sample(range(len(entries)), k=min(2, len(entries))))
        ours = folded(entries, cuts)
        assert different({m: ours[m] for m in MODELS}, {m: told[m] for m in MODELS}) == []


# ---- any number of schedulers, killed in mid-job --------------------------------------------------


class Mortal:
    """A log whose process dies now and then, just before or just after an append."""

    def __init__(self, log: Log, rnd: random.Random, often: float) -> None:
        self._log, self._rnd, self._often = log, rnd, often

    def read_stream(self, stream: str) -> Sequence[Recorded]:
        return self._log.read_stream(stream)

    def append(self, *events: NewEvent) -> Outcome:
        if self._rnd.random() < self._often:
            raise KeyboardInterrupt
        outcome = self._log.append(*events)
        if self._rnd.random() < self._often:
            raise KeyboardInterrupt
        return outcome


class Crew:
    """Schedulers and reactors, of which any may die in mid-job and is replaced."""

    def __init__(self, here: Installation, rnd: random.Random, size: int, often: float) -> None:
        self._here, self._rnd, self._often = here, rnd, often
        self._journal: Any = Mortal(here.log, rnd, often) if often else here.log
        self._schedulers = [self._scheduler() for _ in range(size)]
        self._reactors = [self._reactor() for _ in range(size)]

    def close(self) -> None:
        for each in (*self._schedulers, *self._reactors):
            each.close()

    def work(self, now_s: int) -> None:
        """Fold, look at the clock and react, until nothing moves any more."""
        self._here.now_s = now_s
        quiet = 0
        for _ in range(400):
            self._here.project()
            moved = self._tick() | self._step()
            quiet = 0 if moved else quiet + 1
            if quiet > 2 or quiet == len(self._reactors) == 1:  # of several, others may find what one has not
                return
        raise AssertionError("it does not come to rest")

    def _tick(self) -> bool:
        n = self._rnd.randrange(len(self._schedulers))
        try:
            return self._schedulers[n].tick() > 0
        except KeyboardInterrupt:
            self._schedulers[n].close()
            self._schedulers[n] = self._scheduler()
            return True

    def _step(self) -> bool:
        n = self._rnd.randrange(len(self._reactors))
        self._reactors[n]._leads = True  # as if the lock had failed: all of them believe that they lead
        try:
            return self._reactors[n].step()
        except KeyboardInterrupt:
            self._reactors[n].close()
            self._reactors[n] = self._reactor()
            return True

    def _scheduler(self) -> Scheduler:
        return Scheduler(self._here.conninfo, self._journal, LEADS, lambda: self._here.now_s)

    def _reactor(self) -> Reactor:
        acting = acting_on(self._journal, lambda: self._here.now_s)
        return Reactor(self._here.conninfo, REACTIONS, WATCHES, acting, hold_from=100)


def _history(rnd: random.Random) -> list[tuple[int, Json]]:
    """Two organizations, of which one pays at last: each event with when it comes, by up to three days late."""
    told: list[tuple[int, Json]] = []
    for n in (1, 2):
        told.append((0, event(f"evt_c{n}", "customer.created", _payer(n), at=T - 90)))
        for failed in range(1, 5):
            obj = invoice(f"in_{n}", f"cus_{n}", attempt_count=failed, attempted=True, parent=None)
            told.append((failed, event(f"evt_{n}_{failed}", "invoice.payment_failed", obj, at=T + failed * DAY)))
    paid = invoice("in_1", "cus_1", status="paid", attempt_count=5, amount_remaining=0, amount_paid=900, parent=None)
    told.append((20, event("evt_paid", "invoice.paid", paid, at=T + 20 * DAY)))
    late = [(day + rnd.choice([0, 0, 1, 3]), each) for day, each in told]
    return late + rnd.choices(late, k=4)


def _payer(n: int) -> Json:
    return customer(f"cus_{n}", org=f"org_{n}", invoice_settings={"default_payment_method": "pm_1"})


def _lived(
    server: Any, template: str, told: list[tuple[int, Json]], rnd: random.Random, size: int, often: float
) -> Any:
    """What stands after 60 days, and the steps that were taken. Where anybody was killed, everything verifies."""
    with fresh_database(server, template) as conninfo, closing(Installation(conninfo, T)) as here:
        here.append("service_policies/test", ServicePolicyEnforced(mode="test", policy="standard"))
        with closing(Crew(here, rnd, size, often)) as crew:
            for day in range(60):
                here.tell(*(each for comes, each in told if comes == day))
                crew.work(T + day * DAY)
        states = here.rows("SELECT org, service, state, enforced, schedule, debts, owed FROM {r}.service_states")
        asked = here.rows("SELECT org, environment, wanted FROM {r}.enforcements")
        taken = here.logged(ServiceStepped.NAME)
        if often:
            assert [found.differences for found in verify.verify(conninfo)] == [()] * 2
        return sorted(map(repr, states)), sorted(asked), taken


@given(st.integers(0, 2**32))
@settings(max_examples=2)
def test_three_schedulers_with_kills_in_mid_job_give_the_result_of_one_without(
    server: Any, template: str, seed: int
) -> None:
    rnd = random.Random(seed)  # chance of its own: one that always says the same would kill for ever
    told = _history(rnd)
    one = _lived(server, template, told, random.Random(0), 1, 0)
    three = _lived(server, template, told, rnd, 3, 0.1)
    # the same stands, and the same was done, each thing once
    assert three[:2] == one[:2]
    assert _walks(three[2]) == _walks(one[2])
    for steps in (one[2], three[2]):
        # none acts before its boundary, and none skips a stage of its policy
        assert all(s.boundary_s is None or s.boundary_s <= s.at_s for s in steps)
        for walk in _walks(steps).values():
            for before, after in zip(["active", *walk], walk, strict=False):
                assert SEVERITY[after] < SEVERITY[before] or _NEXT[before] == after
    assert _walks(one[2])["org_2"] == ["past_due", "grace", "suspended", "cancelled"]
    # and three days late ends as on time does
    on_time = [(int((e["created"] - T) // DAY) if e["created"] > T else 0, e) for _, e in told]
    assert _lived(server, template, on_time, random.Random(1), 1, 0)[:2] == one[:2]


_NEXT = {"active": "past_due", "past_due": "grace", "grace": "suspended", "suspended": "cancelled"}


def _walks(steps: Sequence[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for said in steps:
        found.setdefault(said.org, []).append(said.state)
    return found
