"""Cost events in: what clusters report that namespaces used, one or up to 1,000 at once.

A POST that takes no Idempotency-Key: each cost event has an id of its own, which counts once for ever.
"""

from typing import Any

import msgspec
from flask import Response, request

from api.hosting import taking
from api.hosting.taking import Batch, Reporter
from api.problems import KINDS, MEDIA_TYPE
from api.resources.acting import mode
from api.resources.context import caller, context
from api.resources.publish import section
from api.schemas.hosting import CostsTaken

cost_events = section("cost-events", "Cost events: what namespaces used")

#: The body of the request in the document.
INPUT = "CostEvents"
_PROBLEMS = ("unauthorized", "forbidden", "bad_request", "refused", "invalid", "rate_limited", "store_unavailable")


def components() -> dict[str, dict[str, Any]]:
    """The body, for the document."""
    _, parts = msgspec.json.schema_components((Batch,), ref_template="#/components/schemas/{name}")
    return {INPUT: parts.pop("Batch"), **parts}


def post_cost_events() -> Response:
    """Report what namespaces used.

    Each cost event counts once, for ever: again with the same content it is a success, with another it is refused
    (`cost_event_conflict`), and nothing of its batch is taken. A correction is a cost event that names the one it
    compensates, and may be negative.
    """
    here, asks = context(), caller()
    batch = taking.read_batch(request.get_data())
    reporter = Reporter(mode(), asks.person or asks.key_id, int(here.clock()))
    with here.database.log() as log:
        taken = taking.take(log, reporter, batch)
    told = {"accepted": taken.accepted, "repeated": taken.repeated, "position": taken.position}
    return Response(msgspec.json.encode(told), 200, {"Content-Type": "application/json"})


def _publish() -> None:
    refusals: dict[str, Any] = {}
    for code in _PROBLEMS:
        together = refusals.setdefault(
            str(KINDS[code].status),
            {"description": "", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        )
        together["description"] += f"`{code}`: {KINDS[code].meaning}\n\n"
    schema = {"$ref": f"#/components/schemas/{INPUT}"}
    served: Any = cost_events.response(200, CostsTaken)(post_cost_events)
    served = cost_events.doc(
        requestBody={"required": True, "content": {"application/json": {"schema": schema}}},
        responses=refusals,
        operationId="cost-events.post_cost_events",
    )(served)
    served.resource = "cost_events"
    cost_events.route("/v1/cost-events", methods=["POST"])(served)


_publish()
