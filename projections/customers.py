"""Customers as Stripe last described them. Personal fields stay sealed."""

from ledger.translations.customer import Customer
from projections.objects import object_projection

CUSTOMERS = object_projection("customers", 1, Customer)
