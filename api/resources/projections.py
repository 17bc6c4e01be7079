"""How the read models stand: position, lag, what waits to be derived, what was set aside. For staff alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import Response

from api.problems import Problem
from api.readers import Readers, query
from api.resources.answers import Fresh, reaching
from api.resources.context import Context, caller, context, send_list
from api.resources.lists import Read
from api.resources.publish import listed, read, section
from api.schemas import PROJECTION, iso_of
from ledger import codec
from projections import GROUPS, MODELS
from projections.base import Group, Projection
from replay import tables

projections = section("projections", "How fresh the read models are")

_MODELS, _PARKED, _LEADERS = query("models"), query("parked"), query("leaders")
_LAG_OF_ALL, _LAG_OF_TOPICS = query("lag_of_all"), query("lag_of_topics")


class Standing(NamedTuple):
    """How a group of read models stands."""

    position: int
    moved_at: Any
    lag_events: int
    lag_s: float
    """Age of the oldest event that it has not read."""
    still_s: float
    """How long ago its checkpoint moved."""
    leading: bool
    """Whether a worker leads it."""


def standing(readers: Readers) -> dict[str, Standing]:
    """How each group stands; one that was never built is left out. Raises NotBuilt, StoreUnavailable."""
    names = {f"{tables.LIVE}/{g.name}": g.name for g in GROUPS}
    led = {names[lock] for (lock,) in readers.rows(_LEADERS, (list(names),))}
    found = {}
    for group in GROUPS:
        for position, moved_at, waiting, since, now in _lag(readers, group):
            lag_s = max(0.0, (now - since).total_seconds()) if since is not None else 0.0
            still_s = (now - moved_at).total_seconds()
            found[group.name] = Standing(position, moved_at, waiting, lag_s, still_s, group.name in led)
    return found


def _lag(readers: Readers, group: Group) -> Sequence[Any]:
    names = group.own_topics
    if names is None:
        return readers.rows(_LAG_OF_ALL, (group.name,))
    topics = [f"{name}/{v}" for name in sorted(names) for v in range(1, codec.version_of(name) + 1)]
    return readers.rows(_LAG_OF_TOPICS, (topics, topics, group.name))


def outdated(readers: Readers) -> list[str]:
    """The read models that are missing, or not built as now defined."""
    built = {name: (version, shape) for name, version, shape, *_ in readers.rows(_MODELS, ("", ""))}
    return [n for n, m in MODELS.items() if built.get(n) != (m.version, tables.shape(m))]


@read(projections, "/v1/projections", "projections", listed(PROJECTION), query=Read)
def list_projections(given: dict[str, Any]) -> Response:
    """List read models and how each stands.

    Keys that wait or are parked are those of the key's mode. All models are on one page.
    """
    here, mode = context(), caller().mode
    groups, how_fresh = reaching(given["min_position"], lambda: _standing(here))
    parked: dict[str, list[dict[str, Any]]] = {}
    for model, key, position, error, parked_at in here.readers.rows(_PARKED, (mode, mode)):
        entry = {"key": key, "position": position, "error": error, "parked_at": iso_of(parked_at)}
        parked.setdefault(model, []).append(entry)
    built = {row[0]: row[1:] for row in here.readers.rows(_MODELS, (mode, mode))}
    entries = [
        _entry(group, model.name, groups[group.name], built, parked.get(model.name, []))
        for group in GROUPS
        if group.name in groups
        for model in group.models
    ]
    return send_list(({"data": entries, "next_cursor": None}, how_fresh), PROJECTION)


def _standing(here: Context) -> tuple[dict[str, Standing], Fresh]:
    found = standing(here.readers)
    if "billing" not in found:
        raise Problem("not_built")
    return found, Fresh(found["billing"].position, iso_of(found["billing"].moved_at))


def _entry(
    group: Group, name: str, how: Standing, built: Mapping[str, Sequence[Any]], parked: list[dict[str, Any]]
) -> dict[str, Any]:
    model = MODELS[name]
    version, shape, built_at, dirty, spreading = built.get(name, (model.version, None, None, 0, 0))
    return {
        "name": name,
        "kind": "projection" if isinstance(model, Projection) else "derivation",
        "group": group.name,
        "version": version,
        "current": (version, shape) == (model.version, tables.shape(model)),
        "built_at": iso_of(built_at) if built_at is not None else None,
        "position": how.position,
        "moved_at": iso_of(how.moved_at),
        "leading": how.leading,
        "lag_events": how.lag_events,
        "lag_seconds": round(how.lag_s, 3),
        "dirty": dirty,
        "spreading": spreading,
        "parked": parked,
    }
