"""Problems: what went wrong, as RFC 9457 problem details with a stable code. The one place that knows HTTP statuses.

Refuses to know what was asked for: no problem of a read repeats an id, a body or a key, so that a foreign thing is
answered exactly like one that does not exist. What an act is refused with is told in its own words, under its own code.
"""

import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from api.calls.asking import CallRefused
from api.calls.client import StripeUnavailable
from ledger.errors import Invalid, NotFound, RecountError, Refused, StoreUnavailable, StreamMoved, UnsafeStore
from replay.derive import NotBuilt

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger("recount.api")


class Kind(NamedTuple):
    """A kind of problem."""

    status: int
    title: str
    meaning: str
    """What it means and what to do, for people."""
    headers: tuple[tuple[str, str], ...] = ()


#: Every code that reads answer with, and those that many acts share. Acts have more: see `of_act`.
KINDS: dict[str, Kind] = {
    "unauthorized": Kind(
        401,
        "No valid key",
        "The request carries no API key, or one that is unknown or revoked. Send it as a bearer token"
        " (Authorization: Bearer rk_live_…) or as the user name of HTTP Basic.",
        (("WWW-Authenticate", 'Bearer realm="recount", Basic realm="recount"'),),
    ),
    "forbidden": Kind(403, "Not with this key", "The key is valid, and its role does not include this request."),
    "not_found": Kind(
        404,
        "Not found",
        "There is no such thing within what the key may see: its mode, its organization and its account.",
    ),
    "method_not_allowed": Kind(
        405, "Method not allowed", "Reads are GET and HEAD; what an operator does is POST, where the document says so."
    ),
    "not_acceptable": Kind(
        406, "Not acceptable", "Lists are answered as `application/json` or `text/csv`; `Accept` takes neither."
    ),
    "not_yet": Kind(
        409,
        "Not yet",
        "The answer has not reached `min_position` within two seconds. Ask again.",
        (("Retry-After", "1"),),
    ),
    "refused": Kind(409, "Refused", "The act is understood and not allowed now."),
    "idempotency_key_required": Kind(
        400, "No Idempotency-Key", "Send an `Idempotency-Key` of your own, up to 255 printable ASCII characters."
    ),
    "idempotency_key_reused": Kind(
        422, "Idempotency-Key reused", "The key came before with another input. Use a new key for a new act."
    ),
    "bad_idempotency_key": Kind(
        400, "Not an Idempotency-Key", "An `Idempotency-Key` has 1 to 255 printable ASCII characters."
    ),
    "person_required": Kind(
        403, "Nobody's key", "The key names no person, and acts are persons'. Issue one with `--person`."
    ),
    "second_person": Kind(
        409, "A second person is needed", "Who asked for an act cannot approve it; somebody else must."
    ),
    "already_granted": Kind(409, "Approved already", "The act was approved and carried out."),
    "already_rejected": Kind(409, "Rejected already", "The act was rejected. Ask for it anew if it shall be done."),
    "key_revoked": Kind(409, "The key is revoked", "A revoked key is not rotated. Issue a new one."),
    "already_rotated": Kind(409, "Rotated already", "Another key took this key's place already. Rotate that one."),
    "not_set_aside": Kind(
        409, "Not set aside", "It asks for nobody: it was applied meanwhile, or it is neither quarantined nor parked."
    ),
    "still_quarantined": Kind(
        409,
        "Still quarantined",
        "The event cannot be read even now; its reason says why. Release it after the release that mends that.",
    ),
    "still_parked": Kind(
        409, "Still parked", "The definition raises an error even now. Release it after the release that mends that."
    ),
    "conflict_stays": Kind(
        409,
        "A conflict is not applied",
        "Of two contents under one id the first counts, and the other is never applied. Find out which is true, then"
        " dismiss it.",
    ),
    "stream_moved": Kind(409, "Changed meanwhile", "Somebody else acted first. Read again, then decide anew."),
    "invalid": Kind(422, "Invalid", "The input is not what it must be."),
    "invalid_cursor": Kind(
        400,
        "Invalid cursor",
        "`cursor` must be the `next_cursor` of a page of the same list, asked for with the same key and filters.",
    ),
    "invalid_query": Kind(
        422, "Invalid query", "A query parameter is unknown, or its value is not what it must be; `errors` names it."
    ),
    "rate_limited": Kind(
        429,
        "Too many requests",
        "The key asked too often; `Retry-After` says in how many seconds to ask again. Every answer to a key says in"
        " `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` how often it may still ask, and for how long.",
    ),
    "bad_request": Kind(400, "Bad request", "The request cannot be understood."),
    "internal_error": Kind(500, "Internal error", "Something failed on our side; it was logged."),
    "payment_declined": Kind(
        402,
        "Payment declined",
        "The payment method was declined, under the code that Stripe gives. Ask for another one, with a new key.",
    ),
    "stripe_refused": Kind(
        422, "Stripe refused", "Stripe refused what was asked, under the code that it gives. A new key asks anew."
    ),
    "stripe_unavailable": Kind(
        503,
        "Stripe does not answer",
        "Stripe has not answered yet, or refuses the service's key. Ask again with the same `Idempotency-Key`: what was"
        " asked is done once.",
        (("Retry-After", "2"),),
    ),
    "answer_gone": Kind(
        409, "The answer is gone", "The answer was shown, and cannot be fetched anew. Ask anew with a new key."
    ),
    "bad_token": Kind(403, "Not a token of ours", "The checkout token was altered, or is none. Have a new one made."),
    "token_expired": Kind(403, "The token is over", "A checkout token is good for a while. Have a new one made."),
    "checkout_closed": Kind(
        409,
        "Checkout is closed",
        "Direct checkout is closed in this mode: not every area of the launch gate is proven and signed off.",
    ),
    "not_on_sale": Kind(409, "Not on sale", "The plan is sold to nobody new."),
    "not_sold_so": Kind(409, "Not sold so", "The plan has no price of this interval and currency."),
    "price_missing": Kind(409, "No such price in Stripe", "The plan names a price that Stripe does not have. Make it."),
    "other_mode": Kind(
        409, "Not in this mode", "The service asks Stripe with a key of the other mode than the API key's."
    ),
    "stripe_key_missing": Kind(
        409, "No Stripe key", "The service has no `STRIPE_SECRET_KEY`, so it cannot ask Stripe."
    ),
    "store_unavailable": Kind(
        503, "Store unavailable", "The database did not answer in time. Ask again.", (("Retry-After", "1"),)
    ),
    "not_built": Kind(
        503,
        "Read models not built",
        "The read models are being built for the first time. Ask again.",
        (("Retry-After", "1"),),
    ),
    "not_ready": Kind(
        503,
        "Not ready",
        "Webhooks are not taken or projections do not run yet; `errors` says which.",
        (("Retry-After", "1"),),
    ),
}

