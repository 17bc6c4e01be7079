"""What people do about cost policies and reconciliation batches: acts, with what their deciders cannot know.

Who acts and why, what time it is, what was charged, and which policies hold is found out here, once for all of them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

import commands.acts
from api.database import Database
from api.operations import command_of, recording_denial
from api.passthrough.books import LogBooks, batches_of, books_of, found_charges, policies_of
from api.settings import Settings
from commands.acts import Act, Asked, Done
from commands.cost_policies import (
    APPROVE_COST_POLICY,
    END_COST_POLICY,
    PROPOSE_COST_POLICY,
    REJECT_COST_POLICY,
)
from commands.reconciliation_batches_acts import (
    APPROVE_BATCH,
    COLLECT_BATCH,
    DISCARD_BATCH,
    OPEN_BATCH,
    REOPEN_BATCH,
    REVIEW_CHARGES,
    START_REVIEW,
)
from ledger.errors import Invalid
from ledger.ids import Mode
from ledger.passthrough import require_period

#: Every act of pass-through that a person may ask for.
_ACTS: tuple[Act[Any, Any], ...] = (
    PROPOSE_COST_POLICY,
    APPROVE_COST_POLICY,
    REJECT_COST_POLICY,
    END_COST_POLICY,
    OPEN_BATCH,
    COLLECT_BATCH,
    START_REVIEW,
    REVIEW_CHARGES,
    APPROVE_BATCH,
    REOPEN_BATCH,
    DISCARD_BATCH,
)
ACTS: dict[str, Act[Any, Any]] = {act.name: act for act in _ACTS}
#: Fields of their commands that nobody gives.
_FOUND = ("by", "why", "now_s", "found", "policies")


def found_of(name: str) -> tuple[str, ...]:
    """What of an act's command is found out, and not given."""
    return tuple(f for f in ACTS[name].command.__struct_fields__ if f in _FOUND)


def passthrough_act(
    database: Database, settings: Settings, *, which: str, mode: Mode, asked: Asked, given: Mapping[str, Any]
) -> Done:
    """Carry out the act `which`, once for its idempotency key. `given`: its command's fields, but what is found.

    Raises Invalid (`invalid_input` and the act's own), NotFound, Refused, NotCaughtUp, StoreUnavailable.
    """
    act = ACTS[which]
    stray = sorted(given.keys() & set(_FOUND))
    if stray:
        raise Invalid(f"{which} takes no {', '.join(stray)}", code="invalid_input")
    told = {**given, "mode": mode}
    with books_of(database) as books:
        command = command_of(act, {**told, **_found(database, books, act, told, asked)})
        asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
        with recording_denial(books.log, act.name, act.about(command), asked):
            return commands.acts.carry_out(books.log, act, command, asked, given=told)


def _found(
    database: Database, books: LogBooks, act: Act[Any, Any], given: Mapping[str, Any], asked: Asked
) -> dict[str, Any]:
    """What the act's command holds beside what was given. Where that makes no sense, deciding it says so."""
    wanted = found_of(act.name)
    found: dict[str, Any] = {"by": asked.person, "why": asked.reason, "now_s": asked.now_s}
    if "found" in wanted or "policies" in wanted:
        mode, org, period, number = (given.get(n) for n in ("mode", "org", "period", "number"))
        if not isinstance(org, str) or not isinstance(period, str):
            raise Invalid("say which organization and period", code="invalid_input")
        require_period(period)
        batches = batches_of(books, mode, org, period)  # type: ignore[arg-type] # the key's or the option's
        batch = batches.get(number) if isinstance(number, int) else None
        if "policies" in wanted:
            its = policies_of(books, mode, org, batches, number if batch is not None else 0)  # type: ignore[arg-type]
            found["policies"] = msgspec.to_builtins(its)
        if "found" in wanted:
            currency = batch.opened.currency if batch is not None else given.get("currency")
            charges = found_charges(database, mode, org, period, str(currency))  # type: ignore[arg-type]
            found["found"] = msgspec.to_builtins(charges)
    return {k: v for k, v in found.items() if k in wanted}
