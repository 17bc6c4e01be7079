"""A small world to ask the read API about: two organizations, two sellers, both modes, keys of every kind.

Knows how to put events into a real database and the read models up to date. Refuses to know what answers should be.
"""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
from api_trade import Place, trade
from databases import administering, fresh_database, make
from flask import Flask
from psycopg.conninfo import make_conninfo
from samples import MONTH, Delivery, Json, T, customer, event, invoice, price, product, subscription

from api.app import create_app, openapi
from api.database import Database
from api.postgres import EmbeddedPostgres
from api.settings import Settings
from ledger import inbox
from ledger.events import ApiKeyIssued, ApiKeyRevoked, Metadata, NewEvent, OrganizationLinked, PlanPublished
from ledger.ids import key_stream, link_stream, plans_stream
from ledger.keys import KeyStore
from ledger.store import Appended, Log
from projections import GROUPS
from replay import rebuild
from replay.live import Projector

SELLER, OTHER_SELLER = "acct_seller", "acct_other"
MASTER = b"m" * 32
_META = Metadata(occurred_at_s=0, actor="ops@example.com")


class World:
    """A database with its read models, and an application over it."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.now_s: float = T + 100
        self.log = Log(conninfo)
        settings = Settings(
            database_url=conninfo, keys_database_url=None, data_dir=Path("var"), master_key=MASTER,
            platform_secrets=(), connect_secrets=(), stripe_secret_key=None,
            stripe_api_base="https://api.stripe.com", log_level="info",
        )  # fmt: skip
        self.keys = KeyStore(conninfo, settings.master())
        self._digest = settings.master().digest_of_api_key
        database = Database(conninfo, conninfo, None, self.log)
        self.app = create_app(database, settings, self.keys, clock=lambda: self.now_s)
        self.context = self.app.extensions["recount"]
        rebuild.ensure_built(conninfo)
        self.projectors = [Projector(conninfo, group) for group in GROUPS]
        self._issued: dict[tuple[Any, ...], str] = {}
        self._next = 1000

    @property
    def document(self) -> Any:
        """What the API says of itself: the same over any database."""
        return _documents(self.app)[0]

    def close(self) -> None:
        self.context.readers.close()
        self.keys.close()
        self.log.close()
        for projector in self.projectors:
            projector.close()

    # ---- what happens ------------------------------------------------------------------

    def tell(self, *events: Json) -> int:
        """Receive Stripe events, without projecting them. Returns the last one's position."""
        position = 0
        for told in events:
            position = self._append(self._received(told))
        return position

    def tell_again(self, told: Json) -> int:
        """Receive a Stripe event that came before, in another API version now."""
        return self._append(self._received(told)._replace(version=2))

    def _received(self, told: Json) -> NewEvent:
        delivery = Delivery(told, "connect" if "account" in told else "platform")
        envelope = inbox.open_envelope(delivery.body)
        subject, email = envelope.subject, envelope.email
        key = self.keys.ensure([subject])[subject]
        if email is not None:
            self.keys.index_email(subject, email)
        return inbox.receive(envelope, key, delivery.endpoint, secrets.token_bytes)

    def happens(self, kind: str, obj: Json, **how: Any) -> int:
        """One more event, received and projected."""
        self._next += 1
        position = self.tell(event(self._next, kind, obj, **how))
        self.project()
        return position

    def link(self, account: str, customer: str, org: str, mode: str = "test") -> int:
        said = OrganizationLinked(mode=mode, account=account, customer=customer, org=org)
        return self._append(NewEvent(link_stream(mode, account, customer), 1, said, _META))

    def publish(self, plan: str, *, mode: str = "test", account: str = "platform") -> int:
        """A plan that nobody is on."""
        definition = {"key": plan, "name": plan.title(), "model": "usage", "account": account}
        said = PlanPublished(
            mode=mode, catalogue="shop", plan=plan, version=1, effective_s=None, definition=definition
        )  # fmt: skip
        stream = plans_stream(mode)
        return self._append(NewEvent(stream, len(self.log.read_stream(stream)) + 1, said, _META))

    def project(self) -> None:
        for projector in self.projectors:
            assert projector.lead()
            projector.catch_up()

    def _append(self, new: NewEvent) -> int:
        outcome = self.log.append(new)
        assert isinstance(outcome, Appended)
        return outcome.positions[0]

    # ---- who asks ----------------------------------------------------------------------

    def key(
        self,
        role: str = "admin",
        org: str | None = None,
        account: str | None = None,
        mode: str = "test",
        person: str | None = "ada",
    ) -> str:
        """A valid key of this kind."""
        kind = (role, org, account, mode, person)
        if kind not in self._issued:
            self._issued[kind] = self.issue(*kind)[0]
        return self._issued[kind]

    def issue(
        self, role: str, org: str | None, account: str | None, mode: str, person: str | None = None
    ) -> tuple[str, str]:
        """A new key, and its id."""
        key, key_id = f"rk_{mode}_{secrets.token_urlsafe(24)}", f"key_{uuid4().hex}"
        said = ApiKeyIssued(
            key_id=key_id, digest=self._digest(key), mode=mode, role=role, org=org, account=account, label=None,
            person=person,
        )  # fmt: skip
        self._append(NewEvent(key_stream(key_id), 1, said, _META))
        self.project()
        return key, key_id

    def revoke(self, key_id: str) -> None:
        self._append(NewEvent(key_stream(key_id), 2, ApiKeyRevoked(key_id=key_id), _META))
        self.project()

    # ---- asking ------------------------------------------------------------------------

    def ask(self, path: str, key: str | None = None, **headers: str) -> Any:
        """A GET, through everything that a server calls."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        return self.app.test_client().get(path, headers=given)

    def post(
        self, path: str, body: Any, key: str | None = None, idempotency_key: str | None = None, **headers: str
    ) -> Any:
        """A POST; each under an idempotency key of its own, unless one is given."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given["Authorization"] = f"Bearer {key or self.key()}"
        given["Idempotency-Key"] = idempotency_key or uuid4().hex
        return self.app.test_client().post(path, json=body, headers=given)

    def read(self, path: str, key: str | None = None) -> Any:
        """The content of a successful answer, which is as the OpenAPI document says."""
        response = self.ask(path, key or self.key())
        assert response.status_code == 200, (path, response.status_code, response.text)
        self.conforms(path, response.json)
        return response.json

    def conforms(self, path: str, content: Any) -> None:
        """Holds an answer against the document, strictly: nothing missing, nothing unlisted."""
        adapter = self.app.url_map.bind("localhost")
        rule, _ = adapter.match(path.partition("?")[0], return_rule=True)
        document, strict = _documents(self.app)
        operation = document["paths"][_documented(rule.rule)]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(content, {**_strict(schema), "components": strict})