#: Our own errors, most special first -> the code that is answered.
_OF_ERRORS: tuple[tuple[type[RecountError], str], ...] = (
    (NotFound, "not_found"),
    (NotBuilt, "not_built"),
    (StoreUnavailable, "store_unavailable"),
    (UnsafeStore, "store_unavailable"),
    (StreamMoved, "stream_moved"),
    (StripeUnavailable, "stripe_unavailable"),
    (CallRefused, "stripe_refused"),
    (Refused, "refused"),
    (Invalid, "invalid"),
)
_OF_STATUS = {404: "not_found", 405: "method_not_allowed"}


class Problem(RecountError):
    """A problem to answer with. `code` is one of `KINDS`, or an act's own, which is then of the kind `of`."""

    def __init__(
        self, code: str, detail: str | None = None, errors: Sequence[Mapping[str, Any]] = (), *, of: str | None = None
    ) -> None:
        self.of = code if code in KINDS or of is None else of
        super().__init__(detail or KINDS[self.of].meaning, code=code)
        self.errors = errors

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return KINDS[self.of]

    def body(self) -> bytes:
        """The answer's body."""
        content: dict[str, Any] = {
            "type": f"/docs#problem-{self.of}",
            "title": self.kind.title,
            "status": self.kind.status,
            "code": self.code,
            "detail": str(self),
        }
        if self.errors:
            content["errors"] = self.errors
        return msgspec.json.encode(content)

    def headers(self) -> list[tuple[str, str]]:
        """The answer's headers."""
        return [("Content-Type", MEDIA_TYPE), *self.kind.headers]


def of_error(error: BaseException) -> Problem:
    """The problem that an exception of ours comes to. Anything unexpected is logged and says nothing."""
    if isinstance(error, Problem):
        return error
    for known, code in _OF_ERRORS:
        if isinstance(error, known):
            return Problem(error.code if error.code in KINDS else code)
    # The message may quote what was asked for: only where it happened is logged.
    frames = [f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-4:]]
    log.error("failed", error=type(error).__name__, where=frames)
    return Problem("internal_error")


def of_act(error: BaseException) -> Problem:
    """The same for an act: a refusal keeps its own code, and its words, which say what would lift it."""
    if isinstance(error, CallRefused):
        return Problem(error.code, str(error), of="payment_declined" if error.of_card else "stripe_refused")
    if isinstance(error, (Refused, Invalid)) and not isinstance(error, NotFound):
        return Problem(error.code, str(error), of="refused" if isinstance(error, Refused) else "invalid")
    return of_error(error)


def of_http(error: HTTPException) -> Problem:
    """The problem that one of the framework's refusals comes to."""
    messages = getattr(error, "data", {}).get("messages", {}).get("query")
    if error.code == 422 and isinstance(messages, dict):
        # sorted, so that equal questions get equal answers
        errors = [{"parameter": str(p), "message": _sentence(m)} for p, m in sorted(messages.items())]
        return Problem("invalid_query", errors=errors)
    told = getattr(error, "data", {}).get("messages", {}).get("json")
    if error.code == 422 and isinstance(told, dict):
        return Problem("invalid", errors=[{"field": str(f), "message": _sentence(m)} for f, m in sorted(told.items())])
    if error.code is None or error.code >= 500:
        return Problem("internal_error")
    return Problem(_OF_STATUS.get(error.code, "bad_request"))


def _sentence(messages: object) -> str:
    return " ".join(str(m) for m in messages) if isinstance(messages, list) else str(messages)


def respond(problem: Problem) -> Response:
    """The problem as Flask answers it."""
    return Response(problem.body(), problem.kind.status, problem.headers())


def install(app: Flask) -> None:
    """Answer every error of `app` with a problem."""

    def on_http(error: HTTPException) -> Response:
        response = respond(of_http(error))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    def on_error(error: Exception) -> Response:
        return respond(of_act(error) if request.method in ("POST", "PUT") else of_error(error))

    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(Exception, on_error)
