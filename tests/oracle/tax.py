"""How customers are taxed: from all rows at once."""

from typing import Any

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]


def tax_profiles(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for every customer that was seen, or that a tax id or an invoice names."""
    keys = set(rows["customers"])
    for model in ("tax_ids", "invoices"):
        keys |= {_owner(r) for r in rows[model].values() if r["customer"]}
    return {key: _profile(key, rows) for key in keys}


def _owner(row: Row) -> tuple[str, ...]:
    return row["mode"], row["account"], row["customer"]


def _profile(key: tuple[str, ...], rows: Rows) -> Row:
    seen = rows["customers"].get(key, {})
    mine = [t for t in rows["tax_ids"].values() if _owner(t) == key and t["deleted"] is not True]
    bills = [i for i in rows["invoices"].values() if _owner(i) == key and i["deleted"] is not True]
    bills.sort(key=lambda i: (i["created_s"] or 0, i["id"]))
    newest = bills[-1] if bills else {}
    expected = newest.get("reverse_charge")
    if seen.get("tax_exempt") == "reverse":
        expected = True
    if seen.get("tax_exempt") == "exempt":
        expected = False
    return {
        "mode": key[0],
        "account": key[1],
        "customer": key[2],
        "known": key in rows["customers"],
        "deleted": seen.get("deleted") is True,
        "tax_exempt": seen.get("tax_exempt"),
        "country": seen.get("country"),
        "tax_ids": [
            {n: t[n] for n in ("id", "type", "country", "verification_status")}
            for t in sorted(mine, key=lambda t: t["id"])
        ],
        "reverse_charge_expected": expected,
        "newest_invoice": newest.get("id"),
        "automatic_tax_enabled": newest.get("automatic_tax_enabled"),
        "automatic_tax_status": newest.get("automatic_tax_status"),
        "automatic_tax_disabled_reason": newest.get("automatic_tax_disabled_reason"),
    }
