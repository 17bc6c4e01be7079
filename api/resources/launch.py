"""The launch gate: whether direct checkout is open, and what stands in its way. Its acts stand with all others."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Response

from api.launch import launch_act
from api.launch_gate import blocks_of
from api.resources import acting
from api.resources.answers import Concern, answer
from api.resources.context import caller, context, if_none_match, send
from api.resources.lists import Read, Source, single
from api.resources.publish import answered, read, section
from api.schemas.launch import LAUNCH
from ledger.ids import MODES
from projections.launch_checks import held_at
from replay.selling_links import SELLING_LINKS
from replay.tables import LIVE

launch = section("launch", "The launch gate: what is proven before anything is sold directly")

_AREA = (
    "area", "path", "proven", "ready", "checks", "evidence", "proven_in", "signed", "signed_by", "signed_why",
    "until_s", "reopened", "holds",
)  # fmt: skip
_SAID = ", ".join(f"'{name}', a.{name}" for name in _AREA)
_MODES = ", ".join(f"('{mode}')" for mode in MODES)
_GATE = f"""(
    SELECT m.mode, 0 AS place, coalesce(g.open, false) AS open, g.by, g.why, g.area, g.since_us,
        '{{}}'::text[] AS blocks,
        (SELECT coalesce(jsonb_agg(jsonb_build_object({_SAID}) ORDER BY a.path, a.area), '[]')
         FROM {LIVE}.launch_areas a WHERE a.mode = m.mode) AS areas,
        {SELLING_LINKS.format(mode="m.mode")} AS selling_links
    FROM (VALUES {_MODES}) m (mode) LEFT JOIN {LIVE}.launch_gates g ON g.mode = m.mode
) t"""
_SOURCE = Source(LAUNCH, _GATE, {}, ("t.place",), lambda asks: [], (Concern("launch_areas"),))


@read(launch, "/v1/launch", "launch", answered(LAUNCH.schema), query=Read)
def get_launch(given: dict[str, Any]) -> Response:
    """Get the launch gate of the key's mode: each area with its checks, evidence and sign-off, and what blocks it."""
    here = context()
    content, fresh = single(here, caller(), _SOURCE, [], given["min_position"])
    known = {}
    for area in content["areas"]:
        _dated(area, here.clock())
        failing = [c["said"] for c in area["checks"] if not c["passed"]]
        known[area["area"]] = (failing, area["signed"], _seconds(area["until"]))
    content["blocks"] = list(blocks_of(known, here.clock()))
    return send(answer(content, fresh, if_none_match()))


def _dated(area: dict[str, Any], now_s: float) -> None:
    """What dates alone say of an area now."""
    spans = [{"from_s": _seconds(s["from"]), "until_s": _seconds(s["until"])} for s in area["holds"] or ()]
    held = held_at(spans, now_s)
    if held is not None:
        area["checks"].append(held._asdict())
        area["proven"] = area["proven"] and held.passed
        area["ready"] = area["ready"] and held.passed


def _seconds(told: str | None) -> int | None:
    return int(datetime.fromisoformat(told).timestamp()) if told is not None else None


def does(name: str) -> Callable[[Mapping[str, Any], str], Response]:
    """What carries out one of the launch gate's acts."""

    def carried_out(given: Mapping[str, Any], reason: str) -> Response:
        here, how = context(), acting.asked(reason)
        told = {k: v for k, v in given.items() if k != "mode"}
        done = launch_act(here.database, here.settings, which=name, mode=acting.mode(), asked=how, given=told)
        return acting.told(done)

    return carried_out
