"""The tax on lines, in its three kinds: exclusive, inclusive, and reverse charge.

By rates that are named (https://docs.stripe.com/billing/taxes/tax-rates), or by automatic tax where the seller is
registered (https://docs.stripe.com/tax), whose rates here are each country's standard one. Rounded line by line.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from api.sandbox.desk import Desk
from api.sandbox.resources import tax_rates
from api.sandbox.resources.tax_settings import registered, settings
from api.sandbox.rounding import half_up
from api.sandbox.state import Object

#: Standard rates, percent: enough of them to try a tax posture with; no source for anybody's books.
_STANDARD = {"AT": "20", "CH": "8.1", "DE": "19", "ES": "21", "FR": "20", "GB": "20", "IE": "23", "IT": "22",
             "JP": "10", "NL": "21", "NO": "25", "PL": "23", "SE": "25", "US": "8.5"}  # fmt: skip
_EU = frozenset({"AT", "DE", "ES", "FR", "IE", "IT", "NL", "PL", "SE"})


class Taxable(NamedTuple):
    """As much of a line as tax asks for."""

    amount: int
    """After discounts."""
    rates: tuple[str, ...] = ()
    """Ids of its tax rates, or of those that hold for the whole."""
    behavior: str | None = None
    """`inclusive` or `exclusive`, as its price says; rates that are named say it themselves."""


class Buyer(NamedTuple):
    """As much of a customer as tax asks for."""

    country: str | None
    exempt: str = "none"
    has_tax_id: bool = False


def buyer_of(desk: Desk, customer: Object | None, address: Object | None = None) -> Buyer:
    """What is known of a customer, or of who stands at the checkout."""
    if customer is None:
        return Buyer((address or {}).get("country"))
    place = address or (customer.get("shipping") or {}).get("address") or customer.get("address") or {}
    numbers = any(t["verification"]["status"] != "unverified" for t in desk.scan("tax_id", customer=customer["id"]))
    return Buyer(place.get("country"), customer["tax_exempt"], numbers)


def taxes(desk: Desk, lines: Sequence[Taxable], buyer: Buyer, *, automatic: bool) -> list[list[Object]]:
    """For each line its `taxes`, in the newest shape. Nothing where nobody collects."""
    if automatic:
        rate, reason = _automatic(desk, buyer)
        return [[] if rate is None else [_automatic_tax(desk, line, rate, reason)] for line in lines]
    return [[_tax(line.amount, desk.get("tax_rate", id), buyer) for id in line.rates] for line in lines]


def inclusive_part(taxes: Sequence[Object]) -> int:
    """How much of a line's amount is tax that stands in it."""
    return sum(t["amount"] for t in taxes if t["tax_behavior"] == "inclusive")


def exclusive_part(taxes: Sequence[Object]) -> int:
    """How much tax comes on top of a line's amount."""
    return sum(t["amount"] for t in taxes if t["tax_behavior"] == "exclusive")


def _tax(amount: int, rate: Object, buyer: Buyer) -> Object:
    if buyer.exempt == "reverse":
        return _said(0, rate["inclusive"], str(rate["id"]), "reverse_charge", amount)
    if buyer.exempt == "exempt":
        return _said(0, rate["inclusive"], str(rate["id"]), "customer_exempt", amount)
    percent = Fraction(rate["_percentage"])
    if not rate["inclusive"]:
        return _said(half_up(amount * percent / 100), False, str(rate["id"]), "standard_rated", amount)
    within = half_up(amount * percent / (100 + percent))
    return _said(within, True, str(rate["id"]), "standard_rated", amount - within)


def _automatic(desk: Desk, buyer: Buyer) -> tuple[str | None, str]:
    """The percentage that automatic tax takes, and why; None: it collects nothing."""
    country = buyer.country
    seller = ((settings(desk)["head_office"] or {}).get("address") or {}).get("country")
    if country is None or country not in _STANDARD or not registered(desk, country):
        return None, "not_collecting"
    if buyer.exempt == "exempt":
        return "0", "customer_exempt"
    abroad_in_eu = country in _EU and seller != country
    if buyer.exempt == "reverse" or (abroad_in_eu and buyer.has_tax_id):
        return "0", "reverse_charge"
    return _STANDARD[country], "standard_rated"


def _automatic_tax(desk: Desk, line: Taxable, percent: str, reason: str) -> Object:
    behavior = line.behavior if line.behavior in ("inclusive", "exclusive") else None
    inclusive = (behavior or settings(desk)["defaults"]["tax_behavior"]) == "inclusive"
    rate = _kept_rate(desk, percent, inclusive=inclusive)
    told = _tax(line.amount, rate, Buyer(None))
    return {**told, "taxability_reason": reason}


def _kept_rate(desk: Desk, percent: str, *, inclusive: bool) -> Object:
    """The rate that automatic tax made for this percentage; made when it is first needed."""
    id = f"txr_auto{percent.replace('.', 'p')}{'in' if inclusive else 'ex'}"
    held = desk.held("tax_rate", id)
    if held is not None:
        return held
    asked = {"display_name": "Tax", "inclusive": inclusive, "percentage": Decimal(percent), "active": False}
    return desk.add("tax_rate", {**tax_rates.made(desk, asked), "id": id})


def _said(amount: int, inclusive: bool, rate: str, reason: str, taxable: int) -> Object:
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": rate},
        "taxability_reason": reason,
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }
