"""Agreements without Stripe at the edge: made with an id of their own, on a version that there is, and ended."""

from hashlib import sha256
from typing import Any

import msgspec

import commands.acts
from api.database import Database
from api.operations import recording_denial
from api.settings import Settings
from commands.acts import Asked, Done
from commands.agreements import AGREEMENTS, END_AGREEMENT, MAKE_AGREEMENT, EndAgreement, MakeAgreement
from commands.plans import PLANS, require_version
from ledger.ids import Mode, agreement_stream, plans_stream
from ledger.store import Log


def make_agreement(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    org: str,
    plan: str,
    asked: Asked,
    version: int | None = None,
    from_s: int | None = None,
    until_s: int | None = None,
    reference: str | None = None,
) -> Done:
    """Let an organization have a plan without Stripe: its newest version unless told.

    Raises NotFound for a plan or version that is none, Invalid, StoreUnavailable.
    """
    with database.log() as log:
        plans = PLANS.fold(r.event for r in log.read_stream(plans_stream(mode)))
        known = require_version(plans, plan, version)
        given = {"mode": mode, "org": org, "plan": plan, "from_s": from_s, "until_s": until_s, "reference": reference}
        # The same act has the same id, so that asking again finds what was done.
        id = "agr_" + sha256(f"{len(asked.person)}:{asked.person}{asked.idempotency_key}".encode()).hexdigest()[:24]
        command = MakeAgreement(
            id=id,
            version=version or known.version,
            by=asked.person,
            why=asked.reason,
            **given,  # type: ignore[arg-type]
        )
        return _carry_out(log, settings, MAKE_AGREEMENT, command, asked, {**given, "version": version})


def end_agreement(
    database: Database, settings: Settings, *, mode: Mode, id: str, asked: Asked, at_s: int | None = None
) -> Done:
    """Let an agreement end, now unless told. Raises NotFound, Invalid, StoreUnavailable."""
    with database.log() as log:
        made = AGREEMENTS.fold(r.event for r in log.read_stream(agreement_stream(mode, id))).made
        command = EndAgreement(
            mode=mode, id=id, by=asked.person, why=asked.reason, at_s=at_s, org=made.org if made is not None else None
        )
        return _carry_out(log, settings, END_AGREEMENT, command, asked, {"mode": mode, "id": id, "at_s": at_s})


def _carry_out(log: Log, settings: Settings, act: Any, command: Any, asked: Asked, given: dict[str, Any]) -> Done:
    asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
    with recording_denial(log, act.name, act.about(command), asked):
        return commands.acts.carry_out(log, act, command, asked, given=given)
