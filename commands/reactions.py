"""Reactions: what follows from an event, or from a difference between what should be and what has been done.

Pure: the runner (`replay.reacting`) reads the log and the differences, and says when. A reaction to an event keeps a
receipt under that event's stream and version; one that watches a derivation closes each difference by an event, which
the derivation reads. Late, repeated and reordered facts can so derail neither.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from commands.base import Journal
from commands.consequences import Follow, Receipt, append_once
from commands.issuing_sources import bill_batch, bill_hosting, follow_batch
from commands.launch_falling import FALLEN, regressed, tell_fallen
from commands.notices import NOTICES, RaiseNotice, notice_id
from commands.service_steps import TOLD, ask, step, tell_debt, tell_enforcement, tell_service
from ledger.codec import decode_metadata
from ledger.events import (
    Cause,
    DifferenceClosed,
    Metadata,
    OrganizationLinked,
    ReactionTaken,
    Recorded,
    SubscriptionPlanMoved,
)
from ledger.hosting_billing_events import HostingInvoiceClosed
from ledger.ids import Mode, difference_stream, notice_stream, reaction_stream
from ledger.issuing_events import IssuanceFailed, IssuanceHeld
from ledger.passthrough_events import BatchInvoiceReady
from ledger.service_events import EnforcementAsked
from ledger.stripe_call_events import StripeCallsStopped, StripeCallUnknown

#: Who acts where no person does.
SYSTEM = "system"


@dataclass(frozen=True)
class Reaction:
    """What follows from an event. Its name says it: `when_<event>_then_<command>`."""

    name: str
    reads: tuple[str, ...]
    """Names of Recount's own events."""
    react: Callable[[Recorded, str | None, str], tuple[Follow, ...]]
    """From the event, whose it is (`whose`), and the receipt's stream. Nothing: it does not concern this reaction."""
    whose: Callable[[Recorded], tuple[str, tuple[str, ...]] | None] = lambda cause: None
    """The row (read model and key) that knows the event's organization, where it does not say so itself."""
    tells: bool = False
    """Whether all it does is raise notices: then nothing follows while nobody listens."""


class Difference(NamedTuple):
    """What a derivation says should be, and what has been done about it."""

    mode: Mode
    key: tuple[str, ...]
    """After the mode."""
    was: Any
    now: Any
    closed: int
    """How many differences of this key have been closed."""


@dataclass(frozen=True)
class Watch:
    """A reaction to a derivation whose rows are differences: columns `was`, `now`, `closed` beside its key."""

    name: str
    """Of the derivation too."""
    react: Callable[[Difference, str, int], tuple[Follow, ...]]
    """From the difference, the receipt (its stream and version) and the time."""
    tells: bool = False
    """As of a reaction."""


def take(journal: Journal, reaction: Reaction, cause: Recorded, org: str | None = None) -> bool:
    """Carry out what follows from an event, once. `org`: whose it is, where the reaction asks.

    False: nothing follows, or it was done. Raises StoreUnavailable.
    """
    stream = reaction_stream(reaction.name, cause.stream, cause.version)
    follows = reaction.react(cause, org, stream)
    if not follows:
        return False
    taken = ReactionTaken(reaction=reaction.name, cause_stream=cause.stream, cause_version=cause.version)
    about = decode_metadata(cause.metadata)
    metadata = Metadata(
        occurred_at_s=about.occurred_at_s,
        actor=SYSTEM,
        cause=Cause(cause.stream, cause.version),
        correlation=about.correlation,
        mode=about.mode,
        account=about.account,
    )
    return append_once(journal, Receipt(stream, 1, taken), follows, metadata)


def close(journal: Journal, watch: Watch, difference: Difference, now_s: int, *, silent: bool = False) -> bool:
    """Close a difference, once: do what follows (nothing if `silent`) and say what is done now.

    False: somebody else closed one of this key meanwhile, so look again. Raises StoreUnavailable.
    """
    stream = difference_stream(watch.name, difference.mode, difference.key)
    version = difference.closed + 1
    follows = () if silent else watch.react(difference, f"{stream}/{version}", now_s)
    said = DifferenceClosed(
        reaction=watch.name, mode=difference.mode, key=difference.key, done=difference.now, silent=silent
    )
    metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=difference.mode)
    return append_once(journal, Receipt(stream, version, said), follows, metadata)


def tell(receipt: str, type: str, mode: Mode, org: str | None, at_s: int, said: dict[str, Any]) -> Follow:
    """The notice that follows from a receipt."""
    id = notice_id(receipt, 0)
    command = RaiseNotice(notice_id=id, type=type, mode=mode, org=org, at_s=at_s, said=said)
    return Follow(NOTICES, notice_stream(id), command)


