"""Subscription schedules: what a subscription becomes, and when: https://docs.stripe.com/api/subscription_schedules."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import schedule_course, subscription_cancels
from api.sandbox.resources.schedule_phases import as_it_is, phases
from api.sandbox.resources.subscription_cycle import living
from api.sandbox.resources.subscription_fields import blank
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = schedule_course.KIND
_SETTINGS = ("billing_cycle_anchor", "collection_method", "default_payment_method", "description")


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A schedule: of a subscription that there is, or of one that it begins."""
    _refuse(params)
    if params.get("from_subscription") is not None:
        return _of_subscription(desk, params)
    if params.get("customer") is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = desk.get("customer", params["customer"], "customer")
    if not params.get("phases"):
        raise invalid("Missing required param: phases.", "phases", "parameter_missing")
    start = params.get("start_date", "now")
    start_s = desk.now_s if start == "now" else int(start)
    if start_s < desk.now_s:
        raise invalid("The sandbox begins no schedule in the past.", "start_date")
    schedule = _new(desk, customer, params, phases(desk, params["phases"], start_s))
    desk.emit("subscription_schedule.created", schedule)
    schedule_course.plan_ahead(desk, schedule)
    if start_s == desk.now_s:
        schedule_course.advance(desk, schedule)
    return schedule


def _of_subscription(desk: Desk, params: dict[str, Any]) -> Object:
    subscription = living(desk.get("subscription", params["from_subscription"], "from_subscription"))
    if params.keys() - {"from_subscription", "metadata", "billing_mode"}:
        raise invalid("`from_subscription` can only be combined with `metadata`.", "from_subscription")
    if subscription["schedule"] is not None:
        raise invalid(
            f"You cannot migrate a subscription that is already attached to a schedule: `{subscription['schedule']}`.",
            "from_subscription",
        )
    customer = desk.get("customer", subscription["customer"])
    schedule = _new(desk, customer, params, [as_it_is(desk, subscription)])
    schedule |= {"status": "active", "subscription": subscription["id"]}
    schedule["current_phase"] = _span(schedule["phases"][0])
    schedule["billing_mode"] = dict(subscription["billing_mode"])
    desk.emit("subscription_schedule.created", schedule)
    schedule_course.tie(desk, subscription, schedule["id"])
    schedule_course.plan_ahead(desk, schedule)
    return schedule


def _new(desk: Desk, customer: Object, params: dict[str, Any], found: list[Object]) -> Object:
    mode = blank(desk, customer, params)["billing_mode"]
    return desk.add(
        KIND,
        {
            "id": desk.new_id("sub_sched"),
            "object": KIND,
            "application": None,
            "billing_mode": mode,
            "canceled_at": None,
            "completed_at": None,
            "created": desk.now_s,
            "current_phase": None,
            "customer": customer["id"],
            "customer_account": None,
            "default_settings": _settings(params.get("default_settings") or {}, None),
            "end_behavior": _end_behavior(params),
            "livemode": desk.livemode,
            "metadata": metadata(None, params.get("metadata") or {}),
            "pause_schedules": [],
            "phases": found,
            "released_at": None,
            "released_subscription": None,
            "status": "not_started",
            "subscription": None,
            "test_clock": desk.clock,
        },
    )


def _refuse(params: dict[str, Any]) -> None:
    for name in ("customer_account", "pause_schedules"):
        if params.get(name) is not None:
            raise invalid(f"The sandbox does not do `{name}` of schedules.", name)
    named = set(params.get("default_settings") or {}) - set(_SETTINGS)
    if named:
        raise invalid("The sandbox does not do this default setting.", f"default_settings[{min(named)}]")


def _settings(said: dict[str, Any], held: Object | None) -> Object:
    first: Object = {
        "application_fee_percent": None,
        "billing_cycle_anchor": "automatic",
        "billing_thresholds": None,
        "collection_method": "charge_automatically",
        "default_payment_method": None,
        "description": None,
        "invoice_settings": {
            **dict.fromkeys(("account_tax_ids", "custom_fields", "days_until_due", "description", "footer")),
            "issuer": {"type": "self"},
        },
        "on_behalf_of": None,
        "transfer_data": None,
    }
    return {**(held or first), **said}


