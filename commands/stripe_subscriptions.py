"""What a person or a product's back end does with a subscription at Stripe: each is one call that somebody waits for.

Plans are named by our catalogue; `api.calls.subscriptions` finds Stripe's prices of them, and whose subscription it is.
Sources: https://docs.stripe.com/api/subscriptions, https://docs.stripe.com/api/subscription_schedules.
"""

from typing import Any, Literal

import msgspec

from commands.customers import ORG_KEY
from commands.stripe_call_acts import call_act
from commands.stripe_calls import RequestCall
from ledger.errors import Invalid
from ledger.ids import Mode

Proration = Literal["create_prorations", "always_invoice", "none"]
PauseBehavior = Literal["void", "keep_as_draft", "mark_uncollectible"]
MAX_QUANTITY = 1_000_000


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription is to have: an item that it has, or another one."""

    id: str | None = None
    """Stripe's id of an item that it has."""
    price: str | None = None
    quantity: int | None = None
    deleted: bool = False

    def params(self) -> dict[str, Any]:
        """As Stripe takes it."""
        told = {"id": self.id, "price": self.price, "quantity": self.quantity, "deleted": self.deleted or None}
        return {name: value for name, value in told.items() if value is not None}


class CreateSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """Sell an organization a plan, without a page: it pays by the payment method that it has, or by invoice."""

    call_id: str
    mode: Mode
    account: str
    org: str
    customer: str
    plan: str
    version: int
    items: tuple[Item, ...]
    trial_days: int | None = None
    without_payment_method: str = "cancel"
    collection: Literal["charge_automatically", "send_invoice"] = "charge_automatically"
    days_until_due: int | None = None


class CommitSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """Sell a plan with a commitment: so many months are paid, then months are free, by a schedule of Stripe's."""

    call_id: str
    mode: Mode
    account: str
    org: str
    customer: str
    plan: str
    version: int
    items: tuple[Item, ...]
    paid_until_s: int
    delivered_until_s: int
    after: Literal["release", "cancel"] = "release"


class OfSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """What every act with a subscription says."""

    call_id: str
    mode: Mode
    account: str
    org: str
    subscription: str


class ChangeSubscription(OfSubscription, frozen=True, kw_only=True):
    """Change what is had, or how much of it; the rest of the period is prorated as asked."""

    items: tuple[Item, ...]
    proration: Proration = "create_prorations"
    prorated_at_s: int | None = None
    """As the preview had it, so that both come to the same; None: now."""


class PauseSubscription(OfSubscription, frozen=True, kw_only=True):
    """Collect nothing for now: what falls due meanwhile is voided, kept as a draft, or written off."""

    behavior: PauseBehavior = "void"
    resumes_s: int | None = None


class ResumeSubscription(OfSubscription, frozen=True, kw_only=True):
    """Let it go on, whichever way it was paused."""

    paused: bool
    """Whether Stripe's status is `paused`, rather than its collection alone."""


class CancelSubscription(OfSubscription, frozen=True, kw_only=True):
    """End it: now, or when its period does."""

    at_period_end: bool = True
    prorate: bool = False
    """Of one that ends now: whether the rest of the period is credited."""
    invoice_now: bool = False


class KeepSubscription(OfSubscription, frozen=True, kw_only=True):
    """Take back that it ends with its period."""


class SetTrialEnd(OfSubscription, frozen=True, kw_only=True):
    """Begin a trial, make it longer, or end it now."""

    trial_end_s: int | None
    """None: now."""


def _request(command: Any, operation: str, params: dict[str, Any], *path: str) -> RequestCall:
    return RequestCall(
        call_id=command.call_id,
        mode=command.mode,
        account=command.account,
        operation=operation,
        path=path,
        params=params,
        org=command.org,
        awaited=True,
    )


def items_of(items: tuple[Item, ...]) -> list[dict[str, Any]]:
    """The items as Stripe takes them. Raises Invalid("bad_quantity", "invalid_input")."""
    if not items:
        raise Invalid("say what it is to have", code="invalid_input")
    if any(i.quantity is not None and not 0 <= i.quantity <= MAX_QUANTITY for i in items):
        raise Invalid(f"a quantity is from 0 to {MAX_QUANTITY}", code="bad_quantity")
    return [item.params() for item in items]


