"""The launch gate at the edge: what stands in its way, looking for what proves an area, signing off, opening.

What a decider cannot know is found out here, at the moment of the act: the checks of the read models, the events that
prove an area end to end, and whether this installation could verify an event of the mode at all.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import psycopg

import commands.acts
from api.database import Database
from api.launch_evidence import evidence_of
from api.launch_gate import blocks_of, standing
from api.launch_looks import look
from api.operations import recording_denial
from api.settings import Settings
from commands.acts import Act, Asked, Done
from commands.launch import (
    CLOSE_CHECKOUT,
    LAUNCH,
    OPEN_CHECKOUT,
    RECORD_EVIDENCE,
    RECORD_PROBE,
    REVOKE_SIGN_OFF,
    SIGN_OFF_AREA,
)
from ledger.errors import Invalid, StoreUnavailable
from ledger.ids import Mode, launch_stream
from ledger.launch_events import AREAS, END_TO_END
from ledger.store import Log, as_role
from ledger.stripe_call_events import StripeObjectObserved
from projections.launch_checks import failing_at
from replay.tables import LIVE

_ACTS: dict[str, Act[Any, Any]] = {
    a.name: a for a in (RECORD_EVIDENCE, RECORD_PROBE, SIGN_OFF_AREA, REVOKE_SIGN_OFF, OPEN_CHECKOUT, CLOSE_CHECKOUT)
}
_SIGNING = "webhook_signing"
#: What of each act's command a caller gives beside the mode.
GIVEN: dict[str, tuple[str, ...]] = {
    "record_launch_evidence": ("area", "proven_in", "org"),
    "record_launch_probe": ("area", "passed", "said"),
    "sign_off_area": ("area", "until_s"),
    "revoke_sign_off": ("area",),
    "open_checkout": (),
    "close_checkout": (),
}


def found_of(name: str) -> tuple[str, ...]:
    """What of an act's command is found out, and not given."""
    return tuple(f for f in _ACTS[name].command.__struct_fields__ if f not in (*GIVEN[name], "mode"))


def launch_act(
    database: Database, settings: Settings, *, which: str, mode: Mode, asked: Asked, given: Mapping[str, Any]
) -> Done:
    """Carry out an act of the launch gate, once for its key.

    Raises Invalid (`unknown_area`, `invalid_input`), Refused (`not_proven`, `nothing_proves`, `launch_blocked`),
    StoreUnavailable.
    """
    stray = sorted(given.keys() - set(GIVEN[which]))
    if stray:
        raise Invalid(f"{which} takes no {', '.join(stray)}", code="invalid_input")
    if "area" in GIVEN[which] and given.get("area") not in AREAS:
        raise Invalid(f"say which area: {', '.join(AREAS)}", code="unknown_area")
    act, told = _ACTS[which], {"mode": mode, **given}
    with database.log() as log:
        whole = {**told, **_found(database, log, which, mode, asked, given)}
        fields = act.command.__struct_fields__
        try:
            command = msgspec.convert({k: v for k, v in whole.items() if k in fields}, act.command)
        except msgspec.ValidationError as error:
            raise Invalid(f"{which}: {error}", code="invalid_input") from error
        asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
        with recording_denial(log, act.name, act.about(command), asked):
            return commands.acts.carry_out(log, act, command, asked, given=told)


def check_launch(database: Database, settings: Settings, *, mode: Mode, org: str | None, asked: Asked) -> list[Done]:
    """Try what this process can, look for what proves areas end to end (for live in test mode too), and at Stripe.

    `org`: only this organization's history. What was kept already is kept; nothing found is nothing said. Stripe is
    looked at last, and not in a dry run. Raises what `look` raises.
    """
    secrets = (*settings.platform_secrets, *settings.connect_secrets)
    passed = any(s.mode in (None, mode) for s in secrets)
    said = f"a signing secret for {mode} mode is configured" if passed else _no_secret(mode)
    done = []
    modes: tuple[Mode, ...] = (mode,) if mode == "test" else ("live", "test")
    with database.log() as log, _reading(database) as conn:
        if not (passed and _failed_by_a_person(log, mode)):
            probe = {"area": _SIGNING, "passed": passed, "said": said}
            done.append(_one(database, settings, "record_launch_probe", mode, asked, probe))
        found = {area: next((m for m in modes if evidence_of(conn, log, area, m, org)), None) for area in END_TO_END}
    for area, proven_in in found.items():
        if proven_in is not None:
            cited = {"area": area, "proven_in": proven_in, **({"org": org} if org is not None else {})}
            done.append(_one(database, settings, "record_launch_evidence", mode, asked, cited))
    seen = () if asked.dry_run else look(database, settings, mode)
    told = tuple({"event": StripeObjectObserved.NAME, "object": s.object_type, "id": s.object_id} for s in seen)
    return [*done, Done(act="look_at_stripe", changed=bool(told), events=told)]


def _no_secret(mode: Mode) -> str:
    return f"no signing secret for {mode} mode"


def _failed_by_a_person(log: Log, mode: Mode) -> bool:
    """Whether somebody saw signing fail: that a secret is configured does not mend it, only their own word does."""
    probes = LAUNCH.fold(r.event for r in log.read_stream(launch_stream(mode))).probes
    return any(area == _SIGNING and not passed and said != _no_secret(mode) for area, passed, said in probes)


def blocks_now(known: Mapping[str, tuple[Sequence[str], bool, int | None]]) -> tuple[str, ...]:
    """What stands in the way now, for a caller who has no clock: by area, what fails, whether signed, until when."""
    return blocks_of(known, time.time())


def _one(
    database: Database, settings: Settings, which: str, mode: Mode, asked: Asked, given: Mapping[str, Any]
) -> Done:
    """One of the acts that checking comes to, each under a key of its own."""
    key = f"{asked.idempotency_key}/{given['area']}"
    asked = msgspec.structs.replace(asked, idempotency_key=key)
    return launch_act(database, settings, which=which, mode=mode, asked=asked, given=given)


def _found(
    database: Database, log: Log, which: str, mode: Mode, asked: Asked, given: Mapping[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {"by": asked.person, "why": asked.reason, "now_s": asked.now_s, "at_s": asked.now_s}
    if which == "open_checkout":
        found["blocks"] = standing(database.conninfo, log, mode, asked.now_s).blocks
    elif which == "sign_off_area":
        found["failing"] = _failing(database, mode, given["area"], asked.now_s)
    elif which == "record_launch_evidence":
        with _reading(database) as conn:
            found["events"] = evidence_of(conn, log, given["area"], given.get("proven_in", mode), given.get("org"))
        found["proven_in"] = given.get("proven_in", mode)
    return found


def _failing(database: Database, mode: Mode, area: str, now_s: float) -> tuple[str, ...]:
    with _reading(database) as conn:
        row = conn.execute(
            f"SELECT failing, holds FROM {LIVE}.launch_areas WHERE (mode, area) = (%s, %s)", [mode, area]
        ).fetchone()
    return (
        tuple(failing_at(row[0], row[1], now_s))
        if row is not None
        else ("nothing is known of it; publish the plans first",)
    )


@contextlib.contextmanager
def _reading(database: Database) -> Any:
    try:
        with psycopg.connect(as_role(database.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
            yield conn
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the database did not answer, so run it again: {type(error).__name__}") from error
