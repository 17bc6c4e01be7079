"""Credit balances and tax profiles: what each customer has left to spend, and how each is taxed."""

from api.resources.filters import CUSTOMER, equal, flag, holding
from api.resources.lists import Source
from api.resources.resource import Resource, of_customers
from api.resources.routes import published
from api.schemas import Shape
from api.schemas.billing import CREDIT_BALANCE, TAX_PROFILE


def _by_customer(shape: Shape, model: str) -> Source:
    """Rows that a derivation makes, one a customer."""
    return of_customers(shape, model)._replace(order=("t.account", "t.customer"), id="t.customer", derivation=model)


CREDIT_BALANCES = Resource(
    "credit_balances",
    "what a customer has left of its credit",
    _by_customer(CREDIT_BALANCE, "credit_balances"),
    filters=(CUSTOMER, holding("currency", "With credit in this currency", "currencies")),
    parameter="customer",
)
TAX_PROFILES = Resource(
    "tax_profiles",
    "how a customer is taxed",
    _by_customer(TAX_PROFILE, "tax_profiles"),
    filters=(
        CUSTOMER,
        equal("country", "Of customers in this country"),
        equal("tax_exempt", "`none`, `exempt` or `reverse`"),
        equal("automatic_tax_status", "Whose newest invoice says this of automatic tax, e.g. `failed`"),
        flag("reverse_charge_expected"),
    ),
    parameter="customer",
)
credit_balances = published(CREDIT_BALANCES, "Credit balances: what is left of credit")
tax_profiles = published(TAX_PROFILES, "Tax profiles: how customers are taxed")
