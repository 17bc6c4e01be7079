"""Overrides: an operator grants or denies a feature to an organization, whatever it has bought; lists what stands."""

import math
from datetime import datetime
from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.operations import carry_out
from api.resources.acting import answered_once, asked
from api.resources.answers import Concern
from api.resources.context import caller, context, send_list
from api.resources.lists import NEVER, Condition, ReadList, Source, list_of
from api.resources.orgs import ORG_ROUTE, org_exists
from api.resources.publish import act, listed, read, section
from api.schemas import BOOL, of_table
from commands.overrides import MAX_LIMIT, MAX_REASON
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


class _Meant(Schema):
    feature = fields.String(required=True, validate=validate.Length(1, 255))
    reason = fields.String(
        required=True, validate=validate.Length(1, MAX_REASON), metadata={"description": "Why; recorded"}
    )


_PERIOD: dict[str, Any] = {
    "from": fields.AwareDateTime(
        format="iso",
        load_default=None,
        allow_none=True,
        metadata={"description": "From when it holds, ISO 8601 with its offset or Z; at once if not given"},
    ),
    "until": fields.AwareDateTime(
        format="iso",
        load_default=None,
        allow_none=True,
        metadata={"description": "When it runs out by itself; when it is ended, if not given"},
    ),
}
EndOverride = _Meant.from_dict({}, name="EndOverride")
DenyOverride = _Meant.from_dict(_PERIOD, name="DenyOverride")
GrantOverride = _Meant.from_dict(
    {
        "limit": fields.Integer(
            strict=True,
            load_default=None,
            allow_none=True,
            validate=validate.Range(0, MAX_LIMIT),
            metadata={"description": "How much; without a limit if not given"},
        ),
        **_PERIOD,
    },
    name="GrantOverride",
)


class Decided(Schema):
    act = fields.String(required=True)
    changed = fields.Boolean(required=True, metadata={"description": "False: it was so already"})
    waiting = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The approval by a second person that it waits for; null: it is done"},
    )
    events = fields.List(
        fields.Dict(), required=True, metadata={"description": "What was appended, or would be, with `dry_run`"}
    )
    position = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Where it was recorded; give it as `min_position` to read what came of it"},
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


_REFUSALS = ("invalid",)


@act(overrides, f"{ORG_ROUTE}/overrides/grant", "override_acts", Decided, body=GrantOverride, problems=_REFUSALS)
def grant_override(given: dict[str, Any], org: str) -> Response:
    """Grant an organization a feature, whatever it has bought.

    Replaces an earlier override of the feature. While it holds, its limit is the only one. Waits for a second person.
    """
    return _done("grant_override", org, given)


@act(overrides, f"{ORG_ROUTE}/overrides/deny", "override_acts", Decided, body=DenyOverride, problems=_REFUSALS)
def deny_override(given: dict[str, Any], org: str) -> Response:
    """Deny an organization a feature, whatever it has bought.

    Replaces an earlier override of the feature. Waits for a second person.
    """
    return _done("deny_override", org, given)


@act(
    overrides,
    f"{ORG_ROUTE}/overrides/end",
    "override_acts",
    Decided,
    body=EndOverride,
    problems=("not_overridden", "invalid"),
)
def end_override(given: dict[str, Any], org: str) -> Response:
    """End an override: what was sold counts again.

    Waits for a second person.
    """
    return _done("end_override", org, given)


def _done(name: str, org: str, given: dict[str, Any]) -> Response:
    here, asks = context(), caller()
    times = {f"{k}_s": _seconds(given[k]) for k in ("from", "until") if k in given}
    limit = {"limit": given["limit"]} if "limit" in given else {}
    why = {"reason": given["reason"]} if name != "end_override" else {}
    command = {"mode": asks.mode, "org": org, "feature": given["feature"], **times, **limit, **why}
    done = carry_out(here.database, here.settings, name=name, given=command, asked=asked(given["reason"]))
    told = {n: getattr(done, n) for n in ("act", "changed", "waiting", "events", "position")}
    return answered_once(told, repeated=done.repeated)


def _seconds(when: datetime | None) -> int | None:
    return None if when is None else math.ceil(when.timestamp())
