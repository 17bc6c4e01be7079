"""Provider charges: what providers charged, under which policy it may be billed, or why it is held.

A record of charges is one row of the projection `charge_records`; the derivation makes a row a charge of it, so that
five hundred cost hardly more than one. A policy that is approved later so reaches what was held. No clock.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from ledger.ids import key_of
from ledger.passthrough import Terms, match, period_of
from ledger.passthrough_events import ProviderChargesRecorded
from projections.base import Column, Derivation, Entry, Hop, Input, Key, Lookup, Projection, Row, Table

_RECORDS = Table(
    "charge_records",
    ("mode", "record"),
    (
        *(Column(name, "text") for name in ("mode", "record", "provider", "source", "by")),
        Column("scopes", "text[]"),
        Column("charges", "jsonb"),
        Column("recorded_us", "bigint", digested=False),
    ),
    indexes=("USING gin (scopes)",),
)


class _State(msgspec.Struct, array_like=True):
    said: ProviderChargesRecorded
    recorded_us: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    assert isinstance(entry.event, ProviderChargesRecorded)
    return ((entry.event.mode, entry.event.record),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    assert isinstance(entry.event, ProviderChargesRecorded)
    return _encode(_State(entry.event, entry.recorded_at_us))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    said = it.said
    scopes = sorted({key_of((c.org, c.category)) for c in said.charges})
    charges = [msgspec.to_builtins(c) for c in said.charges]
    return _RECORDS.row(*key, said.provider, said.source, said.by, scopes, charges, it.recorded_us)


CHARGE_RECORDS = Projection("charge_records", 1, _RECORDS, (ProviderChargesRecorded.NAME,), _keys, _apply, _to_row)

_CHARGES = Table(
    "provider_charges",
    ("mode", "record", "reference"),
    (
        *(Column(name, "text") for name in ("mode", "record", "reference", "provider", "org", "category", "period")),
        Column("occurred_s", "bigint"),
        *(Column(name, "text") for name in ("currency", "cost_minor", "reservation", "source")),
        Column("status", "text"),
        Column("held", "text"),
        Column("policy_version", "bigint"),
        Column("batch", "text"),
        Column("billed_cost_minor", "text"),
        Column("recorded_us", "bigint", digested=False),
    ),
    indexes=("(mode, provider, reference)", "(mode, org, period, currency)", "(mode, status)"),
)
#: What a decision makes of a charge; one that is deferred is what it was.
_DECIDED = {"accept": "accepted", "adjust": "adjusted", "reject": "rejected"}


def terms_of(row: Row) -> Terms:
    """What an approved version says."""
    return Terms(
        version=row.version,
        billing_owner=row.billing_owner,
        currency=row.currency,
        cap_minor=row.cap_minor,
        warn_percent=row.warn_percent,
        stop_rule=row.stop_rule,
        markup_bps=row.markup_bps,
        from_s=row.from_s,
        until_s=row.until_s,
    )


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    policies: dict[str, list[Terms]] = {}
    for row in rows["cost_policies"]:
        if row.status == "approved":
            policies.setdefault(row.scope, []).append(terms_of(row))
    lines: dict[str, Row] = {}
    for row in rows["reconciliation_lines"]:
        known = lines.get(row.reference)
        if known is None or row.number > known.number:
            lines[row.reference] = row
    found = []
    for record in rows["charge_records"]:
        for charge in record.charges:
            found.append(_charge(key, record, charge, policies, lines.get(charge[0])))
    return found


def _charge(
    key: Key, record: Row, charge: Sequence[Any], policies: Mapping[str, Sequence[Terms]], line: Row | None
) -> Row:
    reference, org, category, occurred_s, currency, cost, running, reservation = charge
    its = match(policies.get(key_of((org, category)), ()), occurred_s, currency, Decimal(running))
    status, held, version, billed = "matched", None, None, None
    if its.terms is None:
        status, held = "held", its.held
    else:
        version = its.terms.version
    if line is not None and line.decision in _DECIDED:
        status, held, version = _DECIDED[line.decision], None, line.policy_version
        billed = line.billed_cost_minor
    return _CHARGES.row(
        *key,
        reference,
        record.provider,
        org,
        category,
        period_of(occurred_s),
        occurred_s,
        currency,
        cost,
        reservation,
        record.source,
        status,
        held,
        version,
        line.batch if line is not None else None,
        billed,
        record.recorded_us,
    )


PROVIDER_CHARGES = Derivation(
    "provider_charges",
    1,
    _CHARGES,
    ("mode", "record"),
    inputs=(
        Input("charge_records", ("mode", "record"), lambda key, _: [key]),
        Input(
            "cost_policies",
            ("mode", "scope"),
            lambda key, rows: [(key[0], s) for r in rows["charge_records"] for s in r.scopes],
            (
                "status", "version", "billing_owner", "currency", "cap_minor", "warn_percent", "stop_rule",
                "markup_bps", "from_s", "until_s",
            ),
        ),
        Input(
            "reconciliation_lines",
            ("mode", "record"),
            lambda key, _: [key],
            ("reference", "batch", "number", "decision", "policy_version", "billed_cost_minor"),
        ),
    ),
    affects={
        "charge_records": lambda row: [(row.mode, row.record)],
        "cost_policies": (
            Lookup(
                (
                    Hop("cost_policies", (("mode", "mode"), ("scope", "scope"))),
                    Hop("charge_records", (("mode", "mode"),), holds=("scopes", "scope")),
                ),
                ("mode", "record"),
            ),
        ),
        "reconciliation_lines": lambda row: [(row.mode, row.record)],
    },
    derive=_derive,
)  # fmt: skip
