"""The registry of what the sandbox can do, by subject. One line a subject.

A module of a subject has any of: ROUTES (what may be asked), PRESENTERS (how a kind is shown), JOBS (what is done
when its time comes) and PREFIXES (of ids that refer to a kind).
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from api.sandbox.resources import (
    account_parts,
    accounts,
    application_fees,
    balance,
    billing_settings,
    charges,
    checkout_items,
    checkout_sessions,
    coupons,
    credit_notes,
    customer_balances,
    customers,
    discounting,
    disputes,
    events,
    external_accounts,
    features,
    fraud_warnings,
    intent_course,
    invoice_collection,
    invoice_lines,
    invoice_payments,
    invoice_previews,
    invoiceitems,
    invoices,
    mandates,
    meters,
    payment_intents,
    payment_links,
    payment_methods,
    payment_pages,
    payouts,
    plans,
    portal,
    prices,
    products,
    refunds,
    schedule_course,
    schedules,
    settling,
    setup_intents,
    sources,
    subscription_cycle,
    subscription_items,
    subscriptions,
    tax_ids,
    tax_rates,
    tax_settings,
    test_clocks,
    tokens,
    transfers,
    webhook_endpoints,
)
from api.sandbox.routes import Route

_SUBJECTS: tuple[ModuleType, ...] = (
    customers,
    products,
    prices,
    plans,
    billing_settings,
    customer_balances,
    invoice_collection,
    invoice_lines,
    invoice_payments,
    invoice_previews,
    invoiceitems,
    invoices,
    subscription_cycle,
    subscription_items,
    subscriptions,
    schedule_course,
    schedules,
    test_clocks,
    events,
    webhook_endpoints,
    coupons,
    discounting,
    tax_rates,
    tax_settings,
    tax_ids,
    features,
    meters,
    application_fees,
    balance,
    charges,
    disputes,
    fraud_warnings,
    intent_course,
    mandates,
    payment_intents,
    payment_methods,
    payment_pages,
    payouts,
    refunds,
    settling,
    setup_intents,
    transfers,
    checkout_items,
    checkout_sessions,
    portal,
    payment_links,
    accounts,
    external_accounts,
    account_parts,
    tokens,
    sources,
    credit_notes,
)


def _all(name: str) -> list[Any]:
    return [getattr(subject, name) for subject in _SUBJECTS if hasattr(subject, name)]


ROUTES: tuple[Route, ...] = tuple(route for routes in _all("ROUTES") for route in routes)
PRESENTERS: dict[str, Callable[..., Any]] = {kind: show for shown in _all("PRESENTERS") for kind, show in shown.items()}
JOBS: dict[str, Callable[..., None]] = {name: job for jobs in _all("JOBS") for name, job in jobs.items()}
PREFIXES: dict[str, str] = {prefix: kind for kinds in _all("PREFIXES") for prefix, kind in kinds.items()}
