"""What each answer holds: an explicit list of fields a resource, from which come its schema, its SQL and its JSON.

A column that is not listed here does not leave. Times (`…_s`, unix seconds) are answered without the `_s`, as ISO 8601
in UTC; money stays whole minor units beside its currency; personal fields are opened elsewhere (`api.resources.lists`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from marshmallow import Schema, fields

from projections import MODELS
from projections.base import Table


def iso(seconds: int | float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC; None where that is no year that ISO 8601 can write."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6] + "Z"
    except (ValueError, OverflowError, OSError):
        return None


def iso_of(when: datetime) -> str:
    """An aware UTC time as ISO 8601, in milliseconds."""
    return when.isoformat(timespec="milliseconds")[:-6] + "Z"


class Kind(NamedTuple):
    """How a kind of value is described and answered."""

    field: Callable[..., fields.Field[Any]]
    show: Callable[[Any], Any] | None = None


TEXT = Kind(fields.String)
INT = Kind(fields.Integer)
BOOL = Kind(fields.Boolean)
TIME = Kind(fields.DateTime, iso)
TIME_US = Kind(fields.DateTime, lambda us: iso(us / 1_000_000))
MAP = Kind(fields.Dict)
TEXTS = Kind(lambda **given: fields.List(fields.String(), **given))
INTS = Kind(lambda **given: fields.List(fields.Integer(), **given))

_OF_COLUMN = {"text": TEXT, "bigint": INT, "boolean": BOOL, "text[]": TEXTS, "bigint[]": INTS}


class Member(NamedTuple):
    """A field of an answer."""

    stored: str
    """Where it comes from: a column, or a key of a stored JSON entry."""
    name: str
    kind: Kind
    sealed: bool = False


def _answered_name(stored: str, kind: Kind) -> str:
    if kind is TIME:
        return stored.removesuffix("_s")
    return stored.removesuffix("_us") if kind is TIME_US else stored


class Shape:
    """A listed set of fields: the schema that describes them, and how stored values become them."""

    def __init__(self, name: str, members: Sequence[Member], notes: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.members = tuple(members)
        self.sealed = tuple(m.name for m in members if m.sealed)
        self.notes = notes or {}
        made = {
            m.name: m.kind.field(required=True, allow_none=True, metadata=_described(m, self.notes)) for m in members
        }
        if self.sealed:
            made["sealed"] = fields.List(
                fields.String(),
                required=True,
                metadata={"description": "Personal fields that hold a value which this key may not see"},
            )
        self.schema: type[Schema] = Schema.from_dict(made, name=name)

    def of_values(self, values: Sequence[Any]) -> dict[str, Any]:
        """An answer from values in the order of the members."""
        return {
            m.name: m.kind.show(v) if v is not None and m.kind.show is not None else v
            for m, v in zip(self.members, values, strict=True)
        }

    def of_entry(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """An answer from a stored JSON entry."""
        return self.of_values([entry.get(m.stored) for m in self.members])

    def of_row(self, row: Any, **beside: Any) -> dict[str, Any]:
        """An answer from a read model's row as a named tuple, and values that are not its columns."""
        return self.of_values(
            [beside[m.stored] if m.stored in beside else getattr(row, m.stored) for m in self.members]
        )


def _described(member: Member, notes: Mapping[str, str]) -> dict[str, str]:
    note = notes.get(member.name) or ("Personal: null unless the key may see it" if member.sealed else "")
    return {"description": note} if note else {}


def many(shape: Shape) -> Kind:
    """A list of entries of a shape."""
    return Kind(
        lambda **given: fields.List(fields.Nested(shape.schema), **given),
        lambda entries: [shape.of_entry(e) for e in entries],
    )


def of_entries(name: str, notes: Mapping[str, str] | None = None, **kinds: Kind) -> Shape:
    """The shape of stored JSON entries, by key."""
    return Shape(name, [Member(k, _answered_name(k, kind), kind) for k, kind in kinds.items()], notes)


def of_table(name: str, table: Table, listed: str, *, notes: Mapping[str, str] | None = None, **special: Kind) -> Shape:
    """The shape of a read model's rows: the `listed` columns, in order. `special`: kinds of JSON and of other columns.

    A listed name that is no column of the table (the organization, `stale`) must be among `special`.
    """
    columns = {c.name: c for c in table.columns}
    members = []
    for stored in listed.split():
        column = columns.get(stored)
        kind = special[stored] if stored in special else _kind_of(table, stored)
        members.append(Member(stored, _answered_name(stored, kind), kind, bool(column and column.sealed)))
    return Shape(name, members, notes)


