"""Calls to Stripe happen once, or are known to be unknown, whatever dies or is lost at whatever moment."""

import json
from typing import Any

import msgspec
import pytest
from calling import NOW_S, STEPS, Crash, Desk
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from stripe_fake import FAULTS

from api.calls.asking import CallRefused, Waiter
from api.calls.client import NoAnswer, Reply, StripeUnavailable, mode_of_key
from api.calls.looking_up import SETTLED_S, look_up
from api.calls.verdict import Again, Failed, Lost, Stopped, Succeeded, verdict
from commands.stripe_call_acts import RESOLVE_CALL, RETRY_CALL, retried
from commands.stripe_calls import CALLS, Call, RequestCall, ResolveCall, call_id, decide, next_id
from commands.stripe_operations import KEY_KEPT_S, MARK, OPERATIONS, InObject, marked, operation
from ledger.errors import Invalid, NotFound, Refused, StoreUnavailable
from ledger.ids import org_subject
from ledger.stripe_call_events import (
    StripeCallBegun,
    StripeCallFailed,
    StripeCallRequested,
    StripeCallsStopped,
    StripeCallSucceeded,
    StripeCallUnknown,
    StripeObjectObserved,
)

# ---- once, whatever happens -------------------------------------------------------------------


def work(desk: Desk, pauses: list[int], id: str = "call_1") -> Call:
    """Workers come and go: each makes what is to be made, and looks up what is unknown, until there is nothing left."""
    for _ in range(200):
        maker = desk.maker()
        try:
            call = maker.known(id)
            if call.to_be_made:
                maker.attempt(id)
            elif call.to_be_looked_up:
                look_up(maker, call, desk.now_s)
                if desk.now_s > NOW_S + SETTLED_S * 3:
                    return maker.known(id)
            else:
                return call
        except (Crash, NoAnswer, StoreUnavailable):
            pass
        desk.now_s += pauses.pop(0) if pauses else 3600
    raise AssertionError("it never ends")


@examples(400)
@given(
    st.sampled_from(["payment_intents.create", "refunds.create", "customers.create"]),
    st.lists(st.sampled_from(STEPS), max_size=30),
    st.lists(st.sampled_from(("", *FAULTS)), max_size=12),
    st.lists(st.integers(0, 40_000), max_size=12),
)
def test_over_any_schedule_of_faults_and_crashes_a_call_happens_once_or_never(
    name: str, plan: list[str], faults: list[str], pauses: list[int]
):
    desk = Desk(plan, faults)
    desk.ask(name, params={"amount": 1200} if name != "customers.create" else {})
    call = work(desk, pauses)
    done = desk.stripe.done["call_1"]
    assert done == len(desk.stripe.objects) <= 1
    assert call.answer is not None  # what is in a list is always found out in the end
    if isinstance(call.answer, StripeCallSucceeded):
        assert done == 1
        assert f"platform/{call.answer.object_id}" in desk.stripe.objects
    else:
        assert done == 0
    # it was begun before it was sent, and answered once
    assert len(desk.logged(StripeCallBegun)) <= 1
    assert len(desk.logged(StripeCallSucceeded)) + len(desk.logged(StripeCallFailed)) == 1


@examples(150)
@given(
    st.sampled_from([o.name for o in OPERATIONS.values() if isinstance(o.look_up, InObject) or o.look_up is None]),
    st.lists(st.sampled_from(STEPS), max_size=20),
    st.lists(st.sampled_from(("", *FAULTS)), max_size=10),
    st.lists(st.integers(0, 40_000), max_size=8),
)
def test_what_is_in_no_list_happens_once_too_or_stays_unknown(
    name: str, plan: list[str], faults: list[str], pauses: list[int]
):
    desk = Desk(plan, faults)
    its = operation(name)
    id = "obj_1"
    desk.stripe.objects[f"platform/{id}"] = {"id": id, "object": its.object, "created": int(NOW_S), "customer": "cus_0"}
    desk.ask(name, *[id] * its.places, params={"customer": "cus_1"} if name.endswith("attach") else {})
    call = work(desk, pauses)
    done = desk.stripe.done["call_1"]
    assert done <= 1
    if isinstance(call.answer, StripeCallSucceeded):
        assert done == 1
    elif isinstance(call.answer, StripeCallFailed):
        assert done == 0
    else:
        assert call.to_be_looked_up


