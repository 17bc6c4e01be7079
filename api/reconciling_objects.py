"""Objects of an account, as Stripe lists them, beside what read models say of them: what differs, and what that means.

A difference counts once it was seen twice: the object is read again by itself, and the rows too, so that an event which
was on its way is none. Nothing is edited: a repair appends what was seen, and says who asked for it and why.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import psycopg
import structlog

from api.comparing import COMPARED, Rows, Theirs, facts_of, stub
from api.observing import Observer
from api.stripe_reading import Absent, StripeReader
from commands.reactions import SYSTEM
from commands.reconciling import DRIFTS, SayDrift, differing, drift_of
from commands.stripe_reads import READS, SUMMARY
from ledger.errors import Invalid, StoreUnavailable
from ledger.events import Cause, Event, Metadata, NewEvent
from ledger.ids import comparison_stream, drift_stream
from ledger.observing import Look, open_sighting
from ledger.reconcile_events import ObjectsReconciled
from ledger.store import Appended, Log

log = structlog.get_logger("recount.reconciling")

_ATTEMPTS = 10
_DAY_S = 86_400
#: Invoices are many, and hardly change when they are settled: as far back they are listed.
INVOICES_FOR_S = 90 * _DAY_S


class Repair(NamedTuple):
    """On whose behalf differences are mended."""

    person: str
    reason: str
    cause: Cause | None = None


class ObjectReconciler:
    """Compares one account at a time. `settle` waits until what is on its way has arrived, and read models know it."""

    def __init__(
        self, journal: Log, observer: Observer, reader: StripeReader, conn: psycopg.Connection[Any],
        settle: Callable[[], None],
    ) -> None:  # fmt: skip
        self._journal = journal
        self._observer = observer
        self._reader = reader
        self._rows = Rows(conn, reader.mode)
        self._settle = settle

    def run(self, account: str, *, repair: Repair | None = None, request: str | None = None) -> ObjectsReconciled:
        """Compare one account. Raises NoAnswer, StoreUnavailable: what was found so far stays said.

        Raises Invalid where Stripe does not show us the account.
        """
        compared: Counter[str] = Counter()
        found: Counter[str] = Counter()
        repaired = 0
        at_s = 0
        for object_type in COMPARED:
            doubtful, listed, began_s = self._doubtful(account, object_type)
            at_s = at_s or began_s
            compared[object_type] = listed
            if doubtful:
                self._settle()
            said = {id: self._confirmed(account, object_type, id) for id in sorted(doubtful)}
            for id in self._rows.drifting(account, object_type) - said.keys():
                said[id] = self._confirmed(account, object_type, id)
            for command, theirs in said.values():
                self._say(command)
                if command.kind is None:
                    continue
                found[command.kind] += 1
                repaired += repair is not None and self._repair(command, theirs, repair)
        return self._finish(account, at_s, compared, found, repaired, request)

    # ---- what may differ --------------------------------------------------------------------

    def _doubtful(self, account: str, object_type: str) -> tuple[set[str], int, int]:
        """Ids of which rows and list say different things at the first look, how many were compared, and since when."""
        if object_type == SUMMARY:
            customers = self._rows.entitled(account)
            return customers, len(customers), 0
        doubtful: set[str] = set()
        listed: set[str] = set()
        at_s = 0
        for page in self._reader.pages(READS[object_type].listed or "", account, dict(READS[object_type].beside)):
            at_s = at_s or page.at_s
            theirs = dict(self._read(account, page.objects, page.at_s))
            listed |= theirs.keys()
            ours = self._rows.of(account, object_type, theirs)
            doubtful |= {id for id, their in theirs.items() if self._differ(ours.get(id), their)}
            if object_type == "invoice" and _oldest(page.objects) < at_s - INVOICES_FOR_S:  # the newest come first
                break
        since_s = at_s - INVOICES_FOR_S if object_type == "invoice" else 0
        return doubtful | (self._rows.living(account, object_type, since_s) - listed), len(listed), at_s

    def _read(self, account: str, objects: Iterable[dict[str, Any]], at_s: int) -> Iterator[tuple[str, Theirs]]:
        for content in objects:
            try:
                theirs = facts_of(open_sighting(content, self._look(account, at_s)))
            except Invalid as error:
                log.warning("listed_object_unreadable", account=account, object=content.get("object"), code=error.code)
                continue
            if theirs is not None:
                yield theirs.id, theirs

    def _look(self, account: str, at_s: int) -> Look:
        return self._reader.look(account, at_s, "reconcile")

    @staticmethod
    def _differ(ours: dict[str, Any] | None, theirs: Theirs) -> bool:
        return ours is None or bool(differing(ours, theirs.fields))

    # ---- what does differ -------------------------------------------------------------------

    def _confirmed(self, account: str, object_type: str, id: str) -> tuple[SayDrift, Theirs | None]:
        """A second look at one object, and at its row."""
        seen = self._reader.one(account, object_type, id, "reconcile")
        ours = self._rows.of(account, object_type, [id]).get(id)
        mode = self._reader.mode
        if isinstance(seen, Absent):
            at_s = seen.at_s or 0
            gone = seen.status == 404
            theirs = stub(object_type, id, self._look(account, at_s)) if gone else None
            fine = not gone or ours is None or ours.get("deleted") is True
            said = SayDrift(mode=mode, account=account, object=object_type, object_id=id, kind=None, seen_s=at_s)
            if fine:
                return said, None
            kind = drift_of(object_type, ours, None)
        else:
            theirs = facts_of(seen)
            at_s = seen.look.at_s
            said = SayDrift(mode=mode, account=account, object=object_type, object_id=id, kind=None, seen_s=at_s)
            newer = ours is not None and ours["changed_s"] >= at_s
            if theirs is None or newer or not self._matters(ours, theirs):
                return said, None
            kind = drift_of(object_type, ours, theirs.fields)
        fields = differing(ours or {}, theirs.fields if theirs is not None else {})
        customer = theirs.customer if theirs is not None and theirs.customer else (ours or {}).get("customer")
        return (
            SayDrift(
                mode=mode, account=account, object=object_type, object_id=id, kind=kind, fields=fields,
                customer=customer, seen_s=at_s,
            ),
            theirs,
        )  # fmt: skip

    def _matters(self, ours: dict[str, Any] | None, theirs: Theirs) -> bool:
        """Whether they disagree. A customer without features need have no summary, a deleted object no row."""
        if ours is None:
            return not (theirs.fields.get("deleted") is True or theirs.fields.get("entitlements") == [])
        return self._differ(ours, theirs)

    # ---- what is said and done --------------------------------------------------------------

    def _repair(self, command: SayDrift, theirs: Theirs | None, repair: Repair) -> bool:
        if theirs is None:  # nothing can be shown of it: an operator must look
            return False
        look = theirs.sighting.look._replace(actor=repair.person, reason=repair.reason, cause=repair.cause)
        self._observer.keep([theirs.sighting._replace(look=look)])
        closed = SayDrift(
            mode=command.mode, account=command.account, object=command.object, object_id=command.object_id,
            kind=None, seen_s=command.seen_s,
        )  # fmt: skip
        self._say(closed, repair)
        return True

    def _say(self, command: SayDrift, repair: Repair | None = None) -> None:
        stream = drift_stream(command.mode, command.account, command.object, command.object_id)
        metadata = Metadata(
            occurred_at_s=command.seen_s,
            actor=repair.person if repair else SYSTEM,
            reason=repair.reason if repair else None,
            cause=repair.cause if repair else None,
            mode=command.mode,
            account=command.account,
        )
        for _ in range(_ATTEMPTS):
            history = self._journal.read_stream(stream)
            events: tuple[Event, ...] = DRIFTS.decide(command, DRIFTS.fold(r.event for r in history))
            new = [NewEvent(stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(events)]
            if not new or isinstance(self._journal.append(*new), Appended):
                return
        raise StoreUnavailable("the object's stream kept moving")

    def _finish(
        self, account: str, at_s: int, compared: Counter[str], found: Counter[str], repaired: int, request: str | None
    ) -> ObjectsReconciled:
        said = ObjectsReconciled(
            mode=self._reader.mode,
            account=account,
            at_s=at_s,
            compared=dict(compared),
            found=dict(found),
            repaired=repaired,
            request=request,
        )
        stream = comparison_stream(said.mode, account)
        metadata = Metadata(occurred_at_s=at_s, actor=SYSTEM, mode=said.mode, account=account)
        for _ in range(_ATTEMPTS):
            version = len(self._journal.read_stream(stream)) + 1
            if isinstance(self._journal.append(NewEvent(stream, version, said, metadata)), Appended):
                return said
        raise StoreUnavailable("the account's stream kept moving")


def _oldest(objects: Iterable[dict[str, Any]]) -> int:
    return min((o["created"] for o in objects if isinstance(o.get("created"), int)), default=0)
