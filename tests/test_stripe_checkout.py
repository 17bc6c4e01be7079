"""Checkouts are tied to the catalogue and to the organization; a browser that comes back proves nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from billing_world import Counter, counter
from hypothesis import given
from hypothesis import strategies as st
from samples import event, price
from test_api_acts import problem

from api.calls.tokens import Handoff, Tokens
from api.resources import handoff
from commands.billing_pages import OPEN_PORTAL, OpenPortal
from commands.checkout import CREATE_CHECKOUT, CreateCheckout, Line, require_url
from commands.checkout_offers import offer
from commands.plan_definition import PlanDefinition, Price, Terms, Trial
from commands.stripe_calls import Call
from ledger.errors import Invalid, Refused
from ledger.events import NewEvent, PlanPublished
from ledger.ids import plans_stream
from ledger.keys import MasterKey
from ledger.stripe_call_events import StripeCallRequested
from replay.verify import verify

BACK = {"success_url": "https://shop.example/done", "cancel_url": "https://shop.example/no"}
PRO = PlanDefinition(
    key="pro",
    name="Pro",
    model="hybrid",
    prices=(
        Price(interval="month", currency="eur", lookup_key="pro_month"),
        Price(interval="month", currency="eur", lookup_key="pro_month_calls", meter="calls"),
        Price(interval="year", currency="eur", lookup_key="pro_year"),
        Price(interval="month", currency="usd", price="price_usd"),
    ),
    features=("agents",),
    trial=Trial(days=14, without_payment_method="pause"),
    terms=Terms(terms_of_service="2026-01"),
)
PACK = PlanDefinition(
    key="pack", name="Pack", model="one_time", prices=(Price(interval="once", currency="eur", price="price_pack"),)
)


@pytest.fixture
def world(database: str) -> Iterator[Counter]:
    handoff._WINDOWS.reset()
    with counter(database) as found:
        publish(found, PRO, PACK)
        yield found


def publish(world: Counter, *plans: PlanDefinition) -> None:
    """Plans, and the prices that they name, in Stripe as in the read models."""
    from api_world import _META

    from commands.plan_definition import written

    for plan in plans:
        said = PlanPublished(
            mode="test", catalogue="shop", plan=plan.key, version=1, effective_s=None, definition=written(plan)
        )
        stream = plans_stream("test")
        world._append(NewEvent(stream, len(world.log.read_stream(stream)) + 1, said, _META))
        for number, each in enumerate(plan.prices):
            its = each.price or f"price_{each.lookup_key}"
            told = price(its, lookup_key=each.lookup_key)
            world.tell(event(f"evt_{plan.key}_{number}", "price.created", told))
    world.project()


def sent(world: Counter, path: str = "/v1/checkout/sessions") -> dict[str, Any]:
    """What Stripe was asked last at an address."""
    return next(r[2] for r in reversed(world.stripe.requests) if r[0] == "POST" and r[1] == path)


def pay(world: Counter, session: str, **more: Any) -> None:
    """The buyer pays on Stripe's page."""
    its = world.stripe.objects[f"platform/{session}"]
    its |= {"status": "complete", "payment_status": "paid", "url": None, **more}


def test_a_checkout_sells_the_plans_prices_to_the_organization(world: Counter):
    body = {"plan": "pro", "interval": "month", "quantity": 3, "context": {"page": "pricing"}, **BACK}
    made = world.ask_for("acme/checkouts", body).json
    assert (made["plan"], made["status"]) == ("pro@1", "open")
    assert made["url"].startswith("https://stripe.example/")
    asked = sent(world)
    assert asked["mode"] == "subscription"
    assert asked["line_items"] == [
        {"price": "price_pro_month", "quantity": "3"},
        {"price": "price_pro_month_calls"},
    ]
    assert asked["client_reference_id"] == "acme"
    assert asked["metadata"] | {"recount_call": ""} == {
        "context_page": "pricing", "recount_org": "acme", "recount_plan": "pro", "recount_plan_version": "1",
        "recount_call": "",
    }  # fmt: skip
    assert asked["subscription_data"]["trial_period_days"] == "14"
    ends = asked["subscription_data"]["trial_settings"]["end_behavior"]
    assert ends == {"missing_payment_method": "pause"}
    assert asked["subscription_data"]["metadata"]["recount_org"] == "acme"
    assert asked["consent_collection"] == {"terms_of_service": "required"}
    assert world.stripe.made("customer")[0]["id"] == asked["customer"]