def test_two_processes_at_once_make_one_call():
    desk = Desk()
    desk.ask("payment_intents.create", params={"amount": 5})
    first, second = desk.maker(), desk.maker()
    assert isinstance(first.attempt("call_1").verdict, Succeeded)
    made = second.attempt("call_1")
    assert made.verdict is None
    assert isinstance(made.call.answer, StripeCallSucceeded)
    assert desk.stripe.done["call_1"] == 1


def test_every_attempt_carries_the_calls_id_as_key_and_mark_and_the_version_it_was_begun_in():
    desk = Desk(faults=["503", "lost done", "429"])
    desk.ask("payment_intents.create", params={"amount": 5, "metadata": {"mine": "1"}})
    for _ in range(4):
        desk.maker().attempt("call_1")
    sent = [r for r in desk.stripe.requests if r[0] == "POST"]
    assert len(sent) == 4
    assert {r[3]["idempotency-key"] for r in sent} == {"call_1"}
    assert all(r[2] == {"amount": 5, "metadata": {"mine": "1", MARK: "call_1"}} for r in sent)
    assert desk.logged(StripeCallBegun)[0].api_version == "2026-10-28.endive"


def test_it_is_begun_before_it_is_sent():
    desk = Desk(["", "crash before"])
    desk.ask("payment_intents.create", params={"amount": 5})
    with pytest.raises(Crash):
        desk.maker().attempt("call_1")
    assert len(desk.logged(StripeCallBegun)) == 1
    assert desk.stripe.requests == []


def test_after_23_hours_a_call_is_looked_up_and_not_repeated():
    desk = Desk(faults=["lost done"])
    desk.ask("payment_intents.create", params={"amount": 5})
    desk.maker().attempt("call_1")
    desk.now_s += KEY_KEPT_S
    assert desk.maker().attempt("call_1").verdict is None
    assert desk.logged(StripeCallUnknown)[0].why == "no_answer"
    call = look_up(desk.maker(), desk.maker().known("call_1"), desk.now_s)
    assert isinstance(call.answer, StripeCallSucceeded)
    assert call.answer.by == "look_up"
    assert desk.stripe.done["call_1"] == 1
    (seen,) = desk.logged(StripeObjectObserved)
    assert (seen.object_type, seen.object_id) == ("payment_intent", call.answer.object_id)


def test_that_it_never_happened_is_said_when_no_attempt_can_be_under_way_any_more():
    desk = Desk(faults=["lost"])
    desk.ask("payment_intents.create", params={"amount": 5})
    desk.maker().attempt("call_1")
    desk.now_s += KEY_KEPT_S
    desk.maker().attempt("call_1")
    assert look_up(desk.maker(), desk.maker().known("call_1"), desk.now_s).to_be_looked_up
    desk.now_s = NOW_S + SETTLED_S
    answer = look_up(desk.maker(), desk.maker().known("call_1"), desk.now_s).answer
    assert isinstance(answer, StripeCallFailed)
    assert (answer.type, answer.by) == ("never_happened", "look_up")


def test_a_failure_that_stripe_keeps_under_the_key_is_looked_up_at_once():
    desk = Desk(faults=["500 done"])
    desk.ask("payment_intents.create", params={"amount": 5})
    assert isinstance(desk.maker().attempt("call_1").verdict, Again)
    assert isinstance(desk.maker().attempt("call_1").verdict, Lost)
    call = look_up(desk.maker(), desk.maker().known("call_1"), desk.now_s)
    assert isinstance(call.answer, StripeCallSucceeded)
    assert desk.stripe.done["call_1"] == 1


def test_what_waited_for_days_unsent_is_simply_made():
    desk = Desk()
    desk.ask("payment_intents.create", params={"amount": 5})
    desk.now_s += 10 * 86_400
    assert isinstance(desk.maker().attempt("call_1").verdict, Succeeded)


def test_a_list_of_many_pages_is_read_to_its_end():
    desk = Desk(faults=["lost done"])
    desk.ask("payment_intents.create", params={"amount": 5})
    desk.maker().attempt("call_1")
    for number in range(250):
        desk.stripe.handle("POST", "/v1/payment_intents", {"amount": number}, {"Idempotency-Key": f"k{number}"})
    desk.now_s += KEY_KEPT_S
    desk.maker().attempt("call_1")
    assert isinstance(look_up(desk.maker(), desk.maker().known("call_1"), desk.now_s).answer, StripeCallSucceeded)


# ---- what an answer means ---------------------------------------------------------------------


