"""Bookings that are named and not known, once more: look at everything that names one."""

from typing import Any

Row = dict[str, Any]


def bookings_missing(rows: dict[str, dict[tuple[str, ...], Row]]) -> dict[tuple[str, ...], Row]:
    """One row for each object whose booking on the balance is not there. Of several of one id the first kind counts."""
    found: dict[tuple[str, ...], Row] = {}
    for model in ("charges", "refunds", "payout_objects", "topups", "transfers"):
        for key, row in rows[model].items():
            booking = row["balance_transaction"]
            # of one account: the platform's and a seller's bookings may share no id, but never count for each other
            if booking is not None and (*key[:2], booking) not in rows["balance_transactions"]:
                since = {"balance_transaction": booking, "since_s": row["changed_s"]}
                found.setdefault(key, {"mode": key[0], "account": key[1], "source": key[2], **since})
    return found