def _tell_link(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    linked = cause.event
    assert isinstance(linked, OrganizationLinked)
    said = {"account": linked.account, "customer": linked.customer}
    at_s = decode_metadata(cause.metadata).occurred_at_s
    return (tell(receipt, "organization.linked", linked.mode, linked.org, at_s, said),)


def _placed(cause: Recorded) -> tuple[str, tuple[str, ...]]:
    moved = cause.event
    assert isinstance(moved, SubscriptionPlanMoved)
    return "plan_placements", (moved.mode, moved.account, moved.subscription)


def _tell_move(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    moved = cause.event
    assert isinstance(moved, SubscriptionPlanMoved)
    said = {
        "account": moved.account,
        "subscription": moved.subscription,
        "plan": moved.plan,
        "version": moved.version,
    }
    return (tell(receipt, "plan.moved", moved.mode, org, decode_metadata(cause.metadata).occurred_at_s, said),)


def _tell_entitlement(difference: Difference, receipt: str, now_s: int) -> tuple[Follow, ...]:
    org, feature = difference.key
    said = {"feature": feature, "because": "terms", "before": difference.was, "now": difference.now}
    return (tell(receipt, "entitlement.changed", difference.mode, org, now_s, said),)


def _reopen(difference: Difference, receipt: str, now_s: int) -> tuple[Follow, ...]:
    (area,) = difference.key
    return regressed(difference.mode, area, tuple(difference.now))


def _tell_stop(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    stopped = cause.event
    assert isinstance(stopped, StripeCallsStopped)
    said = {"status": stopped.status, "code": stopped.code, "request_id": stopped.request_id}
    return (tell(receipt, "stripe.calls_stopped", stopped.mode, None, stopped.at_s, said),)


def _tell_unknown(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    lost = cause.event
    assert isinstance(lost, StripeCallUnknown)
    said = {"call": lost.call_id, "account": lost.account, "operation": lost.operation, "why": lost.why}
    return (tell(receipt, "stripe.call_unknown", lost.mode, lost.org, lost.at_s, said),)


def _tell_issuance(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    stuck = cause.event
    assert isinstance(stuck, (IssuanceHeld, IssuanceFailed))
    said: dict[str, Any] = {"issuance": stuck.issuance, "account": stuck.account, "step": stuck.step}
    if isinstance(stuck, IssuanceHeld):
        found = [{"what": d.what, "ours": d.ours, "stripes": d.stripes} for d in stuck.discrepancies]
        said |= {"invoice": stuck.invoice, "discrepancies": found}
    else:
        said |= {"type": stuck.type, "code": stuck.code}
    return (tell(receipt, stuck.NAME, stuck.mode, stuck.org, stuck.at_s, said),)


#: The registry: one line a reaction to an event.
REACTIONS: tuple[Reaction, ...] = (
    Reaction("when_organization_linked_then_tell", (OrganizationLinked.NAME,), _tell_link, tells=True),
    Reaction("when_plan_moved_then_tell", (SubscriptionPlanMoved.NAME,), _tell_move, _placed, tells=True),
    Reaction("when_service_spoken_of_then_tell", TOLD, tell_service, tells=True),
    Reaction("when_enforcement_asked_then_tell", (EnforcementAsked.NAME,), tell_enforcement, tells=True),
    Reaction("when_stripe_calls_stopped_then_tell", (StripeCallsStopped.NAME,), _tell_stop, tells=True),
    Reaction("when_stripe_call_unknown_then_tell", (StripeCallUnknown.NAME,), _tell_unknown, tells=True),
    Reaction("when_issuance_stuck_then_tell", (IssuanceHeld.NAME, IssuanceFailed.NAME), _tell_issuance, tells=True),
    Reaction("when_launch_fell_then_tell", FALLEN, tell_fallen, tells=True),
    Reaction("when_hosting_invoice_closed_then_request_issuance", (HostingInvoiceClosed.NAME,), bill_hosting),
    Reaction("when_batch_invoice_ready_then_request_issuance", (BatchInvoiceReady.NAME,), bill_batch),
)
#: The registry: one line a derivation that is watched.
WATCHES: tuple[Watch, ...] = (
    Watch("entitlement_changes", _tell_entitlement, tells=True),
    Watch("service_changes", step),
    Watch("enforcement_changes", ask),
    Watch("batch_invoice_changes", follow_batch),
    Watch("debt_alerts", tell_debt, tells=True),
    Watch("launch_regressions", _reopen),
)
