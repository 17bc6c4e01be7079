"""Tax rates by their ids, as the read model has them of Stripe."""

from collections.abc import Sequence
from typing import Any

import psycopg

from ledger.ids import Mode
from replay.tables import LIVE

_RATES = f"""
SELECT id, percentage, inclusive FROM {LIVE}.tax_rates
WHERE (mode, account) = (%s, %s) AND id = ANY(%s) ORDER BY id
"""


def rates_of(conn: psycopg.Connection[Any], mode: Mode, account: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those of an account that are known by now: id, percentage as a decimal, and whether it is inclusive."""
    found = conn.execute(_RATES, [mode, account, list(ids)]).fetchall()
    return [{"id": id, "percentage": str(percent), "inclusive": bool(within)} for id, percent, within in found]