def reply(status: int, body: Any, **headers: str) -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    return Reply(status, {k.replace("_", "-"): v for k, v in headers.items()}, text)


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        (reply(200, {"id": "cus_1", "object": "customer"}), Succeeded),
        (reply(200, "<html>"), Again),
        (reply(302, ""), Again),
        (reply(400, {"error": {"type": "invalid_request_error"}}), Failed),
        (reply(400, {"error": {"type": "idempotency_error"}}), Lost),
        (reply(401, {"error": {"type": "invalid_request_error"}}), Stopped),
        (reply(402, {"error": {"type": "card_error", "code": "card_declined"}}), Failed),
        (reply(403, {"error": {"type": "invalid_request_error", "code": "account_invalid"}}), Failed),
        (reply(404, {"error": {"type": "invalid_request_error", "code": "resource_missing"}}), Failed),
        (reply(409, {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}), Again),
        (reply(409, {"error": {"type": "invalid_request_error", "code": "lock_timeout"}}), Again),
        (reply(409, {"error": {"type": "invalid_request_error", "code": "already_there"}}), Failed),
        (reply(409, {"error": {"code": "already_there"}}, stripe_should_retry="true"), Again),
        (reply(429, {"error": {"code": "rate_limit"}}), Again),
        (reply(500, {"error": {"type": "api_error"}}), Again),
        (reply(500, {"error": {"type": "api_error"}}, idempotent_replayed="true"), Lost),
        (reply(503, "no server"), Again),
    ],
)
def test_an_answer_means(answer: Reply, means: type[Any]):
    assert isinstance(verdict(answer), means)


def test_a_pause_that_stripe_asks_for_is_told():
    assert verdict(reply(429, {}, retry_after="7")) == Again("http_429", 7.0)
    assert verdict(reply(429, {}, retry_after="a while")) == Again("http_429", None)


@examples(200)
@given(
    st.integers(100, 599), st.text(max_size=40), st.dictionaries(st.sampled_from(["date", "retry-after"]), st.text())
)
def test_any_answer_means_something(status: int, body: str, headers: dict[str, str]):
    assert verdict(Reply(status, headers, body)) is not None


def test_a_declined_card_is_an_answer():
    desk = Desk(faults=["402"])
    desk.ask("payment_intents.create", params={"amount": 5})
    made = desk.maker().attempt("call_1")
    assert isinstance(made.verdict, Failed)
    (failed,) = desk.logged(StripeCallFailed)
    assert (failed.type, failed.code, failed.decline_code) == ("card_error", "card_declined", "insufficient_funds")
    assert b"insufficient funds." not in msgspec.json.encode(failed)  # Stripe's words may quote a person


def test_a_refused_key_is_alarmed_once_and_the_call_waits():
    desk = Desk(faults=["401", "401"])
    desk.ask("payment_intents.create", params={"amount": 5})
    for _ in range(2):
        assert isinstance(desk.maker().attempt("call_1").verdict, Stopped)
    assert len(desk.logged(StripeCallsStopped)) == 1
    assert desk.maker().known("call_1").to_be_made
    assert isinstance(desk.maker().attempt("call_1").verdict, Succeeded)


def test_what_an_answer_shows_is_kept_beside_it_without_its_secrets():
    desk = Desk()
    desk.ask("checkout_sessions.create", params={"mode": "payment"}, org="acme")
    made = desk.maker().attempt("call_1")
    assert isinstance(made.verdict, Succeeded)
    assert made.verdict.object["url"].startswith("https://")
    last, before = desk.journal.order[-1], desk.journal.order[-2]
    assert isinstance(before.event, StripeCallSucceeded)
    assert isinstance(last.event, StripeObjectObserved)
    assert last.event.observed_at_s == int(NOW_S)
    assert b"#secret" not in b"".join(msgspec.json.encode(r.event) for r in desk.journal.order)


def test_an_answer_that_stripe_repeats_is_no_sight_of_the_object_so_it_is_fetched():
    desk = Desk(faults=["lost done"])
    desk.ask("payment_intents.create", params={"amount": 5})
    desk.maker().attempt("call_1")
    (intent,) = desk.stripe.objects.values()
    intent["status"] = "succeeded"  # meanwhile
    desk.now_s += 60
    desk.maker().attempt("call_1")
    (seen,) = desk.logged(StripeObjectObserved)
    assert json.loads(bytes(seen.payload))["status"] == "succeeded"


# ---- personal fields --------------------------------------------------------------------------


