"""Faults on request: what goes wrong between a client and Stripe, for as often as one says.

Refuses to know what a request means: a fault is chosen by method, path and event type alone.
"""

import re
import threading
from collections.abc import Callable
from random import Random
from typing import Literal

import msgspec

from api.sandbox.errors import StripeError, invalid

RequestFault = Literal["delay", "429", "500", "500_after", "409", "401", "lost", "lost_before"]
WebhookFault = Literal["webhook_never", "webhook_drop", "webhook_duplicate", "webhook_late"]


class Rule(msgspec.Struct, kw_only=True):
    """What goes wrong, when, and how often."""

    kind: RequestFault | WebhookFault
    """`500_after` and `lost` have been carried out; `lost` and `lost_before` cut the connection without an answer.
    `webhook_never`: the event is not even listed; `webhook_drop`: not delivered; `webhook_late`: after `seconds`."""
    method: str | None = None
    path: str = ".*"
    """A regular expression of the whole path."""
    types: tuple[str, ...] = ("*",)
    """Of events; `invoice.*` is all of them."""
    times: int | None = 1
    """How often; None: until it is taken away."""
    share: float = 1.0
    """Of those that match."""
    seconds: float = 1.0
    """How long a delay is."""
    seed: int = 1


class Faults:
    """The rules that hold now. Safe to use from several threads."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._random: dict[int, Random] = {}
        self._lock = threading.Lock()

    def add(self, said: object) -> Rule:
        """Take a rule from now on. Raises StripeError when it is none."""
        try:
            rule = msgspec.convert(said, Rule)
            re.compile(rule.path)
        except (msgspec.ValidationError, re.error) as error:
            raise invalid(f"no such fault: {error}") from None
        with self._lock:
            self.rules.append(rule)
            self._random[id(rule)] = Random(rule.seed)
        return rule

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self.rules.clear()
            self._random.clear()

    def of_request(self, method: str, path: str) -> Rule | None:
        """The fault that befalls a request."""
        return self._taken(
            lambda rule: (
                not rule.kind.startswith("webhook_")
                and rule.method in (None, method)
                and re.fullmatch(rule.path, path) is not None
            )
        )

    def of_event(self, type: str, *kinds: WebhookFault) -> Rule | None:
        """The fault that befalls an event, or its delivery."""
        return self._taken(lambda rule: rule.kind in kinds and any(matches(type, t) for t in rule.types))

    def _taken(self, fits: Callable[[Rule], bool]) -> Rule | None:
        with self._lock:
            for rule in self.rules:
                if not fits(rule) or self._random[id(rule)].random() >= rule.share:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self.rules.remove(rule)
                return rule
        return None


def matches(type: str, pattern: str) -> bool:
    """Whether an event's type is meant: `*` is all, `invoice.*` all of invoices."""
    return type.startswith(pattern[:-1]) if pattern.endswith("*") else type == pattern


#: What Stripe answers: https://docs.stripe.com/error-low-level.
_ANSWERS = {
    "429": (429, "invalid_request_error", "Request rate limit exceeded.", "rate_limit"),
    "500": (500, "api_error", "Sorry! There was an error while talking to one of our backends.", None),
    "500_after": (500, "api_error", "Sorry! There was an error while talking to one of our backends.", None),
    "401": (401, "invalid_request_error", "Expired API Key provided: sk_test_***", "api_key_expired"),
    "409": (
        409,
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key.",
        "idempotency_key_in_use",
    ),
}


def answer(rule: Rule) -> StripeError:
    """The error that a fault answers with."""
    status, type, message, code = _ANSWERS[rule.kind]
    return StripeError(status, type, message, code=code)
