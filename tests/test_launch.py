"""The launch gate: a sign-off alone proves nothing, two persons open checkout, and what regresses closes it."""

import random
from contextlib import closing
from typing import Any

import msgspec
import pytest
from billing_world import Counter, counter
from histories import different, folded
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import examples
from outgoing import Installation
from placing import plan
from samples import Delivery, T, event, price, product
from test_entitlements_laws import Said, expected, interleaved, log_of

from commands.deadlines import DEADLINES, Due
from commands.launch import (
    LAUNCH,
    CloseCheckout,
    OpenCheckout,
    RecordEvidence,
    RecordProbe,
    ReopenArea,
    RevokeSignOff,
    SignOffArea,
    decide,
)
from commands.plan_definition import written
from commands.reactions import WATCHES, Difference
from ledger.errors import Invalid, RecountError, Refused
from ledger.events import Event, NewEvent, PlanPublished
from ledger.ids import cost_policy_stream, launch_stream
from ledger.launch_events import AREAS, END_TO_END, CheckoutClosed, LaunchAreaReopened
from ledger.passthrough_events import CostPolicyApproved, CostPolicyEnded, CostPolicyProposed
from ledger.service_events import ServicePolicyEnforced, ServicePolicyPublished
from projections.launch_checks import failing_at

MODELS = ("launch_words", "launch_gates", "launch_verified", "launch_areas", "launch_regressions", "deadlines")
PROOF = ({"stream": "service/test/org_a:postpaid", "version": 2, "event": "service.stepped", "shows": "it closed"},)
COSTS = "pass_through"
WHO = {"mode": "test", "by": "ada", "why": "looked"}


def proof(area: str, **more: Any) -> RecordEvidence:
    return RecordEvidence(**{**WHO, "area": area, "proven_in": "test", "events": PROOF, **more})


def signing(area: str, failing: tuple[str, ...] = (), **more: Any) -> SignOffArea:
    return SignOffArea(**{**WHO, "area": area, "failing": failing, "now_s": T, **more})


def opening(blocks: tuple[str, ...] = ()) -> OpenCheckout:
    return OpenCheckout(**WHO, blocks=blocks)


def after(*commands: Any) -> list[Event]:
    events: list[Event] = []
    for command in commands:
        events += decide(command, LAUNCH.fold(events))
    return events


def refusal(command: Any, events: list[Event]) -> str:
    with pytest.raises(RecountError) as refused:
        decide(command, LAUNCH.fold(events))
    return refused.value.code


ALL_SIGNED = [signing(area) for area in AREAS]


# ---- deciding ---------------------------------------------------------------------------------


def test_a_sign_off_is_refused_while_a_check_fails() -> None:
    assert refusal(signing("prices", ("pro is no active price",)), []) == "not_proven"


def test_opening_is_refused_with_the_list_of_what_blocks() -> None:
    with pytest.raises(Refused, match="prices: archived; tax_posture: none") as refused:
        decide(opening(("prices: archived", "tax_posture: none")), LAUNCH.fold(after(*ALL_SIGNED)))
    assert refused.value.code == "launch_blocked"


@pytest.mark.parametrize("missing", AREAS)
def test_opening_needs_every_sign_off_whatever_was_looked_up_before(missing: str) -> None:
    left = after(*(s for s in ALL_SIGNED if s.area != missing))
    assert refusal(opening(), left) == "launch_blocked"
    (opened,) = decide(opening(), LAUNCH.fold([*left, *after(signing(missing))]))
    assert opened.NAME == "launch.checkout_opened"


def test_taking_a_sign_off_back_closes_checkout_in_the_same_unit() -> None:
    opened = LAUNCH.fold(after(*ALL_SIGNED, opening()))
    revoked = decide(RevokeSignOff(**WHO, area="prices"), opened)
    assert [e.NAME for e in revoked] == ["launch.sign_off_revoked", "launch.checkout_closed"]
    fell = decide(ReopenArea(mode="test", area="prices", because=("archived",)), opened)
    assert [e.NAME for e in fell] == ["launch.area_reopened", "launch.checkout_closed"]
    assert isinstance(fell[1], CheckoutClosed) and (fell[1].by, fell[1].why) == ("system", "prices: archived")


def test_only_the_sign_off_that_ran_out_falls() -> None:
    signed = LAUNCH.fold(after(signing("prices", until_s=T + 10)))
    assert decide(ReopenArea(mode="test", area="prices", because=("over",), ended_s=T + 9), signed) == ()
    assert len(decide(ReopenArea(mode="test", area="prices", because=("over",), ended_s=T + 10), signed)) == 1
    assert refusal(signing("prices", until_s=T), []) == "ends_before_it_begins"