def test_a_pages_address_is_kept_nowhere_and_is_the_same_for_the_same_key(world: Counter):
    body = {"plan": "pro", **BACK}
    first, again = (world.ask_for("acme/checkouts", body, once="k").json for _ in range(2))
    assert first["url"] == again["url"]
    assert b"#secret" not in world.stored()
    assert len(world.stripe.made("checkout.session")) == 1
    other = world.ask_for("acme/checkouts", {**body, "quantity": 2}, once="k")
    assert problem(other) == (422, "idempotency_key_reused")


def test_what_is_paid_once_is_a_payment(world: Counter):
    made = world.ask_for(
        "acme/checkouts", {"plan": "pack", "presentment_currency": "usd", "local_currency": False, **BACK}
    )
    assert made.status_code == 200
    asked = sent(world)
    assert asked["mode"] == "payment"
    assert asked["line_items"] == [{"price": "price_pack", "quantity": "1"}]
    assert asked["payment_intent_data"]["metadata"]["recount_org"] == "acme"
    assert (asked["currency"], asked["adaptive_pricing"]) == ("usd", {"enabled": "false"})
    assert "subscription_data" not in asked


def test_a_price_that_no_event_told_of_is_asked_for(world: Counter):
    fresh = PlanDefinition(
        key="fresh", name="Fresh", model="subscription",
        prices=(Price(interval="month", currency="eur", lookup_key="fresh_month"),),
    )  # fmt: skip
    from api_world import _META

    from commands.plan_definition import written

    said = PlanPublished(
        mode="test", catalogue="f", plan="fresh", version=1, effective_s=None, definition=written(fresh)
    )
    stream = plans_stream("test")
    world._append(NewEvent(stream, len(world.log.read_stream(stream)) + 1, said, _META))
    world.project()
    assert problem(world.ask_for("acme/checkouts", {"plan": "fresh", **BACK})) == (409, "price_missing")
    world.stripe.handle("POST", "/v1/prices", {"lookup_key": "fresh_month"}, {"Idempotency-Key": "p"})
    assert world.ask_for("acme/checkouts", {"plan": "fresh", **BACK}).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"plan": "none"}, (404, "not_found")),
        ({"plan": "pro", "interval": "week"}, (409, "not_sold_so")),
        ({"plan": "pro", "currency": "chf"}, (409, "not_sold_so")),
        ({"plan": "pro", "quantity": 0}, (422, "bad_quantity")),
        ({"plan": "pro", "success_url": "http://shop.example/done"}, (422, "bad_url")),
        ({"plan": "pro", "success_url": "javascript:alert(1)"}, (422, "bad_url")),
        ({"plan": "pro", "context": {"a b": "c"}}, (422, "bad_context")),
        ({"plan": "pro", "presentment_currency": "Euro"}, (422, "bad_currency")),
    ],
)
def test_what_cannot_be_sold_is_refused(world: Counter, body: dict[str, Any], code: tuple[int, str]):
    assert problem(world.ask_for("acme/checkouts", {**BACK, **body})) == code
    assert world.stripe.made("checkout.session") == []


def test_a_browser_that_comes_back_proves_nothing_and_a_look_does(world: Counter):
    made = world.ask_for("acme/checkouts", {"plan": "pack", **BACK}).json
    # the buyer closes the page and opens the success page by hand: nothing here listens to that
    (row,) = world.read("/v1/orgs/acme/checkouts")["data"]
    assert row["status"] == "open"
    looked = world.ask_for(f"acme/checkouts/{made['session']}/look").json
    assert looked["status"] == "open"
    # the buyer pays, and Stripe's event never comes: we look
    world.now_s += 30
    pay(world, made["session"])
    looked = world.ask_for(f"acme/checkouts/{made['session']}/look").json
    assert (looked["status"], looked["payment_status"], looked["url"]) == ("complete", "paid", None)
    (row,) = world.read("/v1/orgs/acme/checkouts")["data"]
    assert (row["status"], row["payment_status"]) == ("complete", "paid")
    assert problem(world.ask_for(f"globex/checkouts/{made['session']}/look")) == (404, "not_found")
    assert problem(world.ask_for("acme/checkouts/cs_none/look")) == (404, "not_found")


