"""What the ids in commands must look like. Refuses to know whether the thing exists."""

import re
from typing import Any

from ledger.errors import Invalid
from ledger.ids import MODES, PLATFORM

MAX_ID = 255
_STRIPE = re.compile(r"[A-Za-z0-9_]+")


def require_mode(mode: Any) -> None:
    """Raises Invalid("unknown_mode") unless `live` or `test`."""
    if mode not in MODES:
        raise Invalid(f"{mode!r} is no mode; there are {' and '.join(MODES)}", code="unknown_mode")


def require_account(account: str) -> None:
    """Raises Invalid("not_an_account") unless `platform` or a connected account's `acct_…`."""
    if account != PLATFORM and not _stripe_id(account, "acct_"):
        raise Invalid(
            f"{account!r} is no account; write {PLATFORM}, or a connected account's acct_…", code="not_an_account"
        )


def require_customer(customer: str) -> None:
    """Raises Invalid("not_a_customer") unless a Stripe customer's `cus_…`."""
    if not _stripe_id(customer, "cus_"):
        raise Invalid(f"{customer!r} is no Stripe customer; its id begins with cus_", code="not_a_customer")


def require_org(org: str) -> None:
    """Raises Invalid("not_an_organization") unless 1 to 255 printable characters without blanks around them."""
    if not (0 < len(org) <= MAX_ID and org.isprintable() and org == org.strip()):
        raise Invalid(
            f"an organization's id has 1 to {MAX_ID} printable characters and no blanks around them",
            code="not_an_organization",
        )


def require_feature(feature: str) -> None:
    """Raises Invalid("not_a_feature") unless 1 to 255 printable characters without blanks around them."""
    if not (0 < len(feature) <= MAX_ID and feature.isprintable() and feature == feature.strip()):
        raise Invalid(
            f"a feature's key has 1 to {MAX_ID} printable characters and no blanks around them", code="not_a_feature"
        )


def require_label(label: str) -> None:
    """Raises Invalid("bad_label") unless 1 to 255 printable characters."""
    if not (0 < len(label) <= MAX_ID and label.isprintable()):
        raise Invalid(f"a label has 1 to {MAX_ID} printable characters", code="bad_label")


def _stripe_id(given: str, prefix: str) -> bool:
    return given.startswith(prefix) and len(prefix) < len(given) <= MAX_ID and _STRIPE.fullmatch(given) is not None
