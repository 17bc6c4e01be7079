"""Managed agents from a closed gate to a paid invoice, on one clock: what persons, products and buyers do, over HTTP.

Knows how to bring each stage about, and what every act of it was answered. Refuses to know what should come of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from billing_story import DAY, Post, Story, story
from test_sandbox_checkout import buy
from test_stripe_checkout import BACK

from api.launch import check_launch
from api.operations import asked_by
from api.settings import WebhookSecret
from ledger.launch_events import AREAS
from ledger.passthrough import period_of

#: 2025-10-15 12:00 UTC. Acts carry the real time, which is later; so nothing is done before it happens.
NOW = 1_760_529_600
PERIOD = period_of(NOW)
STEPS = ("scope", "access", "rules", "costs", "qa", "go_live")
_PLAN = {
    "setup_steps": [{"key": s, "title": s.title(), "by": "operator"} for s in STEPS],
    "features": ["managed_agent"],
    "service_policy": {"policy": "pause-at-first-failure", "when_unpaid": "suspend"},
}
#: As late as a webhook is, and a day.
STAGE_S = 4 * DAY


class Agents:
    """A story, and who acts in it. Every act returns `done`, `waiting` or the code that it was refused with."""

    def __init__(self, told: Story) -> None:
        self.told = told
        secret = WebhookSecret(b"whsec_of_the_tests", None)
        settings = msgspec.structs.replace(told.context.settings, platform_secrets=(secret,))
        told.context = told.context._replace(settings=settings)
        told.app.extensions["recount"] = told.context
        self.answer: Any = None
        self.price = ""
        self.bought: dict[str, str] = {}

    # ---- who acts -----------------------------------------------------------------------------

    def act(self, person: str, name: str, **about: Any) -> str:
        """What a person asks for comes to."""
        return self._post(f"acts/{name}", {"reason": "agreed", **about}, self.told.key("operator", person=person))

    def approve(self, person: str) -> str:
        """A person says yes to what waited last."""
        where = f"approvals/{self.answer['waiting']}/approve"
        return self._post(where, {"reason": "agreed"}, self.told.key("operator", person=person), keep=False)

    def ask(self, what: str, **about: Any) -> str:
        """What the product's back end asks for an organization comes to."""
        return self._post(f"orgs/{what}", about, self.told.key("service", person=None))

    def _post(self, what: str, about: dict[str, Any], key: str, *, keep: bool = True) -> str:
        self.told.project()
        response = self.told.post(f"/v1/{what}", about, key)
        self.told.project()
        if response.status_code >= 300:
            return str(response.json["code"])
        self.answer = response.json if keep else self.answer
        return "waiting" if keep and response.json.get("waiting") else "done"

    def check(self) -> None:
        """Whatever proves an area by now is kept, and Stripe is looked at."""
        self.told.project()
        here = self.told.context
        check_launch(here.database, here.settings, mode="test", org=None, asked=asked_by("ada", "to open"))
        self.told.settle()

    def passes(self) -> None:
        """So long that everything has arrived of what Stripe told at its beginning."""
        self.told.until(int(self.told.now_s) + STAGE_S, 2 * DAY)

    # ---- the gate -----------------------------------------------------------------------------

    def sign_off(self, *areas: str) -> list[str]:
        """One person answers for areas."""
        return [self.act("ada", "sign_off_area", area=area) for area in areas]

    def publish(self) -> None:
        """The plan that is to be sold."""
        price = {"interval": "month", "currency": "usd", "lookup_key": "agent_month", "amount_minor": 4_900}
        self.told.offer("agent", [price], **_PLAN)

    def make(self) -> None:
        """What is sold is made in Stripe, and the account made ready."""
        stripe = self.told.stripe
        product = stripe.post("/v1/products", name="Agent")["id"]
        self.price = stripe.post(
            "/v1/prices", product=product, currency="usd", unit_amount=4_900, lookup_key="agent_month",
            recurring={"interval": "month"},
        )["id"]  # fmt: skip
        stripe.post("/v1/billing_portal/configurations", features={"payment_method_update": {"enabled": True}})
        options = {"us": {"state": "CA", "type": "state_sales_tax"}}
        stripe.post("/v1/tax/registrations", country="US", active_from="now", country_options=options)

    def pilot(self) -> None:
        """An agent of our own, which is no checkout: bought, and paid for."""
        stripe = self.told.stripe
        customer = stripe.post("/v1/customers", email="a@pilot.example", metadata={"org_id": "pilot"})["id"]
        self.told.card(customer, "pm_card_visa")
        made = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": self.price}])
        self.bought["pilot"] = made["id"]

    def fails_to_pay(self) -> None:
        """The pilot takes a second agent, for which its card is declined."""
        stripe, subscription = self.told.stripe, self.bought["pilot"]
        held = stripe.get(f"/v1/subscriptions/{subscription}")
        self.told.card(held["customer"], "pm_card_chargeCustomerFail")
        item = {"id": held["items"]["data"][0]["id"], "quantity": 2}
        stripe.post(f"/v1/subscriptions/{subscription}", items=[item], proration_behavior="always_invoice")

    def pays(self) -> None:
        """The pilot pays what is open, with a card that works."""
        stripe = self.told.stripe
        customer = stripe.get(f"/v1/subscriptions/{self.bought['pilot']}")["customer"]
        self.told.card(customer, "pm_card_visa")
        (invoice,) = stripe.get("/v1/invoices", customer=customer, status="open")["data"]
        stripe.post(f"/v1/invoices/{invoice['id']}/pay")

    # ---- what is sold -------------------------------------------------------------------------

    def begin(self) -> str:
        """A checkout for the organization."""
        return self.ask("realty/checkouts", plan="agent", **BACK)

    def buys(self) -> None:
        """The buyer pays on the page of the checkout that was begun."""
        session = self.answer["session"]
        buy(self.told.stripe, {"id": session})
        self.bought["realty"] = self.told.stripe.get(f"/v1/checkout/sessions/{session}")["subscription"]

    def step(self, org: str, *steps: str, artefact: str = "a report") -> list[str]:
        """Steps of what an organization bought are approved."""
        which = {"placement": self.bought[org], "artefact": artefact, "authorizes": "going on"}
        return [self.act("bob", "approve_setup_step", step=step, **which) for step in steps]

    def may(self) -> str:
        """Why the organization may, or may not, use its agent now."""
        self.told.project()
        key = self.told.key("service", person=None)
        found = self.told.post("/v1/orgs/realty/checks", {"feature": "managed_agent"}, key)
        return str(found.json["reason"])

    # ---- what providers charge ------------------------------------------------------------------

    def propose(self, org: str, customer: str) -> str:
        """A cost policy: a cap of 20, and a tenth on top."""
        terms = {"currency": "usd", "cap_minor": 2_000, "markup_bps": 1_000, "stop_rule": "notify"}
        which = {"org": org, "category": "inference", "billing_owner": customer, "from_s": NOW - 10 * DAY}
        return self.act("ada", "propose_cost_policy", **which, **terms)

    def approve_policy(self, person: str, org: str) -> str:
        return self.act(person, "approve_cost_policy", org=org, category="inference", version=1)

    def customer(self, org: str) -> str:
        """Who is billed for an organization."""
        found = self.told.stripe.get(f"/v1/subscriptions/{self.bought[org]}")["customer"]
        assert isinstance(found, str)
        return found

    def charge(self, *costs: str) -> str:
        """A provider's charges of this month."""
        charges = [
            {"reference": f"ch_{n}", "category": "inference", "occurred_s": NOW, "currency": "usd", "cost_minor": cost}
            for n, cost in enumerate(costs)
        ]
        return self.ask("realty/pass-through/charges", provider="openai", charges=charges)

    def reserve(self, id: str, estimate_minor: int) -> str:
        which = {"id": id, "category": "inference", "currency": "usd"}
        return self.ask("realty/pass-through/reservations", **which, estimate_minor=estimate_minor)

    def batch(self, person: str, name: str, **more: Any) -> str:
        return self.act(person, name, org="realty", period=PERIOD, number=1, **more)

    def card_for_all(self) -> None:
        """The card of the checkout pays for every invoice of the customer's."""
        customer = self.customer("realty")
        (method,) = self.told.stripe.get(f"/v1/customers/{customer}/payment_methods")["data"]
        assert self.ask(f"realty/payment-methods/{method['id']}/default") == "done"

    def invoice(self) -> Any:
        """Stripe's invoice of the batch."""
        batch = self.told.one("reconciliation_batches", org="realty")
        return self.told.stripe.get(f"/v1/invoices/{batch['invoice']}")


