"""An independent, deliberately slow answer to what every row must be.

Takes every Stripe event received, in plaintext, and every operator's link, and computes each read model from the
written rules (design, section 4 "Order"; what each read model says it is) in the plainest way: gather everything that
was ever said, look at it as a whole, decide. No step by step, no state, no dirty keys, no database.

It shares with the product what a single payload says (`ledger.translations`, which have tables of expected values of
their own) and nothing of the fold: it must never import `projections` or `replay`.
"""

import json
from collections.abc import Iterable
from typing import Any, get_type_hints

from ledger import inbox
from ledger.events import DeadlineMet
from ledger.facts import ObjectFact, Quarantined, StoredOnly, Waiting
from ledger.translations import FAMILIES, translate
from oracle.access import entitlements, overridden
from oracle.bookings import bookings_missing
from oracle.calls import made_by_us
from oracle.credits import credit_balances
from oracle.environments import environment_rows
from oracle.holdings import catalog, org_links, organizations
from oracle.issuing import issuances
from oracle.launch import launch_rows
from oracle.order import Said, last_words
from oracle.outgoing import deadlines, entitlement_changes
from oracle.payments import payments
from oracle.plans import plan_rows
from oracle.reviews import reviews
from oracle.sellers import accounts, payouts
from oracle.service import service_rows
from oracle.setups import setup_rows
from oracle.sightings import OneSight, observations
from oracle.tax import tax_profiles

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]

FIELDS = {f.model: f.facts.__struct_fields__ for f in FAMILIES}
PERSONAL = {
    f.model: {n for n, h in get_type_hints(f.facts, include_extras=True).items() if "'sealed'" in str(h)}
    for f in FAMILIES
}


#: Of these, a signed event says that our secret verifies.
_SIGNED = {"products", "prices"}


def recount(
    deliveries: Iterable[tuple[dict[str, Any], str]],
    links: Iterable[Any] = (),
    overrides: Iterable[Any] = (),
    decided: Iterable[tuple[Any, int]] = (),
    seen: Iterable[Any] = (),
) -> Rows:
    """Every row of every billing model: model -> key -> column -> value. Sealed, time and position columns aside.

    `deliveries` are (event, endpoint); `links` have mode, account, customer and org (None: taken back), in order.
    `overrides` have mode, org, feature, granted (None: ended), limit, from_s, until_s and reason, in order.
    `decided` are events about plans, agreements and services, each with the microsecond at which it was recorded.
    `seen` are objects as Stripe answered with them: obj, at_s, version, account, live and why.
    """
    sights = [OneSight(s) for s in seen]
    renderings = _renderings(deliveries)
    rows: Rows = {model: {} for model in FIELDS}
    rows["stripe_events"] = _ledger(renderings)
    rows["observations"] = observations(sights)
    told: dict[str, dict[tuple[str, ...], list[Said]]] = {}
    for model, key, said in _everything_said(renderings, sights):
        rows[model][key] = _object_row(model, key, said)
        told.setdefault(model, {})[key] = said
    rows["operator_links"] = _operator_links(links)
    rows["overrides"] = overridden(overrides)
    rows["catalog"] = catalog(rows)
    decided = list(decided)
    rows["stripe_made"] = made_by_us(decided)
    rows["org_links"] = org_links(rows)
    rows["payments"] = payments(rows)
    rows |= plan_rows(rows, told, decided)
    rows["organizations"] = organizations(rows)
    decided = list(decided)
    invoices = [(r.type, r.said) for r in renderings] + [("", s.said) for s in sights]
    rows |= environment_rows(decided)
    rows |= service_rows(rows, _invoices_told(invoices), decided)
    rows |= setup_rows(rows, decided)
    rows["entitlements"] = entitlements(rows)
    rows["credit_balances"] = credit_balances(rows)
    rows["payouts"] = payouts(rows)
    rows["accounts"] = accounts(rows)
    rows["tax_profiles"] = tax_profiles(rows)
    rows["bookings_missing"] = bookings_missing(rows)
    rows["issuances"] = issuances(rows, decided)
    verified = {r.key[:2] for r in renderings if r.verified}
    rows |= launch_rows(rows, decided, verified)
    met = [(e.mode, e.kind, e.key, e.at_s) for e, _ in decided if isinstance(e, DeadlineMet)]
    rows["operator_reviews"] = reviews(rows)
    rows["deadlines"] = deadlines(rows, met)
    rows["entitlement_changes"] = entitlement_changes(rows)
    return {m: {k: _plain(r) for k, r in found.items()} for m, found in rows.items()}


def _invoices_told(told: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, tuple[str, ...], int, Row]]:
    """All that was said of invoices, each with Stripe's type of the event that said it."""
    for type, fact in told:
        if isinstance(fact, ObjectFact) and fact.model == "invoices":
            yield type, (fact.mode, fact.account, fact.id), fact.at_s, said_by(fact, FIELDS["invoices"]).now


