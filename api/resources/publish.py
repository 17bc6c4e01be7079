"""Putting a view at its route with everything that OpenAPI says about it. One decorator for every read."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import flask_smorest
from marshmallow import RAISE, Schema, fields

from api import spreadsheet
from api.problems import KINDS, MEDIA_TYPE

View = TypeVar("View", bound=Callable[..., Any])

_FRESHNESS: dict[str, Any] = {
    "position": fields.Integer(
        required=True, metadata={"description": "Everything in the log up to this position is in the answer"}
    ),
    "as_of": fields.DateTime(
        required=True,
        metadata={"description": "When the read models last moved; with nothing new in the log it stands still"},
    ),
}
PROBLEM: type[Schema] = Schema.from_dict(
    {
        "type": fields.String(required=True),
        "title": fields.String(required=True),
        "status": fields.Integer(required=True),
        "code": fields.String(required=True, metadata={"description": "Stable: programs may rely on it"}),
        "detail": fields.String(required=True),
        "errors": fields.List(fields.Dict()),
    },
    name="Problem",
)
#: What a list can be answered in beside JSON.
_AS_CSV: dict[str, Any] = {
    "content": {spreadsheet.MEDIA_TYPE: {"schema": {"type": "string"}}},
    "headers": {
        "Link": {
            "schema": {"type": "string"},
            "description": "With CSV, and where there is a next page: its address, with `rel=next`",
        }
    },
}
_KEYED = ("unauthorized", "forbidden", "invalid_query", "not_yet", "rate_limited", "store_unavailable")


#: The library has no types of its own.
SMOREST: Any = flask_smorest


def section(name: str, description: str) -> Any:
    """A group of routes, as flask-smorest's Blueprint."""
    return SMOREST.Blueprint(name, __name__, description=description)


@cache
def answered(schema: type[Schema]) -> type[Schema]:
    """The schema of one object's answer: its fields and its freshness."""
    fields_of: dict[str, Any] = schema._declared_fields
    return Schema.from_dict({**fields_of, **_FRESHNESS}, name=f"{schema.__name__}Answer")


@cache
def listed(schema: type[Schema]) -> type[Schema]:
    """The schema of a page of a list."""
    page: dict[str, Any] = {
        "data": fields.List(fields.Nested(schema), required=True),
        "next_cursor": fields.String(
            required=True, allow_none=True, metadata={"description": "Give it as `cursor`; null: this page is the last"}
        ),
    }
    return Schema.from_dict({**page, **_FRESHNESS}, name=f"{schema.__name__}List")


def read(
    blueprint: Any,
    rule: str,
    resource: str | None,
    answer: type[Schema],
    *,
    query: type[Schema] | None = None,
    problems: tuple[str, ...] = (),
    parameters: list[dict[str, Any]] | None = None,
) -> Callable[[View], View]:
    """Serve a view with GET at `rule`. `resource`: whose row of `api.auth.MAY_READ` applies; None: no key is needed.

    The view's docstring becomes the operation's description. `parameters` describes a query that the view reads by
    itself.
    """

    def publish(view: View) -> View:
        lists = "next_cursor" in answer._declared_fields
        codes = (*(_KEYED if resource is not None else ()), *(("not_acceptable",) if lists else ()), *problems)
        doc: dict[str, Any] = {"responses": {}, "operationId": f"{blueprint.name}.{view.__name__}"}
        for code in codes:
            doc["responses"][str(KINDS[code].status)] = {"$ref": f"#/components/responses/{code}"}
        if lists:
            doc["responses"][200] = _AS_CSV
        if resource is None:
            doc["security"] = []
        if parameters is not None:
            doc["parameters"] = parameters
        served: Any = blueprint.response(200, answer)(view)
        if query is not None:
            served = blueprint.arguments(query, location="query", unknown=RAISE)(served)
        served = blueprint.doc(**doc)(served)
        served.resource = resource
        blueprint.route(rule)(served)
        return view

    return publish


_OF_EVERY_ACT = (
    "unauthorized",
    "forbidden",
    "person_required",
    "bad_request",
    "idempotency_key_required",
    "idempotency_key_reused",
    "stream_moved",
    "rate_limited",
    "store_unavailable",
)
_ACT_PARAMETERS: list[dict[str, Any]] = [
    {
        "in": "header",
        "name": "Idempotency-Key",
        "required": True,
        "schema": {"type": "string", "maxLength": 255},
        "description": "The act is done once for a person and a key; again, the same answer comes, with the header"
        " `Idempotent-Replayed: true`. With another input it is refused. Refusals are not remembered",
    },
    {
        "in": "query",
        "name": "dry_run",
        "schema": {"type": "boolean", "default": False},
        "description": "Answer the events that would be appended, and append none",
    },
]


def act(
    blueprint: Any,
    rule: str,
    resource: str,
    answer: type[Schema],
    *,
    body: type[Schema] | str,
    problems: tuple[str, ...] = (),
    method: str = "POST",
) -> Callable[[View], View]:
    """Serve a view that changes something, with POST (or `method`) at `rule`. `resource`: who may, as in `read`.

    `body`: what is given to the view; or the name of a component that describes what the view reads by itself.
    It takes an `Idempotency-Key` and `dry_run`, which `api.resources.acting` reads. Its problems of one status stand
    in the document together: their codes tell them apart.
    """

    def publish(view: View) -> View:
        refusals: dict[str, Any] = {}
        for code in (*_OF_EVERY_ACT, *problems):
            together = refusals.setdefault(str(KINDS[code].status), {"description": "", **_PROBLEM_CONTENT})
            together["description"] += f"`{code}`: {KINDS[code].meaning}\n\n"
        served: Any = blueprint.response(200, answer)(view)
        operation: dict[str, Any] = {"responses": refusals, "operationId": f"{blueprint.name}.{view.__name__}"}
        if isinstance(body, str):
            schema = {"$ref": f"#/components/schemas/{body}"}
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        else:
            served = blueprint.arguments(body, location="json", unknown=RAISE)(served)
        if "waiting" in answer._declared_fields:
            refusals["202"] = {
                "description": "It waits for a second person: nothing of it has happened yet",
                "content": {"application/json": {"schema": answer}},
            }
        served = blueprint.doc(parameters=_ACT_PARAMETERS, **operation)(served)
        served.resource, served.act = resource, view.__name__
        blueprint.route(rule, methods=[method])(served)
        return view

    return publish


_PROBLEM_CONTENT = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def named(view: Callable[..., Any], name: str, said: str) -> Callable[..., Any]:
    """A view made by us with the name and the docstring that its operation is described from."""
    view.__name__, view.__doc__ = name, said
    return view


def problem_components() -> dict[str, dict[str, Any]]:
    """Every problem as a reusable response of the OpenAPI document."""
    return {
        code: {
            "description": f"`{code}`: {kind.meaning}",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for code, kind in KINDS.items()
    }
