"""What brings issuances on: it asks for what each wants next, takes the answers, and looks at the invoice.

Everything is decided by `commands.issuing`, and a step is one unit with the calls it asks for: whatever dies between
two, the next one goes on from what the log holds. One leads; another one beside it would only lose races.
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import psycopg
import structlog

from api.calls.asking import CallRefused, request_events
from api.calls.client import NoAnswer, StripeUnavailable
from api.calls.customers import Customers, Whom
from api.calls.sealed import SubjectErased, opened
from api.calls.seeing_invoices import seen_in
from api.calls.wiring import Calls
from api.observing import Observer
from api.stripe_reading import Absent, StripeReader
from commands.acts import Asked
from commands.issuing import ISSUANCES
from commands.issuing_calls import step_calls
from commands.issuing_process import Issuance, Want, want
from commands.issuing_steps import Answer, AskStep, GiveUpStep, TakeAnswers, TakeLook, Taken
from commands.reactions import SYSTEM
from commands.stripe_calls import CALLS
from ledger.events import Cause, Metadata, NewEvent
from ledger.ids import call_stream, issuance_stream
from ledger.issuing_events import IssuanceRequested
from ledger.store import Appended, as_role
from ledger.stripe_call_events import StripeCallSucceeded
from replay.leading import try_to_lead
from replay.tables import LIVE

log = structlog.get_logger("recount.issuing")

_AT_ONCE = 50
#: After Stripe did not answer, one issuance is left alone for so long.
_REST_S = 10.0
#: Steps that are taken without looking at what else waits: no issuance has as many without waiting for an answer.
_STEPS = 20

_READY = f"""
SELECT s.id FROM {LIVE}.issuance_steps s
WHERE s.mode = %(mode)s AND s.state IN ('issuing', 'voiding') AND s.id <> ALL(%(resting)s)
  AND NOT EXISTS (
      SELECT FROM unnest(s.calls) AS a (call)
      LEFT JOIN {LIVE}.stripe_calls c ON (c.mode, c.id) = (s.mode, a.call)
      WHERE coalesce(c.state, 'waiting') NOT IN ('succeeded', 'failed'))
ORDER BY s.position LIMIT %(limit)s
"""


class Ensures(Protocol):
    """As much of `api.calls.customers.Customers` as issuing needs."""

    def ensured(self, whom: Whom, asked: Asked) -> str:
        """The customer of an organization, made where it has none."""


class Issuer:
    """The one of a mode that looks for issuances to bring on. `clock` says what time it is, seconds since the epoch."""

    def __init__(self, conninfo: str, calls: Calls, clock: Callable[[], float]) -> None:
        self._mode = calls.maker.mode
        self._clock = clock
        self._issuing = Issuing(calls, Customers(conninfo, calls.journal, calls.keys, calls.waiter), clock)
        self._conn: psycopg.Connection[Any] = psycopg.connect(
            as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=2
        )
        self._resting: dict[str, float] = {}

    def close(self) -> None:
        """Give up the lead."""
        self._conn.close()

    def lead(self) -> bool:
        """Try to be the one that brings issuances on."""
        return try_to_lead(self._conn, f"issuing/{self._mode}")

    def step(self) -> bool:
        """Bring on what can be brought on. Returns whether anything was. Raises psycopg's errors, StoreUnavailable."""
        now_s = self._clock()
        self._resting = {id: until_s for id, until_s in self._resting.items() if until_s > now_s}
        given = {"mode": self._mode, "resting": list(self._resting), "limit": _AT_ONCE}
        ready = self._conn.execute(_READY, given).fetchall()
        return sum(self._bring_on(str(id)) for (id,) in ready) > 0

    def _bring_on(self, id: str) -> bool:
        try:
            return self._issuing.bring_on(id)
        except (NoAnswer, StripeUnavailable) as silence:
            self._resting[id] = self._clock() + _REST_S
            log.warning("issuance_waits_for_stripe", issuance=id, error=str(silence))
            return False


