"""`recount stripe setup`: what the catalogue needs in a Stripe account is listed, and what is missing made.

Everything is read from Stripe itself; each thing that is made is an act with a receipt and a call of its own, so that a
run that died is simply run again. A webhook's secret is shown once, to whoever ran it, and kept nowhere.
"""

from typing import Any, NamedTuple

import msgspec
import psycopg

from api.calls.acts import act_on
from api.calls.desk import Desk, opened
from api.calls.owning import told
from api.database import Database
from api.settings import Settings
from api.stripe_reading import StripeReader
from commands.acts import Asked
from commands.plan_definition import PlanDefinition, read
from commands.stripe_calls import call_id
from commands.stripe_setup import MAKE_IN_STRIPE, MakeInStripe, Note, Step, There, missing, resolved
from ledger.errors import Invalid
from ledger.ids import PLATFORM, Mode, receipt_stream
from ledger.store import as_role
from replay.tables import LIVE

_PLANS = f"""
SELECT definition FROM {LIVE}.plans
WHERE (mode, account) = (%s, %s) AND current AND NOT retired ORDER BY plan
"""
_LISTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("products", "/v1/products", {"active": True}),
    ("prices", "/v1/prices", {"active": True}),
    ("features", "/v1/entitlements/features", {}),
    ("meters", "/v1/billing/meters", {"status": "active"}),
    ("portals", "/v1/billing_portal/configurations", {}),
    ("endpoints", "/v1/webhook_endpoints", {}),
)
WEBHOOKS, CONNECT_WEBHOOKS = "/webhooks/stripe", "/webhooks/stripe/connect"


class Setup(NamedTuple):
    """What a run found, and made."""

    steps: tuple[Step, ...]
    """What was missing."""
    made: dict[str, str]
    """Of these, what was made: step -> Stripe's id."""
    notes: tuple[Note, ...]
    settings: dict[str, str]
    """To copy: price ids by plan, and secrets of endpoints that were made just now."""


def stripe_setup(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    asked: Asked,
    account: str = PLATFORM,
    url: str | None = None,
    connect: bool = False,
    apply: bool = False,
) -> Setup:
    """Compare the account with the catalogue, and with `apply` make what is missing. `url`: where Recount is reached.

    Raises Refused (`stripe_key_missing`, `other_mode`), CallRefused, StripeUnavailable, StoreUnavailable.
    """
    plans = published(database.conninfo, mode, account)
    with opened(database, settings) as desk:
        there = looked(desk, mode, account, plans)
        steps, notes = missing(plans, there, _webhooks(url, connect), settings.stripe_api_version)
        made, secrets = _made(desk, settings, mode, account, steps, asked) if apply else ({}, {})
        if made:
            there = looked(desk, mode, account, plans)
    return Setup(tuple(steps), made, tuple(notes), {**_price_settings(plans, there), **secrets})


def published(conninfo: str, mode: Mode, account: str) -> list[PlanDefinition]:
    """The plans that are in force in an account."""
    with psycopg.connect(as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
        rows = conn.execute(_PLANS, [mode, account]).fetchall()
    return [plan for (definition,) in rows if (plan := read(definition)) is not None]


def looked(desk: Desk, mode: Mode, account: str, plans: list[PlanDefinition]) -> There:
    """What the account has, as Stripe lists it now. Raises StripeUnavailable."""
    reader = StripeReader(desk.calls(mode).stripe)

    def every(path: str, params: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        return tuple(o for page in reader.pages(path, account, params) for o in page.objects)

    try:
        found = {name: every(path, params) for name, path, params in _LISTS}
        products = {str(p["product"]) for p in found["prices"]} & {str(p["id"]) for p in found["products"]}
        products |= {str(p["id"]) for p in found["products"] if (p.get("metadata") or {}).get("recount_plan")}
        wanted = sorted(products) if any(plan.features for plan in plans) else []
        attached = frozenset(
            (product, str(each["entitlement_feature"]["lookup_key"]))
            for product in wanted
            for each in every(f"/v1/products/{product}/features", {})
        )
    except Invalid as error:  # a list that Stripe refuses: its own words, with our code
        told(desk.calls(mode).maker.fetch("/v1/products", account, {"limit": 1}, urgency="live"))
        raise error
    return There(**found, attached=attached)


def _webhooks(url: str | None, connect: bool) -> list[tuple[str, bool]]:
    if url is None:
        return []
    base = url.rstrip("/")
    return [(base + WEBHOOKS, False), *([(base + CONNECT_WEBHOOKS, True)] if connect else [])]


def _made(
    desk: Desk, settings: Settings, mode: Mode, account: str, steps: list[Step], asked: Asked
) -> tuple[dict[str, str], dict[str, str]]:
    made: dict[str, str] = {}
    secrets: dict[str, str] = {}
    calls = desk.calls(mode)
    for number, step in enumerate(steps):
        mine = msgspec.structs.replace(asked, idempotency_key=f"{asked.idempotency_key[:200]}/{number}")
        command = MakeInStripe(
            call_id=call_id(receipt_stream(mine.person, mine.idempotency_key)),
            mode=mode,
            account=account,
            kind=step.kind,
            name=step.name,
            operation=step.operation,
            path=step.path,
            params=resolved(step.params, made),
        )
        done = act_on(settings, calls.journal, MAKE_IN_STRIPE, command, mine)
        if done.waiting is not None or asked.dry_run:
            break
        answer = calls.waiter.answer(command.call_id).object
        made[step.key] = str(answer.get("id"))
        if step.kind == "webhook" and answer.get("secret"):
            name = "STRIPE_CONNECT_WEBHOOK_SECRET" if step.params["connect"] else "STRIPE_WEBHOOK_SECRET"
            secrets[name] = str(answer["secret"])
    return made, secrets


def _price_settings(plans: list[PlanDefinition], there: There) -> dict[str, str]:
    ids = {p["lookup_key"]: str(p["id"]) for p in there.prices if p.get("lookup_key")}
    found = {}
    for plan in plans:
        for price in plan.prices:
            id = price.price or ids.get(price.lookup_key or "")
            if id is not None:
                count = "" if price.interval_count == 1 else str(price.interval_count)
                parts = (plan.key, f"{count}{price.interval}", price.currency, *([price.meter] if price.meter else []))
                name = "_".join("".join(c if c.isalnum() else "_" for c in part) for part in parts)
                found[f"STRIPE_PRICE_{name.upper()}"] = id
    return found