def opened(agents: Agents) -> None:
    """Everything until checkout is open; what goes before its time is refused."""
    agents.publish()
    assert agents.begin() == "checkout_closed"
    assert agents.act("ada", "open_checkout") == "launch_blocked"
    assert agents.sign_off(*AREAS) == ["not_proven"] * len(AREAS)
    agents.make()
    agents.pilot()
    agents.passes()
    assert agents.step("pilot", "go_live") == ["setup_steps_open"]
    assert agents.step("pilot", *STEPS) == ["done"] * len(STEPS)
    assert agents.act("ada", "enforce_policy", policy="pause-at-first-failure") == "waiting"
    assert agents.approve("bob") == "done"
    agents.fails_to_pay()
    agents.passes()
    agents.pays()
    agents.passes()
    assert agents.propose("pilot", agents.customer("pilot")) == "done"
    assert agents.approve_policy("ada", "pilot") == "second_person"
    assert agents.approve_policy("bob", "pilot") == "done"
    agents.check()
    *others, last = AREAS
    assert agents.sign_off(*others) == ["done"] * len(others)
    assert agents.act("ada", "open_checkout") == "launch_blocked"
    assert agents.sign_off(last) == ["done"]
    assert agents.act("ada", "open_checkout") == "waiting"
    assert (agents.approve("ada"), agents.begin()) == ("second_person", "checkout_closed")


