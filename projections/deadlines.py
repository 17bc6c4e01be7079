"""Deadlines: due times that follow from rows, each until it is met. What is done about one is in `commands.deadlines`.

One row a kind and key: the earliest of its due times that has not been met. One that moves is due anew; one that goes
away has no row. No clock: a row says when, and the scheduler what time it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ledger.events import DeadlineMet
from ledger.ids import item_parts, key_of
from projections.base import Column, Derivation, Entry, Input, Key, Projection, Row, Table
from projections.notices import told

_KEY = (Column("mode", "text"), Column("kind", "text"), Column("key", "text"))

_MET = Table("deadlines_met", ("mode", "kind", "key"), (*_KEY, Column("met_s", "bigint[]")))

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, ...]).decode


def _met_keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, DeadlineMet)
    return ((said.mode, said.kind, said.key),)


def _apply_met(state: bytes | None, entry: Entry) -> bytes:
    assert isinstance(entry.event, DeadlineMet)
    return _encode(sorted({*(_decode(state) if state is not None else ()), entry.event.at_s}))


DEADLINES_MET = Projection(
    "deadlines_met",
    1,
    _MET,
    (DeadlineMet.NAME,),
    _met_keys,
    _apply_met,
    lambda key, state: _MET.row(*key, list(_decode(state))),
)


class Moment(NamedTuple):
    """A due time of a row, and what is to be known then."""

    at_s: int
    about: dict[str, Any]


class Source(NamedTuple):
    """Rows that have due times."""

    kind: str
    model: str
    by: tuple[str, ...]
    """The model's key, mode first; without the mode it is the deadline's."""
    columns: tuple[str, ...]
    moments: Callable[[Row], Iterable[Moment]]
    org: Callable[[Row], str | None]
    """Whose it is, where the row says so; else its customer's organization (`link`)."""
    link: Callable[[Row], Key | None] = lambda row: None


def _trial(row: Row) -> Iterable[Moment]:
    if row.status == "trialing" and row.trial_end_s is not None:
        about = {"account": row.account, "customer": row.customer, "subscription": row.id}
        yield Moment(row.trial_end_s, about)


def _override(row: Row) -> Iterable[Moment]:
    if row.until_s is not None:
        yield Moment(row.until_s, {"feature": row.feature, "granted": row.granted})


def _turns(row: Row) -> Iterable[Moment]:
    """When what is allowed changes by time alone."""
    segments = [told(s) for s in row.segments]
    for segment, then in zip(segments, [*segments[1:], None], strict=True):
        if segment["until_s"] is not None:
            yield Moment(segment["until_s"], {"feature": row.feature, "before": segment, "now": then})


def _boundaries(row: Row) -> Iterable[Moment]:
    """When what a service should be changes by time alone."""
    for at_s in sorted({t for s in row.schedule for t in (s["from_s"], s["until_s"]) if t is not None}):
        yield Moment(at_s, {"service": row.service})


def _acknowledgement(row: Row) -> Iterable[Moment]:
    if row.state != "acknowledged":
        yield Moment(row.due_s, {"environment": row.environment, "wanted": row.wanted})


#: How long nobody may acknowledge that a cap is reached, before they are told again.
ACKNOWLEDGED_WITHIN_S = 900


def _reservation(row: Row) -> Iterable[Moment]:
    if row.status == "open":
        yield Moment(row.until_s, {"category": row.category, "reservation": row.id})


def _sign_off(row: Row) -> Iterable[Moment]:
    if row.signed and row.until_s is not None:
        yield Moment(row.until_s, {"area": row.area})


def _policies_over(row: Row) -> Iterable[Moment]:
    """When no cost policy holds any more, by time alone."""
    if row.signed:
        for span in row.holds or ():
            if span["until_s"] is not None:
                yield Moment(span["until_s"], {"area": row.area, "holds": row.holds})


def _stop(row: Row) -> Iterable[Moment]:
    if row.stopped_s is not None and row.acknowledged_s is None:
        said = {"category": row.category, "period": row.period, "currency": row.currency, "rule": row.stop_rule}
        yield Moment(row.stopped_s + ACKNOWLEDGED_WITHIN_S, {**said, "notice": row.stop_notice})


