"""The way around Flask for the two requests that back ends make before every expensive act.

`GET /v1/orgs/{org}/entitlements/{feature}` and `POST /v1/orgs/{org}/checks`, without a query, are answered by the same
functions as in Flask, with the same headers and problems; everything else goes on to Flask. Measured: Flask's own
dispatch costs more than the read.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from api.auth import Caller
from api.last_known import Known, LastKnown
from api.limits import Headers, Limits
from api.problems import Problem, of_error
from api.resources.answers import KEYED_HEADERS, Answer
from api.resources.checks import ROUTE as CHECK_ROUTE
from api.resources.checks import answer_of, asked_in, found_of
from api.resources.context import Context
from api.resources.entitlements import one_entitlement
from ledger.errors import StoreUnavailable
from projections.entitlements_schedule import standing

#: The route in Flask that this stands before, beside that of checks.
ROUTE = "/v1/orgs/<org:org>/entitlements/<path:feature>"
_PREFIX = "/v1/orgs/"
_MIDDLE = "/entitlements/"
_CHECKS = "/checks"
_HISTORY = "/history"
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
        self._known = LastKnown()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer the hot requests; hand on what is none."""
        meant = _meant(environ)
        if meant is None:
            return self.flask(environ, start_response)
        route, org, feature = meant
        status, headers, body = self._answer(environ, org, feature)
        if status != HTTPStatus.NOT_MODIFIED:
            headers.append(("Content-Length", str(len(body))))
        if self._count is not None:
            self._count(route, status)
        start_response(_STATUS[status], headers)
        return (body,)

    def _answer(self, environ: dict[str, Any], org: str, feature: str | None) -> Answer:
        here = self._context
        told: Headers = []
        try:
            caller = here.authenticator.caller(environ.get("HTTP_AUTHORIZATION"))
            told = self._limits.take(caller.key_id)
            caller.must_be_allowed("entitlements")
            if feature is None:
                found = self._check(environ, org, caller)
            else:
                found = one_entitlement(here, caller, org, feature, None, environ.get("HTTP_IF_NONE_MATCH"))
        except Exception as error:
            known = (
                self._by_last_known(environ, org) if feature is None and isinstance(error, StoreUnavailable) else None
            )
            found = known or _refused(of_error(error))
        found.headers.extend(told)
        return found

    def _check(self, environ: dict[str, Any], org: str, caller: Caller) -> Answer:
        here, asked = self._context, asked_in(_body(environ))
        row, how_fresh = found_of(here, caller, org, asked)
        now = standing(row.segments, here.clock()).now
        known, is_open = Known(row, how_fresh), bool(now.get("fail_open"))
        self._known.note(environ["HTTP_AUTHORIZATION"], org, asked.feature, known, is_open=is_open)
        return answer_of(here, asked, row, how_fresh)

    def _by_last_known(self, environ: dict[str, Any], org: str) -> Answer | None:
        """The database cannot be asked: a feature that is open then is answered by what was known."""
        try:
            asked = asked_in(_body(environ))
        except Problem:
            return None
        known = self._known.of(environ.get("HTTP_AUTHORIZATION") or "", org, asked.feature)
        if known is None or asked.min_position is not None:
            return None
        return answer_of(self._context, asked, known.row._replace(stale=True), known.fresh)


def _refused(problem: Problem) -> Answer:
    return Answer(problem.kind.status, [*problem.headers(), *KEYED_HEADERS], problem.body())


def _body(environ: dict[str, Any]) -> bytes:
    environ["wsgi.input"].seek(0)
    given: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return given


def _meant(environ: dict[str, Any]) -> tuple[str, str, str | None] | None:
    """The route, the organization and, but for a check, the feature; None: not hot.

    Flask knows about merged slashes and strange bytes: only the plain case is taken here.
    """
    path: str = environ["PATH_INFO"]
    if not path.startswith(_PREFIX) or environ.get("QUERY_STRING") or not path.isascii() or "\0" in path:
        return None
    asked = path[len(_PREFIX) :]
    if environ["REQUEST_METHOD"] == "POST":
        org, end = asked.removesuffix(_CHECKS), asked.endswith(_CHECKS)
        plain = org and not org.startswith("/") and "//" not in org and _MIDDLE[:-1] not in org
        return (CHECK_ROUTE, org, None) if end and plain else None
    org, middle, feature = asked.partition(_MIDDLE)
    if environ["REQUEST_METHOD"] != "GET" or not middle or not feature or feature.endswith(_HISTORY):
        return None
    return (ROUTE, org, feature) if org and "/" not in org and "//" not in path else None
