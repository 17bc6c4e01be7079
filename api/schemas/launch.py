"""What answers about the launch gate hold: whether checkout is open, what blocks it, and its eleven areas."""

from api.schemas.shape import BOOL, TEXT, TEXTS, TIME, TIME_US, Member, Shape, many, of_entries

CHECK = of_entries(
    "LaunchCheck",
    {"passed": "false: the area is not proven", "said": "What was found, for people"},
    check=TEXT, passed=BOOL, said=TEXT,
)  # fmt: skip
EVIDENCE = of_entries(
    "LaunchEvidence",
    {"stream": "Where the event stands in the log; `version` its place there", "shows": "What it proves"},
    stream=TEXT, event=TEXT, shows=TEXT,
)  # fmt: skip
SPAN = of_entries("LaunchSpan", {"until": "null: without end"}, from_s=TIME, until_s=TIME)
AREA = of_entries(
    "LaunchArea",
    {
        "path": "`revenue`, `entitlement`, `service_control` or `pass_through`",
        "proven": "Every check passed. A sign-off has no part in it",
        "ready": "Proven, and signed off",
        "proven_in": "The mode of the evidence: live may cite test",
        "until": "When the sign-off ends by itself",
        "holds": "When cost policies are in force; null: no date bounds this area",
        "reopened": "Why a sign-off fell, until the next",
    },
    area=TEXT, path=TEXT, proven=BOOL, ready=BOOL, checks=many(CHECK), evidence=many(EVIDENCE), proven_in=TEXT,
    signed=BOOL, signed_by=TEXT, signed_why=TEXT, until_s=TIME, reopened=TEXTS, holds=many(SPAN),
)  # fmt: skip
LAUNCH = Shape(
    "Launch",
    [
        Member("open", "open", BOOL),
        Member("by", "by", TEXT),
        Member("why", "why", TEXT),
        Member("area", "area", TEXT),
        Member("since_us", "since", TIME_US),
        Member("blocks", "blocks", TEXTS),
        Member("areas", "areas", many(AREA)),
        Member("selling_links", "selling_links", TEXTS),
    ],
    {
        "open": "Whether direct checkout is open. It begins no sale while an area that was signed off is not ready",
        "by": "Who turned it last: a person, or `system`",
        "area": "The area that closed it; null: a person did, or it is open",
        "since": "null: it was never opened",
        "blocks": "What speaks against opening it, area by area",
        "areas": "None before a plan is published",
        "selling_links": "Payment links of ours at which Stripe still sells although checkout is closed: close them",
    },
)
