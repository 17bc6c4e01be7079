"""What happens by itself when a time comes: renewals, retries, expiries. In order of time, one commit each."""

from api.sandbox.desk import Desk
from api.sandbox.state import Object, State
from api.sandbox.subjects import JOBS

_DUE = "_due"


def run_due(state: State, wall_s: int) -> None:
    """Do what is due by the sandbox's own time, for whatever has no test clock."""
    for account in state.accounts():
        while (due := _next(state, account, None, wall_s)) is not None:
            _do(state, account, due, min(wall_s, due["at_s"]))


def advance(state: State, account: str, clock: str, to_s: int, wall_s: int) -> None:
    """Bring a test clock to a time, doing on the way what falls due: https://docs.stripe.com/billing/testing/test-clocks."""
    while (due := _next(state, account, clock, to_s)) is not None:
        _turn(state, account, clock, max(due["at_s"], state.objects[account, _CLOCK, clock]["_now_s"]))
        _do(state, account, due, wall_s)
    _turn(state, account, clock, to_s)


_CLOCK = "test_helpers.test_clock"


def _next(state: State, account: str, clock: str | None, until_s: int) -> Object | None:
    ids = state.ids(account, _DUE, None if clock is None else ("_clock", clock))
    found = (state.objects[account, _DUE, id] for id in ids)
    due = (d for d in found if d["_clock"] == clock and d["at_s"] <= until_s)
    return min(due, key=lambda d: (d["at_s"], d["_seq"], d["id"]), default=None)


def _do(state: State, account: str, due: Object, wall_s: int) -> None:
    desk = Desk(state, account, wall_s)
    desk.clock = due["_clock"]
    desk.work.put((account, _DUE, due["id"]), None)
    JOBS[due["job"]](desk, due["of"])
    desk.work.commit()


def _turn(state: State, account: str, clock: str, to_s: int) -> None:
    held = state.objects[account, _CLOCK, clock]
    state.commit({(account, _CLOCK, clock): {**held, "_now_s": to_s}})
