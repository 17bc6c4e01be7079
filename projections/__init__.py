"""What we believe now: every read model, and the groups in which they advance. The registry: one line a model."""

from ledger.translations import FAMILIES
from projections.accounts import ACCOUNTS
from projections.accruals import ACCRUALS, ACCRUALS_COUNTED, HOSTING_MONTHS
from projections.agreements import AGREEMENTS
from projections.api_keys import API_KEYS
from projections.approvals import APPROVALS
from projections.audit import AUDIT_LOG
from projections.base import Derivation, Group, Projection
from projections.batch_invoice_changes import BATCH_INVOICE_CHANGES
from projections.catalog import CATALOG, PRICES, PRODUCTS
from projections.comparisons import DRIFT, EVENT_COVERAGE, OBJECT_COMPARISONS, RECONCILIATIONS
from projections.cost_events import COST_EVENTS
from projections.cost_policies import COST_POLICIES
from projections.credit_balances import CREDIT_BALANCES
from projections.customers import CUSTOMERS
from projections.deadlines import DEADLINES, DEADLINES_MET
from projections.deliveries import DELIVERIES, DELIVERY_ATTEMPTS
from projections.endpoints import ENDPOINTS
from projections.enforcements import ENFORCEMENT_CHANGES, ENFORCEMENTS
from projections.entitlement_summaries import ENTITLEMENT_SUMMARIES
from projections.entitlements import ENTITLEMENTS
from projections.environments import ENVIRONMENTS
from projections.fetches import BOOKINGS_MISSING, FETCH_FAILURES
from projections.hosting_invoices import HOSTING_CLOSINGS, HOSTING_INVOICES
from projections.invoices import INVOICES
from projections.issuances import ISSUANCE_STEPS, ISSUANCES
from projections.launch_areas import LAUNCH_AREAS, LAUNCH_REGRESSIONS
from projections.launch_words import LAUNCH_GATES, LAUNCH_VERIFIED, LAUNCH_WORDS
from projections.legacy_prices import LEGACY_PRICES
from projections.notices import CLOSED_DIFFERENCES, ENTITLEMENT_CHANGES, NOTICES
from projections.objects import with_families
from projections.observations import OBSERVATIONS
from projections.organizations import OPERATOR_LINKS, ORG_LINKS, ORGANIZATIONS
from projections.overrides import OVERRIDES
from projections.parked_acts import PARKED_ACTS
from projections.payments import PAYMENTS
from projections.payouts import PAYOUTS
from projections.placements import PLACEMENTS
from projections.plan_moves import PLAN_MOVES
from projections.plan_placements import PLAN_PLACEMENTS
from projections.plan_purchases import PLAN_PURCHASES
from projections.plan_sales import PRICE_LOOKUP_KEYS, SUBSCRIPTION_SALES
from projections.plans import PLAN_NAMES, PLANS
from projections.provider_charges import CHARGE_RECORDS, PROVIDER_CHARGES
from projections.rate_cards import RATE_CARDS
from projections.reconciliation_batches import BATCH_STATES, RECONCILIATION_BATCHES
from projections.reconciliation_batches_lines import BATCH_CHUNKS, RECONCILIATION_LINES
from projections.reservations import BUDGETS, RESERVATIONS
from projections.reviews import REVIEWS
from projections.service_alerts import DEBT_ALERTS
from projections.service_changes import SERVICE_CHANGES
from projections.service_debts import DEBTS
from projections.service_failures import PAYMENT_FAILURES
from projections.service_policies import SERVICE_POLICIES
from projections.service_states import SERVICE_STATES
from projections.service_words import DEBT_WRITE_OFFS, SERVICE_STEPS, SERVICE_WORDS
from projections.setups import SETUP_WORDS, SETUPS
from projections.spending_limits import SPENDING_LIMITS
from projections.stripe_calls import STRIPE_CALLS, STRIPE_CALLS_STOPPED, STRIPE_MADE
from projections.stripe_events import STRIPE_EVENTS
from projections.subscriptions import SUBSCRIPTIONS
from projections.tax_profiles import TAX_PROFILES
from projections.tax_terms import TAX_TERMS

#: What has a file of its own here; derivations in the order in which they depend on each other.
_BILLING = Group(
    "billing",
    projections=(
        STRIPE_EVENTS,
        OBSERVATIONS,
        CUSTOMERS,
        SUBSCRIPTIONS,
        INVOICES,
        PRODUCTS,
        PRICES,
        ENTITLEMENT_SUMMARIES,
        OPERATOR_LINKS,
        PARKED_ACTS,
        OVERRIDES,
        PLANS,
        PLAN_NAMES,
        LEGACY_PRICES,
        PLAN_MOVES,
        AGREEMENTS,
        SUBSCRIPTION_SALES,
        PRICE_LOOKUP_KEYS,
        DEADLINES_MET,
        ENDPOINTS,
        NOTICES,
        CLOSED_DIFFERENCES,
        DELIVERY_ATTEMPTS,
        COST_POLICIES,
        CHARGE_RECORDS,
        RESERVATIONS,
        BUDGETS,
        BATCH_STATES,
        BATCH_CHUNKS,
        FETCH_FAILURES,
        EVENT_COVERAGE,
        OBJECT_COMPARISONS,
        RECONCILIATIONS,
        DRIFT,
        STRIPE_CALLS,
        STRIPE_CALLS_STOPPED,
        STRIPE_MADE,
        ENVIRONMENTS,
        PLACEMENTS,
        RATE_CARDS,
        COST_EVENTS,
        ACCRUALS,
        ACCRUALS_COUNTED,
        HOSTING_MONTHS,
        HOSTING_CLOSINGS,
        ISSUANCE_STEPS,
        SPENDING_LIMITS,
        TAX_TERMS,
        PAYMENT_FAILURES,
        SERVICE_POLICIES,
        SERVICE_STEPS,
        SERVICE_WORDS,
        DEBT_WRITE_OFFS,
        ENFORCEMENTS,
        SETUP_WORDS,
        LAUNCH_WORDS,
        LAUNCH_GATES,
        LAUNCH_VERIFIED,
    ),
    derivations=(
        CATALOG,
        ORG_LINKS,
        ORGANIZATIONS,
        PAYMENTS,
        PLAN_PURCHASES,
        PLAN_PLACEMENTS,
        DEBTS,
        SERVICE_STATES,
        SETUPS,
        ENTITLEMENTS,
        CREDIT_BALANCES,
        PAYOUTS,
        ACCOUNTS,
        TAX_PROFILES,
        BOOKINGS_MISSING,
        ISSUANCES,
        HOSTING_INVOICES,
        RECONCILIATION_BATCHES,
        RECONCILIATION_LINES,
        PROVIDER_CHARGES,
        LAUNCH_AREAS,
        DEADLINES,
        ENTITLEMENT_CHANGES,
        SERVICE_CHANGES,
        ENFORCEMENT_CHANGES,
        BATCH_INVOICE_CHANGES,
        DEBT_ALERTS,
        LAUNCH_REGRESSIONS,
        DELIVERIES,
        REVIEWS,
    ),
)
#: A family of Stripe objects without such a file gets its read model from itself.
BILLING = with_families(_BILLING, FAMILIES)
#: Who may do what, and who did: these advance by themselves, so that a revocation counts at once while billing
#: catches up.
ACCESS = Group("access", projections=(API_KEYS, APPROVALS, AUDIT_LOG))

GROUPS: tuple[Group, ...] = (BILLING, ACCESS)
MODELS: dict[str, Projection | Derivation] = {m.name: m for g in GROUPS for m in g.models}
