"""What the views of one application share, and who is asking now."""

from collections.abc import Callable
from typing import NamedTuple, cast

from flask import Response, current_app, g, request

from api.auth import Authenticator, Caller
from api.pages import Cursors
from api.readers import Readers
from api.resources.answers import Answer
from ledger.keys import KeyStore

EXTENSION = "recount"


class Context(NamedTuple):
    """Everything that the views need from outside."""

    readers: Readers
    keys: KeyStore
    authenticator: Authenticator
    cursors: Cursors
    clock: Callable[[], float]


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
