"""One Stripe customer per organization and account, made once; payment methods that are nobody else's business."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from billing_world import Counter, counter
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from samples import T, customer, event
from stripe_fake import FakeStripe
from test_api_acts import problem

from api.calls.asking import Waiter
from commands.customers import BILLING_CUSTOMERS, BillingCustomer, RequestCustomer, require_email
from ledger.errors import Invalid
from ledger.ids import org_subject
from ledger.stripe_call_events import BillingCustomerRequested, StripeCallRequested
from replay.verify import verify

PM = "pm_000900"


@pytest.fixture
def world(database: str) -> Iterator[Counter]:
    with counter(database) as found:
        yield found


def leave_method(stripe: FakeStripe, id: str = PM, account: str = "platform", **fields: Any) -> None:
    """A payment method that Stripe Elements made in a browser."""
    card = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030, "fingerprint": "secret"}
    made = {"id": id, "object": "payment_method", "type": "card", "card": card, "customer": None, "created": T}
    stripe.objects[f"{account}/{id}"] = {**made, "livemode": False, **fields}


def test_a_customer_is_made_at_the_first_billing_action_and_once(world: Counter):
    first = world.ask_for("acme/customer", {"email": "bills@acme.example", "name": "Acme"})
    again = world.ask_for("acme/customer", {"email": "other@acme.example"})
    assert first.json["customer"] == again.json["customer"]
    (made,) = world.stripe.made("customer")
    assert (made["email"], made["metadata"]["recount_org"]) == ("bills@acme.example", "acme")
    assert b"bills@acme" not in world.stored()
    links = world.read("/v1/orgs/acme")["customers"]
    assert [link["customer"] for link in links] == [made["id"]]


def test_each_seller_has_a_customer_of_its_own_and_both_are_the_organizations(world: Counter):
    ours = world.ask_for("acme/customer").json["customer"]
    theirs = world.ask_for("acme/customer", {"account": "acct_seller"}).json["customer"]
    assert ours != theirs
    made = {r[3].get("stripe-account") for r in world.stripe.requests if r[0] == "POST"}
    assert made == {None, "acct_seller"}
    found = {(c["account"], c["customer"], c["claimed_by"]) for c in world.read("/v1/orgs/acme")["customers"]}
    # on a connected account metadata is no claim, and the call that made the customer is
    assert found == {("platform", ours, "customer"), ("acct_seller", theirs, "call")}
    assert [v.differences for v in verify(world.conninfo)] == [()] * 2


def test_first_actions_at_once_make_one_customer(world: Counter):
    world.stripe.delay_s = 0.05
    world.key("service", person=None)
    barrier = threading.Barrier(4)

    def first(number: int) -> Any:
        barrier.wait()
        return world.post(
            "/v1/orgs/acme/customer", {"email": f"{number}@acme.example"}, world.key("service", person=None)
        )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(first, range(4)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.json["customer"] for a in answers}) == 1
    assert len(world.stripe.made("customer")) == 1


@examples(200)
@given(st.lists(st.sampled_from(["ask", "fail", "both"]), max_size=12))
def test_of_any_actions_at_once_one_asks_for_the_customer(actions: list[str]):
    state, failed, asked = BillingCustomer(), None, 0
    for action in actions:
        command = RequestCustomer(mode="test", account="platform", org="acme", failed=failed)
        events = BILLING_CUSTOMERS.decide(command, state)
        if action == "both":  # a second one decided on the same history, and comes to the same call
            assert BILLING_CUSTOMERS.decide(command, state) == events
        for e in events:
            assert isinstance(e, BillingCustomerRequested)
            asked += 1
            state = BILLING_CUSTOMERS.evolve(state, e)
        assert BILLING_CUSTOMERS.decide(command, state) == ()
        if action == "fail":
            failed = state.call_id
    assert asked == state.calls


def test_what_failed_is_asked_for_anew(world: Counter):
    world.stripe.faults.extend(["400"])
    assert problem(world.ask_for("acme/customer")) == (422, "parameter_invalid")
    assert world.ask_for("acme/customer").status_code == 200
    assert len(world.stripe.made("customer")) == 1


def test_a_customer_that_is_there_already_is_taken(world: Counter):
    told = customer("cus_old", metadata={"org_id": "acme"})
    world.tell(event(1, "customer.created", told))
    world.project()
    assert world.ask_for("acme/customer").json["customer"] == "cus_old"
    assert world.stripe.requests == []


def test_a_customer_that_was_deleted_is_followed_by_another(world: Counter):
    first = world.ask_for("acme/customer").json["customer"]
    world.now_s += 60
    world.happens("customer.deleted", {"id": first, "object": "customer", "deleted": True}, at=T + 160)
    second = world.ask_for("acme/customer").json["customer"]
    assert second != first


def test_a_lost_answer_makes_no_second_customer(world: Counter):
    world.stripe.faults.extend(["lost done", "503"])
    assert world.ask_for("acme/customer").status_code == 200
    assert len(world.stripe.made("customer")) == 1


# ---- payment methods --------------------------------------------------------------------------


def test_a_client_secret_is_for_the_browser_alone_and_fetched_anew_for_the_same_key(world: Counter):
    first = world.ask_for("acme/setup-intents", {"usage": "off_session", "types": ["card"]}, once="k1")
    again = world.ask_for("acme/setup-intents", {"usage": "off_session", "types": ["card"]}, once="k1")
    assert first.json["client_secret"].startswith("seti_")
    assert again.json["client_secret"] == first.json["client_secret"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert b"_secret_" not in world.stored()
    (intent,) = world.stripe.made("setup_intent")
    assert intent["customer"] == first.json["customer"]
    assert intent["allowed_payment_method_types"] == ["card"]
    other = world.ask_for("acme/setup-intents", {"usage": "on_session"}, once="k1")
    assert problem(other) == (422, "idempotency_key_reused")


def test_a_payment_method_is_attached_made_the_default_and_detached(world: Counter):
    leave_method(world.stripe)
    attached = world.ask_for(f"acme/payment-methods/{PM}/attach").json
    assert (attached["brand"], attached["last4"], attached["exp_year"]) == ("visa", "4242", 2030)
    assert "fingerprint" not in str(attached)
    (listed,) = world.read("/v1/orgs/acme/payment-methods")["data"]
    assert (listed["id"], listed["last4"]) == (PM, "4242")
    chosen = world.ask_for(f"acme/payment-methods/{PM}/default").json
    assert chosen["default_payment_method"] == PM
    (made,) = world.stripe.made("customer")
    assert made["invoice_settings"] == {"default_payment_method": PM}
    gone = world.ask_for(f"acme/payment-methods/{PM}/detach", once="d1")
    again = world.ask_for(f"acme/payment-methods/{PM}/detach", once="d1")
    assert gone.status_code == again.status_code == 200
    assert world.stripe.objects[f"platform/{PM}"]["customer"] is None
    assert world.read("/v1/orgs/acme/payment-methods?detached=false")["data"] == []


def test_nobody_touches_a_payment_method_of_somebody_else(world: Counter):
    theirs = world.ask_for("globex/customer").json["customer"]
    leave_method(world.stripe, customer=theirs)
    world.ask_for("acme/customer")
    for act in ("detach", "default"):
        assert problem(world.ask_for(f"acme/payment-methods/{PM}/{act}")) == (404, "not_found")
    assert problem(world.ask_for("acme/payment-methods/pm_none/detach")) == (404, "not_found")
    assert problem(world.ask_for("acme/payment-methods/..%2Fcustomers/detach"))[0] in (404, 405, 422)
    assert world.stripe.objects[f"platform/{PM}"]["customer"] == theirs


def test_where_invoices_go_is_sealed_and_the_same_key_asks_once(world: Counter):
    body = {"email": "new@acme.example", "name": "Ada Lovelace"}
    for _ in range(2):
        assert world.ask_for("acme/billing-contact", body, once="k").status_code == 200
    (made,) = world.stripe.made("customer")
    assert (made["email"], made["name"]) == ("new@acme.example", "Ada Lovelace")
    assert len([r for r in world.stripe.requests if r[0] == "POST"]) == 2  # the customer, and its contact
    assert b"acme.example" not in world.stored()
    assert b"Lovelace" not in world.stored()
    assert problem(world.ask_for("acme/billing-contact", {"email": "other@acme.example"}, once="k")) == (
        422,
        "idempotency_key_reused",
    )
    assert problem(world.ask_for("acme/billing-contact", {"email": "nobody"})) == (422, "not_an_email")


def test_what_was_asked_for_an_erased_organization_is_not_readable(world: Counter):
    world.ask_for("acme/billing-contact", {"email": "new@acme.example"})
    world.keys.destroy(org_subject("test", "platform", "acme"))
    asked = [r.event for r in world.log.read(0, 1000) if isinstance(r.event, StripeCallRequested)]
    assert [a.params["email"].startswith("sealed:1:") for a in asked if "email" in a.params] == [True]


@pytest.mark.parametrize("email", ["", "a", "a@b", "@b.c", "a b@c.de", "a@b.c\n", "x" * 600 + "@b.de"])
def test_what_no_mail_can_be_sent_to_is_no_address(email: str):
    with pytest.raises(Invalid):
        require_email(email)


# ---- who may ----------------------------------------------------------------------------------


def test_a_key_acts_for_its_own_organization_and_seller_alone(world: Counter):
    bound = world.key("service", org="acme", person=None)
    assert world.ask_for("acme/customer", key=bound).status_code == 200
    assert problem(world.ask_for("globex/customer", key=bound)) == (404, "not_found")
    seller = world.key("service", account="acct_seller", person=None)
    made = world.ask_for("acme/customer", key=seller).json["customer"]
    assert f"acct_seller/{made}" in world.stripe.objects
    assert problem(world.ask_for("acme/customer", {"account": "platform"}, key=seller)) == (404, "not_found")


@pytest.mark.parametrize("role", ["dashboard", "auditor"])
def test_who_only_reads_asks_stripe_for_nothing(world: Counter, role: str):
    assert problem(world.ask_for("acme/customer", key=world.key(role))) == (403, "forbidden")
    assert world.stripe.requests == []


def test_a_live_key_is_not_served_by_a_test_account(world: Counter):
    live = world.key("service", mode="live", person=None)
    assert problem(world.ask_for("acme/customer", key=live)) == (409, "other_mode")


def test_without_a_stripe_key_nothing_is_asked(database: str):
    with counter(database, stripe_secret_key=None) as world:
        assert problem(world.ask_for("acme/customer")) == (409, "stripe_key_missing")


def test_a_dry_run_asks_stripe_for_nothing(world: Counter):
    body = world.ask_for("acme/setup-intents?dry_run=true").json
    assert body["client_secret"] is None
    assert body["events"][0]["operation"] == "setup_intents.create"
    assert world.stripe.requests == []


def test_an_act_is_in_the_audit_under_the_key_that_a_program_used(world: Counter):
    world.ask_for("acme/setup-intents", {"reason": "they add a card"})
    (entry,) = world.read("/v1/audit?act=set_up_payment_method")["data"]
    assert entry["person"].startswith("key/")
    assert (entry["reason"], entry["org"]) == ("they add a card", "acme")


def test_a_stripe_that_does_not_answer_is_said_so_and_the_call_goes_on(world: Counter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.calls.wiring.Waiter", lambda maker: Waiter(maker, patience_s=0.0))
    world.ask_for("acme/customer")
    world.stripe.faults.extend(["503"] * 50)
    answer = world.ask_for("acme/setup-intents", once="k")
    assert problem(answer) == (503, "stripe_unavailable")
    assert answer.headers["Retry-After"]
    (call,) = world.read("/v1/calls?operation=setup_intents.create", world.key("operator"))["data"]
    assert call["state"] == "begun"
    world.stripe.faults.clear()
    assert world.ask_for("acme/setup-intents", once="k").json["client_secret"]
    assert len(world.stripe.made("setup_intent")) == 1
