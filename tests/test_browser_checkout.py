"""In a headless browser: a checkout on the sandbox's page becomes an entitlement; the bank asks; the portal cancels."""

import json
import shutil
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sandboxes import CLOVER, Asked
from service import Service, free_port

from api.sandbox.deliveries import Deliveries
from api.sandbox.running import forward
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from replay.digest import wait_until_caught_up

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed: `apt-get install chromium`"),
]


class World(NamedTuple):
    """A sandbox, a Recount that hears from it, and a browser."""

    sandbox: Sandbox
    url: str
    service: Service
    key: str
    browser: Browser


class Shop:
    """What is sold to one organization, and its own window of the browser."""

    def __init__(self, world: World, org: str, page: Page) -> None:
        self.asked = Asked(world.sandbox, CLOVER)
        self.sandbox, self.url, self.service, self.key, _ = world
        self.org, self.page = org, page
        product = self.asked.post("/v1/products", name="Pro", metadata={"features": "agents,sso"})
        terms = {"product": product["id"], "currency": "usd", "unit_amount": 4_000}
        self.price = self.asked.post("/v1/prices", recurring={"interval": "month"}, **terms)["id"]
        self.customer = self.asked.post("/v1/customers", email="ann@shop.example", metadata={"org_id": org})["id"]

    def session(self) -> dict[str, Any]:
        """A checkout of the plan, with the address of its page here."""
        made = self.asked.post(
            "/v1/checkout/sessions",
            mode="subscription",
            customer=self.customer,
            line_items=[{"price": self.price, "quantity": 1}],
            success_url=f"{self.url}/_sandbox/?session={{CHECKOUT_SESSION_ID}}",
        )
        return {**made, "url": self.here(made["url"])}

    def here(self, url: str) -> str:
        """The sandbox's page in place of Stripe's."""
        return str(self.sandbox.addressed(json.dumps(url))).strip('"')

    def features(self) -> list[str]:
        """What the organization may use, once Recount has heard and read everything."""
        deliveries = Deliveries(self.sandbox)
        self.sandbox.listeners.remove(deliveries.note)
        deadline = time.monotonic() + 30
        while deliveries.waiting():
            assert time.monotonic() < deadline, f"{deliveries.waiting()} deliveries still wait"
            time.sleep(0.05)
        with psycopg.connect(self.service.conninfo, autocommit=True) as conn:
            wait_until_caught_up(conn, 60)
        answer = self.service.get(f"/v1/orgs/{self.org}/entitlements", self.key)
        if answer.status == 404:  # nobody has told of it yet
            return []
        return sorted(e["feature"] for e in answer.json["data"] if e["granted"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    sandbox = Sandbox(version=CLOVER)
    platform, connect = forward(sandbox, f"http://127.0.0.1:{port}")
    secrets = {"STRIPE_WEBHOOK_SECRET": platform, "STRIPE_CONNECT_WEBHOOK_SECRET": connect}
    with (
        serving(sandbox, "127.0.0.1", 0) as url,
        Service(tmp_path_factory.mktemp("browser") / "var", port=port, **secrets) as service,
        sync_playwright() as playwright,
    ):
        # root has no sandbox for a browser; only our own pages are opened
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=["--no-sandbox"])
        key = json.loads(service.cli("keys", "issue", "--role", "admin", "--json").stdout)["key"]
        try:
            yield World(sandbox, url, service, key, browser)
        finally:
            browser.close()


@pytest.fixture
def shop(world: World) -> Iterator[Shop]:
    page = world.browser.new_page()
    yield Shop(world, f"org_{uuid4().hex[:8]}", page)
    page.close()
    world.sandbox.turn(0)


def pay(page: Page, method: str) -> None:
    """Fill in the checkout's form and send it."""
    page.get_by_label("Name").fill("Ann Example")
    page.get_by_label("Pay with").select_option(method)
    page.get_by_role("button", name="Subscribe").click()


def test_a_checkout_in_a_browser_becomes_an_entitlement(shop: Shop) -> None:
    # given
    session = shop.session()
    shop.page.goto(session["url"])
    expect(shop.page.locator("#total")).to_have_text("$40.00")
    assert shop.features() == []
    # when
    pay(shop.page, "pm_card_visa")
    # then
    shop.page.wait_for_url(f"**/_sandbox/?session={session['id']}")
    assert shop.asked.get(f"/v1/checkout/sessions/{session['id']}")["payment_status"] == "paid"
    assert shop.features() == ["agents", "sso"]


def test_a_declined_card_is_told_and_another_pays(shop: Shop) -> None:
    shop.page.goto(shop.session()["url"])
    # when
    pay(shop.page, "pm_card_chargeDeclined")
    # then
    expect(shop.page.get_by_role("alert")).to_have_text("Your card was declined.")
    assert shop.features() == []
    pay(shop.page, "pm_card_mastercard")
    shop.page.wait_for_url("**/_sandbox/?session=*")
    assert shop.features() == ["agents", "sso"]


@pytest.mark.parametrize(("answer", "granted"), [("It is me", ["agents", "sso"]), ("It is not", [])])
def test_the_bank_is_answered_in_the_browser(shop: Shop, answer: str, granted: list[str]) -> None:
    # given
    session = shop.session()
    shop.page.goto(session["url"])
    pay(shop.page, "pm_card_authenticationRequired")
    shop.page.wait_for_url("**/3d_secure_2/hosted*")
    assert shop.features() == []
    # when
    shop.page.get_by_role("button", name=answer, exact=True).click()
    # then
    shop.page.wait_for_url(f"**/_sandbox/?session={session['id']}" if granted else f"**/c/pay/{session['id']}")
    assert shop.features() == granted


def test_a_subscription_is_canceled_in_the_portal_and_ends_with_its_period(shop: Shop) -> None:
    # given
    shop.page.goto(shop.session()["url"])
    pay(shop.page, "pm_card_visa")
    shop.page.wait_for_url("**/_sandbox/?session=*")
    on = {"enabled": True}
    features = {"invoice_history": on, "payment_method_update": on, "subscription_cancel": on}
    shop.asked.post("/v1/billing_portal/configurations", features=features)
    back = f"{shop.url}/_sandbox/"
    portal = shop.asked.post("/v1/billing_portal/sessions", customer=shop.customer, return_url=back)
    # when
    shop.page.goto(shop.here(portal["url"]))
    shop.page.get_by_label("Use another").select_option("pm_card_mastercard")
    shop.page.get_by_role("button", name="Use it").click()
    expect(shop.page.get_by_text("mastercard •••• 4444", exact=True)).to_be_visible()
    shop.page.get_by_role("button", name="Cancel").click()
    # then: it lasts until the end of what was paid
    expect(shop.page.get_by_role("button", name="Keep it")).to_be_visible()
    assert shop.features() == ["agents", "sso"]
    shop.sandbox.turn(32 * 86_400)
    [ended] = shop.asked.get("/v1/subscriptions", customer=shop.customer, status="all")["data"]
    assert ended["status"] == "canceled"
    assert shop.features() == []
