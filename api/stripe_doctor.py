"""`recount stripe doctor`: what is wrong between this installation and Stripe, in plain words, each with the mend.

Looks only: it asks Stripe what only Stripe can tell, and changes nothing.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from api.calls.client import NoAnswer, Reply, mode_of_key
from api.calls.desk import Desk, opened
from api.calls.verdict import Failed, Succeeded, verdict
from api.database import Database
from api.doctor import Finding
from api.settings import Settings
from api.stripe_setup import CONNECT_WEBHOOKS, WEBHOOKS, looked, published
from commands.stripe_setup import missing
from ledger.errors import RecountError, Refused
from ledger.ids import PLATFORM, Mode
from ledger.store import as_role
from replay.tables import LIVE

#: An event that Stripe has not been able to deliver for so long is not just under way.
_LATE_S = 600
_HELD = f"SELECT id FROM {LIVE}.stripe_events WHERE mode = %s AND id = ANY(%s)"
_TAXED = f"SELECT count(*) FROM {LIVE}.invoices WHERE (mode, account) = (%s, %s) AND automatic_tax_enabled"


def stripe_doctor(
    database: Database, settings: Settings, *, account: str = PLATFORM, now_s: float | None = None
) -> list[Finding]:
    """Every check, in the order in which one is mended: without a key that Stripe takes there is nothing to look at."""
    try:
        mode = mode_of_key(settings.stripe_secret_key or "")
    except Refused as refused:
        return [Finding("key", False, "none that can be used", str(refused))]
    findings = [Finding("key", True, f"of {mode} mode"), *_modes(settings, mode)]
    with opened(database, settings) as desk:
        taken = _taken(desk, mode, account)
        findings.append(taken)
        if taken.ok:
            asks = (_webhooks, _deliveries, _prices, _tax)
            findings += [f for look in asks for f in _guarded(look, desk, mode, account, now_s or time.time())]
    return findings


_Look = Callable[[Desk, Mode, str, float], Iterator[Finding]]


def _guarded(look: _Look, desk: Desk, mode: Mode, account: str, now_s: float) -> list[Finding]:
    try:
        return list(look(desk, mode, account, now_s))
    except (RecountError, NoAnswer, psycopg.Error) as error:
        name = look.__name__.strip("_")
        return [Finding(name, False, f"cannot be looked at: {error}", "see what it says, and run this again")]


def _modes(settings: Settings, mode: Mode) -> Iterator[Finding]:
    """Keys and secrets of the other mode: Stripe's test and live objects never meet."""
    public = settings.stripe_publishable_key
    if public is not None:
        same = public.startswith(f"pk_{mode}_")
        said = "of the same mode" if same else f"is not of {mode} mode, as the secret key is"
        yield Finding("publishable key", same, said, f"set STRIPE_PUBLISHABLE_KEY to the account's pk_{mode}_…")
    bound = {s.mode for s in (*settings.platform_secrets, *settings.connect_secrets) if s.mode is not None}
    if bound:
        same = mode in bound
        said = f"bound to {' and '.join(sorted(bound))} mode"
        yield Finding("webhook secrets", same, said, f"add the signing secret of the {mode} endpoint as {mode}:whsec_…")


def _taken(desk: Desk, mode: Mode, account: str) -> Finding:
    try:
        reply = _get(desk, mode, account, "/v1/balance")
    except NoAnswer as silence:
        return Finding(
            "stripe", False, f"does not answer ({silence})",
            "check the network, and STRIPE_API_BASE if it is set; https://status.stripe.com says whether it is Stripe",
        )  # fmt: skip
    found = verdict(reply)
    if reply.status == 401:
        return Finding(
            "stripe", False, "refuses the key (401): it was rolled, deleted, or is another installation's",
            "copy a key from Stripe's dashboard (Developers, API keys) into STRIPE_SECRET_KEY, and restart",
        )  # fmt: skip
    if reply.status == 403:
        return Finding(
            "stripe", False, f"does not let the key act for {account} (403)",
            "use a key of the platform that the account is connected to, or give a restricted key read and write"
            " rights",
        )  # fmt: skip
    if not isinstance(found, Succeeded):
        said = found.message if isinstance(found, Failed) else None
        return Finding("stripe", False, f"answers {reply.status}: {said or 'nothing that tells why'}", "ask again")
    live = found.object.get("livemode")
    if isinstance(live, bool) and live != (mode == "live"):
        return Finding("stripe", False, "answers in the other mode than the key's", "check STRIPE_API_BASE")
    return Finding("stripe", True, f"takes the key, for {account}")