def _create(command: CreateSubscription) -> RequestCall:
    params: dict[str, Any] = {
        "customer": command.customer,
        "items": items_of(command.items),
        "collection_method": command.collection,
        "metadata": {ORG_KEY: command.org},
    }
    if command.collection == "send_invoice":
        params["days_until_due"] = 30 if command.days_until_due is None else command.days_until_due
    elif command.days_until_due is not None:
        raise Invalid("days_until_due goes with send_invoice", code="bad_days_until_due")
    if command.trial_days is not None:
        missing = {"missing_payment_method": command.without_payment_method}
        params |= {"trial_period_days": command.trial_days, "trial_settings": {"end_behavior": missing}}
    return _request(command, "subscriptions.create", params)


def _commit(command: CommitSubscription) -> RequestCall:
    items = items_of(command.items)
    phases: list[dict[str, Any]] = [{"items": items, "end_date": command.paid_until_s}]
    if command.delivered_until_s > command.paid_until_s:
        phases.append({"items": items, "end_date": command.delivered_until_s, "trial": True})
    metadata = {ORG_KEY: command.org}
    for phase in phases:
        phase |= {"metadata": metadata, "proration_behavior": "none"}
    params = {
        "customer": command.customer,
        "start_date": "now",
        "end_behavior": command.after,
        "phases": phases,
        "metadata": metadata,
    }
    return _request(command, "subscription_schedules.create", params)


def _change(command: ChangeSubscription) -> RequestCall:
    params: dict[str, Any] = {"items": items_of(command.items), "proration_behavior": command.proration}
    if command.prorated_at_s is not None:
        params["proration_date"] = command.prorated_at_s
    return _request(command, "subscriptions.update", params, command.subscription)


def _pause(command: PauseSubscription) -> RequestCall:
    until = {"resumes_at": command.resumes_s} if command.resumes_s is not None else {}
    params = {"pause_collection": {"behavior": command.behavior, **until}}
    return _request(command, "subscriptions.update", params, command.subscription)


def _resume(command: ResumeSubscription) -> RequestCall:
    if command.paused:
        return _request(command, "subscriptions.resume", {}, command.subscription)
    return _request(command, "subscriptions.update", {"pause_collection": ""}, command.subscription)


def _cancel(command: CancelSubscription) -> RequestCall:
    if command.at_period_end:
        if command.prorate or command.invoice_now:
            raise Invalid("what ends with its period leaves nothing to prorate", code="invalid_input")
        return _request(command, "subscriptions.update", {"cancel_at_period_end": True}, command.subscription)
    params = {"prorate": command.prorate, "invoice_now": command.invoice_now}
    return _request(command, "subscriptions.cancel", params, command.subscription)


def _keep(command: KeepSubscription) -> RequestCall:
    return _request(command, "subscriptions.update", {"cancel_at_period_end": False}, command.subscription)


def _trial(command: SetTrialEnd) -> RequestCall:
    params: dict[str, Any] = {"trial_end": "now" if command.trial_end_s is None else command.trial_end_s}
    if command.trial_end_s is not None:
        params["proration_behavior"] = "none"
    return _request(command, "subscriptions.update", params, command.subscription)


CREATE_SUBSCRIPTION = call_act("create_subscription", CreateSubscription, _create, 20)
COMMIT_SUBSCRIPTION = call_act("commit_subscription", CommitSubscription, _commit, 20)
CHANGE_SUBSCRIPTION = call_act("change_subscription", ChangeSubscription, _change, 20)
PAUSE_SUBSCRIPTION = call_act("pause_subscription", PauseSubscription, _pause, 20)
RESUME_SUBSCRIPTION = call_act("resume_subscription", ResumeSubscription, _resume, 20)
CANCEL_SUBSCRIPTION = call_act("cancel_subscription", CancelSubscription, _cancel, 30)
KEEP_SUBSCRIPTION = call_act("keep_subscription", KeepSubscription, _keep, 10)
SET_TRIAL_END = call_act("set_trial_end", SetTrialEnd, _trial, 20)
