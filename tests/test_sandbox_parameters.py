"""The sandbox takes the parameters that Stripe's own types know, and no other; Recount's requests are among them."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from recorded import Exchange, recordings

from api.sandbox.errors import StripeError
from api.sandbox.forms import decode
from api.sandbox.parameters import checked
from api.sandbox.routes import Route, matching
from api.sandbox.subjects import ROUTES
from api.sandbox.versions import NEWEST, OLDEST, SUPPORTED
from commands.stripe_operations import OPERATIONS

Json = dict[str, Any]
CLOVER, ENDIVE = "2026-02-25.clover", "2026-10-28.endive"
#: Operations of Stripe's types that the sandbox does not have, and why.
NOT_HERE = {
    "POST /v1/billing/credit_grants": "credits are kept by Recount: Stripe's pay for metered prices alone",
    "GET /v1/billing/credit_balance_summary": "goes with the grants",
    "POST /v1/billing/alerts": "Recount tells of thresholds itself",
}
#: What the sandbox refuses although the types of a version have it: (version, operation, name) -> why.
REFUSED = {
    (version, operation, "external_account"): "the SDK's types know a token alone, not a bank account written out"
    for version in (CLOVER, ENDIVE)
    for operation in ("POST /v1/accounts", "POST /v1/accounts/{id}")
}


@cache
def types(version: str) -> Json:
    """Stripe's own types of parameters; nothing where the corpus is not at hand."""
    path = (
        Path(os.environ.get("RECOUNT_STRIPE_CORPUS") or "/nowhere") / "openapi" / "derived" / f"params-{version}.json"
    )
    found: Json = msgspec.json.decode(path.read_bytes()) if path.is_file() else {"resources": {}, "$defs": {}}
    return found


OPERATIONS_OF_TYPES = [(version, name) for version in (CLOVER, ENDIVE) for name in types(version)["resources"]]
needs_types = pytest.mark.skipif(
    not OPERATIONS_OF_TYPES, reason="RECOUNT_STRIPE_CORPUS is not set: Stripe's types lack"
)


def route_of(operation: str) -> Route | None:
    method, path = operation.split(" ")
    found = matching(ROUTES, method, path.replace("{id}", "x_1"))
    return None if found is None else found[0]


class Made:
    """Requests that are valid by the types of a version: one for each parameter, at any depth, and each alternative."""

    def __init__(self, version: str) -> None:
        self._defs: Json = types(version)["$defs"]

    def resolved(self, schema: Json) -> tuple[str, Json]:
        """The name of a definition, and what it stands for."""
        name = schema.get("$ref", "").removeprefix("#/$defs/")
        return name, self._defs[name] if name else schema

    def each(self, schema: Json, within: tuple[str, ...] = ()) -> Iterator[Any]:
        """Values, as forms have them."""
        name, schema = self.resolved(schema)
        if name in within:
            return
        within = (*within, name) if name else within
        if "anyOf" in schema:
            closed = any(set(a.get("enum", [])) - {""} for a in schema["anyOf"])
            for alternative in schema["anyOf"]:
                if not (closed and alternative.get("type") == "string" and "enum" not in alternative):
                    yield from self.each(alternative, within)
        elif schema.get("type") == "array":
            yield from ([item] for item in self.each(schema["items"], within))
        elif schema.get("type") == "object":
            yield from self._objects(schema, within)
        else:
            yield from _scalars(schema)

    def _objects(self, schema: Json, within: tuple[str, ...]) -> Iterator[Json]:
        needed = {name: self.least(schema["properties"][name], within) for name in schema.get("required", ())}
        yield needed
        for name, inner in schema.get("properties", {}).items():
            for value in self.each(inner, within):
                yield {**needed, name: "1.5" if name.endswith("_decimal") and value == "x" else value}
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            for value in self.each(more, within):
                yield {"chosen": value}

    def least(self, schema: Json, within: tuple[str, ...] = ()) -> Any:
        """The first value that says something."""
        return next((v for v in self.each(schema, within) if v not in ("", {})), {})


def _scalars(schema: Json) -> Iterator[str]:
    if "const" in schema or "enum" in schema:
        yield from (str(word) for word in schema.get("enum", [schema.get("const")]))
    elif schema.get("type") in ("number", "integer"):
        yield "1"
    elif schema.get("type") == "boolean":
        yield from ("true", "false")
    elif schema.get("type") == "string" or not schema:
        yield "x"


