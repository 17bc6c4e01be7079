"""Entitlements: may this organization use this feature now? Back ends ask before expensive work.

A stored row is a schedule of segments; which one holds is decided here, by the clock. A feature that nobody granted is
answered like any other, with `granted` false and the state `none`; an organization that the key may not know of is not
found.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import Response, request
from marshmallow import RAISE

from api.auth import Caller
from api.problems import Problem
from api.readers import query
from api.resources import orgs, seller
from api.resources.answers import Answer, Concern, Fresh, answer, fresh, reaching
from api.resources.context import Context, caller, context, if_none_match, send, send_list
from api.resources.lists import NEVER, Condition, Page, Read, ReadList, Request, Source, list_of, read_page, text
from api.resources.past import alone, past
from api.resources.publish import answered, listed, read, section
from api.schemas import BOOL, ENTITLEMENT, MAP, SEGMENT, SOURCE, TEXT, Member, Shape, iso
from projections.entitlements import ENTITLEMENTS
from projections.entitlements_schedule import deciding, standing
from replay.tables import LIVE

entitlements = section("entitlements", "Entitlements: who may use what, now")

_HOT = query("entitlement")


def evaluated(
    feature: str, segments: Sequence[dict[str, Any]], sources: Sequence[dict[str, Any]], now_s: float, stale: bool
) -> dict[str, Any]:
    """A feature's answer at a time, from its stored row."""
    now, following = standing(segments, now_s)
    return {
        "feature": feature,
        "granted": now["granted"],
        "state": now["state"],
        "limit": now["limit"],
        "unlimited": now["unlimited"],
        "kind": now.get("kind"),
        "period": now.get("period"),
        "reset": now.get("reset"),
        "soft": bool(now.get("soft")),
        "from": iso(now["from_s"]),
        "until": iso(now["until_s"]),
        "next": [SEGMENT.of_entry(s) for s in following],
        "sources": shown_sources(sources, deciding(sources, now_s)),
        "stale": stale,
    }


def shown_sources(sources: Sequence[dict[str, Any]], because: Sequence[int]) -> list[dict[str, Any]]:
    """Sources as they are answered. `because`: which of them decide."""
    return [SOURCE.of_entry({**source, "decides": i in because}) for i, source in enumerate(sources)]


class Filters(ReadList):
    as_of = text("As it stood at this position of the log, or this time (ISO 8601); goes with no other parameter")


class One(Read):
    pass


_STORED = Shape(
    "StoredEntitlement",
    [
        Member("feature", "feature", TEXT),
        Member("segments", "segments", MAP),
        Member("sources", "sources", MAP),
        Member("stale", "stale", BOOL),
    ],
)


def _rows_of(asks: Caller, org: str) -> Source:
    parked = f"SELECT FROM {LIVE}.parked p WHERE p.model = 'entitlements' AND p.key = ARRAY[t.mode, t.org]"
    return Source(
        _STORED,
        f"{LIVE}.entitlements t",
        {"stale": f"EXISTS ({parked})"},
        ("t.feature",),
        lambda _: [Condition("t.org = %s", (org,))],
        (
            Concern("org_links"),
            Concern("organizations", (asks.mode, org)),
            Concern("entitlements", (asks.mode, org)),
        ),
    )


@read(
    entitlements,
    "/v1/orgs/<org:org>/entitlements",
    "entitlements",
    listed(ENTITLEMENT),
    query=Filters,
    problems=("not_found", "invalid_cursor"),
)
def list_entitlements(given: dict[str, Any], org: str) -> Response:
    """List an organization's entitlements.

    Ordered by feature, each as it stands now; with `as_of`, all as they stood then.
    """
    here, asks = context(), caller()
    as_of = given.pop("as_of")
    if as_of is not None:
        alone(given)
        then = past(here, asks, org, as_of)
        entries = [evaluated(r.feature, r.segments, r.sources, then.when_s, False) for r in then.rows("entitlements")]
        return send_list(({"data": entries, "next_cursor": None}, then.fresh), ENTITLEMENT)
    now_s = here.clock()
    source, exists = _rows_of(asks, org), orgs.org_exists(asks, org)
    if asks.account is not None:
        return send_list(_seller_page(here, asks, org, given, Request((NEVER,), 1, None, exists)), ENTITLEMENT)

    def present(page: Page) -> list[dict[str, Any]]:
        return [evaluated(f, segments, sources, now_s, stale) for f, segments, sources, stale in page.rows]

    return send_list(list_of(here, asks, source, given, [], exists=exists, present=present), ENTITLEMENT)