def test_only_a_session_that_we_made_claims_an_organization(world: Counter):
    made = world.ask_for("acme/checkouts", {"plan": "pack", **BACK}).json
    ours = {
        "id": made["session"], "object": "checkout.session", "mode": "payment", "customer": "cus_guest",
        "status": "complete", "payment_status": "paid", "livemode": False, "metadata": {},
    }  # fmt: skip
    theirs = {**ours, "id": "cs_forged", "customer": "cus_thief", "client_reference_id": "acme",
              "metadata": {"recount_org": "acme", "org_id": "acme"}}  # fmt: skip
    world.happens("checkout.session.completed", ours, at=int(world.now_s) + 9)
    world.happens("checkout.session.completed", theirs, at=int(world.now_s) + 9)
    claimed = {c["customer"]: c["claimed_by"] for c in world.read("/v1/orgs/acme")["customers"]}
    assert claimed["cus_guest"] == "checkout"
    assert "cus_thief" not in claimed
    assert [v.differences for v in verify(world.conninfo)] == [()] * 2


def test_the_oracle_agrees_on_who_is_claimed_by_what_we_made(world: Counter):
    from oracle.calls import made_by_us
    from oracle.holdings import org_links

    made = world.ask_for("acme/checkouts", {"plan": "pack", **BACK}).json
    guest = {"id": made["session"], "object": "checkout.session", "mode": "payment", "customer": "cus_guest",
             "status": "complete", "payment_status": "paid", "livemode": False, "metadata": {}}  # fmt: skip
    world.happens("checkout.session.completed", guest, at=int(world.now_s) + 9)
    world.ask_for("globex/customer", {"account": "acct_seller"})
    import psycopg
    from psycopg.rows import dict_row

    rows: dict[str, Any] = {}
    with psycopg.connect(world.conninfo, row_factory=dict_row) as conn:
        for model in ("operator_links", "customers", "subscriptions", "checkouts", "org_links"):
            found = conn.execute(f"SELECT * FROM read_models.{model}").fetchall()  # type: ignore[arg-type]
            key = "customer" if model in ("operator_links", "org_links") else "id"
            rows[model] = {(r["mode"], r["account"], r[key]): r for r in found}
    rows["stripe_made"] = made_by_us([(r.event, r.recorded_at_us) for r in world.log.read(0, 10_000)])
    wanted = {k: (r["org"], r["claimed_by"], r["claims"]) for k, r in org_links(rows).items()}
    assert {k: (r["org"], r["claimed_by"], r["claims"]) for k, r in rows["org_links"].items()} == wanted
    assert {c[1] for c in wanted.values()} >= {"customer", "checkout", "call"}


def test_a_checkout_is_closed(world: Counter):
    made = world.ask_for("acme/checkouts", {"plan": "pro", **BACK}).json
    closed = world.ask_for(f"acme/checkouts/{made['session']}/expire").json
    assert (closed["status"], closed["url"]) == ("expired", None)
    assert problem(world.ask_for(f"globex/checkouts/{made['session']}/expire")) == (404, "not_found")


def test_a_payment_is_asked_for_in_sealed_words(world: Counter):
    body = {"amount_minor": 12_50, "currency": "eur", "description": "Ada's workshop", **BACK}
    made = world.ask_for("acme/payment-requests", body, once="k")
    assert made.status_code == 200
    (line,) = sent(world)["line_items"]
    assert line["price_data"] == {"currency": "eur", "unit_amount": "1250", "product_data": {"name": "Ada's workshop"}}
    assert b"workshop" not in world.stored()
    assert world.ask_for("acme/payment-requests", body, once="k").json["url"] == made.json["url"]
    assert problem(world.ask_for("acme/payment-requests", {**body, "amount_minor": 0})) == (422, "bad_amount")


def test_a_payment_method_is_left_on_stripes_page(world: Counter):
    assert world.ask_for("acme/setup-checkouts", {"currency": "eur", **BACK}).json["url"]
    assert (sent(world)["mode"], sent(world)["currency"]) == ("setup", "eur")


def test_the_portal_opens_at_its_beginning_or_straight_at_one_thing(world: Counter):
    back = {"return_url": "https://shop.example/account"}
    first = world.ask_for("acme/portal-sessions", back, once="p").json
    assert world.ask_for("acme/portal-sessions", back, once="p").json["url"] == first["url"]
    deep = {**back, "flow": "subscription_cancel", "subscription": "sub_1"}
    assert world.ask_for("acme/portal-sessions", deep).status_code == 200
    flow = sent(world, "/v1/billing_portal/sessions")["flow_data"]
    assert (flow["type"], flow["subscription_cancel"]) == ("subscription_cancel", {"subscription": "sub_1"})
    assert flow["after_completion"]["redirect"]["return_url"] == back["return_url"]
    for wrong in (
        {"flow": "subscription_cancel"},
        {"subscription": "sub_1"},
        {"flow": "payment_method_update", "subscription": "s"},
    ):
        assert problem(world.ask_for("acme/portal-sessions", {**back, **wrong})) == (422, "bad_flow")
    assert b"#secret" not in world.stored()


