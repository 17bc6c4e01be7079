"""Who asks, and what they may ask: API keys, and one table of roles by resource.

A key's mode, organization and account select rows; that is done where rows are read. Here it is decided only whether
a role may ask at all. Nothing here tells why a key is not valid.
"""

import base64
import binascii
import time
from typing import NamedTuple

from api.key_uses import KeyUses
from api.problems import Problem
from api.readers import Readers, query
from ledger.keys import MasterKey

#: How long a key is believed without asking again: a revocation must count within a second.
BELIEVED_S = 0.5
_CACHE_SIZE = 10_000
_PREFIXES = ("rk_live_", "rk_test_")

_EVERYBODY = frozenset({"service", "dashboard", "operator", "auditor", "admin"})
_STAFF = frozenset({"operator", "auditor", "admin"})

#: The table: resource -> the roles that may read it.
MAY_READ: dict[str, frozenset[str]] = {
    "orgs": _EVERYBODY,
    "entitlements": _EVERYBODY,
    "customers": _EVERYBODY,
    "subscriptions": _EVERYBODY,
    "invoices": _EVERYBODY,
    "timeline": _EVERYBODY,
    "environments": _EVERYBODY,
    "rate_cards": _EVERYBODY,
    "hosting_invoices": _EVERYBODY,
    "spending_limits": _EVERYBODY,
    "cost_events": frozenset({"service", "operator", "admin"}),  # reports what namespaces used
    "catalog": _EVERYBODY,
    "plans": _EVERYBODY,
    "payments": _EVERYBODY,
    "charges": _EVERYBODY,
    "refunds": _EVERYBODY,
    "disputes": _EVERYBODY,
    "checkouts": _EVERYBODY,
    "payment_methods": _EVERYBODY,
    "credit_notes": _EVERYBODY,
    "schedules": _EVERYBODY,
    "discounts": _EVERYBODY,
    "credit_balances": _EVERYBODY,
    "tax_profiles": _EVERYBODY,
    "meters": _EVERYBODY,
    "accounts": _EVERYBODY,
    "payouts": _EVERYBODY,
    "balance_transactions": _EVERYBODY,
    "application_fees": _EVERYBODY,
    "service": _EVERYBODY,
    "setups": _EVERYBODY,
    "enforcements": _EVERYBODY,
    "service_policies": _STAFF,
    "enforcement_acts": frozenset({"service", "operator", "admin"}),  # says that deployments are scaled
    "pass_through": _EVERYBODY,
    "pass_through_spending": frozenset({"service", "operator", "admin"}),  # reserves, settles, charges
    "stripe_events": _STAFF,
    "observations": _STAFF,
    "event_coverage": _STAFF,
    "drift": _STAFF,
    "reconciliations": _STAFF,
    "quarantine": _STAFF,
    "projections": _STAFF,
    "quarantine_acts": frozenset({"operator", "admin"}),  # releases and dismisses, rather than reads
    "acts": frozenset({"operator", "admin"}),
    "reviews": _STAFF,
    "incidents": _STAFF,
    "launch": _STAFF,
    "launch_acts": frozenset({"operator", "admin"}),  # signs off, opens and closes
    "approvals": _STAFF,
    "approval_acts": frozenset({"operator", "admin"}),  # approves and rejects what they might do themselves
    "audit": _STAFF,
    "endpoints": _STAFF,
    "deliveries": _STAFF,
    "endpoint_acts": frozenset({"operator", "admin"}),  # adds, tries and removes them; sends again; releases
    "calls": _STAFF,
    "issuances": _EVERYBODY,
    "tax_terms": _STAFF,
    "billing_acts": frozenset({"service", "operator", "admin"}),  # asks Stripe on an organization's behalf
    "keys": frozenset({"auditor", "admin"}),
    "key_acts": frozenset({"admin"}),  # issues, rotates and revokes
}
#: What speaks of everybody, so that a key bound to an organization or an account may not read it.
FOR_UNBOUND_KEYS = frozenset(
    {"observations", "event_coverage", "drift", "reconciliations"}
    | {"cost_events", "service_policies", "enforcement_acts", "launch", "launch_acts", "reviews", "incidents"}
    | {"projections", "quarantine", "quarantine_acts", "keys", "key_acts", "tax_terms"}
    | {"acts", "approvals", "approval_acts", "audit", "endpoints", "deliveries", "endpoint_acts", "calls"}
)


class Caller(NamedTuple):
    """Whom a key stands for. `org` and `account` are what it is bound to; None: everything of its mode."""

    key_id: str
    mode: str
    role: str
    org: str | None
    account: str | None
    person: str | None = None
    """Whose key it is; None: a program's, which reads alone."""

    @property
    def opens_personal_fields(self) -> bool:
        """Whether it sees names, e-mail addresses and the like. A service sees those of its own organization alone."""
        return self.role in ("operator", "admin") or (self.role == "service" and self.org is not None)

    def must_be_allowed(self, resource: str) -> None:
        """Raises Problem("forbidden") when its role may not read `resource` at all."""
        bound = self.org is not None or self.account is not None
        if self.role not in MAY_READ[resource] or (bound and resource in FOR_UNBOUND_KEYS):
            raise Problem("forbidden")


class Authenticator:
    """Turns an `Authorization` header into a caller. Remembers valid keys for `BELIEVED_S`."""

    def __init__(self, readers: Readers, master: MasterKey, uses: KeyUses) -> None:
        self._readers = readers
        self._uses = uses
        self._digest = master.digest_of_api_key
        self._known: dict[str, tuple[float, Caller]] = {}

    def caller(self, authorization: str | None) -> Caller:
        """Who asks. Raises Problem("unauthorized"), StoreUnavailable."""
        key = _key_in(authorization)
        if key is None:
            raise Problem("unauthorized")
        digest = self._digest(key)
        known = self._known.get(digest)
        now = time.monotonic()
        if known is not None and now < known[0]:
            return known[1]
        rows = self._readers.rows(_API_KEY, (digest,))
        if not rows:
            self._known.pop(digest, None)
            raise Problem("unauthorized")
        caller = Caller(*rows[0])
        self._uses.used(caller.key_id)
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[digest] = (now + BELIEVED_S, caller)
        return caller


_API_KEY = query("api_key")


def _key_in(authorization: str | None) -> str | None:
    """The key in a header: a bearer token, or the user name of HTTP Basic (RFC 7617), as Stripe takes it."""
    scheme, _, given = (authorization or "").partition(" ")
    given = given.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    elif scheme.lower() != "bearer":
        return None
    return given if given.startswith(_PREFIXES) else None