def _seller_page(
    here: Context, asks: Caller, org: str, given: Mapping[str, Any], asked: Request
) -> tuple[dict[str, Any], Fresh]:
    """A page of what one seller sold. Not even a cursor may name what others did."""
    assert asks.account is not None
    bound = ["Entitlement", asks.mode, asks.org, asks.account, org]
    after = here.cursors.open(given["cursor"], bound)[0] if given["cursor"] is not None else ""
    page, how_fresh = reaching(given["min_position"], lambda: read_page(here, asks, _rows_of(asks, org), asked))
    if not page.exists:
        raise Problem("not_found")
    theirs, now_s = _of_seller(here, asks, org, asks.account), here.clock()
    features = sorted(f for f in theirs if f > after)
    shown, more = features[: given["limit"]], len(features) > given["limit"]
    entries = [evaluated(f, *theirs[f], now_s, False) for f in shown]
    return {"data": entries, "next_cursor": here.cursors.make(shown[-1:], bound) if more else None}, how_fresh


def _of_seller(here: Context, asks: Caller, org: str, account: str) -> dict[str, tuple[Any, Any]]:
    """Feature -> segments and sources, of one seller's subscriptions alone."""
    with here.readers.connection() as conn:
        rows = seller.derived(ENTITLEMENTS, (asks.mode, org), seller.live(conn), account)
    return {r.feature: (r.segments, r.sources) for r in rows}


class Stored(NamedTuple):
    """A feature's stored row; empty where nobody ever granted it."""

    segments: Sequence[dict[str, Any]]
    sources: Sequence[dict[str, Any]]
    stale: bool


def stored(here: Context, asks: Caller, org: str, feature: str, min_position: int | None) -> tuple[Stored, Fresh]:
    """The hot read. Raises Problem("not_found") for an organization that the key may not know of."""
    mode = asks.mode
    # A foreign organization takes the same way as one that does not exist.
    asked = org if asks.org is None or asks.org == org else None
    params = (mode, asked, mode, asked, mode, asked, mode, asked, feature)

    def ask() -> tuple[Any, Fresh]:
        rows = here.readers.rows(_HOT, params)
        if not rows:
            raise Problem("not_built")
        row = rows[0]
        return row, fresh(row[0], row[1], row[2])

    row, how_fresh = reaching(min_position, ask)
    exists, segments, sources, stale = row[3:]
    if exists and asks.account is not None:
        exists, segments, sources = _for_seller(here, asks, org, feature, asks.account)
        stale = False  # derived just now, whatever became of the stored row
    if not exists:
        raise Problem("not_found")
    return Stored(segments or (), sources or (), stale), how_fresh


def one_entitlement(
    here: Context, asks: Caller, org: str, feature: str, min_position: int | None, if_none_match: str | None
) -> Answer:
    """A feature's answer now. Raises Problem."""
    row, how_fresh = stored(here, asks, org, feature, min_position)
    return answer(evaluated(feature, *row[:2], here.clock(), row.stale), how_fresh, if_none_match)


def _for_seller(here: Context, asks: Caller, org: str, feature: str, account: str) -> tuple[bool, Any, Any]:
    exists = orgs.org_exists(asks, org)
    if not here.readers.rows(f"SELECT {exists.sql}", exists.params)[0][0]:
        return False, None, None
    return True, *_of_seller(here, asks, org, account).get(feature, ((), ()))


_QUERY = One(unknown=RAISE)


@read(
    entitlements,
    "/v1/orgs/<org:org>/entitlements/<path:feature>",
    "entitlements",
    answered(ENTITLEMENT),
    problems=("not_found",),
    parameters=[{"in": "query", "schema": One}],
)
def get_entitlement(org: str, feature: str) -> Response:
    """Ask whether an organization may use a feature now.

    A feature that nobody granted answers `granted` false with the state `none`. Cheap: ask before expensive work.
    """
    given = _parse(request.args) if request.query_string else {"min_position": None}
    return send(one_entitlement(context(), caller(), org, feature, given["min_position"], if_none_match()))


def _parse(args: Any) -> dict[str, Any]:
    # webargs costs as much as the whole read, so the query is parsed here, by the schema that documents it.
    errors = _QUERY.validate(args)
    if errors:
        named = [{"parameter": p, "message": " ".join(m)} for p, m in sorted(errors.items())]
        raise Problem("invalid_query", errors=named)
    loaded: dict[str, Any] = _QUERY.load(args)
    return loaded