def test_names_are_sealed_before_they_are_kept_and_open_for_stripe_alone():
    desk = Desk()
    desk.ask(
        "customers.create",
        params={"name": "Ada Lovelace", "email": "ada@example.com", "metadata": {"a": "b"}},
        org="acme",
    )
    (asked,) = desk.logged(StripeCallRequested)
    assert asked.params["name"].startswith("sealed:1:")
    assert asked.params["metadata"] == {"a": "b"}
    desk.maker().attempt("call_1")
    assert desk.stripe.made("customer")[0]["name"] == "Ada Lovelace"
    stored = b"".join(msgspec.json.encode(r.event) for r in desk.journal.order)
    assert b"Lovelace" not in stored
    assert b"ada@example" not in stored


def test_what_is_personal_and_not_sealed_is_not_asked():
    with pytest.raises(Invalid) as refused:
        decide(
            RequestCall(
                call_id="c", mode="test", account="platform", operation="customers.create", params={"name": "A"}
            ),
            Call(),
        )
    assert refused.value.code == "not_sealed"


def test_what_was_asked_for_an_erased_subject_is_never_sent():
    desk = Desk()
    desk.ask("customers.create", params={"name": "Ada"}, org="acme")
    desk.keys.destroy(org_subject("test", "platform", "acme"))
    answer = desk.maker().attempt("call_1").call.answer
    assert isinstance(answer, StripeCallFailed)
    assert (answer.type, answer.code) == ("not_sent", "subject_erased")
    assert desk.stripe.requests == []


# ---- deciding ---------------------------------------------------------------------------------


def request(**fields: Any) -> RequestCall:
    return RequestCall(
        **{"call_id": "call_1", "mode": "test", "account": "platform", "operation": "refunds.create", **fields}
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"operation": "money.print"}, "unknown_operation"),
        ({"path": ("re_1",)}, "bad_path"),
        ({"operation": "customers.update"}, "bad_path"),
        ({"operation": "customers.update", "path": ("cus_1/../x",)}, "bad_path"),
        ({"account": "somebody"}, "not_an_account"),
        ({"org": " "}, "not_an_organization"),
    ],
)
def test_what_cannot_be_asked_is_refused(fields: dict[str, Any], code: str):
    with pytest.raises(Invalid) as refused:
        decide(request(**fields), Call())
    assert refused.value.code == code


def test_what_was_asked_for_is_not_asked_for_again():
    asked = CALLS.fold(decide(request(), Call()))
    assert decide(request(), asked) == ()


def test_the_first_answer_stands():
    desk = Desk(faults=["402"])
    desk.ask("refunds.create")
    desk.maker().attempt("call_1")
    call = desk.maker().known("call_1")
    with pytest.raises(Refused) as refused:
        decide(ResolveCall(mode="test", call_id="call_1", found="re_1"), call)
    assert refused.value.code == "not_unknown"
    assert desk.maker().attempt("call_1").call == call


def unknown() -> Desk:
    desk = Desk(faults=["lost done"])
    desk.ask("payment_intents.capture", "pi_1")
    desk.stripe.objects["platform/pi_1"] = {"id": "pi_1", "object": "payment_intent"}
    desk.maker().attempt("call_1")
    desk.now_s += KEY_KEPT_S
    desk.maker().attempt("call_1")
    return desk


def test_a_person_says_what_became_of_an_unknown_call():
    call = unknown().maker().known("call_1")
    (found,) = RESOLVE_CALL.decider.decide(ResolveCall(mode="test", call_id="call_1", found="pi_1"), call)
    assert isinstance(found, StripeCallSucceeded)
    assert (found.object, found.object_id, found.by) == ("payment_intent", "pi_1", "person")
    (never,) = RESOLVE_CALL.decider.decide(ResolveCall(mode="test", call_id="call_1"), call)
    assert isinstance(never, StripeCallFailed)
    assert (never.type, never.by) == ("never_happened", "person")
    with pytest.raises(Invalid):
        RESOLVE_CALL.decider.decide(ResolveCall(mode="test", call_id="call_1", found="no id!"), call)


def test_only_what_failed_is_asked_again_and_as_a_new_call():
    desk = unknown()
    call = desk.maker().known("call_1")
    with pytest.raises(Refused) as refused:
        retried(call)
    assert refused.value.code == "not_failed"
    never = CALLS.evolve(call, *RESOLVE_CALL.decider.decide(ResolveCall(mode="test", call_id="call_1"), call))
    again = retried(never)
    assert (again.request.call_id, again.request.instead_of) == ("call_1.2", "call_1")
    (asked,) = RETRY_CALL.decider.decide(again, Call())
    assert RETRY_CALL.decider.decide(again, CALLS.fold([asked])) == ()
    with pytest.raises(NotFound):
        retried(Call())


