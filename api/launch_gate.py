"""Whether direct checkout may begin a sale now: the gate's own word, and what speaks against it since.

The log says whether the gate is open and until when each sign-off counts; the read models, whether what was signed off
is still proven. So a sale is refused the moment either says so, before the worker has closed the gate.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import psycopg

from commands.base import Journal
from commands.launch import LAUNCH
from ledger.errors import Refused, StoreUnavailable
from ledger.ids import Mode, launch_stream
from ledger.launch_events import AREAS
from ledger.store import as_role
from projections.launch_checks import failing_at
from replay.tables import LIVE


class Standing(NamedTuple):
    """How the gate stands."""

    open: bool
    blocks: tuple[str, ...]
    """What speaks against a sale, area by area."""


_FAILING = f"SELECT area, failing, holds, signed FROM {LIVE}.launch_areas WHERE mode = %s"


def standing(conninfo: str, journal: Journal, mode: Mode, now_s: float) -> Standing:
    """Whether the gate is open, and all that stands in the way of opening it. Raises StoreUnavailable."""
    launch = LAUNCH.fold(r.event for r in journal.read_stream(launch_stream(mode)))
    until = dict(launch.signed)
    known = {a: (failing, a in until, until.get(a)) for a, failing, _ in _areas(conninfo, mode, now_s)}
    return Standing(launch.open, blocks_of(known, now_s))


def blocks_of(known: Mapping[str, tuple[Sequence[str], bool, int | None]], now_s: float) -> tuple[str, ...]:
    """What stands in the way: by area, what fails of it, whether somebody signed it off, and until when."""
    blocks = []
    for area in AREAS:
        failing, signed, until_s = known.get(area, (("nothing is known of it; publish the plans first",), False, None))
        if failing:
            blocks.append(f"{area}: {'; '.join(failing)}")
        elif not signed:
            blocks.append(f"{area}: nobody signed it off")
        elif _over(until_s, now_s):
            blocks.append(f"{area}: its sign-off ran out")
    return tuple(blocks)


def require_open(conninfo: str, journal: Journal, mode: Mode, now_s: float) -> None:
    """Raises Refused("checkout_closed") where nothing may be sold directly, StoreUnavailable."""
    launch = LAUNCH.fold(r.event for r in journal.read_stream(launch_stream(mode)))
    if not launch.open:
        raise Refused(
            f"direct checkout is closed in {mode} mode; `recount launch status` says what is missing",
            code="checkout_closed",
        )
    fallen = [area for area, until_s in launch.signed if _over(until_s, now_s)]
    fallen += [area for area, failing, signed in _areas(conninfo, mode, now_s) if signed and failing]
    if fallen:
        raise Refused(
            f"direct checkout is closing in {mode} mode: {', '.join(sorted(set(fallen)))} must be proven anew",
            code="checkout_closed",
        )


def _over(until_s: int | None, now_s: float) -> bool:
    return until_s is not None and until_s <= now_s


def _areas(conninfo: str, mode: Mode, now_s: float) -> list[tuple[str, list[str], bool]]:
    """Each area, what fails of it now, and whether somebody answers for it."""
    try:
        with psycopg.connect(as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
            rows = conn.execute(_FAILING, [mode]).fetchall()
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the database did not answer, so ask again: {type(error).__name__}") from error
    return [(area, failing_at(failing, holds, now_s), signed) for area, failing, holds, signed in rows]
