"""A sandbox to ask things of, and Stripe's own types to hold its answers against."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.sandbox.forms import decode
from api.sandbox.sandbox import PLATFORM_ACCOUNT, Request, Sandbox

KEY = "sk_test_ofthetests"
ACACIA, BASIL, CLOVER, DAHLIA, ENDIVE = (
    "2025-02-24.acacia",
    "2025-08-27.basil",
    "2025-10-29.clover",
    "2026-06-24.dahlia",
    "2026-10-28.endive",
)
#: Of each release one whose types are at hand.
VERSIONS = (ACACIA, BASIL, CLOVER, DAHLIA, ENDIVE)


class Asked:
    """A client without a network: `stripe.post("/v1/customers", email="a@b.example")`."""

    def __init__(self, sandbox: Sandbox | None = None, version: str = ENDIVE, account: str | None = None) -> None:
        self.sandbox = sandbox or Sandbox()
        self.version = version
        self.account = account

    def speaking(self, version: str) -> "Asked":
        """The same sandbox, asked in another API version."""
        return Asked(self.sandbox, version, self.account)

    def on(self, account: str) -> "Asked":
        """The same sandbox, on behalf of a connected account."""
        return Asked(self.sandbox, self.version, account)

    def post(self, path: str, /, **said: Any) -> dict[str, Any]:
        """Answered with 200, or the test fails."""
        return self._found("POST", path, said)

    def get(self, path: str, /, **said: Any) -> dict[str, Any]:
        """The same for GET."""
        return self._found("GET", path, said)

    def delete(self, path: str, /, **said: Any) -> dict[str, Any]:
        """The same for DELETE."""
        return self._found("DELETE", path, said)

    def refused(self, path: str, /, method: str = "POST", **said: Any) -> dict[str, Any]:
        """The error, with its `status`."""
        status, body = self.answer(method, path, said)
        assert status >= 400, body
        return {"status": status, **body["error"]}

    def answer(
        self, method: str, path: str, said: dict[str, Any], idempotency_key: str | None = None
    ) -> tuple[int, Any]:
        """Status and body. What is said goes through a form, as on the wire."""
        asked = Request(
            method, path, decode(pairs(said)), KEY, self.account, self.version, idempotency_key=idempotency_key
        )
        answer, _ = self.sandbox.ask(asked)
        return answer.status, json.loads(json.dumps(answer.body))

    def events(self, *types: str) -> list[dict[str, Any]]:
        """What happened, oldest first; of these types, if any are named."""
        found: list[dict[str, Any]] = []
        after: dict[str, Any] = {}
        while True:
            page = self.get("/v1/events", limit=100, **after)
            found += page["data"]
            if not page["has_more"]:
                return [e for e in reversed(found) if not types or e["type"] in types]
            after = {"starting_after": page["data"][-1]["id"]}

    def unheard(self, heard: set[str]) -> list[dict[str, Any]]:
        """Events that were not heard yet, oldest first, which they are from now on. No other one is rendered."""
        with self.sandbox.lock:
            self.sandbox.tick()
            ids = self.sandbox.state.ids(f"{self.account or PLATFORM_ACCOUNT}/test", "event")
            new = [id for id in ids if id not in heard]
        heard.update(new)
        return [self.get(f"/v1/events/{id}") for id in new]

    def _found(self, method: str, path: str, said: dict[str, Any]) -> dict[str, Any]:
        status, body = self.answer(method, path, said)
        assert status == 200, body
        found: dict[str, Any] = body
        return found


def pairs(value: Any, name: str = "") -> list[tuple[str, str]]:
    """As the SDK writes a form."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in pairs(inner, f"{name}[{key}]" if name else key)]
    if isinstance(value, list | tuple):
        return [pair for i, inner in enumerate(value) for pair in pairs(inner, f"{name}[{i}]")]
    if isinstance(value, bool):
        return [(name, "true" if value else "false")]
    return [(name, "" if value is None else str(value))]


@cache
def _types(version: str) -> dict[str, Any]:
    corpus = os.environ.get("RECOUNT_STRIPE_CORPUS")
    if not corpus:
        pytest.skip("RECOUNT_STRIPE_CORPUS is not set: Stripe's schemas are not at hand")
    path = Path(corpus) / "openapi" / "derived" / f"objects-{version}.json"
    if not path.is_file():
        pytest.skip(f"no {path}: Stripe's schemas are not at hand")
    found: dict[str, Any] = json.loads(path.read_bytes())
    if version >= "2025-03-31":
        found["$defs"]["InvoiceLineItem"]["required"].remove("subscription")  # the real API does not send it
    return found


def faults_of(object: dict[str, Any], version: str) -> list[tuple[list[Any], str]]:
    """Where an object breaks Stripe's own types of a version: nowhere, if all is well. Skips where those lack."""
    types = _types(version)
    reference = types["resources"][object["object"]]
    validator = Draft202012Validator({"$ref": reference, "$defs": types["$defs"]})
    return [(list(error.absolute_path), error.message[:300]) for error in validator.iter_errors(object)]
