"""The one place that speaks to Stripe, by the client of its own SDK: one request at a time, none repeated here.

Knows the key, the API version, the base address, timeouts and Stripe's rate. Refuses to know what is asked for, and
what an answer means (`api.calls.verdict`).
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol

import stripe

from api.settings import Settings
from ledger.errors import RecountError, Refused
from ledger.ids import PLATFORM, Mode

Urgency = Literal["live", "background"]
#: To connect, and between two bytes of an answer. Stripe's own limit of a request is above this; a call that takes
#: longer is asked again under its key.
CONNECT_S, READ_S = 5.0, 30.0
#: While somebody waits for it within their own request.
READ_LIVE_S = 10.0
#: `sk_test_…`, `rk_live_…`: Stripe's secret and restricted keys.
_KEYS = ("sk_", "rk_")


class StripeUnavailable(RecountError):
    """Stripe did not answer, or not yet; ask again with the same idempotency key."""

    code = "stripe_unavailable"


class NoAnswer(Exception):
    """No answer came: whether Stripe did what was asked is not known."""


class Request(NamedTuple):
    """One request to Stripe."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    account: str
    params: Mapping[str, Any] = {}
    idempotency_key: str | None = None
    api_version: str | None = None
    """None: the client's."""
    urgency: Urgency = "background"
    until_s: float | None = None
    """Not sent after this moment, unix seconds: Stripe may have forgotten its key then."""


class Reply(NamedTuple):
    """What Stripe answered, of whatever status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: str

    @property
    def request_id(self) -> str | None:
        """Stripe's name of the request."""
        return self.headers.get("request-id")

    @property
    def replayed(self) -> bool:
        """Whether it is the answer to an earlier request with the same key."""
        return self.headers.get("idempotent-replayed", "").lower() == "true"


class Pace(Protocol):
    """How fast requests may go."""

    def wait(self, urgency: Urgency) -> None:
        """Return when the next one may be sent."""


class Stripe:
    """Stripe's API under one key. May be used from several threads."""

    def __init__(
        self,
        key: str,
        *,
        base: str,
        api_version: str,
        pace: Pace,
        clock: Callable[[], float],
        read_s: float = READ_S,
    ) -> None:
        self.mode = mode_of_key(key)
        self.api_version = api_version
        self._key = key
        self._base = base.rstrip("/")
        self._pace = pace
        self._clock = clock
        self._read_s = read_s
        self._of_thread = threading.local()

    def send(self, request: Request) -> Reply:
        """Send a request when its turn comes. Raises NoAnswer, and StoreUnavailable when its turn cannot be known."""
        self._pace.wait(request.urgency)
        if request.until_s is not None and self._clock() >= request.until_s:
            raise NoAnswer("it is too late to send it under its key")
        options = {
            "stripe_version": request.api_version or self.api_version,
            "stripe_account": request.account if request.account != PLATFORM else None,
            "idempotency_key": request.idempotency_key,
        }
        given = {**request.params, **{k: v for k, v in options.items() if v is not None}}
        try:
            answer = self._client().raw_request(request.method.lower(), request.path, **given)
        except stripe.APIConnectionError as error:
            raise NoAnswer(type(error.__cause__ or error).__name__) from error
        except stripe.StripeError as error:
            if error.http_status is None:
                raise NoAnswer(type(error).__name__) from error
            return Reply(error.http_status, _lowered(error.headers), error.http_body or "")
        return Reply(answer.code, _lowered(answer.headers), answer.body)

    def _client(self) -> stripe.StripeClient:
        """One a thread: its connections are reused, and shared by nobody."""
        made: stripe.StripeClient | None = getattr(self._of_thread, "client", None)
        if made is None:
            made = self._of_thread.client = stripe.StripeClient(
                self._key,
                stripe_version=self.api_version,
                base_addresses={"api": self._base},
                max_network_retries=0,
                http_client=stripe.RequestsClient(timeout=(CONNECT_S, self._read_s)),
            )
        return made


def _lowered(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def mode_of_key(key: str) -> Mode:
    """The mode that a secret key is of. Raises Refused (`stripe_key_missing`, `stripe_key_unknown`)."""
    if not key:
        raise Refused("set STRIPE_SECRET_KEY: without it nothing can be asked of Stripe", code="stripe_key_missing")
    for mode in ("live", "test"):
        if any(key.startswith(f"{kind}{mode}_") for kind in _KEYS):
            return "live" if mode == "live" else "test"
    raise Refused(
        "STRIPE_SECRET_KEY is of no known form: it begins with sk_test_ or sk_live_", code="stripe_key_unknown"
    )


def from_settings(settings: Settings, pace: Pace, clock: Callable[[], float], *, read_s: float = READ_S) -> Stripe:
    """The client that the settings name. Raises Refused (`stripe_key_missing`, `stripe_key_unknown`)."""
    return Stripe(
        settings.stripe_secret_key or "",
        base=settings.stripe_api_base,
        api_version=settings.stripe_api_version,
        pace=pace,
        clock=clock,
        read_s=read_s,
    )