def test_a_payment_link_is_nobodys_organizations(world: Counter):
    made = world.post("/v1/payment-links", {"plan": "pro", "interval": "year", "adjustable_quantity": True}).json
    assert made["url"].startswith("https://")
    asked = sent(world, "/v1/payment_links")
    assert asked["line_items"] == [
        {
            "price": "price_pro_year",
            "quantity": "1",
            "adjustable_quantity": {"enabled": asked["line_items"][0]["adjustable_quantity"]["enabled"]},
        }
    ]
    assert "recount_org" not in json.dumps(asked)
    closed = world.post(f"/v1/payment-links/{made['payment_link']}/close", {})
    assert closed.status_code == 200
    bound = world.key("service", org="acme", person=None)
    assert problem(world.post("/v1/payment-links", {"plan": "pro"}, bound)) == (403, "forbidden")


def test_a_receipt_is_fetched_for_its_own_organization(world: Counter):
    customer = world.ask_for("acme/customer").json["customer"]
    world.ask_for("globex/customer")
    told = {"id": "ch_1", "object": "charge", "customer": customer, "receipt_url": "https://pay.example/r#secret"}
    world.stripe.objects["platform/ch_1"] = {**told, "receipt_number": "1234"}
    assert world.read("/v1/orgs/acme/charges/ch_1/receipt") == {
        "charge": "ch_1", "receipt_url": told["receipt_url"], "receipt_number": "1234",
    }  # fmt: skip
    assert problem(world.ask("/v1/orgs/globex/charges/ch_1/receipt", world.key())) == (404, "not_found")
    assert b"#secret" not in world.stored()


# ---- from a browser, without a key ------------------------------------------------------------


def token(world: Counter, **fields: Any) -> str:
    said = world.ask_for("acme/checkout-tokens", {**BACK, **fields})
    assert said.status_code == 200, said.text
    return str(said.json["token"])


def begin(world: Counter, plan: str, body: Any, form: bool = False) -> Any:
    client = world.app.test_client()
    response = client.post(f"/checkout/{plan}", **({"data": body} if form else {"json": body}))
    world.project()
    return response


def test_a_browser_with_a_token_begins_a_checkout_for_its_organization(world: Counter):
    mine = token(world, context={"campaign": "spring"})
    made = begin(
        world, "pro", {"token": mine, "interval": "year", "context": {"page": "pricing", "campaign": "forged"}}
    )
    assert made.status_code == 200
    assert made.headers["Access-Control-Allow-Origin"] == "*"
    assert made.json["url"].startswith("https://stripe.example/")
    asked = sent(world)
    assert asked["client_reference_id"] == "acme"
    assert (asked["metadata"]["context_page"], asked["metadata"]["context_campaign"]) == ("pricing", "spring")
    assert asked["success_url"] == BACK["success_url"]
    (entry,) = world.read("/v1/audit?act=create_checkout")["data"]
    assert (entry["person"], entry["org"]) == ("checkout", "acme")


def test_a_form_is_sent_on_to_stripes_page(world: Counter):
    made = begin(world, "pro", {"token": token(world), "quantity": "2", "context_page": "home"}, form=True)
    assert (made.status_code, made.headers["Location"][:24]) == (303, "https://stripe.example/c")
    assert sent(world)["line_items"][0]["quantity"] == "2"


def test_pressing_twice_is_one_checkout_and_after_it_is_over_another(world: Counter):
    mine = token(world)
    first, second = (begin(world, "pro", {"token": mine}).json for _ in range(2))
    assert first == second
    pay(world, first["session"])
    third = begin(world, "pro", {"token": mine}).json
    assert third["session"] != first["session"]
    assert third["url"]


def test_a_token_is_for_its_plans_and_its_time(world: Counter):
    mine = token(world, plans=["pack"], lasts_s=60)
    assert problem(begin(world, "pro", {"token": mine})) == (404, "not_found")
    assert begin(world, "pack", {"token": mine}).status_code == 200
    world.now_s += 61
    assert problem(begin(world, "pack", {"token": mine})) == (403, "token_expired")
    assert problem(begin(world, "pack", {"token": "x"})) == (403, "bad_token")
    for wrong in (
        "[]",
        {"quantity": 1},
        {"token": mine, "price": "price_mine"},
        {"token": mine, "success_url": "https://evil.example"},
    ):
        assert problem(begin(world, "pack", wrong))[0] == 422
    assert problem(world.app.test_client().post("/checkout/pack", data=b"{")) == (400, "bad_request")


