"""Acts of the registry over HTTP: `POST /v1/acts/<name>` with the act's own input and a reason.

An act stands here when a person can give all of its input; what the edge has to find out or make for an act is left
out of its input and done by the function that is named with it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import Response
from marshmallow import Schema

from api import endpoints, reconciling_asked
from api.calls.acts import resolve_call, retry_call
from api.issuing import issue_key, rotate_key
from api.launch import GIVEN as LAUNCH_ACTS
from api.launch import found_of as found_of_launch
from api.passthrough.acts import ACTS as PASSTHROUGH_ACTS
from api.passthrough.acts import found_of
from api.resources import acting, hosting_acts, passthrough_acts, plan_acts, setup_acts, tax_terms
from api.resources.context import context
from api.resources.launch import does as does_launch
from api.resources.publish import act, named, section
from api.schemas.acts import OF_THE_KEY, ActDone, EndpointMade, KeyIssued, input_components, input_name
from commands.acts import Act, Done
from commands.registry import ACTS
from ledger.errors import Invalid

acts = section("acts", "Acts: what operators do, each with a person, a reason and an Idempotency-Key")

#: Does an act with what was given, for a reason.
Does = Callable[[Mapping[str, Any], str], Response]


class Served(NamedTuple):
    """How an act is served."""

    resource: str = "acts"
    """Whose row of `api.auth.MAY_READ` applies."""
    left_out: tuple[str, ...] = ()
    """Fields of its command that nobody gives."""
    does: Does | None = None
    """None: it is carried out as it stands."""
    answer: type[Schema] = ActDone


def _issue_key(given: Mapping[str, Any], reason: str) -> Response:
    here, how = context(), acting.asked(reason)
    issued = issue_key(here.database, here.settings, asked=how, **given)
    return acting.told(issued.done, key=issued.key, key_id=issued.key_id)


def _rotate_key(given: Mapping[str, Any], reason: str) -> Response:
    here, how = context(), acting.asked(reason)
    issued = rotate_key(here.database, here.settings, asked=how, **given)
    return acting.told(issued.done, key=issued.key, key_id=issued.key_id)


def _add_endpoint(given: Mapping[str, Any], reason: str) -> Response:
    here, how = context(), acting.asked(reason)
    added = endpoints.add_endpoint(here.database, here.settings, asked=how, **given)
    return acting.told(added.done, endpoint_id=added.endpoint_id, secret=added.secret)


def _of_endpoints(act: Callable[..., Done]) -> Does:
    def does(given: Mapping[str, Any], reason: str) -> Response:
        here, how = context(), acting.asked(reason)
        return acting.told(act(here.database, here.settings, asked=how, **given))

    return does


#: The registry: one line an act.
SERVED: dict[str, Served] = {
    "link_organization": Served(),
    "unlink_organization": Served(),
    "grant_override": Served(),
    "deny_override": Served(),
    "end_override": Served(),
    "erase_subject": Served(),
    "apply_plans": Served(does=plan_acts.apply),
    "move_subscription": Served(left_out=plan_acts.FOUND_OF_MOVE, does=plan_acts.move),
    "move_subscriptions": Served(left_out=plan_acts.FOUND_OF_MOVES, does=plan_acts.move_all),
    "make_agreement": Served(left_out=plan_acts.FOUND_OF_AGREEMENT, does=plan_acts.make),
    "end_agreement": Served(left_out=plan_acts.FOUND_OF_END, does=plan_acts.end),
    "extend_grace": Served(),
    "pause_service": Served(),
    "resume_service": Served(),
    "suspend_service": Served(),
    "cancel_service": Served(),
    "recover_service": Served(),
    "write_off_debt": Served(),
    "apply_policies": Served(),
    "enforce_policy": Served(),
    "soften_policy": Served(),
    "acknowledge_enforcement": Served("enforcement_acts"),
    "issue_key": Served("key_acts", ("key_id", "digest"), _issue_key, KeyIssued),
    "rotate_key": Served("key_acts", ("digest",), _rotate_key, KeyIssued),
    "revoke_key": Served("key_acts"),
    "add_endpoint": Served("endpoint_acts", ("endpoint_id", "plain"), _add_endpoint, EndpointMade),
    "remove_endpoint": Served("endpoint_acts", (), _of_endpoints(endpoints.remove_endpoint)),
    "test_endpoint": Served(
        "endpoint_acts", ("notice_id", "type", "org", "at_s", "said"), _of_endpoints(endpoints.test_endpoint)
    ),
    "redeliver": Served("endpoint_acts", ("at_s",), _of_endpoints(endpoints.redeliver)),
    "resolve_call": Served(does=_of_endpoints(resolve_call)),
    "reconcile": Served("acts", ("id", "by", "why"), _of_endpoints(reconciling_asked.request)),
    "retry_call": Served("acts", ("request",), _of_endpoints(retry_call)),
    "finalize_issuance": Served(),
    "retry_issuance": Served(),
    "release_issuance": Served(),
    "void_issuance": Served(),
    "create_environment": Served(left_out=hosting_acts.FOUND_OF_CREATE, does=hosting_acts.create),
    "rename_environment": Served(),
    "share_environment": Served(),
    "unshare_environment": Served(),
    "move_environment": Served(),
    "change_rate_card": Served(),
    "archive_environment": Served(),
    "credit_outage": Served(),
    "withdraw_outage": Served(),
    "place": Served(does=hosting_acts.place),
    "publish_rate_card": Served(),
    "set_spending_limit": Served(),
    "set_tax_terms": Served(left_out=tax_terms.FOUND, does=tax_terms.set_terms),
    "drop_tax_terms": Served(),
    "close_hosting_month": Served(left_out=hosting_acts.FOUND_OF_CLOSE, does=hosting_acts.close),
    "book_usage_reconciliation": Served(left_out=hosting_acts.FOUND_OF_BOOK, does=hosting_acts.book),
    "approve_setup_step": Served(left_out=setup_acts.FOUND_OF_APPROVE, does=setup_acts.approve),
    "reopen_setup_step": Served(left_out=setup_acts.FOUND_OF_REOPEN, does=setup_acts.reopen),
    "release_differences": Served("endpoint_acts", ("held",), _of_endpoints(endpoints.release_differences)),
    **{name: Served("launch_acts", found_of_launch(name), does_launch(name)) for name in LAUNCH_ACTS},
    **{name: Served("acts", found_of(name), passthrough_acts.does(name)) for name in PASSTHROUGH_ACTS},
}


#: Made of the acts above by `api.issuing`, where a key names somebody else than who asks.
_KEY_ACTS = frozenset({"issue_key_for_another", "rotate_key_of_another"})


#: Served below organizations (`api.resources.billing`), since who waits is told what Stripe answers; the last one is
#: asked for by `recount stripe setup`, which alone knows what is missing.
BILLING_ACTS = frozenset({
    "set_billing_contact", "set_up_payment_method", "attach_payment_method", "detach_payment_method",
    "set_default_payment_method", "create_checkout", "create_setup_checkout", "request_payment", "expire_checkout",
    "open_portal", "create_payment_link", "close_payment_link", "issue_invoice", "finalize_invoice", "send_invoice",
    "pay_invoice", "void_invoice", "mark_invoice_uncollectible", "credit_invoice", "refund_payment",
    "create_subscription", "commit_subscription", "change_subscription", "pause_subscription", "resume_subscription",
    "cancel_subscription", "keep_subscription", "set_trial_end", "make_in_stripe",
})  # fmt: skip


def components() -> dict[str, dict[str, Any]]:
    """The inputs of all acts, for the document."""
    return {
        name: schema
        for each, served in SERVED.items()
        for name, schema in input_components(ACTS[each].command, served.left_out).items()
    }


def resource_of(name: str) -> str:
    """Whose row of `api.auth.MAY_READ` an act is under, served here or elsewhere."""
    if name in BILLING_ACTS:
        return "billing_acts"
    return SERVED[name].resource if name in SERVED else "key_acts" if name in _KEY_ACTS else "acts"


def _input(of: Act[Any, Any], served: Served) -> tuple[dict[str, Any], str]:
    """What was given, completed by the key, and why. Raises Problem("bad_request"), Invalid."""
    given = acting.body()
    known = {*of.command.__struct_fields__, "reason"} - set(served.left_out)
    unknown = sorted(given.keys() - known)
    if unknown:
        raise Invalid(f"{of.name} takes no {', '.join(unknown)}", code="invalid_input")
    reason = given.get("reason")
    if not isinstance(reason, str):
        raise Invalid("say why: `reason` is a text", code="reason_required")
    if "reason" not in of.command.__struct_fields__:
        del given["reason"]
    for name in OF_THE_KEY & set(of.command.__struct_fields__):
        if given.setdefault(name, acting.mode()) != acting.mode():
            raise Invalid(
                "the mode is that of the key; leave it out, or use a key of the other mode", code="wrong_mode"
            )
    return given, reason


def _publish(of: Act[Any, Any], served: Served) -> None:
    def view() -> Response:
        given, reason = _input(of, served)
        return served.does(given, reason) if served.does is not None else acting.carried_out(of.name, given, reason)

    said = (of.command.__doc__ or "").strip()
    heavy = "\n\nWaits for a second person unless the installation says otherwise." if of.weight >= 50 else ""
    taken = input_name(of.command)
    publish = act(
        acts,
        f"/v1/acts/{of.name}",
        served.resource,
        served.answer,
        body=taken,
        problems=("not_found", "refused", "invalid"),
    )
    publish(named(view, of.name, f"{said}{heavy}"))


for _name, _served in SERVED.items():
    _publish(ACTS[_name], _served)