def test_evidence_is_of_areas_that_are_proven_end_to_end_and_live_may_cite_test() -> None:
    assert refusal(proof("prices"), []) == "nothing_proves"
    assert refusal(proof("recovery", events=()), []) == "nothing_proves"
    assert refusal(proof("recovery", proven_in="live"), []) == "nothing_proves"
    (kept,) = decide(proof("recovery", mode="live"), LAUNCH.fold([]))
    assert decide(proof("recovery", mode="live"), LAUNCH.fold([kept])) == ()


def test_a_probe_is_kept_when_what_it_says_changes() -> None:
    probe = RecordProbe(mode="test", area="webhook_signing", passed=False, said="no secret", by="ada", at_s=T)
    assert len(after(probe, probe)) == 1
    for more, code in (({"area": "luck"}, "unknown_area"), ({"said": " "}, "reason_required")):
        with pytest.raises(Invalid) as invalid:
            decide(msgspec.structs.replace(probe, **more), LAUNCH.fold([]))
        assert invalid.value.code == code


# ---- what is believed -------------------------------------------------------------------------


def told(*events: Event) -> list[Said]:
    return [Said(launch_stream("test"), e, (T + n) * 1_000_000) for n, e in enumerate(events)]


def published(*names: str, **fields: Any) -> Said:
    definition = written(plan("pro", *names, **fields))
    said = PlanPublished(mode="test", catalogue="shop", plan="pro", version=1, effective_s=None, definition=definition)
    return Said("plans/test", said, T * 1_000_000)


def enforced() -> list[Said]:
    its = ServicePolicyPublished(mode="test", policy="standard", version=1, definition={"key": "standard"})
    return [Said("service_policies/test", e, T) for e in (its, ServicePolicyEnforced(mode="test", policy="standard"))]


def catalog(**more: Any) -> list[Delivery]:
    return [
        Delivery(event(1, "product.created", product("prod_1"))),
        Delivery(event(2, "price.created", price("price_1", lookup_key="pro_month", **more))),
    ]


def areas(deliveries: list[Delivery], acts: list[Any]) -> dict[str, Any]:
    """The areas of test mode, of which the oracle says the same."""
    rows, theirs = folded(log_of([*acts, *deliveries])), expected(deliveries, acts)
    assert different({m: rows[m] for m in MODELS}, {m: theirs[m] for m in MODELS}) == []
    return {key[1]: row for key, row in rows["launch_areas"].items()}


def test_before_a_plan_is_published_there_is_nothing_to_launch() -> None:
    assert areas(catalog(), []) == {}
    assert set(areas(catalog(), [published("pro_month")])) == set(AREAS)


@pytest.mark.parametrize("area", AREAS)
def test_no_area_is_proven_by_a_sign_off_alone(area: str) -> None:
    # given nothing but a plan with a step, whose price Stripe does not have
    steps = [{"key": "qa", "title": "QA", "by": "operator"}]
    acts = [published("pro_month", setup_steps=steps), *told(*after(signing(area)))]
    its = areas([], acts)[area]
    # then
    assert its["signed"] and not its["ready"] and not its["proven"] and its["failing"]


@pytest.mark.parametrize(
    ("names", "more", "failing"),
    [
        (("pro_month",), {}, []),
        (("price_1",), {}, []),
        (("pro_year",), {}, ["pro_year is no active price in platform"]),
        (("pro_month",), {"active": False}, ["pro_month is no active price in platform"]),
        (("pro_month",), {"currency": "usd"}, ["pro_month is in usd, and the plan says eur"]),
    ],
)
def test_every_price_of_a_plan_is_an_active_one_of_its_currency(names: Any, more: Any, failing: list[str]) -> None:
    assert areas(catalog(**more), [published(*names)])["prices"]["failing"] == failing


def test_a_product_that_is_not_active_is_not_sold() -> None:
    gone = Delivery(event(3, "product.updated", product("prod_1", active=False), at=T + 5))
    found = areas([*catalog(), gone], [published("pro_month")])["products"]
    assert found["failing"] == ["pro_month is a price of prod_1, which is not active"]


