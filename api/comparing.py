"""The two sides of a comparison with Stripe, as facts by field: what an object says, and what its row says.

Personal fields are on neither side. Looks only.
"""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import psycopg

from commands.stripe_reads import SUMMARY
from ledger.errors import StoreUnavailable
from ledger.facts import ObjectFact
from ledger.ids import Mode
from ledger.observing import Look, Sighting, observed, open_sighting
from ledger.store import Log
from ledger.stripe_call_events import StripeObjectObserved
from ledger.translations import FAMILIES
from ledger.translations.base import sealed_fields
from ledger.translations.observed import translate_observed
from replay.tables import LIVE

#: What is compared, in this order.
COMPARED = ("customer", "price", "subscription", "invoice", SUMMARY)

_FAMILIES = {o: f for f in reversed(FAMILIES) for o in f.object_types}
_MODELS = {o: _FAMILIES[o].model for o in COMPARED}
#: Addresses of pages: Stripe makes them anew each time that it is asked, and they expire.
#: https://docs.stripe.com/api/invoices/object#invoice_object-hosted_invoice_url
_ADDRESSES = ("url", "_pdf")
#: What older versions of Stripe's API do not tell: a row that heard of its object in those alone has none of it.
_UNTOLD = frozenset({"billing_mode"})


def _compared(facts: type[msgspec.Struct]) -> tuple[str, ...]:
    left_out = {facts.__struct_fields__[i] for i in sealed_fields(facts)} | _UNTOLD
    return tuple(n for n in facts.__struct_fields__ if n not in left_out and not n.endswith(_ADDRESSES))


_PLAIN = {f.model: _compared(f.facts) for f in FAMILIES}
_CAUGHT_UP_S = 60
_DELETABLE = {o for o in COMPARED if "deleted" in _FAMILIES[o].facts.__struct_fields__}


class Theirs(NamedTuple):
    """What Stripe says of an object."""

    id: str
    customer: str | None
    fields: dict[str, Any]
    sighting: Sighting


def facts_of(sighting: Sighting) -> Theirs | None:
    """What an object that was seen says, by field; None where it cannot be read. Raises Invalid("too_deep")."""
    # Nothing of this is kept: personal fields are sealed under no one's key, and left out.
    new = observed(sighting, bytes(32), (), bytes)
    assert new is not None
    assert isinstance(new.event, StripeObjectObserved)
    said = translate_observed(new.event)
    if not isinstance(said, ObjectFact):
        return None
    names = _FAMILIES[said.object].facts.__struct_fields__
    spoken = (name for i, name in enumerate(names) if said.mask >> i & 1)
    plain = set(_PLAIN[said.model])
    fields = {name: value for name, value in zip(spoken, said.values, strict=True) if name in plain}
    return Theirs(said.id, said.customer, msgspec.to_builtins(fields), sighting)


def stub(object_type: str, id: str, look: Look) -> Theirs | None:
    """What it says that Stripe has no such object: it is deleted; None where rows know no such thing."""
    if object_type not in _DELETABLE:
        return None
    return facts_of(open_sighting({"id": id, "object": object_type, "deleted": True}, look))


class Rows:
    """What read models say. Reads over one connection, one statement at a time."""

    def __init__(self, conn: psycopg.Connection[Any], mode: Mode) -> None:
        self._conn = conn
        self._mode = mode

    def of(self, account: str, object_type: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Rows by id, without personal fields, and with `changed_s`."""
        model = _MODELS[object_type]
        names = ("id", *_PLAIN[model], "changed_s")
        rows = self._conn.execute(
            f'SELECT {", ".join(names)} FROM {LIVE}."{model}" WHERE (mode, account) = (%s, %s) AND id = ANY(%s)',
            [self._mode, account, list(ids)],
        )
        return {row[0]: dict(zip(names, row, strict=True)) for row in rows}

    def living(self, account: str, object_type: str, since_s: int) -> set[str]:
        """Ids of all that is there, by our rows, created since then."""
        alive = " AND deleted IS NOT TRUE" if object_type in _DELETABLE else ""
        rows = self._conn.execute(
            f'SELECT id FROM {LIVE}."{_MODELS[object_type]}" WHERE (mode, account) = (%s, %s)'
            f" AND coalesce(created_s, %s) >= %s{alive}",
            [self._mode, account, since_s, since_s],
        )
        return {id for (id,) in rows}

    def entitled(self, account: str) -> set[str]:
        """Customers who may have features by Stripe's own entitlements, where anybody was ever told to have any."""
        rows = self._conn.execute(
            f"SELECT id FROM {LIVE}.entitlement_summaries WHERE (mode, account) = (%s, %s)"
            f" UNION SELECT customer FROM {LIVE}.subscriptions WHERE (mode, account) = (%s, %s)"
            " AND status IN ('active', 'trialing', 'past_due') AND customer IS NOT NULL"
            f" AND EXISTS (SELECT FROM {LIVE}.entitlement_features WHERE (mode, account) = (%s, %s))",
            3 * [self._mode, account],
        )
        return {id for (id,) in rows}

    def drifting(self, account: str, object_type: str) -> set[str]:
        """Ids of what did not agree before."""
        rows = self._conn.execute(
            f"SELECT object_id FROM {LIVE}.drift WHERE (mode, account, object) = (%s, %s, %s)",
            [self._mode, account, object_type],
        )
        return {id for (id,) in rows}


def settled(conn: psycopg.Connection[Any], journal: Log, seconds: float) -> None:
    """Wait so long for what is on its way, and then until read models know what the log holds."""
    time.sleep(seconds)
    head, until = journal.head(), time.monotonic() + _CAUGHT_UP_S
    while time.monotonic() < until:
        row = conn.execute(f"SELECT position FROM {LIVE}.checkpoints WHERE name = 'billing'").fetchone()
        if row is not None and row[0] >= head:
            return
        time.sleep(0.2)
    raise StoreUnavailable("read models are behind the log; see `recount status`")
