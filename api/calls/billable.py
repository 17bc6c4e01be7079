"""Billable lines as a person or a program gives them: made an issuance, once for their source.

What a line says is free text, so it is sealed before it is kept. Of tax rates the ids are given: what they come to is
Stripe's, as our read model knows it.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import psycopg

from api.calls.acts import act_on
from api.calls.customers import Whom
from api.calls.desk import Desk
from api.settings import Settings
from commands.acts import Asked, Done
from commands.issuing import ISSUE_INVOICE
from commands.issuing_terms import RequestIssuance, issuance_id
from ledger.errors import Invalid
from ledger.ids import issuance_stream, org_subject
from ledger.keys import KeyStore
from ledger.sealing import Sealer
from ledger.store import as_role
from replay.tables import LIVE
from replay.tax_rates import rates_of

MANUAL = "manual"
_EXEMPT = f"""
SELECT bool_or(c.tax_exempt IN ('exempt', 'reverse')) FROM {LIVE}.org_links l
JOIN {LIVE}.customers c ON (c.mode, c.account, c.id) = (l.mode, l.account, l.customer)
WHERE (l.mode, l.account, l.org) = (%s, %s, %s)
"""


def issue(
    desk: Desk,
    settings: Settings,
    keys: KeyStore,
    whom: Whom,
    asked: Asked,
    *,
    source: str,
    lines: Sequence[Mapping[str, Any]],
    **terms: Any,
) -> tuple[Done, str]:
    """Have lines billed, once for their source. Returns what it came to, and the issuance's id.

    Raises Invalid, Refused("issuance_differs"), StoreUnavailable.
    """
    id = issuance_id(whom.mode, whom.account, MANUAL, source)
    rates, exempt = _tax(desk.conninfo, whom, sorted({r for line in lines for r in line.get("tax_rates") or ()}))
    subject = org_subject(whom.mode, whom.account, whom.org)
    sealer = Sealer(keys.ensure([subject])[subject], subject, issuance_stream(whom.mode, id), secrets.token_bytes)
    told = [
        {
            **line,
            "description": sealer.token(f"lines.{n}.description", line["description"]),
            "tax_rates": [rates[r] for r in line.get("tax_rates") or ()],
        }
        for n, line in enumerate(lines)
    ]
    whole = {**whom._asdict(), "source_kind": MANUAL, "source": source, "lines": told, "tax_exempt": exempt, **terms}
    try:
        command = msgspec.convert(whole, RequestIssuance)
    except msgspec.ValidationError as error:
        raise Invalid(f"issue_invoice: {error}", code="invalid_input") from error
    plain = [{k: v for k, v in line.items() if k != "description"} for line in lines]
    given = {**whom._asdict(), "source": source, "lines": plain, **terms}
    return act_on(settings, desk.calls(whom.mode).journal, ISSUE_INVOICE, command, asked, given), id


def _tax(conninfo: str, whom: Whom, ids: list[str]) -> tuple[dict[str, dict[str, Any]], bool]:
    """The rates, by id, and whether the organization is exempt. Raises Invalid("unknown_tax_rate")."""
    with psycopg.connect(as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=2) as conn:
        rates = {rate["id"]: rate for rate in rates_of(conn, whom.mode, whom.account, ids)}
        (exempt,) = conn.execute(_EXEMPT, [*whom]).fetchone() or (None,)
    unknown = [id for id in ids if id not in rates]
    if unknown:
        raise Invalid(f"there is no tax rate {unknown[0]} in this account", code="unknown_tax_rate")
    return rates, bool(exempt)
