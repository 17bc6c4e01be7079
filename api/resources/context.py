"""What the views of one application share, and who is asking now."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode

from flask import Response, current_app, g, request
from marshmallow import Schema

from api.auth import Authenticator, Caller
from api.database import Database
from api.pages import Cursors
from api.readers import Readers
from api.resources.answers import Answer, Fresh, list_answer
from api.settings import Settings
from ledger.keys import KeyStore

EXTENSION = "recount"


class Context(NamedTuple):
    """Everything that the views need from outside."""

    readers: Readers
    keys: KeyStore
    authenticator: Authenticator
    cursors: Cursors
    clock: Callable[[], float]
    database: Database
    """Of the owner; for what operators do. Views that only read have `readers`."""
    settings: Settings


def context() -> Context:
    """Of the current application."""
    return cast("Context", current_app.extensions[EXTENSION])


def caller() -> Caller:
    """Who asks; authenticated and allowed before any view runs."""
    return cast("Caller", g.caller)


def send(answer: Answer) -> Response:
    """An answer as Flask sends it."""
    response = Response(answer.body, answer.status)
    response.headers.clear()
    response.headers.extend(answer.headers)
    return response


def if_none_match() -> str | None:
    """The request's own If-None-Match."""
    return request.headers.get("If-None-Match")


def send_list(found: tuple[dict[str, Any], Fresh], schema: type[Schema]) -> Response:
    """A page of a list of such entries, in the media type that was asked for. Raises Problem("not_acceptable")."""
    columns = tuple(schema._declared_fields)
    return send(list_answer(*found, columns, _next_page, request.headers.get))


def _next_page(cursor: str) -> str:
    """The address, without a host, of this list's page at a cursor."""
    beside = [(k, v) for k, v in request.args.items(multi=True) if k != "cursor"]
    return f"{quote(request.path)}?{urlencode([*beside, ('cursor', cursor)])}"
