"""The demo's own Stripe: a sandbox beside the service, and something in it that can be bought in a browser.

Whoever has set a key of a real account speaks with that one instead; then there is no sandbox.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import stripe

from api.demo_story import Story, events
from api.sandbox.running import PUBLISHABLE_KEY, SECRET_KEY, forward, webhook_secrets
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from api.sandbox.state import Object

ORG = "org_demo"
_PLAN = "demo_pro_monthly"


class Shop:
    """A small shop in the sandbox, and those who buy there."""

    def __init__(self, url: str, sandbox: Sandbox, service: str) -> None:
        self.url = url
        self._sandbox = sandbox
        self._service = service
        self._asked = stripe.StripeClient(SECRET_KEY, base_addresses={"api": url}, max_network_retries=0).v1

    def history(self, organizations: int, seed: int, progress: Callable[[int], None]) -> list[Object]:
        """Have half a year go by, and say what a webhook endpoint would have been told, oldest first."""
        Story(self.url, seed).tell(organizations, progress)
        return events(self._sandbox)

    def go_live(self) -> None:
        """From now on the sandbox delivers its events to the service by itself."""
        forward(self._sandbox, self._service)

    def page(self) -> str:
        """The address of a checkout that sells a plan to the demo's organization. The shop is opened when it is not."""
        price = self._price()
        customer = self._customer()
        session = self._asked.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer,
                "line_items": [{"price": price, "quantity": 1}],
                "subscription_data": {"metadata": {"org_id": ORG}},
            }
        )
        assert session.url is not None
        return session.url

    def _price(self) -> str:
        held = self._asked.prices.list({"lookup_keys": [_PLAN]}).data
        if held:
            return held[0].id
        product = self._asked.products.create({"name": "Demo Pro", "metadata": {"features": "agents,sso"}})
        made = self._asked.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount": 2900,
                "recurring": {"interval": "month"},
                "lookup_key": _PLAN,
            }
        )
        return made.id

    def _customer(self) -> str:
        held = [c.id for c in self._asked.customers.list({"email": "demo@recount.example"}).data]
        if held:
            return held[0]
        made = self._asked.customers.create({"email": "demo@recount.example", "metadata": {"org_id": ORG}})
        return made.id


@contextmanager
def beside(folder: Path, host: str, port: int) -> Iterator[Shop | None]:
    """Serve a sandbox next to the service at this port, and point the service's settings to it; None: not needed."""
    if os.environ.get("STRIPE_SECRET_KEY"):
        yield None
        return
    sandbox = Sandbox(folder / "sandbox.sqlite3")
    service = f"http://{host}:{port}"
    secrets = webhook_secrets(service)
    with serving(sandbox, host) as url:
        os.environ["STRIPE_API_BASE"] = url
        os.environ["STRIPE_SECRET_KEY"] = SECRET_KEY
        os.environ["STRIPE_PUBLISHABLE_KEY"] = PUBLISHABLE_KEY
        for name, secret in zip(("STRIPE_WEBHOOK_SECRET", "STRIPE_CONNECT_WEBHOOK_SECRET"), secrets, strict=True):
            os.environ[name] = ",".join(filter(None, (os.environ.get(name), secret)))
        yield Shop(url, sandbox, service)
