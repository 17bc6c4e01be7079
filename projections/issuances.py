"""Issuances: our own lines on their way to one Stripe invoice, what Stripe made of it, and what it waits for.

`issuance_steps` folds our own events; `issuances` joins the Stripe invoice as it stands, so that being paid, voided or
credited is followed from Stripe's own word: `standing` says where it is altogether. Overdue is an invoice of which a
payment failed, or that Stripe gave up; whether one that is sent is late is for a reader with a clock, by `due_s`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ledger.issuing_events import (
    ISSUING_EVENTS,
    IssuanceApproved,
    IssuanceCompared,
    IssuanceFailed,
    IssuanceHeld,
    IssuanceIssued,
    IssuanceReleased,
    IssuanceRequested,
    IssuanceRetried,
    IssuanceStepAsked,
    IssuanceStepDone,
    IssuanceVoidAsked,
    IssuanceVoided,
)
from projections.base import Column, Derivation, Entry, Hop, Input, Key, Lookup, Projection, Row, Table

STATES = ("issuing", "draft", "held", "issue_failed", "issued", "voiding", "voided")
#: What an issuance does by itself, without a person.
MOVING = ("issuing", "voiding")

_KEY = (Column("mode", "text"), Column("id", "text"))
#: What our own events say, as both tables have it.
_SAID = (
    Column("account", "text"),
    Column("org", "text"),
    Column("currency", "text"),
    Column("source_kind", "text"),
    Column("source", "text"),
    Column("collection", "text"),
    Column("automatic_tax", "boolean"),
    Column("state", "text"),
    Column("step", "text"),  # what was done last, or is being done
    Column("customer", "text"),
    Column("invoice", "text"),
    Column("subtotal_minor", "bigint"),
    Column("tax_minor", "bigint"),
    Column("total_minor", "bigint"),
    Column("discrepancies", "jsonb"),
    Column("failure", "text"),  # the type and code of what failed last
    Column("released_total_minor", "bigint"),
    Column("lines", "jsonb"),
)
_END = (Column("requested_us", "bigint", digested=False), Column("position", "bigint", digested=False))
_OWN = Table(
    "issuance_steps",
    ("mode", "id"),
    (*_KEY, *_SAID, Column("calls", "text[]"), *_END),  # calls without an answer
    indexes=("(mode, account, invoice)", "(mode, position) WHERE state IN ('issuing', 'voiding')"),
)


class _State(msgspec.Struct, array_like=True, frozen=True):
    requested: IssuanceRequested
    state: str = "issuing"
    step: str | None = None
    customer: str | None = None
    invoice: str | None = None
    discrepancies: tuple[dict[str, str], ...] = ()
    failure: str | None = None
    released_total_minor: int | None = None
    calls: tuple[str, ...] = ()
    approved: bool = False
    issued: bool = False
    requested_us: int = 0
    position: int = 0


#: What failed when somebody deleted the draft in Stripe: tried again, it makes another.
_GONE = "invoice_gone"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode
_replace = msgspec.structs.replace


def _keys(entry: Entry) -> tuple[Key, ...]:
    return ((entry.event.mode, entry.event.issuance),)  # type: ignore[attr-defined] # all that it reads have both


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    said = entry.event
    if isinstance(said, IssuanceRequested):
        return _encode(_State(said, requested_us=entry.recorded_at_us, position=entry.position))
    return _encode(_moved(_decode(state), said)) if state is not None else None


def _moved(it: _State, said: Any) -> _State:
    if isinstance(said, IssuanceStepAsked):
        return _replace(it, step=said.step, customer=said.customer, calls=tuple(c.call for c in said.calls))
    if isinstance(said, IssuanceStepDone):
        done = {each.call for each in said.made}
        invoice = said.made[0].object_id if said.step == "draft" else it.invoice
        return _replace(it, step=said.step, invoice=invoice, calls=tuple(c for c in it.calls if c not in done))
    if isinstance(said, IssuanceCompared):
        waits = said.step == "compare" and it.requested.draft_only and not it.approved
        return _replace(it, step=said.step, state="draft" if waits else it.state)
    if isinstance(said, IssuanceFailed):
        return _failed(it, said)
    return _by_person(it, said)


def _failed(it: _State, said: IssuanceFailed) -> _State:
    undoing = it.state == "voiding" and said.step not in ("take_back", "void")
    after = "voiding" if undoing else "issued" if it.issued else "held" if it.discrepancies else "issue_failed"
    failure = f"{said.type}/{said.code}" if said.code else said.type
    return _replace(it, state=after, step=said.step, failure=failure, calls=())


def _by_person(it: _State, said: Any) -> _State:
    if isinstance(said, IssuanceHeld):
        found = tuple({"what": d.what, "ours": d.ours, "stripes": d.stripes} for d in said.discrepancies)
        return _replace(it, state="held", step=said.step, discrepancies=found)
    if isinstance(said, IssuanceApproved):
        return _replace(it, state="issuing", approved=True)
    if isinstance(said, IssuanceRetried):
        gone = (it.failure or "").startswith(_GONE) and it.step != "confirm"
        invoice = None if gone else it.invoice
        return _replace(it, state="issuing", discrepancies=(), failure=None, invoice=invoice)
    if isinstance(said, IssuanceReleased):
        return _replace(it, state="issuing", discrepancies=(), released_total_minor=said.total_minor, approved=True)
    if isinstance(said, IssuanceIssued):
        return _replace(it, state="issued", issued=True)
    if isinstance(said, IssuanceVoidAsked):
        return _replace(it, state="voiding", failure=None)
    assert isinstance(said, IssuanceVoided)
    return _replace(it, state="voided", discrepancies=())


def _said(it: _State) -> tuple[Any, ...]:
    asked = it.requested
    lines = [
        {
            "key": line.key,
            "amount_minor": line.amount_minor,
            "from_s": line.from_s,
            "until_s": line.until_s,
            "tax_rates": [rate.id for rate in line.tax_rates],
        }
        for line in asked.lines
    ]
    return (
        asked.account,
        asked.org,
        asked.currency,
        asked.source_kind,
        asked.source,
        asked.collection,
        asked.automatic_tax,
        it.state,
        it.step,
        it.customer,
        it.invoice,
        asked.subtotal_minor,
        asked.tax_minor,
        asked.total_minor,
        list(it.discrepancies),
        it.failure,
        it.released_total_minor,
        lines,
    )


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    return _OWN.row(*key, *_said(it), list(it.calls), it.requested_us, it.position)


ISSUANCE_STEPS = Projection("issuance_steps", 1, _OWN, tuple(e.NAME for e in ISSUING_EVENTS), _keys, _apply, _to_row)

#: What Stripe says of the invoice.
_OF_INVOICE = (
    Column("invoice_status", "text"),
    Column("number", "text"),
    Column("stripe_total_minor", "bigint"),
    Column("amount_paid_minor", "bigint"),
    Column("amount_remaining_minor", "bigint"),
    Column("credited_minor", "bigint"),
    Column("due_s", "bigint"),
    Column("paid_s", "bigint"),
    Column("standing", "text"),
)
#: Where one may be: our own course, then Stripe's. `credited`: some of it or all, which `credited_minor` says.
STANDINGS = ("issuing", "held", "issue_failed", "issued", "paid", "overdue", "void", "credited")
_TABLE = Table(
    "issuances",
    ("mode", "id"),
    (*_KEY, *_SAID, *_OF_INVOICE, *_END),
    indexes=("(mode, position)", "(mode, org, position)", "(mode, state, position)", "(mode, source_kind, source)"),
)
_READ = (
    "status", "number", "total_minor", "amount_paid_minor", "amount_remaining_minor", "due_date_s", "paid_at_s",
    "pre_payment_credit_notes_minor", "post_payment_credit_notes_minor", "deleted",
)  # fmt: skip


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    found = []
    for row in rows["issuance_steps"]:
        settled = _settled(rows["invoices"])
        stands = _standing(row.state, settled[0], settled[5] or 0, bool(rows["payment_failures"]))
        found.append(_TABLE.row(*key, *_values(row, _SAID), *settled, stands, *_values(row, _END)))
    return found


def _standing(state: str, status: str | None, credited_minor: int, failed: bool) -> str:
    """Where it is: what we are doing about it, and once it is out, what Stripe says of its invoice."""
    if state in ("held", "issue_failed"):
        return state
    if state == "voided":
        return "void"
    if state == "draft" or (state != "issued" and status in (None, "draft", "open")):
        return "issuing"
    if credited_minor > 0:
        return "credited"
    if status in ("void", "deleted"):
        return "void"
    if status == "paid":
        return "paid"
    return "overdue" if status == "uncollectible" or failed else "issued"


def _values(row: Row, columns: Sequence[Column]) -> list[Any]:
    return [getattr(row, column.name) for column in columns]


def _settled(invoices: Sequence[Row]) -> tuple[Any, ...]:
    if not invoices:
        return (None,) * (len(_OF_INVOICE) - 1)
    (invoice,) = invoices
    credited = [invoice.pre_payment_credit_notes_minor, invoice.post_payment_credit_notes_minor]
    return (
        "deleted" if invoice.deleted else invoice.status,
        invoice.number,
        invoice.total_minor,
        invoice.amount_paid_minor,
        invoice.amount_remaining_minor,
        sum(c or 0 for c in credited),
        invoice.due_date_s,
        invoice.paid_at_s,
    )


def _invoice_of(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(key[0], row.account, row.invoice) for row in rows["issuance_steps"] if row.invoice is not None]


_BY_INVOICE = Lookup(
    (Hop("issuance_steps", (("mode", "mode"), ("account", "account"), ("invoice", "id"))),), ("mode", "id")
)

ISSUANCES = Derivation(
    "issuances",
    1,
    _TABLE,
    ("mode", "id"),
    inputs=(
        Input("issuance_steps", ("mode", "id"), lambda key, _: [key]),
        Input("invoices", ("mode", "account", "id"), _invoice_of, _READ),
        Input("payment_failures", ("mode", "account", "id"), _invoice_of, ("failed",)),
    ),
    affects={
        "issuance_steps": lambda row: [(row.mode, row.id)],
        "invoices": (_BY_INVOICE,),
        "payment_failures": (_BY_INVOICE,),
    },
    derive=_derive,
)
