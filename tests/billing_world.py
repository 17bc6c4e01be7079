"""A service with a Stripe beside it: what product back ends ask of both. Knows no answer."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import jsonschema
import msgspec
from api_world import _META, World
from launching import open_gate
from stripe_fake import FakeStripe, Json, serving

from api.resources.billing import _DESK


class Counter(World):
    """A world whose settings name a Stripe, to whose counter back ends come."""

    def __init__(self, conninfo: str, base: str, stripe: FakeStripe, **settings: Any) -> None:
        super().__init__(conninfo)
        open_gate(self.log)
        self.stripe = stripe
        stripe.clock = lambda: self.now_s
        given = {"stripe_secret_key": "sk_test_1", "stripe_api_base": base, "stripe_rate": 10_000, **settings}
        self.context = self.context._replace(settings=msgspec.structs.replace(self.context.settings, **given))
        self.app.extensions["recount"] = self.context

    @property
    def said_by_ops(self) -> Any:
        """Beside what an operator decided."""
        return _META

    def close(self) -> None:
        desk = self.app.extensions.get(_DESK)
        if desk is not None:
            desk.close()
        super().close()

    def ask_for(self, what: str, body: Json | None = None, key: str | None = None, once: str | None = None) -> Any:
        """An act below an organization, whose answer is as the document says."""
        path = f"/v1/orgs/{what}"
        response = self.post(path, body or {}, key or self.key("service", person=None), once)
        self.project()
        if response.status_code == 200:
            rule, _ = self.app.url_map.bind("localhost").match(path.partition("?")[0], "POST", return_rule=True)
            documented = rule.rule.replace("<org:", "{").replace("<string:", "{").replace(">", "}")
            schema = self.document["paths"][documented]["post"]["responses"]["200"]["content"]["application/json"]
            jsonschema.validate(response.json, {**schema["schema"], "components": self.document["components"]})
        return response

    def stored(self) -> bytes:
        """All that the log holds."""
        return b"".join(msgspec.json.encode(r.event) for r in self.log.read(0, 10_000))


@contextmanager
def counter(database: str, **settings: Any) -> Iterator[Counter]:
    """Over a fresh database."""
    stripe = FakeStripe()
    with serving(stripe) as base, closing(Counter(database, base, stripe, **settings)) as world:
        yield world
