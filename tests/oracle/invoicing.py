"""Where what we bill by ourselves is: from every event that was decided, and the issuances, looked at as a whole."""

from collections.abc import Iterable
from fractions import Fraction
from math import ceil
from typing import Any

from ledger.events import DifferenceClosed
from ledger.hosting_billing_events import HostingInvoiceClosed
from ledger.passthrough_events import PASSTHROUGH_EVENTS, BatchInvoiceMoved, BatchInvoiceReady

Row = dict[str, Any]
Key = tuple[str, ...]
_NEW: Row = {"state": "issuing", "invoice": None, "fault": None, "credited_minor": 0}


def hosting_states(events: Iterable[Any], issuances: Iterable[Row]) -> dict[Key, Row]:
    """Of each hosting invoice: its state, and what bills it."""
    bills = {(i["mode"], i["source"]): i for i in issuances if i["source_kind"] == "hosting_invoice"}
    found = {}
    for closed in (e for e in events if isinstance(e, HostingInvoiceClosed)):
        bill = bills.get((closed.mode, closed.invoice))
        state = "closed" if closed.total_minor else "carried"
        found[closed.mode, closed.invoice] = {
            "state": bill["standing"] if bill else state,
            "issuance": bill["id"] if bill else None,
            "invoice": bill["invoice"] if bill else None,
            "invoiced_minor": bill["stripe_total_minor"] if bill else None,
            "credited_minor": bill["credited_minor"] if bill else None,
        }
    return found


def standing(issuance: Row, invoice: Row | None, failed: bool) -> str:
    """Where an issuance is altogether."""
    mine = issuance["state"]
    theirs = None if invoice is None else "deleted" if invoice["deleted"] else invoice["status"]
    if mine in ("held", "issue_failed"):
        return str(mine)
    if mine == "voided":
        return "void"
    out = mine == "issued" or (
        mine in ("issuing", "voiding") and theirs in ("paid", "void", "uncollectible", "deleted")
    )
    if not out:
        return "issuing"
    credits = ("pre_payment_credit_notes_minor", "post_payment_credit_notes_minor")
    if invoice is not None and sum(invoice[c] or 0 for c in credits):
        return "credited"
    plain = {"paid": "paid", "void": "void", "deleted": "void", "uncollectible": "overdue"}
    return plain.get(theirs or "", "overdue" if failed else "issued")


def batch_invoice_changes(said: Iterable[tuple[int, Any]], issuances: Iterable[Row]) -> dict[Key, Row]:
    """What of the invoices of batches the batches do not say yet. `said`: version and event, in the log's order."""
    said = list(said)
    bills = {(i["mode"], i["source"]): i for i in issuances if i["source_kind"] == "reconciliation_batch"}
    told: dict[Key, list[tuple[int, Any]]] = {}
    done: dict[Key, list[Any]] = {}
    for version, event in said:
        if isinstance(event, DifferenceClosed) and event.reaction == "batch_invoice_changes":
            done.setdefault((event.mode, *event.key), []).append(event.done)
        elif isinstance(event, PASSTHROUGH_EVENTS) and hasattr(event, "number") and hasattr(event, "period"):
            told.setdefault((event.mode, event.org, f"{event.period}.{event.number}"), []).append((version, event))
    found = {}
    for (mode, org, batch), mine in told.items():
        approvals = [v for v, e in mine if isinstance(e, BatchInvoiceReady) and (mode, f"{org}:{batch}:{v}") in bills]
        for version in approvals:
            billed = version == approvals[-1] and isinstance(mine[-1][1], BatchInvoiceMoved)
            now = _where(bills[mode, f"{org}:{batch}:{version}"]) if billed else {**_NEW, "state": "withdrawn"}
            before = done.get((mode, org, batch, str(version)), [])
            was = before[-1] if before else _NEW
            if was != now:
                names = {"mode": mode, "org": org, "batch": batch, "version": str(version)}
                found[mode, org, batch, str(version)] = {**names, "was": was, "now": now, "closed": len(before)}
    return found


def _where(bill: Row) -> Row:
    state = bill["standing"]
    if state in ("issuing", "held"):
        return _NEW
    fault = bill["failure"] if state == "issue_failed" else None
    credited = bill["credited_minor"] if state == "credited" else 0
    on_top = (bill.get("stripe_total_minor") or 0) - bill.get("subtotal_minor", 0)
    if credited and on_top > 0:  # of what the customer gets back, what is no tax: the least that it may be
        credited = ceil(Fraction(credited, bill["stripe_total_minor"]) * bill["subtotal_minor"])
    return {"state": state, "invoice": bill["invoice"], "fault": fault, "credited_minor": credited}