def test_ids_follow_from_receipts():
    assert call_id("receipt/ada/1") == call_id("receipt/ada/1") != call_id("receipt/ada/2")
    assert [next_id("call_1"), next_id("call_1.2"), next_id("call_1.9")] == ["call_1.2", "call_1.3", "call_1.10"]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_is_sound(name: str):
    its = OPERATIONS[name]
    assert its.address(("x",) * its.places).count("{") == 0
    assert its.retrieve is None or its.retrieve.count("{}") == 1
    sent = marked(its, "call_9", {})
    assert sent == ({"metadata": {MARK: "call_9"}} if its.marks else {})
    assert its.look_up is not None or not its.moves_money  # what moves money can be found again
    how = its.look_up
    if isinstance(how, InObject):
        assert how.path.count("{}") == its.places
        assert its.marks or how.is_now or how.same


def test_the_mode_is_the_keys():
    assert [mode_of_key(k) for k in ("sk_test_1", "rk_live_1")] == ["test", "live"]
    for key in ("", "pk_test_1"):
        with pytest.raises(Refused):
            mode_of_key(key)


# ---- whoever waits ----------------------------------------------------------------------------


def waiter(desk: Desk, patience_s: float = 5.0) -> Waiter:
    return Waiter(desk.maker(), patience_s=patience_s, sleep=lambda s: None)


def test_whoever_waits_gets_the_secret_and_gets_it_again_under_the_same_key():
    desk = Desk(faults=["503", "lost done"])
    desk.ask("setup_intents.create", params={"customer": "cus_1"})
    first = waiter(desk).answer("call_1")
    again = waiter(desk).answer("call_1")
    assert first.object["client_secret"] == again.object["client_secret"]
    assert (first.repeated, again.repeated) == (False, True)
    assert desk.stripe.done["call_1"] == 1
    assert b"_secret_" not in b"".join(msgspec.json.encode(r.event) for r in desk.journal.order)


def test_what_cannot_be_fetched_is_repeated_under_its_key_while_stripe_keeps_that():
    desk = Desk()
    desk.ask("portal_sessions.create", params={"customer": "cus_1"})
    first = waiter(desk).answer("call_1")
    assert waiter(desk).answer("call_1").object["url"] == first.object["url"]
    assert desk.stripe.done["call_1"] == 1
    desk.now_s += KEY_KEPT_S
    with pytest.raises(Refused) as refused:
        waiter(desk).answer("call_1")
    assert refused.value.code == "answer_gone"
    assert desk.stripe.done["call_1"] == 1


def test_whoever_waits_too_long_is_told_so_and_the_worker_goes_on():
    desk = Desk(faults=["503"] * 3)
    desk.ask("setup_intents.create", params={"customer": "cus_1"})
    with pytest.raises(StripeUnavailable):
        waiter(desk, patience_s=0.0).answer("call_1")
    assert desk.maker().known("call_1").to_be_made


def test_whoever_waits_is_told_of_a_declined_card_in_stripes_words_once():
    desk = Desk(faults=["402"])
    desk.ask("payment_intents.create", params={"amount": 5})
    with pytest.raises(CallRefused) as refused:
        waiter(desk).answer("call_1")
    assert (refused.value.code, refused.value.of_card) == ("insufficient_funds", True)
    assert "insufficient funds" in str(refused.value)
    with pytest.raises(CallRefused) as again:
        waiter(desk).answer("call_1")
    assert again.value.code == "insufficient_funds"


def test_whoever_waits_is_told_that_the_key_is_refused():
    desk = Desk(faults=["401"])
    desk.ask("payment_intents.create", params={"amount": 5})
    with pytest.raises(StripeUnavailable) as refused:
        waiter(desk).answer("call_1")
    assert refused.value.code == "stripe_key_refused"


def test_a_stripe_that_hangs_does_not_take_all_threads():
    desk = Desk()
    desk.ask("payment_intents.create", params={"amount": 5})
    one = Waiter(desk.maker(), at_once=1)
    assert one._turns.acquire(blocking=False)
    with pytest.raises(StripeUnavailable):
        one.answer("call_1")
    one._turns.release()
    assert one.answer("call_1").repeated is False
