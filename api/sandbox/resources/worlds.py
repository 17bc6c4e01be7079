"""The platform and its connected accounts: each has a world of its own, and a request may touch two of them."""

from api.sandbox.desk import Desk

PLATFORM = "acct_1RecountSandbox0"
"""The account that every key belongs to."""
APPLICATION = "ca_RecountSandbox000000000000000000"
"""The platform, as connected accounts know it."""


def beside(desk: Desk, account: str) -> Desk:
    """Another account's desk. Test clocks are one account's: the other's objects live by the wall clock."""
    other = desk.beside(account)
    other.clock = None
    return other


def platform_of(desk: Desk) -> Desk | None:
    """The platform's desk, as seen from a connected account; None on the platform itself."""
    return None if desk.account_id == PLATFORM else beside(desk, PLATFORM)


def application_of(desk: Desk) -> str | None:
    """By which application an object was made: the platform, in a connected account."""
    return None if desk.account_id == PLATFORM else APPLICATION