class Issuing:
    """Takes the steps of issuances. Needs the log and Stripe alone, so that any process may go on with one."""

    def __init__(self, calls: Calls, customers: Ensures, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._customers = customers
        self._clock = clock
        self._mode = calls.maker.mode
        self._reader = StripeReader(calls.stripe)
        self._observer = Observer(calls.journal, calls.keys)

    def bring_on(self, id: str) -> bool:
        """Take every step that one issuance can take now. Returns whether there was one.

        Raises NoAnswer, StripeUnavailable (then it is to be tried later), StoreUnavailable.
        """
        steps = 0
        while steps < _STEPS and self._step(id):
            steps += 1
        return steps > 0

    def _step(self, id: str) -> bool:
        history = self._calls.journal.read_stream(issuance_stream(self._mode, id))
        issuance: Issuance = ISSUANCES.fold(r.event for r in history)
        wanted, asked = want(issuance), issuance.requested
        if wanted is None or asked is None:
            return False
        cause = Cause(issuance_stream(self._mode, id), len(history))
        if wanted.what in ("customer", "calls"):
            return self._ask(issuance, asked, wanted, cause)
        if wanted.what == "answers":
            return self._take_answers(issuance, asked, wanted, cause)
        return self._look(issuance, asked, cause)

    # ---- what it wants ----------------------------------------------------------------------

    def _ask(self, issuance: Issuance, asked: IssuanceRequested, wanted: Want, cause: Cause) -> bool:
        try:
            customer = self._customer(asked) if wanted.what == "customer" else issuance.customer or ""
        except CallRefused as refused:
            told = GiveUpStep(type=refused.failed.type, code=refused.failed.code, at_s=int(self._clock()))
            return self._keep(issuance, asked, told, cause)
        metadata = self._metadata(asked, Cause(cause.stream, cause.version + 1))
        calls: list[NewEvent] = []
        for _, request in step_calls(issuance, wanted.step, customer):
            try:
                plain = opened(self._calls.keys, request.params)
            except SubjectErased:
                told = GiveUpStep(type="subject_erased", code=None, at_s=int(self._clock()))
                return self._keep(issuance, asked, told, cause)
            request = msgspec.structs.replace(request, params=plain)
            calls += request_events(self._calls.keys, request, metadata)
        return self._keep(issuance, asked, AskStep(customer=customer), cause, *calls)

    def _customer(self, asked: IssuanceRequested) -> str:
        """Who was named, or the organization's customer, made where it has none."""
        if asked.customer is not None:
            return asked.customer
        by = Asked(
            person=SYSTEM,
            reason=f"{asked.source_kind} {asked.source} is billed",
            idempotency_key=asked.issuance,
            now_s=int(self._clock()),
            origin="api",
        )
        return self._customers.ensured(Whom(asked.mode, asked.account, asked.org), by)

    def _take_answers(self, issuance: Issuance, asked: IssuanceRequested, wanted: Want, cause: Cause) -> bool:
        answers = []
        for each in wanted.calls:
            stream = call_stream(asked.mode, each.call)
            history = self._calls.journal.read_stream(stream)
            answer = CALLS.fold(r.event for r in history).answer
            if answer is None:
                return False
            if isinstance(answer, StripeCallSucceeded):
                answers.append(Answer(each.call, answer.object_id, "no_object"))
            else:
                answers.append(Answer(each.call, None, answer.type, answer.code, answer.param))
            cause = Cause(stream, len(history))
        return self._keep(issuance, asked, TakeAnswers(answers=tuple(answers), at_s=int(self._clock())), cause)

    def _look(self, issuance: Issuance, asked: IssuanceRequested, cause: Cause) -> bool:
        assert issuance.invoice is not None
        found = self._reader.one(asked.account, "invoice", issuance.invoice, "fetch")
        if isinstance(found, Absent):
            if found.status != 404 and found.code != "resource_missing":
                raise NoAnswer(f"the invoice cannot be read: {found.code or found.status}")
            return self._keep(issuance, asked, TakeLook(seen=None, at_s=int(self._clock())), cause)
        seen = seen_in(found)
        self._observer.keep([found])
        return self._keep(issuance, asked, TakeLook(seen=seen, at_s=found.look.at_s), cause)

    # ---- what is kept -----------------------------------------------------------------------

    def _keep(
        self, issuance: Issuance, asked: IssuanceRequested, command: Taken, cause: Cause, *beside: NewEvent
    ) -> bool:
        """Append what follows, with what stands beside it, unless the issuance moved meanwhile."""
        events = ISSUANCES.decide(command, issuance)
        if not events:
            return False
        metadata, stream = self._metadata(asked, cause), issuance_stream(asked.mode, asked.issuance)
        unit = [NewEvent(stream, issuance.events + 1 + i, e, metadata) for i, e in enumerate(events)]
        if isinstance(self._calls.journal.append(*unit, *beside), Appended):
            for event in events:
                log.info("issuance_moved", issuance=asked.issuance, said=event.NAME, org=asked.org)
        return True  # somebody else was first: so it moved

    def _metadata(self, asked: IssuanceRequested, cause: Cause) -> Metadata:
        return Metadata(
            occurred_at_s=int(self._clock()), actor=SYSTEM, cause=cause, mode=asked.mode, account=asked.account
        )
