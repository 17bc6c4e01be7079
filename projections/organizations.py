"""Whose is it? Operators' links, the organization behind each customer, and organizations with what they hold.

A customer's organization comes from, in this order: an operator's link; metadata on the *platform's* customer; on its
subscription; a call of ours that made the customer, or the checkout session that the customer went through. What a
connected account or a buyer could have written is never a claim (translations leave it out).
What nothing claims stays visible, with no organization. An organization is there without any customer too, where an
operator agreed something with it or overrides what it may use.
"""

from collections.abc import Mapping, Sequence

from ledger.events import OrganizationLinked, OrganizationUnlinked
from projections.base import Column, Derivation, Entry, Hop, Input, Key, Lookup, Projection, Row, Table

_CUSTOMER_KEY = (Column("mode", "text"), Column("account", "text"), Column("customer", "text"))

_OPERATOR_LINKS = Table("operator_links", ("mode", "account", "customer"), (*_CUSTOMER_KEY, Column("org", "text")))


def _link_keys(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    assert isinstance(event, (OrganizationLinked, OrganizationUnlinked))
    return ((event.mode, event.account, event.customer),)


def _apply_link(state: bytes | None, entry: Entry) -> bytes | None:
    return entry.event.org.encode() if isinstance(entry.event, OrganizationLinked) else None


OPERATOR_LINKS = Projection(
    "operator_links",
    1,
    _OPERATOR_LINKS,
    (OrganizationLinked.NAME, OrganizationUnlinked.NAME),
    _link_keys,
    _apply_link,
    lambda key, state: _OPERATOR_LINKS.row(*key, state.decode()),
)

#: From what we made to the row of it.
_SAME_ID = (("mode", "mode"), ("account", "account"), ("id", "id"))

_ORG_LINKS = Table(
    "org_links",
    ("mode", "account", "customer"),
    (
        *_CUSTOMER_KEY,
        Column("org", "text"),
        Column("claimed_by", "text"),
        Column("claims", "jsonb"),
    ),
    indexes=("(mode, org)",),
)


def _derive_link(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    claims = [{"by": "operator", "org": link.org} for link in rows["operator_links"]]
    claims += [
        {"by": "customer", "org": c.org_claim} for c in rows["customers"] if c.org_claim and key[1] == "platform"
    ]
    claims += [
        {"by": "subscription", "org": s.org_claim, "subscription": s.id}
        for s in sorted(rows["subscriptions"], key=lambda s: (s.created_s or 0, s.id))
        if s.org_claim and key[1] == "platform"
    ]
    claims += _made_by_us(key, rows)
    if not claims and not rows["customers"] and not rows["subscriptions"]:
        return []
    first = claims[0] if claims else {"org": None, "by": None}
    return [_ORG_LINKS.row(*key, first["org"], first["by"], claims)]


def _made_by_us(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[dict[str, str]]:
    """What we made for an organization ourselves, in any account: nobody else can have written that."""
    made = {m.id: m for m in rows["stripe_made"]}
    claims = [{"by": "call", "org": made[key[2]].org}] if key[2] in made else []
    claims += [
        {"by": "checkout", "org": made[c.id].org, "checkout": c.id}
        for c in sorted(rows["checkouts"], key=lambda c: (c.created_s or 0, c.id))
        if c.id in made
    ]
    return claims


def _ours(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [key, *((key[0], key[1], c.id) for c in rows["checkouts"])]


ORG_LINKS = Derivation(
    "org_links",
    2,
    _ORG_LINKS,
    ("mode", "account", "customer"),
    inputs=(
        Input("operator_links", ("mode", "account", "customer"), lambda key, _: [key], ("org",)),
        Input("customers", ("mode", "account", "id"), lambda key, _: [key], ("org_claim",)),
        Input(
            "subscriptions",
            ("mode", "account", "customer"),
            lambda key, _: [key],
            ("id", "org_claim", "created_s"),
        ),
        Input("checkouts", ("mode", "account", "customer"), lambda key, _: [key], ("id", "created_s")),
        Input("stripe_made", ("mode", "account", "id"), _ours, ("org",)),
    ),
    affects={
        "operator_links": lambda row: [(row.mode, row.account, row.customer)],
        "customers": lambda row: [(row.mode, row.account, row.id)],
        "subscriptions": lambda row: [(row.mode, row.account, row.customer)],
        "checkouts": lambda row: [(row.mode, row.account, row.customer)] if row.customer else [],
        "stripe_made": (
            Lookup((Hop("customers", _SAME_ID),), ("mode", "account", "id")),
            Lookup((Hop("checkouts", _SAME_ID),), ("mode", "account", "customer")),
        ),
    },
    derive=_derive_link,
)

#: From a row that knows its customer to the customer's organization.
TO_ORG = Hop("org_links", (("mode", "mode"), ("account", "account"), ("customer", "customer")))
#: The same where the row is the customer itself.
CUSTOMER_TO_ORG = Hop("org_links", (("mode", "mode"), ("account", "account"), ("customer", "id")))

_ORGANIZATIONS = Table(
    "organizations",
    ("mode", "org"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("customers", "jsonb"),
        Column("accounts", "text[]"),
        Column("subscriptions", "jsonb"),
        Column("delinquent", "boolean"),
        Column("created_s", "bigint"),
    ),
    indexes=("USING gin (accounts)",),
)
_STATUSES = ("active", "trialing", "past_due", "unpaid", "incomplete", "paused", "canceled", "incomplete_expired")


def linked_customers(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    """The (mode, account, customer) of an organization, from its links."""
    return [(link.mode, link.account, link.customer) for link in rows["org_links"]]


def _derive_organization(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    links = sorted(rows["org_links"], key=lambda r: (r.account, r.customer))
    if not links and not rows["overrides"] and not rows["agreements"]:
        return []
    statuses = [s.status for s in rows["subscriptions"]]
    born = [c.created_s for c in rows["customers"] if c.created_s is not None]
    return [
        _ORGANIZATIONS.row(
            *key,
            [{"account": r.account, "customer": r.customer, "claimed_by": r.claimed_by} for r in links],
            sorted({r.account for r in links}),
            {s: statuses.count(s) for s in _STATUSES if s in statuses},
            any(c.delinquent for c in rows["customers"]),
            min(born, default=None),
        )
    ]


ORGANIZATIONS = Derivation(
    "organizations",
    2,
    _ORGANIZATIONS,
    ("mode", "org"),
    inputs=(
        Input("org_links", ("mode", "org"), lambda key, _: [key], ("account", "customer", "claimed_by")),
        Input("customers", ("mode", "account", "id"), linked_customers, ("delinquent", "created_s")),
        Input("subscriptions", ("mode", "account", "customer"), linked_customers, ("status",)),
        Input("overrides", ("mode", "org"), lambda key, _: [key], ("feature",)),
        Input("agreements", ("mode", "org"), lambda key, _: [key], ("id",)),
    ),
    affects={
        "org_links": lambda row: [(row.mode, row.org)] if row.org else [],
        "customers": (Lookup((CUSTOMER_TO_ORG,), ("mode", "org")),),
        "subscriptions": (Lookup((TO_ORG,), ("mode", "org")),),
        "overrides": lambda row: [(row.mode, row.org)],
        "agreements": lambda row: [(row.mode, row.org)],
    },
    derive=_derive_organization,
)
