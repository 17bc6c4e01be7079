"""A service whose Stripe is the sandbox, over HTTP: its worker, its issuer, and Stripe's events, moved by hand.

Knows how to bring all three on until nothing moves. Refuses to know what comes of it.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import jsonschema
import msgspec
from api_world import World
from sandboxes import ENDIVE, Asked

from api.calls.issuing import Issuer
from api.calls.wiring import Calls, open_calls
from api.calls.worker import CallWorker
from api.resources.billing import _DESK
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from commands.issuing import ISSUANCES, request_issuance
from commands.issuing_process import Issuance
from commands.issuing_terms import RequestIssuance
from ledger.events import Metadata, NewEvent, PlanPublished
from ledger.ids import issuance_stream, plans_stream
from ledger.issuing_events import IssuanceLine

KEY = "sk_test_ofthetests"
META = Metadata(occurred_at_s=1, actor="ada", mode="test")


class SandboxWorld(World):
    """A world whose settings name a sandbox."""

    def __init__(self, conninfo: str, base: str, sandbox: Sandbox, version: str = ENDIVE) -> None:
        super().__init__(conninfo)
        self.sandbox = sandbox
        self.stripe = Asked(sandbox, version)
        self.now_s = float(int(time.time()))
        given = {"stripe_secret_key": KEY, "stripe_api_base": base, "stripe_rate": 10_000}
        settings = msgspec.structs.replace(self.context.settings, **given, stripe_api_version=version)
        self.context = self.context._replace(settings=settings)
        self.app.extensions["recount"] = self.context
        self.calls: Calls = open_calls(
            self.context.database, settings, self.keys, waited_for=True, clock=lambda: self.now_s
        )
        self.worker = CallWorker(
            conninfo, self.calls.journal, self.calls.maker, clock=lambda: self.now_s, chance=lambda: 0.0
        )
        self.issuer = Issuer(conninfo, self.calls, lambda: self.now_s)
        self._told: set[str] = set()

    def close(self) -> None:
        desk = self.app.extensions.get(_DESK)
        if desk is not None:
            desk.close()
        self.worker.close()
        self.issuer.close()
        self.calls.close()
        super().close()

    # ---- what moves -------------------------------------------------------------------------

    def bill(self, *lines: IssuanceLine, source: str = "1", **terms: Any) -> str:
        """Have lines billed, as a reaction or a deadline would. Returns the issuance's id."""
        whole = {"mode": "test", "account": "platform", "org": "acme", "currency": "eur", "source_kind": "manual"}
        command = RequestIssuance(**{**whole, "source": source, "lines": lines, **terms})  # type: ignore[arg-type]
        follow = request_issuance(command)
        history = self.log.read_stream(follow.stream)
        events = follow.decider.decide(command, follow.decider.fold(r.event for r in history))
        self.log.append(*(NewEvent(follow.stream, len(history) + 1 + i, e, META) for i, e in enumerate(events)))
        return command.issuance

    def command(self, command: Any) -> None:
        """Carry out what a person asks for of an issuance."""
        stream = issuance_stream("test", command.issuance)
        history = self.log.read_stream(stream)
        events = ISSUANCES.decide(command, ISSUANCES.fold(r.event for r in history))
        self.log.append(*(NewEvent(stream, len(history) + 1 + i, e, META) for i, e in enumerate(events)))

    def settle(self, rounds: int = 40) -> None:
        """Until the worker has nothing to make, no issuance can be brought on, and Stripe tells nothing new."""
        for _ in range(rounds):
            if not self.turn():
                return
        raise AssertionError("it never ends")

    def turn(self) -> bool:
        """One round of each. Returns whether anything moved."""
        self.project()
        assert self.issuer.lead()
        assert self.worker.lead()
        moved = self.issuer.step()
        self.project()
        made = self.worker.step()
        self.worker.settle()
        self.now_s += 2  # a call that failed is tried again, one that was made is looked for no more
        return self.hear() or moved or made > 0

    def hear(self) -> bool:
        """Take in what Stripe tells by its events. Returns whether there was anything."""
        new = self.stripe.unheard(self._told)
        self.tell(*new)
        self.project()
        return bool(new)

    # ---- what is asked ----------------------------------------------------------------------

    def ask_for(self, what: str, body: dict[str, Any] | None = None, once: str | None = None, **how: Any) -> Any:
        """An act or a preview below an organization, whose answer is as the document says. Then all settles."""
        path = f"/v1/orgs/{what}"
        response = self.post(path, body or {}, how.get("key") or self.key("service", person=None), once)
        if response.status_code == 200:
            rule, _ = self.app.url_map.bind("localhost").match(path.partition("?")[0], "POST", return_rule=True)
            documented = rule.rule.replace("<org:", "{").replace("<string:", "{").replace(">", "}")
            schema = self.document["paths"][documented]["post"]["responses"]["200"]["content"]["application/json"]
            jsonschema.validate(response.json, {**schema["schema"], "components": self.document["components"]})
        self.settle()
        return response

    def sell(self, plan: str, version: int, *prices: tuple[int, str], **more: Any) -> None:
        """Publish a version of a plan, and make its prices in Stripe: (amount in cents, interval)."""
        product = self.stripe.post("/v1/products", name=plan)["id"]
        told = []
        for amount, interval in prices:
            key = f"{plan}_{version}_{interval}"
            self.stripe.post(
                "/v1/prices", product=product, currency="eur", unit_amount=amount, lookup_key=key,
                recurring={"interval": interval},
            )  # fmt: skip
            told.append({"interval": interval, "currency": "eur", "lookup_key": key, "amount_minor": amount})
        self.offer(plan, told, version, **more)

    def offer(self, plan: str, prices: list[dict[str, Any]], version: int = 1, **more: Any) -> None:
        """Publish a version of a plan."""
        definition = {"key": plan, "name": plan.title(), "model": "subscription", "prices": prices, **more}
        said = PlanPublished(
            mode="test", catalogue="shop", plan=plan, version=version, effective_s=None, definition=definition
        )
        stream = plans_stream("test")
        self._append(NewEvent(stream, len(self.log.read_stream(stream)) + 1, said, META))
        self.settle()

    def with_card(self, org: str = "acme") -> str:
        """Have the organization be a customer that pays by card. Returns the customer."""
        customer: str = self.ask_for(f"{org}/customer").json["customer"]
        method = self.stripe.post("/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
        self.stripe.post(f"/v1/customers/{customer}", invoice_settings={"default_payment_method": method})
        self.settle()
        return customer

    # ---- what came of it --------------------------------------------------------------------

    def issuance(self, id: str) -> Issuance:
        """As its events left it."""
        history = self.log.read_stream(issuance_stream("test", id))
        return ISSUANCES.fold(r.event for r in history)

    def invoices(self) -> list[dict[str, Any]]:
        """All that the sandbox holds, oldest first; deleted drafts are none."""
        found = self.stripe.get("/v1/invoices", limit=100)["data"]
        return [self.stripe.get(f"/v1/invoices/{i['id']}") for i in reversed(found)]


@contextmanager
def sandbox_world(database: str, version: str = ENDIVE) -> Iterator[SandboxWorld]:
    """Over a fresh database."""
    sandbox = Sandbox(version=version)
    with serving(sandbox) as base, closing(SandboxWorld(database, base, sandbox, version)) as world:
        yield world


def line(key: str = "a", amount_minor: int = 1000, **more: Any) -> IssuanceLine:
    """A line to bill."""
    return IssuanceLine(key=key, description=f"line {key}", amount_minor=amount_minor, **more)
