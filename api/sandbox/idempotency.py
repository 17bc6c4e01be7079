"""Idempotency keys as Stripe honors them: https://docs.stripe.com/api/idempotent_requests.

The first answer of a request that began to be carried out is kept, whatever it was, and given again for the same
key. Refused parameters are no beginning. After 24 hours a key is new.
"""

import hashlib
import json
from typing import Any, NamedTuple

from api.sandbox.errors import StripeError
from api.sandbox.state import Object, State

_KIND = "_idempotency"
_KEPT_S = 86_400
_MAX_KEY = 255


class Answer(NamedTuple):
    """What was answered."""

    status: int
    body: Object
    request_id: str


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    """Of what was asked."""
    return hashlib.sha256(json.dumps([method, path, params], sort_keys=True, default=str).encode()).hexdigest()


def replayed(state: State, account: str, key: str, asked: str, wall_s: int) -> Answer | None:
    """The first answer for this key. Raises StripeError when it was used for something else."""
    if len(key) > _MAX_KEY:
        raise StripeError(400, "idempotency_error", f"Idempotency keys have at most {_MAX_KEY} characters.")
    kept = state.objects.get((account, _KIND, key))
    if kept is None or wall_s - kept["at_s"] >= _KEPT_S:
        return None
    if kept["asked"] != asked:
        raise StripeError(
            400,
            "idempotency_error",
            "Keys for idempotent requests can only be used with the same parameters they were first used with."
            f" Try using a key other than '{key}' if you meant to execute a different request.",
        )
    return Answer(kept["status"], kept["body"], kept["request_id"])


def keep(state: State, account: str, key: str, asked: str, answer: Answer, wall_s: int) -> None:
    """Keep the answer, and forget those that are too old."""
    old = [k for k in state.ids(account, _KIND) if wall_s - state.objects[account, _KIND, k]["at_s"] >= _KEPT_S]
    kept = {"id": key, "asked": asked, "at_s": wall_s, **answer._asdict()}
    state.commit({**{(account, _KIND, k): None for k in old}, (account, _KIND, key): kept})