def _end_behavior(params: dict[str, Any]) -> str:
    said = params.get("end_behavior") or "release"
    if said not in ("cancel", "release"):
        raise invalid("Invalid end_behavior: must be one of cancel or release", "end_behavior")
    return str(said)


def _span(phase: Object) -> Object:
    return {"end_date": phase["end_date"], "start_date": phase["start_date"]}


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its phases anew, from the present one on; what changes in that counts now."""
    _refuse(params)
    schedule = _open(desk, id)
    before = {**schedule}
    if "metadata" in params:
        schedule["metadata"] = metadata(schedule["metadata"], params["metadata"])
    if params.get("end_behavior"):
        schedule["end_behavior"] = _end_behavior(params)
    if params.get("default_settings"):
        schedule["default_settings"] = _settings(params["default_settings"], schedule["default_settings"])
    if params.get("phases"):
        start_s = (schedule["current_phase"] or schedule["phases"][0])["start_date"]
        schedule["phases"] = phases(desk, params["phases"], start_s)
    if schedule != before:
        desk.emit("subscription_schedule.updated", schedule, before)
    if params.get("phases") and schedule["status"] == "active":
        schedule_course.reenter(desk, schedule, params.get("proration_behavior"))
    schedule_course.plan_ahead(desk, schedule)
    return schedule


def release(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Leave the subscription as it is, to itself."""
    schedule = _open(desk, id)
    schedule_course.release(desk, schedule)
    return schedule


def cancel(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """End it, and the subscription with it."""
    schedule = _open(desk, id)
    desk.never("schedule.phase", id)
    if schedule["subscription"] is not None:
        wanted = {"prorate": params.get("prorate", True), "invoice_now": params.get("invoice_now", True)}
        subscription_cancels.cancel(desk, wanted, schedule["subscription"])
    else:
        changes = {"status": "canceled", "canceled_at": desk.now_s, "current_phase": None}
        desk.change(schedule, changes, "subscription_schedule.aborted")  # as the CLI's own trigger of it does
    return schedule


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The schedule."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Schedules, newest first."""
    where = {} if params.get("customer") is None else {"customer": params["customer"]}
    waits = params.get("scheduled")
    found = desk.scan(KIND, lambda s: waits is None or waits is (s["status"] == "not_started"), **where)
    return page(params, found, "/v1/subscription_schedules")


def _open(desk: Desk, id: str) -> Object:
    schedule = desk.get(KIND, id)
    if schedule["status"] not in ("active", "not_started"):
        raise invalid(
            f"You cannot change a subscription schedule that is currently in the `{schedule['status']}` status."
        )
    return schedule


def present(desk: Desk, schedule: Object) -> Object:
    """With the tax rates themselves."""
    from api.sandbox.presenting import present as presented  # the registry of presenters holds this one

    for phase in schedule["phases"]:
        for holder, name in ((phase, "default_tax_rates"), *((item, "tax_rates") for item in phase["items"])):
            holder[name] = [presented(desk, desk.get("tax_rate", id)) for id in holder[name]]
    return schedule


_ONE = "/v1/subscription_schedules/{schedule}"
ROUTES = (
    Route("POST", "/v1/subscription_schedules", sdk.SubscriptionScheduleCreateParams, create),
    Route("GET", "/v1/subscription_schedules", sdk.SubscriptionScheduleListParams, listed),
    Route("GET", _ONE, None, retrieve),
    Route("POST", _ONE, sdk.SubscriptionScheduleUpdateParams, update),
    Route("POST", _ONE + "/release", sdk.SubscriptionScheduleReleaseParams, release),
    Route("POST", _ONE + "/cancel", sdk.SubscriptionScheduleCancelParams, cancel),
)
PRESENTERS = {KIND: present}
PREFIXES = {"sub_sched": KIND}
