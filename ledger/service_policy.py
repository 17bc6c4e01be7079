"""What a service policy says: which debts count, when retries are over, and the stages that follow one another.

Both what is decided and what is derived read it, so it stands here. Refuses to know who owes, and what time it is.
"""

from typing import Any, Literal

import msgspec

State = Literal["active", "past_due", "grace", "paused", "suspended", "cancelled"]
#: From the mildest to the severest.
STATES: tuple[State, ...] = ("active", "past_due", "grace", "paused", "suspended", "cancelled")
SEVERITY: dict[str, int] = {state: n for n, state in enumerate(STATES)}
#: In these a service is closed.
CLOSED = frozenset({"paused", "suspended", "cancelled"})
#: The service of all that an organization pays afterwards.
POSTPAID = "postpaid"
#: The policy of what names none.
STANDARD = "standard"


class PolicyStage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A state, and how long it lasts before the next one."""

    state: State
    days: int | None = None
    """Of 86,400 seconds; None: until something changes, of the last stage."""


class PolicyDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy."""

    key: str
    failed_retries: int = 3
    """How many retries must have failed, the first attempt not counted. 0: the first failure is enough."""
    retries_within_days: int | None = 21
    """From the first failure on: then retries count as over, however many there were. None: they are waited for."""
    skip_useless_retries: bool = True
    """Whether a decline that no retry mends, or having nothing to charge, ends the waiting at once."""
    stages: tuple[PolicyStage, ...] = (
        PolicyStage(state="past_due", days=3),
        PolicyStage(state="grace", days=7),
        PolicyStage(state="suspended", days=30),
        PolicyStage(state="cancelled"),
    )
    scale_to_zero: bool = True
    """Whether what closes the service scales the organization's deployments to zero."""
    tolerated_minor: dict[str, int] = {}
    """By currency: what is owed up to this does not count."""
    partial_payment_percent: int = 20
    """A payment of at least this much of what was due begins the stages anew."""
    fresh_starts: int = 2
    """How many partial payments and new payment methods may do so, a debt."""


_BUILT_IN = (
    PolicyDefinition(key=STANDARD),
    PolicyDefinition(key="pause-at-first-failure", failed_retries=0, stages=(PolicyStage(state="paused"),)),
)
#: Policies that are there before any is published. One that is published under the same key replaces it.
BUILT_IN: dict[str, PolicyDefinition] = {p.key: p for p in _BUILT_IN}


def written(policy: PolicyDefinition) -> dict[str, Any]:
    """A policy as the log keeps it: all fields."""
    return msgspec.to_builtins(policy)  # type: ignore[no-any-return]


def read(definition: dict[str, Any]) -> PolicyDefinition:
    """A policy as the log has it. Raises msgspec.ValidationError for none of today's shape."""
    return msgspec.convert(definition, PolicyDefinition)
