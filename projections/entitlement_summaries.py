"""What Stripe itself says a customer is entitled to, one row a customer."""

from ledger.translations.entitlement_summary import EntitlementSummary
from projections.objects import object_projection

ENTITLEMENT_SUMMARIES = object_projection("entitlement_summaries", 1, EntitlementSummary)