def test_browsers_of_one_organization_are_limited_and_nobody_elses(database: str):
    handoff._WINDOWS.reset()
    with counter(database, checkout_rate_limit="2/minute") as world:
        publish(world, PRO)
        mine = token(world)
        other = world.ask_for("globex/checkout-tokens", BACK).json["token"]
        assert [begin(world, "pro", {"token": mine}).status_code for _ in range(3)] == [200, 200, 429]
        limited = begin(world, "pro", {"token": mine})
        assert problem(limited) == (429, "rate_limited")
        assert limited.headers["Retry-After"]
        assert begin(world, "pro", {"token": other}).status_code == 200


@given(st.integers(0, 10_000), st.integers(0, 63))
def test_no_token_can_be_altered(place: int, letter: int):
    tokens = Tokens(MasterKey(b"m" * 32))
    whole = tokens.make(Handoff(mode="test", org="acme", until_s=100, success_url="https://a.example"))
    assert tokens.open(whole, 99).org == "acme"
    at = place % len(whole)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    altered = whole[:at] + alphabet[letter] + whole[at + 1 :]
    if altered != whole:
        with pytest.raises(Refused) as refused:
            tokens.open(altered, 99)
        assert refused.value.code == "bad_token"


@given(st.text(max_size=60))
def test_no_text_is_a_token(text: str):
    with pytest.raises(Refused):
        Tokens(MasterKey(b"m" * 32)).open(text, 0)


def test_the_publishable_key_is_everybodys(database: str):
    with counter(database, stripe_publishable_key="pk_test_1") as world:
        answer = world.ask("/publishable-key")
        assert answer.json == {"publishable_key": "pk_test_1", "mode": "test"}
    with counter(database) as world:
        assert world.ask("/publishable-key").json == {"publishable_key": None, "mode": None}


# ---- pure -------------------------------------------------------------------------------------


def test_what_is_bought_of_a_plan():
    names = [p.lookup_key or p.price for p in offer(PRO).prices]
    assert names == ["pro_month", "pro_month_calls"]
    assert [p.price for p in offer(PRO, currency="usd").prices] == ["price_usd"]
    assert offer(PRO, interval="year").prices[0].lookup_key == "pro_year"
    assert offer(PRO, trial=False).trial_days is None
    assert (offer(PACK).purpose, offer(PACK).trial_days) == ("payment", None)
    with pytest.raises(Refused) as refused:
        offer(PlanDefinition(key="old", name="Old", model="subscription", on_sale=False))
    assert refused.value.code == "not_on_sale"


@given(st.sampled_from(["month", "year", "week", None]), st.sampled_from(["eur", "usd", None]))
def test_what_is_bought_together_has_one_interval_and_one_currency(interval: Any, currency: Any):
    try:
        found = offer(PRO, interval=interval, currency=currency)
    except Refused:
        assert not [p for p in PRO.prices if interval in (None, p.interval) and currency in (None, p.currency)]
        return
    assert len({(p.interval, p.currency) for p in found.prices}) == 1
    assert len([p for p in found.prices if p.meter is None]) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "http://shop.example",
        "https://",
        "ftp://a.example",
        "https://a.example/ b",
        "https://[",
        "https://ä.example",
    ],
)
def test_a_page_to_come_back_to_is_on_the_web_over_tls(url: str):
    with pytest.raises(Invalid):
        require_url(url)
    require_url("http://localhost:8080/done")
    require_url("https://shop.example/done?session={CHECKOUT_SESSION_ID}")


def test_an_act_is_the_call_and_says_whose_it_is():
    command = CreateCheckout(
        call_id="call_1", mode="test", account="platform", org="acme", customer="cus_1", plan="pro", version=3,
        purpose="subscription", lines=(Line("price_1"),), success_url="https://a.example",
    )  # fmt: skip
    (asked,) = CREATE_CHECKOUT.decider.decide(command, Call())
    assert isinstance(asked, StripeCallRequested)
    assert (asked.operation, asked.org, asked.awaited) == ("checkout_sessions.create", "acme", True)
    assert CREATE_CHECKOUT.about(command).org == "acme"
    portal = OpenPortal(call_id="c", mode="test", account="platform", org="a", customer="cus_1", return_url="http://x")
    with pytest.raises(Invalid):
        OPEN_PORTAL.decider.decide(portal, Call())
