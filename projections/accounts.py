"""Accounts: can this seller charge, can it be paid out, and if not, what is missing.

One row an account, from what Stripe last said of the account itself, of each capability, of the bank accounts and cards
that it is paid out to, and of whether it lets the platform act for it. The platform's own account is a row as well.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from projections.base import Column, Derivation, Input, Key, Row, Table

_TABLE = Table(
    "accounts",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("connected", "boolean"),
        Column("known", "boolean"),
        Column("authorized", "boolean"),
        Column("can_charge", "boolean"),
        Column("can_be_paid", "boolean"),
        Column("blocked_by", "jsonb"),
        Column("type", "text"),
        Column("controller", "jsonb"),
        Column("country", "text"),
        Column("default_currency", "text"),
        Column("business_type", "text"),
        Column("charges_enabled", "boolean"),
        Column("payouts_enabled", "boolean"),
        Column("details_submitted", "boolean"),
        Column("currently_due", "text[]"),
        Column("eventually_due", "text[]"),
        Column("past_due", "text[]"),
        Column("pending_verification", "text[]"),
        Column("requirement_errors", "jsonb"),
        Column("disabled_reason", "text"),
        Column("current_deadline_s", "bigint"),
        Column("future_due", "text[]"),
        Column("future_deadline_s", "bigint"),
        Column("capabilities", "jsonb"),
        Column("external_accounts", "jsonb"),
        Column("metadata", "jsonb"),
        Column("created_s", "bigint"),
    ),
)
_PLAIN = (
    "type", "controller", "country", "default_currency", "business_type", "charges_enabled", "payouts_enabled",
    "details_submitted", "disabled_reason", "current_deadline_s", "future_deadline_s", "created_s",
)  # fmt: skip
_FIELDS = ("currently_due", "eventually_due", "past_due", "pending_verification", "future_due")
_EXTERNAL = ("id", "kind", "last4", "brand", "country", "currency", "default_for_currency", "status")
#: A capability with one of these is not in the way: it works, or nobody asked for it.
_NO_HINDRANCE = ("active", "unrequested")


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    if not any(rows.values()):
        return []
    seen = rows["account_objects"][0] if rows["account_objects"] else None
    said: dict[str, Any] = {f: getattr(seen, f, None) for f in _PLAIN}
    said |= {f: list(getattr(seen, f, None) or ()) for f in _FIELDS}
    authorized = rows["account_authorizations"][0].authorized if rows["account_authorizations"] else None
    external = [e for e in rows["external_accounts"] if not e.deleted]
    said |= {
        "connected": key[1] != "platform",
        "known": seen is not None,
        "authorized": authorized,
        "can_charge": authorized is not False and said["charges_enabled"],
        "can_be_paid": authorized is not False and said["payouts_enabled"],
        "requirement_errors": (seen and seen.requirement_errors) or [],
        "capabilities": _capabilities(seen, rows["account_capabilities"]),
        "external_accounts": [{f: getattr(e, f) for f in _EXTERNAL} for e in sorted(external, key=lambda e: e.id)],
        "metadata": (seen and seen.metadata) or {},
    }
    said["blocked_by"] = _blocked_by(said)
    return [_TABLE.row(**dict(zip(_TABLE.key, key, strict=True)), **said)]


def _capabilities(seen: Row | None, told: Sequence[Row]) -> dict[str, str]:
    """Each capability's status by its own last event, or by the account's where that is later and names it."""
    found = dict((seen and seen.capabilities) or {})
    for one in told:
        if one.id not in found or seen is None or seen.changed_s <= one.changed_s:
            found[one.id] = one.status
    return found


def _blocked_by(said: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """What stands between this account and both charging and being paid; nothing where it can do both."""
    if said["can_charge"] and said["can_be_paid"]:
        return []
    found: list[dict[str, str | None]] = []
    if said["authorized"] is False:
        found.append({"reason": "not_authorized", "detail": None})
    if not said["known"]:
        return [*found, {"reason": "account_not_seen", "detail": None}]
    if said["details_submitted"] is False:
        found.append({"reason": "details_not_submitted", "detail": None})
    if said["disabled_reason"]:
        found.append({"reason": "disabled", "detail": said["disabled_reason"]})
    for kind in ("past_due", "currently_due", "pending_verification"):
        found += [{"reason": kind, "detail": f} for f in said[kind] if kind == "past_due" or f not in said["past_due"]]
    for name, status in sorted(said["capabilities"].items()):
        if status not in _NO_HINDRANCE:
            found.append({"reason": f"capability_{status}", "detail": name})
    return found or [{"reason": "not_enabled", "detail": None}]  # and Stripe does not say why


ACCOUNTS = Derivation(
    "accounts",
    1,
    _TABLE,
    ("mode", "account", "id"),
    inputs=(
        Input(
            "account_objects",
            ("mode", "account", "id"),
            lambda key, _: [key],
            (*_PLAIN, *_FIELDS, "requirement_errors", "capabilities", "metadata", "changed_s"),
        ),
        Input("account_authorizations", ("mode", "account", "id"), lambda key, _: [key], ("authorized",)),
        Input(
            "account_capabilities",
            ("mode", "account", "seller"),
            lambda key, _: [key],
            ("id", "status", "changed_s"),
        ),
        Input("external_accounts", ("mode", "account", "seller"), lambda key, _: [key], (*_EXTERNAL, "deleted")),
    ),
    affects={
        "account_objects": lambda row: [(row.mode, row.account, row.id)],
        "account_authorizations": lambda row: [(row.mode, row.account, row.id)],
        "account_capabilities": lambda row: [(row.mode, row.account, row.seller)] if row.seller else [],
        "external_accounts": lambda row: [(row.mode, row.account, row.seller)] if row.seller else [],
    },
    derive=_derive,
)