def test_an_archived_price_makes_what_was_signed_off_a_regression() -> None:
    acts = [published("pro_month"), *told(*after(signing("prices")))]
    assert folded(log_of([*acts, *catalog()]))["launch_regressions"] == {}
    gone = price("price_1", lookup_key="pro_month", active=False)
    archived = [*catalog(), Delivery(event(3, "price.updated", gone, at=T + 9))]
    rows = folded(log_of([*acts, *archived]))
    assert [r["now"] for r in rows["launch_regressions"].values()] == [["pro_month is no active price in platform"]]


def test_what_is_proven_end_to_end_needs_its_events() -> None:
    for area in END_TO_END:
        steps = [{"key": "qa", "title": "QA", "by": "operator"}]
        acts = [published("pro_month", setup_steps=steps), *enforced()]
        assert not areas(catalog(), acts)[area]["proven"]
        assert areas(catalog(), [*acts, *told(*after(proof(area)))])[area]["proven"]


def policy(version: int, from_s: int, until_s: int | None = None, ended_s: tuple[int, ...] = ()) -> list[Said]:
    """A version of a cost policy that was approved, and perhaps ended: more than once, each time earlier."""
    its: dict[str, Any] = {
        "mode": "test",
        "org": "org_a",
        "category": "ai",
        "version": version,
        "by": "ada",
        "why": "w",
    }
    terms = {"billing_owner": "cus_1", "currency": "eur", "cap_minor": 100, "warn_percent": None, "stop_rule": "notify"}
    proposed = CostPolicyProposed(**its, **terms, markup_bps=0, from_s=from_s, until_s=until_s)
    ended = [CostPolicyEnded(**its, at_s=at_s) for at_s in ended_s]
    approved = CostPolicyApproved(**{**its, "by": "grace"}, from_s=from_s)
    return [Said(cost_policy_stream("test", "org_a", "ai"), e, T * 1_000_000) for e in (proposed, approved, *ended)]


def passed_through(*policies: list[Said]) -> Any:
    acts = [published("pro_month"), *(said for p in policies for said in p)]
    return areas(catalog(), acts)[COSTS]


@pytest.mark.parametrize(
    ("policies", "holds"),
    [
        ([policy(1, T)], [(T, None)]),
        ([policy(1, T, T + 9), policy(2, T + 5, T + 20)], [(T, T + 20)]),
        ([policy(1, T, T + 9), policy(2, T + 9)], [(T, None)]),
        ([policy(1, T, T + 5), policy(2, T + 9, T + 12)], [(T, T + 5), (T + 9, T + 12)]),
        ([policy(1, T, None, (T + 30, T + 20))], [(T, T + 20)]),
        ([policy(1, T + 9, None, (T + 9,))], []),
        ([], []),
    ],
)
def test_pass_through_is_proven_in_the_dates_of_its_policies_alone(policies: Any, holds: list[Any]) -> None:
    found = passed_through(*policies)
    assert [(s["from_s"], s["until_s"]) for s in found["holds"]] == holds
    assert found["proven"] is bool(holds)
    for now_s in range(T - 1, T + 40):
        stands = any(a <= now_s and (b is None or now_s < b) for a, b in holds)
        assert (failing_at(found["failing"], found["holds"], now_s) == []) is stands


def test_a_policy_that_is_over_reopens_pass_through_unless_another_holds() -> None:
    acts = [published("pro_month"), *policy(1, T, T + 5), *policy(2, T + 9, T + 12), *told(*after(signing(COSTS)))]
    (due,) = [r for k, r in folded(log_of([*acts, *catalog()]))["deadlines"].items() if k[1] == "launch.policies_over"]
    assert due["at_s"] == T + 5
    known = Due(due["kind"], "test", due["key"], due["at_s"], None, due["about"])
    act = DEADLINES["launch.policies_over"].act
    (follow,) = act(known, "deadline/…", T + 5)
    assert [e.NAME for e in follow.decider.decide(follow.command, LAUNCH.fold(after(*ALL_SIGNED, opening())))] == [
        "launch.area_reopened",
        "launch.checkout_closed",
    ]
    assert act(known, "deadline/…", T + 10) == ()  # who signed it off in the second policy's dates answers for these
    unsigned = folded(log_of([*acts[:-1], *catalog()]))["deadlines"]
    assert [k for k in unsigned if k[1] == "launch.policies_over"] == []


def test_a_failed_probe_fails_its_area() -> None:
    probe = RecordProbe(mode="test", area="webhook_signing", passed=False, said="no secret", by="ada", at_s=T)
    found = areas(catalog(), [published("pro_month"), *told(*after(probe))])["webhook_signing"]
    assert found["failing"] == ["no secret"]
    assert areas(catalog(), [published("pro_month")])["webhook_signing"]["proven"]


