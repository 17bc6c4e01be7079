"""Tokens with which a browser may begin a checkout for an organization: signed by us, for a short while.

A token is made for a product's back end, which knows who is signed in, and is shown to that browser. It says whose
checkout it is and where the browser comes back to; it holds no secret, and nothing of it can be altered.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from ledger.errors import Refused
from ledger.ids import Mode
from ledger.keys import MasterKey

#: How long a token is good unless told, and at most, in seconds.
LASTS_S, LONGEST_S = 3_600, 7 * 86_400
MAX_TOKEN = 8_000
_MARK_BYTES = 32


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says."""

    mode: Mode
    org: str
    until_s: int
    success_url: str
    cancel_url: str | None = None
    plans: tuple[str, ...] = ()
    """Only these; none: any that is on sale."""
    context: dict[str, str] = msgspec.field(default_factory=dict)
    """Said of every checkout that is begun with it."""
    key_id: str | None = None
    """The API key that it was made with."""


class Tokens:
    """Makes and opens tokens."""

    def __init__(self, master: MasterKey) -> None:
        # A secret of its own; no API key has this form.
        self._secret = bytes.fromhex(master.digest_of_api_key("recount/checkout-tokens/1"))

    def make(self, handoff: Handoff) -> str:
        """A token that says so."""
        said = msgspec.json.encode(handoff)
        return _written(self._mark(said) + said)

    def open(self, token: str, now_s: float) -> Handoff:
        """What a token says. Raises Refused (`bad_token`, `token_expired`)."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4)) if len(token) <= MAX_TOKEN else b""
        except ValueError:
            raw = b""
        mark, said = raw[:_MARK_BYTES], raw[_MARK_BYTES:]
        if not hmac.compare_digest(mark, self._mark(said)) or _written(raw) != token:
            raise Refused("this is no token of ours; have the back end make a new one", code="bad_token")
        handoff = msgspec.json.decode(said, type=Handoff)
        if now_s >= handoff.until_s:
            raise Refused("the token is over; have the back end make a new one", code="token_expired")
        return handoff

    def _mark(self, said: bytes) -> bytes:
        return hmac.digest(self._secret, said, "sha256")


def _written(raw: bytes) -> str:
    """The one way to write a token: base64 has several for the same bytes, of which one counts."""
    return urlsafe_b64encode(raw).decode().rstrip("=")