def _kind_of(table: Table, stored: str) -> Kind:
    kind = next(c.type for c in table.columns if c.name == stored)
    if kind == "bigint":
        return TIME if stored.endswith("_s") else TIME_US if stored.endswith("_us") else INT
    return _OF_COLUMN[kind]


_NOTES = {
    "org": "The organization it is billed for; null where nothing claims the customer",
    "stale": "An event about it could not be applied: it shows an older state until it is mended and rebuilt",
    "undecided": "Two events of one second contradict each other and nothing says which came last",
    "changed": "Stripe's time of the newest event about it",
    "account": "`platform`, or the connected account",
    "metadata": "As in Stripe; values that name a person are left out",
}
_END = " metadata changed_s undecided stale"

DISCOUNT = of_entries("Discount", id=TEXT, coupon=TEXT)
TAX = of_entries("Tax", amount_minor=INT, inclusive=BOOL, rate=TEXT, reason=TEXT)
ITEM = of_entries(
    "SubscriptionItem",
    id=TEXT, price=TEXT, product=TEXT, lookup_key=TEXT, nickname=TEXT, quantity=INT, unit_amount_minor=INT,
    unit_amount_decimal=TEXT, currency=TEXT, interval=TEXT, interval_count=INT, usage_type=TEXT, billing_scheme=TEXT,
    current_period_start_s=TIME, current_period_end_s=TIME, metadata=MAP, price_metadata=MAP,
)  # fmt: skip
CUSTOMER = of_table(
    "Customer",
    MODELS["customers"].table,
    "account id org claimed_by deleted name email phone description country balance_minor currency delinquent"
    " tax_exempt default_payment_method created_s" + _END,
    notes={**_NOTES, "balance_minor": "Credit (negative) or debt (positive) applied to the next invoice"},
    org=TEXT, claimed_by=TEXT, metadata=MAP, stale=BOOL,
)  # fmt: skip
SUBSCRIPTION = of_table(
    "Subscription",
    MODELS["subscriptions"].table,
    "account id org customer status currency collection_method items items_complete price_ids product_ids"
    " current_period_start_s current_period_end_s trial_start_s trial_end_s cancel_at_s cancel_at_period_end"
    " canceled_at_s ended_at_s cancellation_reason pause_behavior pause_resumes_at_s discounts latest_invoice"
    " default_payment_method schedule billing_mode start_date_s created_s" + _END,
    notes=_NOTES,
    org=TEXT, items=many(ITEM), discounts=many(DISCOUNT), metadata=MAP, stale=BOOL,
)  # fmt: skip
INVOICE = of_table(
    "Invoice",
    MODELS["invoices"].table,
    "account id org customer subscription status number currency collection_method billing_reason amount_due_minor"
    " amount_paid_minor amount_remaining_minor subtotal_minor total_minor total_excluding_tax_minor tax_minor"
    " discount_minor starting_balance_minor ending_balance_minor taxes discounts paid paid_out_of_band attempt_count"
    " attempted next_payment_attempt_s due_date_s auto_advance hosted_invoice_url invoice_pdf payment_intent charge"
    " default_payment_method period_start_s period_end_s finalized_at_s paid_at_s voided_at_s"
    " marked_uncollectible_at_s lines_complete line_count deleted created_s" + _END,
    notes=_NOTES,
    org=TEXT, taxes=many(TAX), discounts=many(DISCOUNT), metadata=MAP, stale=BOOL,
)  # fmt: skip
CATALOG_PRICE = of_entries(
    "CatalogPrice",
    id=TEXT, active=BOOL, deleted=BOOL, currency=TEXT, unit_amount_minor=INT, unit_amount_decimal=TEXT, type=TEXT,
    interval=TEXT, interval_count=INT, usage_type=TEXT, lookup_key=TEXT, nickname=TEXT, trial_period_days=INT,
    features=TEXTS, limits=MAP,
)  # fmt: skip
PRODUCT = of_table(
    "CatalogProduct",
    MODELS["catalog"].table,
    "account product name active deleted known features limits marketing_features prices lookup_keys metadata",
    notes={
        **_NOTES,
        "known": "False: a price names the product, which has not been seen itself",
        "features": "Keys of the features that its metadata grants",
        "limits": "Feature to its limit; null is unlimited",
    },
    features=TEXTS, limits=MAP, marketing_features=TEXTS, prices=many(CATALOG_PRICE), metadata=MAP,
)  # fmt: skip
ORG_CUSTOMER = of_entries("OrganizationCustomer", account=TEXT, customer=TEXT, claimed_by=TEXT)
ORGANIZATION = of_table(
    "Organization",
    MODELS["organizations"].table,
    "org customers accounts subscriptions delinquent created_s",
    notes={
        "subscriptions": "How many subscriptions it has in each status",
        "delinquent": "Whether Stripe calls one of its customers delinquent",
        "created": "When its first customer was created",
    },
    customers=many(ORG_CUSTOMER), subscriptions=MAP,
)  # fmt: skip
STRIPE_EVENT = of_table(
    "StripeEvent",
    MODELS["stripe_events"].table,
    "account id type state reason api_versions object object_id customer org_claim endpoint conflicts created_s"
    " received_us positions",
    notes={
        "account": _NOTES["account"],
        "state": "`applied`, `stored_only`, `waiting`, `quarantined` or `conflict`",
        "positions": "Where its renderings stand in the log",
    },
)
SOURCE_SEGMENT = of_entries("SourceSegment", state=TEXT, from_s=TIME, until_s=TIME)
SOURCE = of_entries(
    "EntitlementSource",
    by=TEXT, account=TEXT, customer=TEXT, subscription=TEXT, item=TEXT, price=TEXT, product=TEXT, quantity=INT,
    status=TEXT, limit=INT, unlimited=BOOL, segments=many(SOURCE_SEGMENT),
)  # fmt: skip
SEGMENT = of_entries(
    "EntitlementSegment", state=TEXT, granted=BOOL, limit=INT, unlimited=BOOL, from_s=TIME, until_s=TIME
)
ENTITLEMENT: type[Schema] = Schema.from_dict(
    {
        "feature": fields.String(required=True),
        "granted": fields.Boolean(required=True, metadata={"description": "Whether it may be used now"}),
        "state": fields.String(
            required=True,
            metadata={
                "description": "`active`, `trialing` or `grace` (granted); `restricted`, `suspended`, `revoked` or"
                " `none` (not)"
            },
        ),
        "limit": fields.Integer(required=True, allow_none=True, metadata={"description": "null where unlimited"}),
        "unlimited": fields.Boolean(required=True),
        "from": fields.DateTime(required=True, allow_none=True, metadata={"description": "Since when; null: always"}),
        "until": fields.DateTime(
            required=True, allow_none=True, metadata={"description": "Until when, as far as is known; null: open"}
        ),
        "next": fields.List(
            fields.Nested(SEGMENT.schema), required=True, metadata={"description": "What follows with time alone"}
        ),
        "sources": fields.List(
            fields.Nested(SOURCE.schema), required=True, metadata={"description": "What grants it, or granted it"}
        ),
        "stale": fields.Boolean(required=True, metadata={"description": _NOTES["stale"]}),
    },
    name="Entitlement",
)
PARKED_KEY: type[Schema] = Schema.from_dict(
    {
        "key": fields.List(fields.String(), required=True),
        "position": fields.Integer(required=True),
        "error": fields.String(required=True),
        "parked_at": fields.DateTime(required=True),
    },
    name="ParkedKey",
)
PROJECTION: type[Schema] = Schema.from_dict(
    {
        "name": fields.String(required=True),
        "kind": fields.String(required=True, metadata={"description": "`projection` or `derivation`"}),
        "group": fields.String(required=True, metadata={"description": "Models that advance together"}),
        "version": fields.Integer(required=True),
        "current": fields.Boolean(required=True, metadata={"description": "Whether it is built as now defined"}),
        "built_at": fields.DateTime(required=True, allow_none=True),
        "position": fields.Integer(required=True),
        "moved_at": fields.DateTime(required=True),
        "leading": fields.Boolean(required=True, metadata={"description": "Whether a worker leads its group"}),
        "lag_events": fields.Integer(
            required=True, metadata={"description": "Events of the log that it has not read; at most a million count"}
        ),
        "lag_seconds": fields.Float(required=True, metadata={"description": "Age of the oldest of them"}),
        "dirty": fields.Integer(required=True, metadata={"description": "Keys of this mode to derive anew"}),
        "spreading": fields.Integer(
            required=True, metadata={"description": "Changes of this mode whose reach is still being found"}
        ),
        "parked": fields.List(fields.Nested(PARKED_KEY), required=True, metadata={"description": "Keys set aside"}),
    },
    name="ReadModel",
)