def sold(agents: Agents) -> None:
    """Checkout is opened; a purchase, set up and live."""
    open_it(agents)
    assert agents.begin() == "done"
    agents.buys()
    agents.passes()
    assert agents.may() == "pending_setup"
    assert agents.step("realty", "qa", "go_live") == ["setup_steps_open"] * 2
    assert agents.step("realty", "scope", artefact=" ") == ["artefact_required"]
    *others, last = STEPS
    assert agents.step("realty", *others) == ["done"] * len(others)
    assert agents.may() == "pending_setup"
    assert agents.step("realty", last) == ["done"]
    assert agents.may() == "granted"
    agents.card_for_all()


def open_it(agents: Agents) -> None:
    """Two persons open checkout."""
    assert agents.act("ada", "open_checkout") == "waiting"
    assert agents.approve("bob") == "done"


def billed(agents: Agents) -> None:
    """What a provider charged is reviewed by two persons, invoiced, and paid."""
    assert agents.charge("1200", "1.25", "350") == "done"
    assert {r["held"] for r in agents.told.rows("provider_charges")} == {"no_policy"}
    assert agents.reserve("run_1", 400) == "no_policy"
    assert agents.propose("realty", agents.customer("realty")) == "done"
    assert agents.approve_policy("ada", "realty") == "second_person"
    assert agents.approve_policy("bob", "realty") == "done"
    assert agents.reserve("run_1", 1_900) == "done"
    assert agents.reserve("run_2", 200) == "above_cap"
    assert agents.ask("realty/pass-through/reservations/run_1/settle", cost_minor="37.5") == "done"
    assert agents.act("ada", "open_batch", org="realty", period=PERIOD, currency="usd") == "done"
    assert agents.batch("ada", "start_review", statements={"openai": "1551.25"}) == "done"
    named = {"policy_versions": ["inference@1"]}
    assert agents.batch("eve", "approve_batch", **named) == "not_reviewed"
    assert agents.batch("ada", "review_charges", decision="accept") == "done"
    assert agents.batch("ada", "approve_batch", **named) == "second_person"
    assert agents.batch("eve", "approve_batch", policy_versions=[]) == "policy_not_named"
    assert agents.batch("eve", "approve_batch", **named) == "done"
    agents.passes()
    assert agents.batch("ada", "reopen_batch") == "batch_state"
    agents.told.everything_arrives()


@contextmanager
def managed(database: str, *, post: Callable[[], Post] = Post) -> Iterator[Agents]:
    """Over a fresh database and sandbox."""
    with story(database, NOW, post=post) as told:
        yield Agents(told)