#: The registry: one line a kind.
SOURCES: tuple[Source, ...] = (
    Source(
        "trial.ending",
        "subscriptions",
        ("mode", "account", "id"),
        ("status", "trial_end_s", "customer"),
        _trial,
        lambda row: None,
        lambda row: (row.mode, row.account, row.customer) if row.customer else None,
    ),
    Source(
        "override.ending",
        "overrides",
        ("mode", "org", "feature"),
        ("until_s", "granted"),
        _override,
        lambda row: row.org,
    ),
    Source(
        "entitlement.turning",
        "entitlements",
        ("mode", "org", "feature"),
        ("segments",),
        _turns,
        lambda row: row.org,
    ),
    Source(
        "reservation.expiring",
        "reservations",
        ("mode", "org", "id"),
        ("status", "until_s", "category"),
        _reservation,
        lambda row: row.org,
    ),
    Source(
        "passthrough.stop_overdue",
        "pass_through_budgets",
        ("mode", "org", "category", "period", "currency"),
        ("stopped_s", "acknowledged_s", "stop_rule", "stop_notice"),
        _stop,
        lambda row: row.org,
    ),
    Source(
        "launch.sign_off_ending",
        "launch_areas",
        ("mode", "area"),
        ("signed", "until_s"),
        _sign_off,
        lambda row: None,
    ),
    Source(
        "launch.policies_over",
        "launch_areas",
        ("mode", "area"),
        ("signed", "holds"),
        _policies_over,
        lambda row: None,
    ),
    Source(
        "service.boundary",
        "service_states",
        ("mode", "org", "service"),
        ("schedule",),
        _boundaries,
        lambda row: row.org,
    ),
    Source(
        "enforcement.due",
        "enforcements",
        ("mode", "org", "environment", "request"),
        ("state", "due_s", "wanted"),
        _acknowledgement,
        lambda row: row.org,
    ),
)
_BY_KIND = {s.kind: s for s in SOURCES}

_DEADLINES = Table(
    "deadlines",
    ("mode", "kind", "key"),
    (
        *_KEY,
        Column("at_s", "bigint"),
        Column("org", "text"),
        Column("account", "text"),
        Column("customer", "text"),
        Column("about", "jsonb"),
    ),
    indexes=("(kind, at_s)",),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    source = _BY_KIND[key[1]]
    met = {at for row in rows["deadlines_met"] for at in row.met_s}
    found = [
        _DEADLINES.row(*key, moment.at_s, source.org(row), *(source.link(row) or (None,) * 3)[1:], moment.about)
        for row in rows[source.model]
        for moment in source.moments(row)
        if moment.at_s not in met
    ]
    return sorted(found, key=lambda row: row.at_s)[:1]


#: Model -> the kinds of its rows' due times.
_OF_MODEL: dict[str, list[Source]] = {}
for _source in SOURCES:
    _OF_MODEL.setdefault(_source.model, []).append(_source)


def _input(model: str, sources: Sequence[Source]) -> Input:
    kinds = {s.kind for s in sources}
    columns = tuple(sorted({c for s in sources for c in s.columns}))
    return Input(
        model, sources[0].by, lambda key, _: [(key[0], *item_parts(key[2]))] if key[1] in kinds else [], columns
    )


def _affects(sources: Sequence[Source]) -> Callable[[Row], list[Key]]:
    def keys(row: Row) -> list[Key]:
        return [
            (row.mode, s.kind, key_of(getattr(row, c) for c in s.by[1:]))
            for s in sources
            if any(True for _ in s.moments(row))
        ]

    return keys


DEADLINES = Derivation(
    "deadlines",
    1,
    _DEADLINES,
    ("mode", "kind", "key"),
    inputs=(
        *(_input(model, sources) for model, sources in _OF_MODEL.items()),
        Input("deadlines_met", ("mode", "kind", "key"), lambda key, _: [key], ("met_s",)),
    ),
    affects={
        **{model: _affects(sources) for model, sources in _OF_MODEL.items()},
        "deadlines_met": lambda row: [(row.mode, row.kind, row.key)],
    },
    derive=_derive,
)
