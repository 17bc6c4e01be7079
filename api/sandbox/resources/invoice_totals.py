"""From lines to what is due: subtotal, discounts, taxes, total, balance. The one place where an invoice is added up.

What a discount takes and what tax there is say `discounting` and `taxing`, line by line:
https://docs.stripe.com/api/invoices/object.
"""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.resources.discounting import Discountable, off
from api.sandbox.resources.invoice_lines import lines_of
from api.sandbox.resources.pricing import least_charge
from api.sandbox.resources.taxing import Taxable, buyer_of, exclusive_part, inclusive_part, taxes
from api.sandbox.state import Object


def totaled(desk: Desk, invoice: Object) -> Object:
    """Compute a draft anew from its lines, in place: https://docs.stripe.com/billing/invoices/subscription."""
    lines = lines_of(desk, invoice)
    own = _off(desk, invoice, lines, [])
    taken = _off(desk, invoice, lines, invoice["discounts"])
    for line, amounts in zip(lines, taken, strict=True):
        line["discount_amounts"] = amounts
    _tax(desk, invoice, lines)
    all_taxes = [tax for line in lines for tax in line["taxes"]]
    amount = sum(line["amount"] for line in lines)
    discounts = sum(part["amount"] for amounts in taken for part in amounts)
    within, on_top = inclusive_part(all_taxes), exclusive_part(all_taxes)
    subtotal = amount - sum(part["amount"] for amounts in own for part in amounts)
    total = amount - discounts + on_top
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - within,
        "total": total,
        "total_discount_amounts": _summed([part for amounts in taken for part in amounts], ("discount",), ("amount",)),
        "total_excluding_tax": total - within - on_top,
        "total_taxes": _summed(all_taxes, _SAME_TAX, ("amount", "taxable_amount")),
        "_details": None,
    }
    return due(invoice)


_SAME_TAX = ("tax_behavior", "tax_rate_details", "taxability_reason", "type")


def due(invoice: Object) -> Object:
    """What is left to pay of a draft's total, the customer's balance taken in: it pays first, a debt is added."""
    reached = invoice["total"] + invoice["starting_balance"]
    amount = max(reached, 0)
    if invoice["collection_method"] == "charge_automatically" and amount < least_charge(invoice["currency"]):
        amount = 0
    invoice |= {"amount_due": amount, "amount_remaining": amount - invoice["amount_paid"], "_left": reached - amount}
    return invoice


def _off(desk: Desk, invoice: Object, lines: list[Object], whole: list[str]) -> list[list[Object]]:
    asked = [
        Discountable(line["amount"], _product(line), line["discountable"], tuple(line["discounts"])) for line in lines
    ]
    return off(desk, asked, whole, invoice["currency"])


def _product(line: Object) -> str | None:
    return None if line["pricing"] is None else str(line["pricing"]["price_details"]["product"])


def _tax(desk: Desk, invoice: Object, lines: list[Object]) -> None:
    customer = desk.held("customer", invoice["customer"])
    buyer = buyer_of(desk, customer)
    automatic = invoice["automatic_tax"]["enabled"]
    if automatic:
        unknown = buyer.country is None
        invoice["automatic_tax"] = {
            **invoice["automatic_tax"],
            "provider": "stripe",
            "status": "requires_location_inputs" if unknown else "complete",
        }
    rates = tuple(invoice["default_tax_rates"])
    asked = [Taxable(_net(line), tuple(line["_rates"]) or rates, line["_behavior"]) for line in lines]
    for line, found in zip(lines, taxes(desk, asked, buyer, automatic=automatic), strict=True):
        line["taxes"] = found


def _net(line: Object) -> int:
    return int(line["amount"] - sum(part["amount"] for part in line["discount_amounts"]))


def _summed(parts: list[Object], same: tuple[str, ...], added: tuple[str, ...]) -> list[Object]:
    """Parts that say the same added up, in the order in which they came first."""
    sums: dict[str, Object] = {}
    for part in parts:
        key = repr([part[name] for name in same])
        held: Any = sums.get(key)
        if held is None:
            sums[key] = dict(part)
        else:
            held |= {name: held[name] + part[name] for name in added}
    return list(sums.values())
