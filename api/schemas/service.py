"""What answers about service control hold: a service and its schedule, debts, policies, requests for enforcement."""

from api.schemas.shape import BOOL, INT, MAP, NOTES, TEXT, TIME, TIME_US, many, of_entries, of_table
from projections import MODELS

STATES = ("active", "past_due", "grace", "paused", "suspended", "cancelled")
_STATE = "`active`, `past_due`, `grace`, `paused`, `suspended` or `cancelled`"

SERVICE_SEGMENT = of_entries(
    "ServiceSegment",
    {
        "state": _STATE,
        "from": "Its boundary, in UTC: nothing is done before it",
        "until": "null: until something changes",
        "debt": "The unpaid invoice that leads, as `account/invoice`",
    },
    state=TEXT, from_s=TIME, until_s=TIME, debt=TEXT,
)  # fmt: skip
SERVICE_DEBT = of_entries(
    "ServiceDebt",
    {
        "failed": "How many payments failed, by the invoice's own count",
        "start": "When retries were over, or will be; null: they are not",
        "why": "`retries`, `time`, `hard_decline`, `no_method` or `due`",
        "enforced": "Whether its policy is enforced, rather than only told",
    },
    account=TEXT, invoice=TEXT, currency=TEXT, owed_minor=INT, failed=INT, start_s=TIME, why=TEXT, plan_id=TEXT,
    policy=TEXT, policy_version=INT, enforced=BOOL,
)  # fmt: skip
SERVICE = of_table(
    "Service",
    MODELS["service_states"].table,
    "org service state by since_s enforced closed_s why schedule debts owed extended_until_s anomalies",
    notes={
        "service": "`postpaid` (all that is paid afterwards), or `account/subscription` of what is paid in advance",
        "state": _STATE,
        "by": "`policy`, or `operator`, whose word outranks it; null: nothing was ever done",
        "since": "Since when",
        "enforced": "false: it is told, and nothing is done",
        "closed": "Since when it has been closed with effect; null: it is open",
        "why": "The debt and the policy that led to it, or an operator's reason",
        "schedule": "What should be and when, as is known now: the next step is taken at its boundary",
        "owed": "Currency to minor units",
        "extended_until": "An operator promised that no debt closes it before",
    },
    schedule=many(SERVICE_SEGMENT), debts=many(SERVICE_DEBT), owed=MAP, why=MAP,
)  # fmt: skip
DEBT = of_table(
    "Debt",
    MODELS["debts"].table,
    "account id org customer subscription service currency owed_minor failed start_s why plan_id policy"
    " policy_version enforced anomalies",
    notes={
        "account": NOTES["account"],
        "id": "The invoice's",
        "org": NOTES["org"],
        "owed_minor": "What is left of it; null: the invoice does not say",
        "failed": "How many payments failed, by the invoice's own count",
        "start": "When retries were over, or will be; null: they are not",
        "why": "`retries`, `time`, `hard_decline`, `no_method` or `due`",
        "anomalies": "`unknown_amount`, `unknown_policy`, `unlinked`",
    },
)
SERVICE_POLICY = of_table(
    "ServicePolicyVersion",
    MODELS["service_policies"].table,
    "policy version enforced definition",
    notes={
        "version": "0: the one that is there before any is published",
        "enforced": "false: its steps are told, and nothing is done",
        "definition": "All that it says: retries, stages and their days, what begins them anew",
    },
    definition=MAP,
)
ENFORCEMENT = of_table(
    "Enforcement",
    MODELS["enforcements"].table,
    "org environment request wanted state attempt first_s asked_s due_s acknowledged_us because",
    notes={
        "request": "Give it back to acknowledge. Only the last request counts",
        "wanted": "`zero` or `up`",
        "state": "`asked`, `acknowledged`, or `overdue`: it was asked again",
        "attempt": "How often it was asked",
        "first": "When it was asked first",
        "due": "Until when it is to be acknowledged",
        "because": "Which service is closed, and in which state",
    },
    because=MAP, acknowledged_us=TIME_US,
)  # fmt: skip
