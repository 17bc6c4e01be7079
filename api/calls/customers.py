"""Who an organization is in Stripe: the customer that it has, or one that is made for it at its first billing action.

However many first actions come at once, one makes the customer: it is decided on a stream of the organization's own.
"""

from typing import Any, NamedTuple

import psycopg

from api.calls.asking import Waiter, request_events
from api.calls.making import ATTEMPTS
from api.calls.sealed import Keys
from commands.acts import Asked
from commands.base import Journal
from commands.customers import BILLING_CUSTOMERS, BillingCustomer, RequestCustomer, customer_request, require_email
from commands.stripe_calls import CALLS
from ledger.errors import StoreUnavailable, StreamMoved
from ledger.events import Cause, Metadata, NewEvent
from ledger.ids import Mode, billing_customer_stream, call_stream
from ledger.store import Appended, as_role
from ledger.stripe_call_events import BillingCustomerRequested, StripeCallFailed, StripeCallSucceeded
from replay.tables import LIVE

#: What an operator linked comes first, then the oldest.
_LINKED = f"""
SELECT l.customer FROM {LIVE}.org_links l
LEFT JOIN {LIVE}.customers c ON (c.mode, c.account, c.id) = (l.mode, l.account, l.customer)
WHERE (l.mode, l.account, l.org) = (%s, %s, %s) AND NOT coalesce(c.deleted, false)
ORDER BY (l.claimed_by = 'operator') DESC, c.created_s NULLS LAST, l.customer LIMIT 1
"""
_DELETED = f"SELECT deleted FROM {LIVE}.customers WHERE (mode, account, id) = (%s, %s, %s)"
_ALL = f"SELECT customer FROM {LIVE}.org_links WHERE (mode, account, org) = (%s, %s, %s)"


class Whom(NamedTuple):
    """An organization in one Stripe account."""

    mode: Mode
    account: str
    org: str

    @property
    def stream(self) -> str:
        """Of the customer that we made."""
        return billing_customer_stream(self.mode, self.account, self.org)


class Customers:
    """Finds customers, and has them made. May be used from several threads."""

    def __init__(self, conninfo: str, journal: Journal, keys: Keys, waiter: Waiter) -> None:
        self._conninfo = as_role(conninfo, "recount_reader", statement_timeout="5000")
        self._journal = journal
        self._keys = keys
        self._waiter = waiter

    def known(self, whom: Whom) -> str | None:
        """The customer that an organization has. Raises StoreUnavailable."""
        rows = self._rows(_LINKED, whom)
        if rows:
            return str(rows[0][0])
        answer = self._answer(whom, self._state(whom))
        return answer.object_id if isinstance(answer, StripeCallSucceeded) and not self._gone(whom, answer) else None

    def every(self, whom: Whom) -> frozenset[str]:
        """All customers that an organization has or had in the account. Raises StoreUnavailable."""
        known = self.known(whom)
        return frozenset([*(str(c) for (c,) in self._rows(_ALL, whom)), *([known] if known is not None else [])])

    def ensured(self, whom: Whom, asked: Asked, *, email: str | None = None, name: str | None = None) -> str:
        """The customer that an organization has, made where it has none. `email`, `name`: of a new one.

        Raises Invalid("not_an_email"), CallRefused, StripeUnavailable, StoreUnavailable.
        """
        if email is not None:
            require_email(email)
        known = self.known(whom)
        if known is not None:
            return known
        for _ in range(ATTEMPTS):
            state = self._state(whom)
            answer = self._answer(whom, state)
            if isinstance(answer, StripeCallSucceeded) and answer.object_id is not None:
                if not self._gone(whom, answer):
                    return answer.object_id
            elif state.call_id is not None and not isinstance(answer, StripeCallFailed):
                return str(self._waiter.answer(state.call_id).object["id"])
            made = self._requested(whom, state, asked, email, name)
            if made is not None:
                return str(self._waiter.answer(made).object["id"])
        raise StreamMoved(f"others keep asking for the customer of {whom.org}; try again")

    def _requested(
        self, whom: Whom, state: BillingCustomer, asked: Asked, email: str | None, name: str | None
    ) -> str | None:
        """The call that now makes the customer; None: somebody else asked for one first."""
        history = self._journal.read_stream(whom.stream)
        command = RequestCustomer(mode=whom.mode, account=whom.account, org=whom.org, failed=state.call_id)
        events = BILLING_CUSTOMERS.decide(command, BILLING_CUSTOMERS.fold(r.event for r in history))
        if not events:
            return None
        (event,) = events
        assert isinstance(event, BillingCustomerRequested)
        metadata = Metadata(
            occurred_at_s=asked.now_s,
            actor=asked.person,
            reason=asked.reason,
            mode=whom.mode,
            account=whom.account,
            correlation=asked.idempotency_key,
        )
        version = len(history) + 1
        caused = Metadata(
            occurred_at_s=asked.now_s,
            actor=asked.person,
            reason=asked.reason,
            cause=Cause(whom.stream, version),
            mode=whom.mode,
            account=whom.account,
        )
        call = request_events(self._keys, customer_request(event, email, name), caused)
        appended = self._journal.append(NewEvent(whom.stream, version, event, metadata), *call)
        return event.call_id if isinstance(appended, Appended) else None

    def _state(self, whom: Whom) -> BillingCustomer:
        return BILLING_CUSTOMERS.fold(r.event for r in self._journal.read_stream(whom.stream))

    def _answer(self, whom: Whom, state: BillingCustomer) -> StripeCallSucceeded | StripeCallFailed | None:
        if state.call_id is None:
            return None
        return CALLS.fold(r.event for r in self._journal.read_stream(call_stream(whom.mode, state.call_id))).answer

    def _gone(self, whom: Whom, answer: StripeCallSucceeded) -> bool:
        """Whether the customer was deleted in Stripe since it was made."""
        with self._reading() as conn:
            row = conn.execute(_DELETED, [whom.mode, whom.account, answer.object_id]).fetchone()
        return bool(row and row[0])

    def _rows(self, statement: str, whom: Whom) -> list[Any]:
        with self._reading() as conn:
            return conn.execute(statement, [*whom]).fetchall()

    def _reading(self) -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(self._conninfo, autocommit=True, connect_timeout=2)
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"the read models did not answer: {type(error).__name__}") from error
