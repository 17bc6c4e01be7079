"""Overrides that stand: what operators granted or denied an organization, whatever it has bought."""

from typing import Any

from flask import Response

from api.resources.answers import Concern
from api.resources.context import caller, context, send_list
from api.resources.lists import NEVER, Condition, ReadList, Source, list_of
from api.resources.orgs import ORG_ROUTE, org_exists
from api.resources.publish import listed, read, section
from api.schemas import BOOL, of_table
from projections import MODELS
from replay.tables import LIVE

overrides = section("overrides", "Overrides: what operators grant or deny")

OVERRIDE = of_table(
    "Override",
    MODELS["overrides"].table,
    "feature granted limit from_s until_s reason stream version stale",
    notes={
        "granted": "False: it is denied",
        "limit": "null: without a limit",
        "from": "null: at once",
        "until": "null: until it is ended; one that ran out is listed until it is ended or replaced",
        "stream": "The stream of the event that said so, and `version` its place there",
    },
    stale=BOOL,
)


@read(
    overrides,
    f"{ORG_ROUTE}/overrides",
    "entitlements",
    listed(OVERRIDE.schema),
    query=ReadList,
    problems=("not_found", "invalid_cursor"),
)
def list_overrides(given: dict[str, Any], org: str) -> Response:
    """List what operators said of an organization's features.

    Ordered by feature: the last word on each that was not ended. A key that is bound to a seller sees none.
    """
    here, asks = context(), caller()
    source = Source(
        OVERRIDE,
        f"{LIVE}.overrides t",
        {},
        ("t.feature",),
        lambda caller: [NEVER] if caller.account is not None else [],
        (Concern("organizations", (asks.mode, org)),),
    )
    conditions = [Condition("t.org = %s", (org,))]
    return send_list(list_of(here, asks, source, given, conditions, exists=org_exists(asks, org)), OVERRIDE.schema)