@needs_types
@pytest.mark.parametrize(("version", "operation"), OPERATIONS_OF_TYPES)
def test_every_parameter_of_stripes_own_types_is_taken(version: str, operation: str) -> None:
    # given
    route = route_of(operation)
    assert (route is None) == (operation in NOT_HERE), operation
    if route is None:
        return
    refused = {}
    # when
    for said in Made(version).each({"$ref": types(version)["resources"][operation]}):
        said.pop("expand", None)  # is looked at before the rest
        try:
            checked(route.params, said, version)
        except StripeError as error:
            refused[re.sub(r"\[\d+\]", "", str(error.body.get("param")))] = error.body["message"]
    # then
    excused = {name for of, where, name in REFUSED if (of, where) == (version, operation)}
    assert {name: said for name, said in refused.items() if name not in excused} == {}
    assert excused <= refused.keys()


def wrongs(made: Made, schema: Json, name: str) -> Iterator[tuple[str, Any]]:
    """Values that a parameter cannot have, by the types."""
    _, schema = made.resolved(schema)
    kinds = {made.resolved(s)[1].get("type") for s in schema.get("anyOf", [schema])} - {"null"}
    words = [w for s in schema.get("anyOf", [schema]) for w in s.get("enum", [s.get("const")])]
    texts = kinds & {"string", None} and not any(words)
    if not texts:
        yield name, "no such choice"
    if "array" not in kinds and "object" not in kinds and None not in kinds:
        yield name, ["x"]


@needs_types
@pytest.mark.parametrize(("version", "operation"), OPERATIONS_OF_TYPES)
def test_a_value_of_another_type_is_refused_by_its_name(version: str, operation: str) -> None:
    # given
    route, made = route_of(operation), Made(version)
    if route is None:
        return
    _, schema = made.resolved({"$ref": types(version)["resources"][operation]})
    taken = []
    # when
    for name, value in (w for n, s in schema["properties"].items() if n != "expand" for w in wrongs(made, s, n)):
        try:
            checked(route.params, {**made.least(schema), name: value}, version)
            taken.append((name, value))
        except StripeError as error:
            if not str(error.body["param"]).startswith(name):
                taken.append((name, error.body))
    # then
    assert taken == []


NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)


class TestEveryRoute:
    """Whatever it takes."""

    @given(st.sampled_from(ROUTES), st.sampled_from([*SUPPORTED, NEWEST]), NAMES)
    def test_a_parameter_that_nobody_knows_is_refused(self, route: Route, version: str, name: str) -> None:
        with pytest.raises(StripeError) as refused:
            checked(route.params, {f"x_{name}_x": "1"}, version)
        assert refused.value.body["code"] == "parameter_unknown"
        assert (refused.value.status, refused.value.body["param"]) == (400, f"x_{name}_x")

    @given(st.sampled_from([r for r in ROUTES if "limit" in getattr(r.params, "__annotations__", {})]), st.text())
    def test_a_number_is_a_number(self, route: Route, said: str) -> None:
        if re.fullmatch(r"\s*[+-]?\d[\d_]*\s*", said):
            return
        with pytest.raises(StripeError) as refused:
            checked(route.params, {"limit": said}, NEWEST)
        assert refused.value.body["param"] == "limit"


def ours(one: Exchange) -> bool:
    """Whether Recount's own code makes such requests."""
    return any(
        o.method == one.method and re.fullmatch(o.path.replace("{}", "[^/]+"), one.path) for o in OPERATIONS.values()
    )


RECORDED = [e for file in recordings().values() for e in file if e.status == 200 and ours(e)]


@pytest.mark.corpus
@pytest.mark.parametrize("one", RECORDED, ids=lambda e: e.name)
def test_a_recorded_request_that_recount_would_make_is_valid(one: Exchange) -> None:
    # given
    said = decode(one.said)
    said.pop("expand", None)
    found = matching(ROUTES, one.method, one.path)
    assert found is not None
    # then
    checked(found[0].params, said, max(one.version, OLDEST))
    if one.version >= "2025-03-31":
        operation = next(o for o in types(CLOVER)["resources"] if route_of(o) is found[0])
        assert [e.message for e in _as_forms(operation).iter_errors(said)] == []


@cache
def _as_forms(operation: str) -> Draft202012Validator:
    """The types of an operation, for values as forms have them: all of them strings."""
    found = types(CLOVER)
    return Draft202012Validator({"$ref": found["resources"][operation], "$defs": _relaxed(found["$defs"])})


def _relaxed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_relaxed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        return {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
    if schema.get("type") == "boolean":
        return {"enum": ["true", "false"]}
    return {name: _relaxed(inner) for name, inner in schema.items()}