_WRITTEN: list[Any] = []


def _documents(app: Flask) -> Any:
    """The document, and its components held strictly. Written of the first application that is asked."""
    if not _WRITTEN:
        document = openapi(app)
        _WRITTEN.extend((document, _strict(document["components"])))
    return _WRITTEN


def _documented(rule: str) -> str:
    return re.sub(r"<\w+:(\w+)>", r"{\1}", rule)


def _strict(node: Any) -> Any:
    if isinstance(node, dict):
        made = {k: _strict(v) for k, v in node.items()}
        return {**made, "additionalProperties": False} if "properties" in made else made
    return [_strict(n) for n in node] if isinstance(node, list) else node


@contextmanager
def empty_world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    """A world in a database of its own, in which nothing happened yet."""
    with fresh_database(server, template) as conninfo, closing(World(conninfo)) as world:
        yield world


@contextmanager
def shop(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    """A world in which a shop and a seller have done some business."""
    with fresh_database(server, _kept(server, template, "shop")) as conninfo, closing(World(conninfo)) as world:
        yield world


@cache
def _kept(server: EmbeddedPostgres, template: str, what: str) -> str:
    """A database in which all of it happened, to be copied by whoever begins there."""
    name = f"{template}_{what}"
    with administering(server) as conn:
        make(conn, name, _kept(server, template, "shop") if what == "market" else template)
    with closing(World(make_conninfo(server.conninfo, dbname=name))) as world:
        _HAPPENED[what](world)
        world.project()
    return name


def _do_business(world: World) -> None:
    world.tell(*_told())
    world.link(SELLER, "cus_1", "org_a")
    world.link(OTHER_SELLER, "cus_5", "org_b")


#: Who trades: two organizations and nobody on the platform, two sellers' buyers, and live mode.
PLACES = (
    Place("a", "cus_1"),
    Place("b", "cus_2"),
    Place("nobody", "cus_3"),
    Place("seller", "cus_1", SELLER),
    Place("other", "cus_5", OTHER_SELLER),
    Place("live", "cus_7", live=True),
)


@contextmanager
def market(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    """The shop, and one of everything that moves or explains money at each of its places."""
    with fresh_database(server, _kept(server, template, "market")) as conninfo, closing(World(conninfo)) as world:
        yield world


def _trade(world: World) -> None:
    world.tell(*trade(PLACES))
    world.publish("basic")
    world.publish("hosting", account=SELLER)
    world.publish("storage", account=OTHER_SELLER)
    world.publish("live", mode="live")


_HAPPENED = {"shop": _do_business, "market": _trade}


def _told() -> list[Json]:
    trial = subscription("sub_2", "cus_2", status="trialing", trial_start=T, trial_end=T + 700, cancel_at=T + 900)
    hosting = subscription("sub_1", price_id="price_9", product="prod_9")
    storage = subscription("sub_5", "cus_5", "price_5", product="prod_5")
    live = subscription("sub_7", "cus_7", "price_7", product="prod_7")
    other = {"account": OTHER_SELLER, "at": T}
    return [
        event(1, "product.created", product("prod_1", "agents, sso", limits={"agents": "5"}), at=T - 90),
        event(2, "price.created", price("price_1", "prod_1", lookup_key="basic"), at=T - 80),
        event(3, "product.created", product("prod_2", "audit", active=False), at=T - 90),
        event(10, "customer.created", customer("cus_1", org="org_a", phone="+44 20 7946 0000"), at=T - 50),
        event(11, "customer.created", customer("cus_2", org="org_b", name="Grace Hopper"), at=T - 40),
        event(12, "customer.created", customer("cus_3", created=T - 500, delinquent=True), at=T - 30),
        event(20, "customer.subscription.created", subscription("sub_1"), at=T),
        event(21, "customer.subscription.created", trial, at=T + 1),
        event(30, "invoice.finalized", invoice("in_1"), at=T + 2),
        event(31, "invoice.paid", invoice("in_2", "cus_2", status="paid", created=T + 50), at=T + 50),
        event(32, "order.created", {"object": "order", "id": "or_1", "customer": "cus_2"}, at=T + 60),
        event(33, "customer.created", {"object": "customer", "id": "cus_broken"}, at=T + 70),
        event(40, "product.created", product("prod_9", "hosting"), account=SELLER, at=T),
        event(41, "price.created", price("price_9", "prod_9"), account=SELLER, at=T),
        event(42, "customer.created", customer("cus_1", name="Buyer"), account=SELLER, at=T),
        event(43, "customer.subscription.created", hosting, account=SELLER, at=T),
        event(44, "invoice.finalized", invoice("in_9", "cus_1"), account=SELLER, at=T),
        event(50, "customer.created", customer("cus_5"), **other),
        event(51, "customer.subscription.created", storage, **other),
        event(52, "invoice.finalized", invoice("in_5", "cus_5"), **other),
        event(53, "product.created", product("prod_5", "storage"), **other),
        event(1, "customer.created", customer("cus_7", org="org_live"), live=True, at=T),
        event(2, "customer.subscription.created", live, live=True),
        event(3, "invoice.finalized", invoice("in_7", "cus_7"), live=True, at=T),
        event(4, "product.created", product("prod_7"), live=True, at=T),
    ]


def dumped(content: Any) -> str:
    """Content as text, to look for something anywhere in it."""
    return json.dumps(content)


__all__ = ["MONTH", "OTHER_SELLER", "PLACES", "SELLER", "T", "World", "dumped", "empty_world", "market", "shop"]
