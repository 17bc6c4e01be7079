"""The way around Flask for the one request that back ends make before every expensive act.

`GET /v1/orgs/{org}/entitlements/{feature}` without a query is answered by the same functions as in Flask, with the
same headers and problems; everything else goes on to Flask. Measured: Flask's own dispatch costs more than the read.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from api.limits import Headers, Limits
from api.problems import Problem, of_error
from api.resources.answers import KEYED_HEADERS, Answer
from api.resources.context import Context
from api.resources.entitlements import one_entitlement

#: The route in Flask that this stands before.
ROUTE = "/v1/orgs/<org:org>/entitlements/<path:feature>"
_PREFIX = "/v1/orgs/"
_MIDDLE = "/entitlements/"
_STATUS = {s.value: f"{s.value} {s.phrase}" for s in HTTPStatus}

StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class HotPath:
    """A WSGI application before Flask's."""

    def __init__(
        self, flask: Wsgi, context: Context, limits: Limits, count: Callable[[str, int], None] | None = None
    ) -> None:
        self.flask = flask
        self._context = context
        self._limits = limits
        self._count = count

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer the hot read; hand on what is not it."""
        path: str = environ["PATH_INFO"]
        if not path.startswith(_PREFIX) or environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING"):
            return self.flask(environ, start_response)
        org, middle, feature = path[len(_PREFIX) :].partition(_MIDDLE)
        # Flask knows about merged slashes and strange bytes: only the plain case is taken here.
        if not middle or not feature or not path.isascii() or "\0" in path or "/" in org or not org or "//" in path:
            return self.flask(environ, start_response)
        status, headers, body = self._answer(environ, org, feature)
        if status != HTTPStatus.NOT_MODIFIED:
            headers.append(("Content-Length", str(len(body))))
        if self._count is not None:
            self._count(ROUTE, status)
        start_response(_STATUS[status], headers)
        return (body,)

    def _answer(self, environ: dict[str, Any], org: str, feature: str) -> Answer:
        here = self._context
        told: Headers = []
        try:
            caller = here.authenticator.caller(environ.get("HTTP_AUTHORIZATION"))
            told = self._limits.take(caller.key_id)
            caller.must_be_allowed("entitlements")
            found = one_entitlement(here, caller, org, feature, None, environ.get("HTTP_IF_NONE_MATCH"))
        except Exception as error:
            problem: Problem = of_error(error)
            found = Answer(problem.kind.status, [*problem.headers(), *KEYED_HEADERS], problem.body())
        found.headers.extend(told)
        return found
