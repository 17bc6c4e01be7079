"""What waits for a second person, looked up; and rejecting it, which is an act of its own.

Refuses to know what waits: to approve it is to carry it out (`commands.acts`).
"""

from dataclasses import replace

from commands.acts import About, Act
from commands.approvals import APPROVALS, ApprovalState, Settle
from commands.base import Journal
from ledger.errors import NotFound
from ledger.events import ApprovalRequested
from ledger.ids import approval_stream

#: Who may: somebody else, to reject it; or who asked, to take it back.
REJECT: Act[Settle, ApprovalState] = Act(
    "reject", Settle, APPROVALS, lambda command: approval_stream(command.id), lambda command: About(command.id)
)


def rejecting(requested: ApprovalRequested) -> Act[Settle, ApprovalState]:
    """To reject this request: an act about what it would have been about."""
    about = About(requested.subject, requested.mode, requested.account, requested.org, requested.id)
    return replace(REJECT, about=lambda command: about)


def waiting_act(journal: Journal, id: str) -> ApprovalRequested:
    """The request for an act that waits for approval, or was settled. Raises NotFound."""
    state: ApprovalState = APPROVALS.fold(r.event for r in journal.read_stream(approval_stream(id)))
    if state.requested is None:
        raise NotFound(f"no act waits under {id}; `recount approvals list` shows those that do")
    return state.requested
