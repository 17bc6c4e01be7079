"""What answers about hosting hold: environments, placements, rate cards, accruals, invoices, limits, breakdowns."""

from marshmallow import Schema, fields

from api.schemas.shape import BOOL, INT, MAP, TEXT, TIME, Kind, many, of_entries, of_table
from projections import MODELS

_EXACT = "Exact, in minor units of the currency: a decimal"

OWNER = of_entries("EnvironmentOwner", {"from": "null: from the beginning"}, org=TEXT, from_s=TIME)
PRICED_BY = of_entries("EnvironmentRateCard", {"from": "null: from the beginning"}, rate_card=TEXT, from_s=TIME)
OUTAGE = of_entries(
    "EnvironmentOutage",
    {"percent": "What is taken off what was used in it; a decimal"},
    outage=TEXT, from_s=TIME, until_s=TIME, percent=TEXT, reason=TEXT,
)  # fmt: skip
ENVIRONMENT = of_table(
    "Environment",
    MODELS["environments"].table,
    "id org name is_default state service rate_card shared_with owners rate_cards outages created_us stale",
    notes={
        "org": "Who owns it by the latest instant that was said, and pays for it from then on",
        "is_default": "Whether it was made because the organization needed one",
        "state": "`active` or `archived`",
        "service": "How its owner's postpaid service stands: `active`, `past_due`, `grace`, `suspended` …",
        "owners": "Each from an instant on; the first from the beginning",
        "rate_card": "By which it is priced, by the latest instant that was said",
        "rate_cards": "Each from an instant on; the first from the beginning",
    },
    owners=many(OWNER), rate_cards=many(PRICED_BY), outages=many(OUTAGE), service=TEXT, stale=BOOL,
)  # fmt: skip
PLACED = of_entries("PlacedAt", {"environment": "null: in none from then on"}, environment=TEXT, from_s=TIME)
PLACEMENT = of_table(
    "HostingPlacement",
    MODELS["placements"].table,
    "kind id environment placed stale",
    notes={"kind": "`namespace` or `project`", "environment": "By the latest instant that was said"},
    placed=many(PLACED), stale=BOOL,
)  # fmt: skip
RATE_CARD = of_table(
    "RateCard",
    MODELS["rate_cards"].table,
    "id card version currency effective_s markup_percent rates published_us stale",
    notes={
        "rates": "Resource to minor units a core-hour (`cpu`), a GiB-hour (`memory`, `storage`), a GiB (`egress`)",
        "effective": "Since when; later versions replace earlier ones from there on",
    },
    rates=MAP, stale=BOOL,
)  # fmt: skip
#: Stored as a list, in this order.
_ENTRY = of_entries(
    "AccrualEntry",
    {"resource": "Or `outage_credit`", "cost": _EXACT, "amount": _EXACT},
    namespace=TEXT, project=TEXT, resource=TEXT, quantity=TEXT, cost=TEXT, amount=TEXT,
)  # fmt: skip
ACCRUAL = of_table(
    "Accrual",
    MODELS["accruals"].table,
    "org environment day number currency amount entries booked_us position stale",
    notes={
        "number": "0: the day's accrual; from 1 on adjustments, each a difference",
        "amount": _EXACT,
        "entries": "By namespace, project and resource: quantity, cost by the rate card, amount with markup",
        "position": "Where the booking stands in the log: it is in the invoice of the month that was open then",
    },
    number=INT, entries=Kind(many(_ENTRY).field, lambda entries: [_ENTRY.of_values(entry) for entry in entries]),
    stale=BOOL,
)  # fmt: skip
LINE = of_entries(
    "HostingInvoiceLine",
    {
        "environment": "null: what was carried over from before",
        "amount": _EXACT,
        "amount_minor": "Its share of the total: lines sum to it",
    },
    environment=TEXT, namespace=TEXT, amount=TEXT, amount_minor=INT,
)  # fmt: skip
HOSTING_INVOICE = of_table(
    "HostingInvoice",
    MODELS["hosting_invoices"].table,
    "id org month currency state total_minor opening accrued closing minimum_minor lines issuance invoice"
    " invoiced_minor credited_minor closed_us",
    notes={
        "state": "`closed` (to be issued), `carried` (all of it is carried over), or where its issuance is: `issuing`, "
        "`held`, `issue_failed`, `issued`, `paid`, `overdue` (a payment failed), `void`, `credited`",
        "issuance": "What bills it; null: nothing yet",
        "invoice": "Stripe's",
        "invoiced_minor": "Stripe's total",
        "opening": "Carried over from before. " + _EXACT,
        "accrued": "What was booked and is in no earlier month's. " + _EXACT,
        "closing": "Carried over to the next month: opening + accrued = total + closing. " + _EXACT,
        "minimum_minor": "Less than this is carried over",
    },
    lines=many(LINE),
)  # fmt: skip


