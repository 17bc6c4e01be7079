"""Stripe's webhook signatures, verified over raw bytes.

The scheme: https://docs.stripe.com/webhooks#verify-manually. Unlike the SDK's, this verifier holds the tolerance in
both directions (the SDK accepts a timestamp ten years ahead) and answers any header at all with a code, never an
exception of another kind. `tests/test_signature.py` compares the two on generated input.
"""

import hmac
import re

from api.settings import WebhookSecret
from ledger.errors import Invalid

TOLERANCE_S = 300
#: Stripe sends one signature a secret while rolling; nobody sends more than this.
MAX_SIGNATURES = 16
MAX_HEADER_BYTES = 8 * 1024
_HEX_SHA256 = 64
#: As `int` prints it: what is signed is the number, so no other spelling of it can match.
_STAMP = re.compile(r"0|[1-9][0-9]{0,11}")


def verify(header: str | None, body: bytes, secrets: tuple[WebhookSecret, ...], now_s: int) -> WebhookSecret:
    """The secret that signed `body`. Raises Invalid with a code:

    `signature_missing`, `signature_malformed`, `signature_mismatch`, `timestamp_expired`, `timestamp_in_future`.
    """
    if not header:
        raise Invalid("there is no Stripe-Signature header", code="signature_missing")
    stamp, signatures = _parse(header)
    signed = stamp + b"." + body
    found = None
    for secret in secrets:
        if not secret.secret.strip():  # anybody can sign with an empty secret
            continue
        expected = hmac.digest(secret.secret, signed, "sha256").hex().encode()
        for signature in signatures:
            # every pair is compared, so that the time taken tells nothing
            if hmac.compare_digest(expected, signature) and found is None:
                found = secret
    if found is None:
        raise Invalid("no signature matches a secret", code="signature_mismatch")
    age_s = now_s - int(stamp)
    if age_s > TOLERANCE_S:
        raise Invalid("the timestamp is too old", code="timestamp_expired")
    if -age_s > TOLERANCE_S:
        raise Invalid("the timestamp lies in the future", code="timestamp_in_future")
    return found


def _parse(header: str) -> tuple[bytes, list[bytes]]:
    """The timestamp (of several the first, as with the SDK) and the signatures. Raises Invalid."""
    stamp = None
    signatures = []
    sound = len(header) <= MAX_HEADER_BYTES and header.isascii()
    for part in header.split(",") if sound else ():
        name, *values = part.split("=", 2)
        if name not in ("t", "v1"):
            continue
        if not values:
            sound = False
        elif name == "t":
            stamp = values[0] if stamp is None else stamp
        elif len(values[0]) == _HEX_SHA256:
            signatures.append(values[0].encode())
    if not sound or stamp is None or not _STAMP.fullmatch(stamp) or not 0 < len(signatures) <= MAX_SIGNATURES:
        raise Invalid("the Stripe-Signature header cannot be read", code="signature_malformed")
    return stamp.encode(), signatures


def sign(body: bytes, secret: bytes, now_s: int) -> str:
    """The header that Stripe would send with `body`."""
    stamp = str(now_s).encode()
    return f"t={now_s},v1={hmac.digest(secret, stamp + b'.' + body, 'sha256').hex()}"
