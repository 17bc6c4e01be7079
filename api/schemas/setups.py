"""What answers about setup hold: a case, its steps, and the approval of each."""

from api.schemas.shape import INT, NOTES, TEXT, TIME, many, of_entries, of_table, one
from projections import MODELS

APPROVAL = of_entries(
    "SetupApproval",
    {
        "artefact": "What the approval rests on",
        "authorizes": "What may be done since",
        "by": "Who approved",
        "why": "The reason that was given",
    },
    artefact=TEXT, authorizes=TEXT, by=TEXT, why=TEXT, at_s=TIME,
)  # fmt: skip
STEP = of_entries(
    "SetupCaseStep",
    {
        "key": "What it is called in acts; the last is always `go_live`",
        "by": "Whose it is: `customer`, `operator` or `system`",
        "approved": "null: it is open",
    },
    key=TEXT, title=TEXT, by=TEXT, approved=one(APPROVAL),
)  # fmt: skip
SETUP = of_table(
    "SetupCase",
    MODELS["setups"].table,
    "account placement org kind plan version state steps next_step next_by live_s closed since_s until_s",
    notes={
        "account": NOTES["account"],
        "placement": "The subscription, purchase or agreement that was bought",
        "kind": "`subscription`, `checkout`, `invoice` or `agreement`",
        "state": "`purchased`, `in_setup`, `ready`, `live`, `paused`, `suspended`, `recovering` or `cancelled`",
        "next_step": "The step that is to be approved next; null: none is",
        "next_by": "Whose step it is",
        "live": "Since when every step is approved; null: nothing of it is live",
        "closed": "`cancelled` or `refunded`: no step is approved or reopened any more",
        "until": "When it ends by time alone",
    },
    steps=many(STEP), version=INT,
)  # fmt: skip
