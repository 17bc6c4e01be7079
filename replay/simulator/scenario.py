"""What a simulated history shall be like: its size, its versions, and how often the hard cases come.

Knows no Stripe object; refuses to know who uses the history.
"""

import re

import msgspec

from ledger.errors import Invalid
from ledger.months import add_months

DEFAULT_VERSIONS = (
    "2018-11-08",
    "2020-08-27",
    "2022-11-15",
    "2024-06-20",
    "2025-02-24.acacia",
    "2025-06-30.basil",
    "2025-10-29.clover",
    "2026-03-25.dahlia",
    "2026-10-28.endive",
)
_VERSION = re.compile(r"20\d\d-\d\d-\d\d(\.[a-z]+)?")


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of a simulated history. Equal scenarios give equal histories, byte for byte.

    The story (who subscribes, upgrades, fails to pay, and when) depends on everything but `api_versions`:
    the same scenario in another version tells the same story, with the same ids, in another shape.

    Raises Invalid when a number is out of its range or a version is not spelled like Stripe's.
    """

    orgs: int
    """How many organizations, each one Stripe customer."""
    months: int
    """How many calendar months the history spans."""
    seed: int
    api_versions: tuple[str, ...] = DEFAULT_VERSIONS
    """The platform's endpoint passes through these in the order given, in equal spans of time; connected account n
    starts at the nth of them and is upgraded once, to the next one, in the middle of the history."""
    start_s: int = 1_735_689_600
    """When the history begins, in unix seconds; 2025-01-01T00:00:00Z unless told."""
    livemode: bool = False
    connected_accounts: int | None = None
    """How many connected accounts (sellers); None is one for every 25 organizations, at least one and at most 40."""
    platform_share: float = 0.75
    """The share of the organizations that buy from the platform itself, when there are connected accounts."""
    trials: float = 0.35
    """The share of subscriptions that begin with a trial."""
    payment_failures: float = 0.07
    """The chance that the first attempt to collect a renewal fails."""
    bank_debits: float = 0.12
    """The share of customers that pay from a bank account, where there are such: their payments take days."""
    disputes: float = 0.015
    """The chance that a payment is disputed, in the weeks after it."""
    ties: float = 0.5
    """The share of the moments where several events can share one second in which they do."""
    toggles: float = 0.002
    """The chance, at each activity of an organization (several a month), that a value is set there and back within
    one second, which no handler can order by what the events say. 0 switches it off."""
    bare_updates: float = 0.01
    """The share of lone updates that come without `previous_attributes`."""

    def __post_init__(self) -> None:
        if self.orgs < 0 or self.months < 1:
            raise Invalid("a simulated history has at least 0 organizations and at least 1 month")
        if self.connected_accounts is not None and self.connected_accounts < 0:
            raise Invalid("the number of connected accounts is not negative")
        shares = (self.platform_share, self.trials, self.payment_failures, self.bank_debits, self.disputes, self.ties,
                  self.toggles, self.bare_updates)  # fmt: skip
        if not all(0 <= share <= 1 for share in shares):
            raise Invalid("a share or a chance lies between 0 and 1")
        if not self.api_versions:
            raise Invalid("name at least one API version")
        for version in self.api_versions:
            if not _VERSION.fullmatch(version):
                raise Invalid(f"{version!r} is no API version of Stripe's, such as 2025-02-24.acacia")

    @property
    def end_s(self) -> int:
        """The first second after the history."""
        return add_months(self.start_s, self.months)

    @property
    def sellers(self) -> int:
        """How many connected accounts there are."""
        if self.connected_accounts is not None:
            return self.connected_accounts
        return min(40, 1 + self.orgs // 25)