def _webhooks(desk: Desk, mode: Mode, account: str, now_s: float) -> Iterator[Finding]:
    listed = _list(desk, mode, account, "/v1/webhook_endpoints", {"limit": 100})
    ours = [e for e in listed if str(e.get("url")).endswith((WEBHOOKS, CONNECT_WEBHOOKS))]
    if not ours:
        yield Finding(
            "webhook endpoint", False, f"none of {len(listed)} goes to a Recount",
            "recount stripe setup --url https://your.host --apply",
        )  # fmt: skip
    for endpoint in ours:
        on = endpoint.get("status") == "enabled"
        said = f"{endpoint.get('url')} is {endpoint.get('status')}"
        yield Finding("webhook endpoint", on, said, "enable it in Stripe's dashboard (Developers, Webhooks)")
        if "*" not in (endpoint.get("enabled_events") or ()):
            yield Finding(
                "webhook events", False, f"{endpoint.get('url')} gets some types alone",
                "have it send all types: what is not sent is fetched by `recount reconcile`, later",
            )  # fmt: skip


def _deliveries(desk: Desk, mode: Mode, account: str, now_s: float) -> Iterator[Finding]:
    """What Stripe sends and we refuse, as a wrong signing secret shows itself: Stripe lists what we do not hold."""
    events = _list(desk, mode, account, "/v1/events", {"limit": 100})
    old = [e for e in events if int(e.get("created") or 0) < now_s - _LATE_S]
    with psycopg.connect(as_role(desk.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
        held = {id for (id,) in conn.execute(_HELD, [mode, [e["id"] for e in old]]).fetchall()}
    lost = [e for e in old if e["id"] not in held]
    waiting = [e for e in lost if e.get("pending_webhooks")]
    if waiting:
        yield Finding(
            "deliveries", False, f"{len(waiting)} events cannot be delivered for {_LATE_S // 60} minutes and more",
            "the signing secret is likely another endpoint's: copy it from the endpoint's page (whsec_…) into"
            " STRIPE_WEBHOOK_SECRET; then `recount reconcile events` fetches what was missed",
        )  # fmt: skip
    elif lost:
        yield Finding(
            "deliveries", False, f"{len(lost)} of the latest {len(old)} events are not in the log",
            "recount reconcile events fetches them",
        )  # fmt: skip
    else:
        yield Finding("deliveries", True, f"the latest {len(old)} events are in the log")


def _prices(desk: Desk, mode: Mode, account: str, now_s: float) -> Iterator[Finding]:
    plans = published(desk.conninfo, mode, account)
    steps, notes = missing(plans, looked(desk, mode, account, plans))
    prices = [s.name for s in steps if s.kind == "price"]
    yield Finding(
        "prices", not prices, f"missing in Stripe: {', '.join(prices)}" if prices else f"those of {len(plans)} plans",
        "recount stripe setup --apply makes them",
    )  # fmt: skip
    for note in notes:
        yield Finding("catalogue", False, f"{note.about}: {note.said}", "mend the catalogue or the price, then again")


def _tax(desk: Desk, mode: Mode, account: str, now_s: float) -> Iterator[Finding]:
    with psycopg.connect(as_role(desk.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
        (taxed,) = conn.execute(_TAXED, [mode, account]).fetchone() or (0,)
    settings = verdict(_get(desk, mode, account, "/v1/tax/settings"))
    active = isinstance(settings, Succeeded) and settings.object.get("status") == "active"
    registrations = _list(desk, mode, account, "/v1/tax/registrations", {"status": "active", "limit": 100})
    if not taxed and not registrations:
        yield Finding("tax", True, "automatic tax is not used")
        return
    yield Finding(
        "tax settings", active, "active" if active else "not active: Stripe computes no tax",
        "say where the head office is, and the tax behavior, in Stripe's dashboard (Settings, Tax)",
    )  # fmt: skip
    yield Finding(
        "tax registrations", bool(registrations),
        f"{len(registrations)} active" if registrations else "none: automatic tax collects nothing, anywhere",
        "add the countries in which you are registered (Tax, Registrations)",
    )  # fmt: skip


def _get(desk: Desk, mode: Mode, account: str, path: str, params: dict[str, Any] | None = None) -> Reply:
    return desk.calls(mode).maker.fetch(path, account, params, urgency="live")


def _list(desk: Desk, mode: Mode, account: str, path: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    found = verdict(_get(desk, mode, account, path, params))
    if not isinstance(found, Succeeded):
        said = found.message if isinstance(found, Failed) else None
        raise Refused(said or f"Stripe does not list {path}", code="not_listed")
    return [o for o in found.object.get("data") or () if isinstance(o, dict)]