def _plain(row: Row) -> Row:
    return json.loads(json.dumps(row))


class _Rendering:
    """One event in one API version, and what it says."""

    def __init__(self, event: dict[str, Any], endpoint: str) -> None:
        # Sealed as it would be stored, under a key that nobody has: personal fields are no part of any comparison.
        envelope = inbox.open_envelope(json.dumps(event).encode())
        stored = inbox.receive(envelope, bytes(32), endpoint, bytes).event
        thin = event["object"] == "v2.core.event"
        account = event.get("context" if thin else "account") or "platform"
        self.key = ("live" if event["livemode"] else "test", account, event["id"])
        self.api_version = event.get("api_version")
        self.type = event["type"]
        self.created_s = stored.created_s
        self.said = translate(stored)
        self.verified = endpoint != "list" and isinstance(self.said, ObjectFact) and self.said.model in _SIGNED
        self.object = ((event.get("data") or {}).get("object") or {}).get("object")
        content = {k: v for k, v in event.items() if k not in ("pending_webhooks", "request")}
        self.content = json.dumps(content, sort_keys=True)


def _renderings(deliveries: Iterable[tuple[dict[str, Any], str]]) -> list[_Rendering]:
    """Every event once an API version, however often it came."""
    found: dict[Any, _Rendering] = {}
    for event, endpoint in deliveries:
        new = _Rendering(event, endpoint)
        known = found.setdefault((new.key, new.api_version), new)
        assert known.content == new.content, f"{new.key}: a conflict, about which there is no law"
    return list(found.values())


def _ledger(renderings: list[_Rendering]) -> dict[tuple[str, ...], Row]:
    """One row an event, as its newest API version renders it."""
    rows = {}
    for key in {r.key for r in renderings}:
        mine = [r for r in renderings if r.key == key]
        newest = sorted(mine, key=lambda r: r.api_version or "")[-1]
        said = newest.said
        row: Row = {
            "mode": key[0],
            "account": key[1],
            "id": key[2],
            "type": newest.type,
            "state": "applied",
            "reason": None,
            "api_versions": sorted(r.api_version for r in mine if r.api_version),
            "object": None,
            "object_id": None,
            "customer": None,
            "org_claim": None,
            "created_s": newest.created_s,
            "conflicts": 0,
            **dict.fromkeys(("handled", "handled_by", "handled_why")),
        }
        if isinstance(said, ObjectFact):
            row |= {"object": newest.object, "object_id": said.id}
            row |= {"customer": said.customer, "org_claim": said.claim}
        elif isinstance(said, StoredOnly):
            row |= {"state": "stored_only", "object": said.object, "object_id": said.object_id}
            row["customer"] = said.customer
        elif isinstance(said, Waiting):
            row |= {"state": "waiting", "reason": said.reason, "object": said.object, "object_id": said.object_id}
        elif isinstance(said, Quarantined):
            row |= {"state": "quarantined", "reason": said.reason}
        rows[key] = row
    return rows


def _everything_said(
    renderings: list[_Rendering], sights: list[OneSight]
) -> Iterable[tuple[str, tuple[str, ...], list[Said]]]:
    """For each object, all that was ever said about it, or seen of it."""
    facts = [r.said for r in renderings if isinstance(r.said, ObjectFact)]
    # what was seen goes by its content and its second, and over an event of that second
    facts += [
        s.said._replace(event_id=s.key[2], at_s=s.at_s, fetched=True) for s in sights if isinstance(s.said, ObjectFact)
    ]
    for model, *key in sorted({(f.model, f.mode, f.account, f.id) for f in facts}):
        mine = [f for f in facts if [f.model, f.mode, f.account, f.id] == [model, *key]]
        yield model, tuple(key), [said_by(f, FIELDS[model]) for f in mine]


def said_by(fact: ObjectFact, names: tuple[str, ...]) -> Said:
    """A fact with its fields by name."""
    values = iter(fact.values)
    now = {name: next(values) for i, name in enumerate(names) if fact.mask & (1 << i)}
    before = {names[i]: value for i, value in (fact.was or {}).items()}
    return Said(fact.at_s, fact.event_id, fact.api_version, fact.rank, fact.fetched, _plain(now), _plain(before))


def _object_row(model: str, key: tuple[str, ...], said: list[Said]) -> Row:
    values, undecided = last_words(said, FIELDS[model], PERSONAL[model])
    row: Row = {"mode": key[0], "account": key[1], "id": key[2]}
    row |= {name: value for name, value in values.items() if name not in PERSONAL[model]}
    return {**row, "changed_s": max(s.at_s for s in said), "undecided": undecided}


def _operator_links(links: Iterable[Any]) -> dict[tuple[str, ...], Row]:
    rows = {}
    for said in links:
        key = (said.mode, said.account, said.customer)
        rows.pop(key, None)
        if said.org is not None:
            rows[key] = {"mode": said.mode, "account": said.account, "customer": said.customer, "org": said.org}
    return rows