# ---- laws -------------------------------------------------------------------------------------

_areas = st.sampled_from(AREAS)
commands = st.one_of(
    st.builds(signing, _areas, st.sampled_from([(), (), ("it fails",)])),
    st.builds(lambda area: RevokeSignOff(**WHO, area=area), _areas),
    st.builds(lambda area: ReopenArea(mode="test", area=area, because=("it fell",)), _areas),
    st.builds(proof, st.sampled_from(END_TO_END)),
    st.just(CloseCheckout(**WHO)),
    st.just(opening()),
)


@examples(150)
@given(st.lists(commands, max_size=30), st.booleans())
def test_checkout_is_never_open_while_an_area_is_unsigned(acts: list[Any], all_first: bool) -> None:
    events: list[Event] = after(*ALL_SIGNED) if all_first else []
    for command in acts:
        try:
            events += decide(command, LAUNCH.fold(events))
        except RecountError:
            continue
        launch = LAUNCH.fold(events)
        assert not launch.open or {a for a, _ in launch.signed} == set(AREAS)


@settings(max_examples=25)
@given(st.lists(commands, max_size=8), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_whatever_comes_when_the_oracle_agrees(acts: list[Any], priced: bool, ruled: bool, rnd: random.Random) -> None:
    events: list[Event] = []
    for command in acts:
        try:
            events += decide(command, LAUNCH.fold(events))
        except RecountError:
            continue
    said = [published("pro_month"), *(enforced() if ruled else ()), *told(*events)]
    deliveries = catalog(active=priced)
    rows, theirs = folded(log_of(interleaved(deliveries, said, rnd))), expected(deliveries, said)
    assert different({m: rows[m] for m in MODELS}, {m: theirs[m] for m in MODELS}) == []


def test_a_regression_reopens_the_area_and_closes_checkout() -> None:
    (watch,) = [w for w in WATCHES if w.name == "launch_regressions"]
    difference = Difference("test", ("prices",), None, ["archived"], 0)
    (follow,) = watch.react(difference, "difference/…/1", T)
    fell = follow.decider.decide(follow.command, LAUNCH.fold(after(*ALL_SIGNED, opening())))
    assert follow.stream == launch_stream("test")
    assert [type(e) for e in fell] == [LaunchAreaReopened, CheckoutClosed]


# ---- over HTTP --------------------------------------------------------------------------------


@pytest.fixture
def world(database: str) -> Any:
    with counter(database) as found:
        yield found


def act(world: Counter, name: str, person: str = "ada", **body: Any) -> Any:
    response = world.post(f"/v1/acts/{name}", {"reason": "agreed", **body}, world.key("operator", person=person))
    world.project()
    return response


def shows(world: Counter) -> Any:
    world.project()
    return world.read("/v1/launch", world.key("operator"))


def test_a_closed_gate_sells_nothing_and_says_what_is_missing(world: Counter) -> None:
    # given a plan that is on sale, and a gate that somebody closed
    from test_stripe_checkout import BACK, PACK, publish

    publish(world, PACK)
    assert world.ask_for("acme/checkouts", {"plan": "pack", **BACK}, once="k").status_code == 200
    assert act(world, "close_checkout").status_code == 200
    # when
    refused = world.ask_for("acme/checkouts", {"plan": "pack", **BACK})
    # then
    assert (refused.status_code, refused.json["code"]) == (409, "checkout_closed")
    assert len(world.stripe.made("checkout.session")) == 1
    # and what was begun before is answered again
    assert world.ask_for("acme/checkouts", {"plan": "pack", **BACK}, once="k").status_code == 200
    again = act(world, "open_checkout")
    assert (again.status_code, again.json["code"]) == (409, "launch_blocked")
    assert "tax_posture: no tax registration is active" in again.json["detail"]
    gate = shows(world)
    assert gate["open"] is False and len(gate["blocks"]) == len(AREAS) and len(gate["areas"]) == len(AREAS)


def test_a_sign_off_of_what_is_not_proven_is_refused_over_http(world: Counter) -> None:
    from test_stripe_checkout import PACK, publish

    publish(world, PACK)
    refused = act(world, "sign_off_area", area="tax_posture")
    assert (refused.status_code, refused.json["code"]) == (409, "not_proven")
    assert act(world, "sign_off_area", area="prices").status_code == 200
    assert {a["area"] for a in shows(world)["areas"] if a["ready"]} == {"prices"}
    assert act(world, "sign_off_area", area="luck").json["code"] == "unknown_area"


def test_a_cost_policy_that_has_not_begun_lets_nobody_sign_off(world: Counter) -> None:
    from test_cli import Cli
    from test_stripe_checkout import PACK, publish

    # given one that begins in the year 2242
    publish(world, PACK)
    for version, said in enumerate(policy(1, 2**33), 1):
        world._append(NewEvent(said.stream, version, said.event, world.said_by_ops))
    world.project()
    # when
    refused = act(world, "sign_off_area", area=COSTS)
    # then
    assert (refused.status_code, refused.json["code"]) == (409, "not_proven")
    (found,) = [a for a in shows(world)["areas"] if a["area"] == COSTS]
    assert found["checks"][-1] == {"check": "policy_in_force", "passed": False, "said": "no cost policy has begun"}
    assert not found["proven"] and found["holds"][0]["from"].startswith("2242-")
    assert "pass_through: no cost policy has begun" in shows(world)["blocks"]
    told = Cli(world.conninfo).json("launch", "status", code=1)
    assert "pass_through: no cost policy has begun" in told["blocks"]
    (area,) = [a for a in told["areas"] if a["area"] == COSTS]
    assert (area["proven"], area["ready"], area["failing"]) == (False, False, ["no cost policy has begun"])


def test_what_was_signed_off_sells_nothing_when_the_last_cost_policy_is_over(world: Counter) -> None:
    from test_stripe_checkout import BACK, PACK, publish

    # given an open gate, and a policy of an hour that somebody signed off in time
    publish(world, PACK)
    for version, said in enumerate(policy(1, T, T + 3_600), 1):
        world._append(NewEvent(said.stream, version, said.event, world.said_by_ops))
    stream = launch_stream("test")
    (signed,) = after(signing(COSTS))
    world._append(NewEvent(stream, len(world.log.read_stream(stream)) + 1, signed, world.said_by_ops))
    world.project()
    # when it is over, and no worker looked yet
    refused = world.ask_for("acme/checkouts", {"plan": "pack", **BACK})
    # then
    assert (refused.status_code, refused.json["code"]) == (409, "checkout_closed")


def test_a_probe_that_failed_stands_until_somebody_says_that_it_passes(world: Counter) -> None:
    from test_cli import Cli
    from test_stripe_checkout import PACK, publish

    publish(world, PACK)
    cli = Cli(world.conninfo, STRIPE_WEBHOOK_SECRET="whsec_1")

    def said(*words: str) -> list[str]:
        told = cli("launch", *words, "--reason", "we looked").stdout
        world.project()
        (area,) = [a for a in shows(world)["areas"] if a["area"] == "webhook_signing"]
        return [told, *(c["said"] for c in area["checks"] if c["check"] == "probe" and not c["passed"])]

    seen = "evt_7 was never delivered"
    assert said("probe", "webhook_signing", "--failed", "--said", seen)[1:] == [seen]
    # that a secret is configured does not mend it
    assert said("check") == ["nothing is new\n", seen]
    (told,) = said("probe", "webhook_signing", "--passed", "--said", "it came at last")
    assert told == "webhook_signing was tried: it came at last (test)\n"
    assert said("check")[0] == "webhook_signing: a signing secret for test mode is configured\n"
    # and one must say which
    refused = cli("launch", "probe", "prices", "--said", "hm", code=2)
    assert "say either --passed or --failed" in refused.stderr


def test_the_end_of_the_last_cost_policy_closes_checkout(database: str) -> None:
    with closing(Installation(database, T)) as here:
        # given an open gate, and a policy whose last minute has come
        for said in (published("pro_month"), *policy(1, T, T + 60)):
            here.append(said.stream, said.event)
        here.react()
        opened = after(*ALL_SIGNED, opening())
        for event in opened:
            here.append(launch_stream("test"), event)
        here.project()
        proven = "SELECT area FROM {r}.launch_areas WHERE proven AND area = 'pass_through'"
        assert here.rows(proven) == [(COSTS,)]
        here.tick(T + 59)
        here.react()
        fallen = {r.event.area for r in here.log.read_stream(launch_stream("test"))[len(opened) :]}
        assert COSTS not in fallen  # the others are not proven here, and fall at once
        # when it is over
        here.tick(T + 60)
        # then
        last = [r.event for r in here.log.read_stream(launch_stream("test")) if getattr(r.event, "area", "") == COSTS]
        assert isinstance(last[-1], LaunchAreaReopened) and last[-1].because == ("every approved cost policy is over",)
        assert here.tick(T + 90) == 0