class OpenInvoice(Schema):
    """What an invoice would be if its month were closed now."""

    org = fields.String(required=True)
    month = fields.String(required=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    opening = fields.String(required=True, metadata={"description": "Carried over from before. " + _EXACT})
    accrued = fields.String(required=True, metadata={"description": _EXACT})
    closing = fields.String(required=True, metadata={"description": _EXACT})
    minimum_minor = fields.Integer(required=True, metadata={"description": "Less than this is carried over"})
    lines = fields.List(fields.Nested(LINE.schema), required=True)


class OpenInvoices(Schema):
    """One for each currency."""

    data = fields.List(fields.Nested(OpenInvoice), required=True)


class SpendingLimit(Schema):
    """What an organization wants to pay for hosting in a calendar month (UTC), at most."""

    org = fields.String(required=True)
    limit_minor = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: explicitly without a limit, or none was set"}
    )
    currency = fields.String(required=True, allow_none=True)
    hard_stop = fields.Boolean(required=True, metadata={"description": "Whether hosting stops when it is reached"})
    set = fields.Boolean(required=True, metadata={"description": "false: nobody ever said anything about it"})
    month = fields.String(
        required=True, allow_none=True, metadata={"description": "The last one in which a threshold was reached"}
    )
    reached = fields.List(fields.Integer(), required=True, metadata={"description": "Percents reached in that month"})
    spent = fields.String(
        required=True, allow_none=True, metadata={"description": "When the last of them was reached. " + _EXACT}
    )
    stopped = fields.Boolean(required=True, metadata={"description": "Whether its hosting is to stand still"})


#: Its columns in the read model.
SPENDING_ROW = of_table(
    "SpendingLimitRow",
    MODELS["spending_limits"].table,
    "limit_minor currency hard_stop month reached spent stopped",
)


class SpendingLimitInput(Schema):
    """What to set it to."""

    limit_minor = fields.Integer(required=True, allow_none=True)
    currency = fields.String(load_default=None, allow_none=True)
    hard_stop = fields.Boolean(load_default=False)
    reason = fields.String(load_default="set over the API", metadata={"description": "Why; recorded"})


class Share(Schema):
    """What one of them cost."""

    key = fields.String(required=True, allow_none=True, metadata={"description": "null: of no project"})
    amount = fields.String(required=True, metadata={"description": _EXACT})
    amount_minor = fields.Integer(
        required=True, metadata={"description": "Its share of the total in whole minor units: shares sum to it"}
    )
    share_percent = fields.String(
        required=True,
        metadata={
            "description": "To two decimals; shares of a currency sum to 100.00, or are all 0 where the total is"
        },
    )
    others = fields.Integer(
        required=True, metadata={"description": "0, or how many are summed up here behind the top ones"}
    )


class Breakdown(Schema):
    """What an organization's hosting cost, by one of its aspects, in one currency."""

    currency = fields.String(required=True)
    by = fields.String(required=True)
    total = fields.String(required=True, metadata={"description": _EXACT})
    total_minor = fields.Integer(required=True, metadata={"description": "Rounded to the nearest; halves up"})
    shares = fields.List(fields.Nested(Share), required=True)


class Breakdowns(Schema):
    """One for each currency."""

    data = fields.List(fields.Nested(Breakdown), required=True)


class CostsTaken(Schema):
    """What became of a batch of cost events."""

    accepted = fields.Integer(required=True, metadata={"description": "That were new"})
    repeated = fields.Integer(required=True, metadata={"description": "That were there already, and say the same"})
    position = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of the batch in the log; null: nothing was new"}
    )
