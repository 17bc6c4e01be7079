"""Every act that a person may ask for: one line each. The API and the command line offer what stands here."""

from typing import Any

from commands.accruals import CLOSE_HOSTING_MONTH
from commands.acts import Act
from commands.agreements import END_AGREEMENT, MAKE_AGREEMENT
from commands.api_keys import ISSUE_KEY, ISSUE_KEY_FOR_ANOTHER, REVOKE_KEY, ROTATE_KEY, ROTATE_KEY_OF_ANOTHER
from commands.billing_pages import CLOSE_PAYMENT_LINK, CREATE_PAYMENT_LINK, OPEN_PORTAL
from commands.checkout import CREATE_CHECKOUT, CREATE_SETUP_CHECKOUT, EXPIRE_CHECKOUT, REQUEST_PAYMENT
from commands.cost_policies import (
    APPROVE_COST_POLICY,
    END_COST_POLICY,
    PROPOSE_COST_POLICY,
    REJECT_COST_POLICY,
)
from commands.customers import (
    ATTACH_PAYMENT_METHOD,
    DETACH_PAYMENT_METHOD,
    SET_BILLING_CONTACT,
    SET_DEFAULT_PAYMENT_METHOD,
    SET_UP_PAYMENT_METHOD,
)
from commands.deliveries import REDELIVER
from commands.differences import RELEASE_DIFFERENCES
from commands.endpoints import ADD_ENDPOINT, REMOVE_ENDPOINT, TEST_ENDPOINT
from commands.enforcement import ACKNOWLEDGE_ENFORCEMENT
from commands.environments import (
    ARCHIVE_ENVIRONMENT,
    CREATE_ENVIRONMENT,
    CREDIT_OUTAGE,
    MOVE_ENVIRONMENT,
    RENAME_ENVIRONMENT,
    SHARE_ENVIRONMENT,
    UNSHARE_ENVIRONMENT,
    WITHDRAW_OUTAGE,
)
from commands.organizations import LINK_ORGANIZATION, UNLINK_ORGANIZATION
from commands.overrides import DENY_OVERRIDE, END_OVERRIDE, GRANT_OVERRIDE
from commands.placements import PLACE
from commands.plan_moves import MOVE_SUBSCRIPTION
from commands.plans import APPLY_PLANS, MOVE_SUBSCRIPTIONS
from commands.rate_cards import PUBLISH_RATE_CARD
from commands.reconciliation_batches_acts import (
    APPROVE_BATCH,
    COLLECT_BATCH,
    DISCARD_BATCH,
    OPEN_BATCH,
    REOPEN_BATCH,
    REVIEW_CHARGES,
    START_REVIEW,
)
from commands.reconciling import RECONCILE
from commands.service import (
    CANCEL_SERVICE,
    EXTEND_GRACE,
    PAUSE_SERVICE,
    RECOVER_SERVICE,
    RESUME_SERVICE,
    SUSPEND_SERVICE,
)
from commands.service_debts import WRITE_OFF_DEBT
from commands.service_policies import APPLY_POLICIES, ENFORCE_POLICY, SOFTEN_POLICY
from commands.spending_limits import SET_SPENDING_LIMIT
from commands.stripe_call_acts import RESOLVE_CALL, RETRY_CALL
from commands.subjects import ERASE_SUBJECT
from commands.usage_reconciliation import BOOK_RECONCILIATION

#: The registry: one line an act.
_ACTS: tuple[Act[Any, Any], ...] = (
    LINK_ORGANIZATION,
    UNLINK_ORGANIZATION,
    ISSUE_KEY,
    ISSUE_KEY_FOR_ANOTHER,
    ROTATE_KEY,
    ROTATE_KEY_OF_ANOTHER,
    REVOKE_KEY,
    ERASE_SUBJECT,
    GRANT_OVERRIDE,
    DENY_OVERRIDE,
    END_OVERRIDE,
    APPLY_PLANS,
    MOVE_SUBSCRIPTION,
    MOVE_SUBSCRIPTIONS,
    MAKE_AGREEMENT,
    END_AGREEMENT,
    ADD_ENDPOINT,
    REMOVE_ENDPOINT,
    TEST_ENDPOINT,
    REDELIVER,
    RELEASE_DIFFERENCES,
    PROPOSE_COST_POLICY,
    APPROVE_COST_POLICY,
    REJECT_COST_POLICY,
    END_COST_POLICY,
    OPEN_BATCH,
    COLLECT_BATCH,
    START_REVIEW,
    REVIEW_CHARGES,
    APPROVE_BATCH,
    REOPEN_BATCH,
    DISCARD_BATCH,
    RESOLVE_CALL,
    RETRY_CALL,
    SET_BILLING_CONTACT,
    SET_UP_PAYMENT_METHOD,
    ATTACH_PAYMENT_METHOD,
    DETACH_PAYMENT_METHOD,
    SET_DEFAULT_PAYMENT_METHOD,
    CREATE_CHECKOUT,
    CREATE_SETUP_CHECKOUT,
    REQUEST_PAYMENT,
    EXPIRE_CHECKOUT,
    OPEN_PORTAL,
    CREATE_PAYMENT_LINK,
    CLOSE_PAYMENT_LINK,
    RECONCILE,
    EXTEND_GRACE,
    PAUSE_SERVICE,
    RESUME_SERVICE,
    SUSPEND_SERVICE,
    CANCEL_SERVICE,
    RECOVER_SERVICE,
    WRITE_OFF_DEBT,
    APPLY_POLICIES,
    ENFORCE_POLICY,
    SOFTEN_POLICY,
    ACKNOWLEDGE_ENFORCEMENT,
    CREATE_ENVIRONMENT,
    RENAME_ENVIRONMENT,
    SHARE_ENVIRONMENT,
    UNSHARE_ENVIRONMENT,
    MOVE_ENVIRONMENT,
    ARCHIVE_ENVIRONMENT,
    CREDIT_OUTAGE,
    WITHDRAW_OUTAGE,
    PLACE,
    PUBLISH_RATE_CARD,
    SET_SPENDING_LIMIT,
    CLOSE_HOSTING_MONTH,
    BOOK_RECONCILIATION,
)
ACTS: dict[str, Act[Any, Any]] = {a.name: a for a in _ACTS}
