"""Issuances by looking: all that was ever said of each, as a whole, beside its Stripe invoice as it stands."""

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def issuances(rows: dict[str, dict[tuple[str, ...], Row]], decided: Iterable[tuple[Any, int]]) -> dict[Any, Row]:
    """Every issuance: what it was to be, where it stands, and what Stripe says of its invoice."""
    told: dict[tuple[str, str], list[Any]] = {}
    for event, _ in decided:
        if event.NAME.startswith("issuance."):
            told.setdefault((event.mode, event.issuance), []).append(event)
    return {key: _row(key, said, rows["invoices"]) for key, said in told.items()}


def _row(key: tuple[str, str], said: list[Any], invoices: dict[tuple[str, ...], Row]) -> Row:
    asked = said[0]
    steps = [e for e in said if hasattr(e, "step")]
    held = _after(said, "held", ("retried", "released", "voided"))
    failed = _after(said, "failed", ("retried", "void_asked"))
    customers = [e.customer for e in _all(said, "step_asked")]
    released = [e.total_minor for e in _all(said, "released")]
    row = {
        "mode": key[0], "id": key[1], "account": asked.account, "org": asked.org, "currency": asked.currency,
        "source_kind": asked.source_kind, "source": asked.source, "collection": asked.collection,
        "automatic_tax": asked.automatic_tax, "state": _state(said, held, failed),
        "step": steps[-1].step if steps else None, "customer": customers[-1] if customers else None,
        "invoice": _invoice(said), "subtotal_minor": asked.subtotal_minor, "tax_minor": asked.tax_minor,
        "total_minor": asked.total_minor,
        "discrepancies": [{"what": d.what, "ours": d.ours, "stripes": d.stripes}
                          for e in ([held] if held else []) for d in e.discrepancies],
        "failure": "/".join(w for w in (failed.type, failed.code) if w) if failed else None,
        "released_total_minor": released[-1] if released else None,
        "lines": [{"key": line.key, "amount_minor": line.amount_minor, "from_s": line.from_s, "until_s": line.until_s,
                   "tax_rates": [r.id for r in line.tax_rates]} for line in asked.lines],
    }  # fmt: skip
    return row | _settled(invoices.get((key[0], asked.account, row["invoice"] or "")))


def _all(said: list[Any], name: str) -> list[Any]:
    return [e for e in said if f"issuance.{name}" == e.NAME]


def _after(said: list[Any], name: str, ended_by: tuple[str, ...]) -> Any:
    """The last event of a name, unless one of others came after it."""
    last = max((i for i, e in enumerate(said) if f"issuance.{name}" == e.NAME), default=None)
    if last is None or any(e.NAME.removeprefix("issuance.") in ended_by for e in said[last + 1 :]):
        return None
    return said[last]


def _invoice(said: list[Any]) -> str | None:
    """That of the last draft, unless it was found gone and somebody tries again."""
    found, gone = None, False
    for event in said:
        if event.NAME == "issuance.step_done" and event.step == "draft":
            found = event.made[0].object_id
        if event.NAME == "issuance.failed":
            gone = event.type == "invoice_gone" and event.step != "confirm"
        if event.NAME == "issuance.retried" and gone:
            found, gone = None, False
    return found


def _state(said: list[Any], held: Any, failed: Any) -> str:
    if _all(said, "voided"):
        return "voided"
    undoing = max((i for i, e in enumerate(said) if e.NAME == "issuance.void_asked"), default=None)
    if undoing is not None and not any(
        e.NAME == "issuance.failed" and e.step in ("take_back", "void") for e in said[undoing:]
    ):
        return "voiding"
    if held:
        return "held"
    if _all(said, "issued"):
        return "issued"
    if failed:
        return "issue_failed"
    compared = any(e.step == "compare" for e in _all(said, "compared"))
    waits = said[0].draft_only and not _all(said, "approved") and not _all(said, "released")
    return "draft" if compared and waits else "issuing"


def _settled(invoice: Row | None) -> Row:
    it = invoice or {}
    credited = [it.get("pre_payment_credit_notes_minor"), it.get("post_payment_credit_notes_minor")]
    return {
        "invoice_status": "deleted" if it.get("deleted") else it.get("status"),
        "number": it.get("number"),
        "stripe_total_minor": it.get("total_minor"),
        "amount_paid_minor": it.get("amount_paid_minor"),
        "amount_remaining_minor": it.get("amount_remaining_minor"),
        "credited_minor": sum(c or 0 for c in credited) if invoice is not None else None,
        "due_s": it.get("due_date_s"),
        "paid_s": it.get("paid_at_s"),
    }
