"""Sellers and balances: connected accounts, payouts, what moved a balance, and what the platform keeps of payments.

None of these rows has a customer: a key that is bound to an organization finds nothing here.
"""

from api.auth import Caller
from api.resources.filters import CREATED, CURRENCY, before, equal, flag, holding, since
from api.resources.lists import NEVER, Condition
from api.resources.resource import Resource, of_accounts
from api.resources.routes import published
from api.schemas.sellers import ACCOUNT, APPLICATION_FEE, BALANCE_TRANSACTION, PAYOUT


def _taken_from(caller: Caller) -> list[Condition]:
    """A fee stands in the platform's account; the seller that it was taken from sees it too."""
    if caller.org is not None:
        return [NEVER]
    seen = Condition("(t.account = %s OR t.seller = %s)", (caller.account, caller.account))
    return [seen] if caller.account is not None else []


ACCOUNTS = Resource(
    "accounts",
    "an account",
    of_accounts(ACCOUNT, "accounts")._replace(derivation="accounts"),
    filters=(
        flag("can_charge", "Only accounts that can, or cannot, take payments now"),
        flag("can_be_paid", "Only accounts that can, or cannot, be paid out now"),
        flag("authorized", "Only accounts that let, or no longer let, the platform act"),
        flag("connected", "Only connected accounts, or only the platform's own"),
        equal("country", "In this country"),
        holding("currently_due", "That owe Stripe this field", "currently_due"),
        *CREATED,
    ),
    offers_org=False,
    account_beside=False,
)
PAYOUTS = Resource(
    "payouts",
    "a payout",
    of_accounts(PAYOUT, "payouts")._replace(derivation="payouts"),
    filters=(
        equal("status", "`paid`, `pending`, `in_transit`, `failed` or `canceled`"),
        CURRENCY,
        equal("destination", "To this bank account or card"),
        flag("automatic", "Only those by schedule, or only those by hand"),
        flag("reconciled", "Only those whose bookings say the same, or say otherwise"),
        since("arrives_after", "Arriving at this time or later", "arrival_date_s"),
        before("arrives_before", "Arriving before this time", "arrival_date_s"),
        *CREATED,
    ),
    offers_org=False,
    money=("amount_minor", "paid_minor", "pending_minor", "returned_minor", "fee_minor"),
)
BALANCE_TRANSACTIONS = Resource(
    "balance_transactions",
    "a balance transaction",
    of_accounts(BALANCE_TRANSACTION, "balance_transactions"),
    filters=(
        equal("type", "Of this type, e.g. `charge`, `refund` or `payout`"),
        equal("reporting_category", "In this category of Stripe's reports"),
        equal("source", "Caused by this charge, refund, dispute, payout …"),
        equal("status", "`pending` or `available`"),
        CURRENCY,
        since("available_after", "Available at this time or later", "available_on_s"),
        before("available_before", "Available before this time", "available_on_s"),
        *CREATED,
    ),
    offers_org=False,
    money=("amount_minor", "fee_minor", "net_minor"),
)
APPLICATION_FEES = Resource(
    "application_fees",
    "an application fee",
    of_accounts(APPLICATION_FEE, "application_fees")._replace(visible=_taken_from),
    filters=(
        equal("seller", "Taken from this connected account"),
        equal("charge", "Of this charge"),
        flag("refunded", "Only those that went back whole, or did not"),
        CURRENCY,
        *CREATED,
    ),
    offers_org=False,
    of_platform=True,
    money=("amount_minor", "amount_refunded_minor"),
)
accounts = published(ACCOUNTS, "Accounts: the sellers, and the platform's own")
payouts = published(PAYOUTS, "Payouts: what accounts were paid out")
balance_transactions = published(BALANCE_TRANSACTIONS, "Balance transactions: what moved a balance")
application_fees = published(APPLICATION_FEES, "Application fees: what the platform keeps")
