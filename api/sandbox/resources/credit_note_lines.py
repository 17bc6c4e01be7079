"""The lines of a credit note: parts of an invoice's lines with their discounts and taxes, or amounts of one's own."""

from fractions import Fraction
from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources.invoice_lines import lines_of
from api.sandbox.resources.taxing import Buyer, Taxable, exclusive_part, taxes
from api.sandbox.rounding import allotted, half_up
from api.sandbox.state import Object

KIND = "credit_note_line_item"


def asked(desk: Desk, invoice: Object, params: dict[str, Any]) -> list[Object]:
    """The lines that a request asks for: by `lines`, or an `amount` spread over the invoice's. Raises StripeError."""
    said = params.get("lines")
    if (said is None) == (params.get("amount") is None):
        raise invalid("You must pass either `amount` or `lines`.", "amount", "parameter_missing")
    held = {line["id"]: line for line in lines_of(desk, invoice)}
    if said is None:
        whole = [_part(desk, line, Fraction(1)) for line in held.values()]
        parts = allotted(params["amount"], [whole_of(line) for line in whole])
        chosen = zip(held.values(), whole, parts, strict=True)
        return [_part(desk, line, Fraction(part, whole_of(w)), part) for line, w, part in chosen if part]
    return [_asked(desk, held, one, f"lines[{i}]") for i, one in enumerate(said)]


def _asked(desk: Desk, held: dict[str, Object], said: dict[str, Any], name: str) -> Object:
    if said["type"] == "custom_line_item":
        amount = said.get("amount")
        if amount is None:
            unit = said.get("unit_amount_decimal") or said.get("unit_amount")
            if unit is None:
                raise invalid("An amount is needed.", f"{name}[amount]", "parameter_missing")
            amount = half_up(Fraction(unit) * int(said.get("quantity", 1)))
        found = taxes(desk, [Taxable(amount, tuple(said.get("tax_rates") or ()))], Buyer(None), automatic=False)[0]
        return _line(desk, said.get("description"), amount, None, [], found, said.get("quantity"))
    line = held.get(said.get("invoice_line_item") or "")
    if line is None:
        raise invalid("The line is not one of the invoice's.", f"{name}[invoice_line_item]", "resource_missing")
    if said.get("quantity") is not None:
        share = Fraction(said["quantity"], line["quantity"])
    else:
        share = Fraction(int(said.get("amount") or line["amount"]), line["amount"])
    if not 0 < share <= 1:
        raise invalid("This is more than the invoice's line.", f"{name}[amount]")
    return {**_part(desk, line, share), "quantity": said.get("quantity")}


def _part(desk: Desk, line: Object, share: Fraction, total: int | None = None) -> Object:
    """A share of a line, with the same share of its discounts and taxes; to `total`, if that is given."""
    discounts = [{**d, "amount": half_up(d["amount"] * share)} for d in line["discount_amounts"]]
    parts = ("amount", "taxable_amount")
    tax = [{**t, **{name: half_up(t[name] * share) for name in parts}} for t in line["taxes"]]
    amount = half_up(line["amount"] * share)
    if total is not None:
        amount = total + sum(d["amount"] for d in discounts) - exclusive_part(tax)
    return _line(desk, line["description"], amount, line["id"], discounts, tax, None)


def _line(
    desk: Desk,
    description: str | None,
    amount: int,
    of: str | None,
    discounts: list[Object],
    tax: list[Object],
    quantity: int | None,
) -> Object:
    return {
        "id": desk.new_id("cnli"),
        "object": KIND,
        "amount": amount,
        "description": description,
        "discount_amount": sum(d["amount"] for d in discounts),
        "discount_amounts": discounts,
        **({} if of is None else {"invoice_line_item": of}),
        "livemode": desk.livemode,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": quantity,
        "tax_rates": [t["tax_rate_details"]["tax_rate"] for t in tax],
        "taxes": tax,
        "type": "custom_line_item" if of is None else "invoice_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def whole_of(line: Object) -> int:
    """What a line gives back in all: with its tax, without its discounts."""
    return int(line["amount"]) - int(line["discount_amount"]) + exclusive_part(line["taxes"])


def summed(parts: list[Object], name: str) -> list[Object]:
    """Amounts of the same discount added up."""
    sums: dict[str, int] = {}
    for part in parts:
        sums[part[name]] = sums.get(part[name], 0) + part["amount"]
    return [{"amount": amount, name: id} for id, amount in sums.items()]


def summed_taxes(lines: list[Object]) -> list[Object]:
    """Taxes of the same rate added up."""
    sums: dict[str, Object] = {}
    for tax in (t for line in lines for t in line["taxes"]):
        held = sums.setdefault(tax["tax_rate_details"]["tax_rate"], {**tax, "amount": 0, "taxable_amount": 0})
        held["amount"] += tax["amount"]
        held["taxable_amount"] += tax["taxable_amount"]
    return list(sums.values())


def present(desk: Desk, line: Object) -> Object:
    """With its tax rates whole."""
    if line["tax_rates"] and isinstance(line["tax_rates"][0], dict):
        return line
    return {**line, "tax_rates": [dict(desk.get("tax_rate", id)) for id in line["tax_rates"]]}
