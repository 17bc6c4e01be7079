"""What a plan says: its fields, as a catalogue's file has them and as the log keeps them.

Money is whole minor units beside a currency; a rate is so much for so many. Ratios are decimals in quotes, since a
number with a point would be a float. Refuses to know Stripe: whether a lookup key exists there, `recount plans lint`
says. `commands.plan_rules` says which plans make sense.
"""

from typing import Any, Literal

import msgspec

from ledger.ids import PLATFORM

Model = Literal["subscription", "usage", "hybrid", "one_time", "prepaid", "postpaid"]
Interval = Literal["day", "week", "month", "year", "once"]
Period = Literal["hour", "day", "week", "month", "year", "lifetime"]
Reset = Literal["calendar", "anniversary", "never"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a plan."""


class Price(_Part, frozen=True, kw_only=True):
    """One price that the plan is sold under: by its lookup key, or by its id."""

    interval: Interval
    currency: str
    """Three lower-case letters (ISO 4217), as in Stripe."""
    interval_count: int = 1
    lookup_key: str | None = None
    price: str | None = None
    amount_minor: int | None = None
    """What Stripe is expected to charge; None: not said here, and not looked at."""
    meter: str | None = None
    """Of a metered price: what it charges for."""


class Quota(_Part, frozen=True, kw_only=True):
    """How much may be used in a period, and when counting begins anew."""

    limit: int | None
    """None: without a limit, and counted all the same."""
    period: Period
    reset: Reset = "anniversary"
    """`calendar`: with the calendar's period, in UTC; `anniversary`: counted from the start of what was sold."""


class Credits(_Part, frozen=True, kw_only=True):
    """Credits that come with the plan."""

    units: int
    period: Period
    reset: Reset = "anniversary"
    """`never`: what is left is kept."""


class Rate(_Part, frozen=True, kw_only=True):
    """So many minor units for so many of what is counted."""

    amount_minor: int
    per: int = 1


class Trial(_Part, frozen=True, kw_only=True):
    """Free days, and what comes after them."""

    days: int
    at_end: Literal["subscribe", "cancel"] = "subscribe"
    """With a payment method."""
    without_payment_method: Literal["cancel", "pause", "create_invoice"] = "cancel"
    """https://docs.stripe.com/billing/subscriptions/trials#create-free-trials-without-payment"""


class EarlyCancellation(_Part, frozen=True, kw_only=True):
    """What leaving before the commitment is over costs."""

    charge: Literal["nothing", "remaining_months", "discount_taken", "fee"]
    fee_minor: dict[str, int] = {}
    """By currency, where a fee is charged."""


class Commitment(_Part, frozen=True, kw_only=True):
    """How many months are paid, and how many delivered for that: pay 9, get 12."""

    paid_months: int
    delivered_months: int
    early_cancellation: EarlyCancellation = EarlyCancellation(charge="remaining_months")


class Lasts(_Part, frozen=True, kw_only=True):
    """How long what is bought once entitles."""

    months: int | None = None
    days: int | None = None


class SetupStep(_Part, frozen=True, kw_only=True):
    """What must be done before the plan is delivered."""

    key: str
    title: str
    by: Literal["customer", "operator", "system"] = "operator"


class ServicePolicy(_Part, frozen=True, kw_only=True):
    """What happens to the service when money does not come, and when nothing is known."""

    policy: str | None = None
    """The service policy by its key (`recount service policies list`); None: the standard one."""
    grace_days: int | None = None
    """How long the policy's stage `grace` lasts; None: as long as the policy says."""
    when_unpaid: Literal["restrict", "suspend", "keep"] = "restrict"
    """What becomes of its features when its service is paused or suspended for want of money."""
    fail_open: tuple[str, ...] = ()
    """Features that are allowed while nothing can be found out; all others are denied then."""
    soft_limits: tuple[str, ...] = ()
    """Features that go on beyond their limit, as overage."""


class Terms(_Part, frozen=True, kw_only=True):
    """What was agreed."""

    refund_policy: str | None = None
    refund_days: int | None = None
    terms_of_service: str | None = None
    """The version that a buyer accepts."""


class Resale(_Part, frozen=True, kw_only=True):
    """What a customer sells on, and what it adds to its cost."""

    unit: str
    markup_percent: str


class PlanDefinition(_Part, frozen=True, kw_only=True):
    """A plan."""

    key: str
    name: str
    model: Model
    tier: int = 0
    """The higher, the more: what is an upgrade is told by it."""
    account: str = PLATFORM
    """Whose prices these are."""
    on_sale: bool = True
    """False: a plan of old, which only those have who bought it."""
    prices: tuple[Price, ...] = ()
    annual_discount_percent: str | None = None
    features: tuple[str, ...] = ()
    quotas: dict[str, Quota] = {}
    gauges: dict[str, int | None] = {}
    """What is held and released rather than counted: how much at once; null: without a limit."""
    included_credits: Credits | None = None
    overage: dict[str, dict[str, Rate]] = {}
    """Meter -> currency -> what goes beyond costs."""
    multipliers: dict[str, str] = {}
    """Kind of task -> by how much its use counts."""
    usage_rates: dict[str, dict[str, Rate]] = {}
    """Unit (a query, workflow, lead, credit) -> currency -> what each costs."""
    resale: Resale | None = None
    trial: Trial | None = None
    commitment: Commitment | None = None
    lasts: Lasts | None = None
    """Of what is bought once; None: for ever."""
    setup_steps: tuple[SetupStep, ...] = ()
    service_policy: ServicePolicy = ServicePolicy()
    terms: Terms = Terms()

    @property
    def names(self) -> tuple[str, ...]:
        """The lookup keys and ids of its prices."""
        return tuple(p.lookup_key or p.price or "" for p in self.prices)


class LegacyPrice(_Part, frozen=True, kw_only=True):
    """A price of old that belongs to a plan."""

    price: str
    """Its id or lookup key."""
    plan: str
    version: int | None = None
    """None: whichever was in force when it was sold."""


def written(plan: PlanDefinition) -> dict[str, Any]:
    """A plan as the log keeps it: all fields, those too that the file leaves out."""
    return msgspec.to_builtins(plan)  # type: ignore[no-any-return]


def read(definition: dict[str, Any]) -> PlanDefinition | None:
    """A plan as the log has it; None: no plan of today's shape."""
    try:
        return msgspec.convert(definition, PlanDefinition)
    except msgspec.ValidationError:
        return None
