"""Whether the balance says the same of a payment as its charges, refunds and disputes do, and if not, why not. Pure.

Money that moved must be found among the balance transactions that arrived, and where these are in the payment's
currency, to the cent. No event of Stripe's is about a balance transaction: they come inside disputes, or are fetched.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from projections.base import Row
from projections.payment_trail import PENDING, SUCCEEDED

Json = dict[str, Any]


class _Expected(NamedTuple):
    """What the balance must show of one charge or refund."""

    source: str
    named: str | None
    """The balance transaction that it names itself."""
    sums: tuple[int, ...]
    """What its balance transactions may add up to, in the payment's currency."""


def open_points(
    rows: Mapping[str, Sequence[Row]],
    tried: Sequence[Json],
    refunds: Sequence[Json],
    disputes: Sequence[Json],
    moved: Sequence[Json],
    received: int,
    currency: str | None,
) -> list[str]:
    """What keeps the payment from being reconciled, in words; nothing when all is as it should be."""
    missing: set[str] = set()
    differing: set[str] = set()
    for expected in (*_of_charges(tried), *_of_refunds(refunds)):
        own = [m for m in moved if m["source"] == expected.source]
        if expected.named is not None and expected.named not in {m["id"] for m in own}:
            missing.add(expected.named)
        elif not own and 0 not in expected.sums:
            missing.add(f"of {expected.source}")
        elif own and not _agree(own, expected, currency):
            differing.add(expected.source)
    for dispute in disputes:
        known = {m["id"] for m in moved if m["source"] == dispute["id"]}
        missing |= set(dispute["named"]) - known
        if dispute["status"] == "lost" and not known and not dispute["named"]:
            missing.add(f"of {dispute['id']}")
    heard_of = {a["charge"] for a in tried} | {it["id"] for it in (*refunds, *disputes)}
    unknown = any(m["source"] not in heard_of for m in moved)  # booked for a charge that the intent alone names
    more = received > sum(a["captured_minor"] for a in tried)
    points = [*_not_arrived(rows, refunds, disputes, a_charge=unknown or more)]
    if missing:
        points.append(f"balance transactions have not arrived: {', '.join(sorted(missing))}")
    if differing:
        points.append(f"the balance says otherwise of {', '.join(sorted(differing))}")
    points += [f"{d['id']} is in another currency" for d in disputes if d["currency"] != currency]
    if len({m["currency"] for m in moved}) > 1:
        points.append("balance transactions are in several currencies")
    return points


def _agree(own: Sequence[Json], expected: _Expected, currency: str | None) -> bool:
    """Whether movements add up; of another currency nothing can be said."""
    return {m["currency"] for m in own} != {currency} or sum(m["amount_minor"] for m in own) in expected.sums


def _of_charges(tried: Sequence[Json]) -> Iterator[_Expected]:
    for attempt in tried:
        if attempt["status"] != "pending":  # what is in process may be booked already, or not yet
            yield _Expected(attempt["charge"], attempt["balance_transaction"], (attempt["captured_minor"],))


def _of_refunds(refunds: Sequence[Json]) -> Iterator[_Expected]:
    for refund in refunds:
        if refund["released"] or refund["id"] is None:
            continue
        out = -refund["amount_minor"]
        # A refund that failed was booked twice, there and back, or never.
        sums = (out,) if refund["status"] in SUCCEEDED else (0, out) if refund["status"] in PENDING else (0,)
        yield _Expected(refund["id"], refund["balance_transaction"], sums)


def _not_arrived(
    rows: Mapping[str, Sequence[Row]], refunds: Sequence[Json], disputes: Sequence[Json], *, a_charge: bool
) -> Iterator[str]:
    if a_charge:
        yield "a charge has not arrived"
    unlisted = sum(r["amount_minor"] for r in refunds if r["id"] is None and not r["released"])
    if unlisted:
        yield f"refunds of {unlisted} have not arrived"
    known = {d["id"] for d in disputes}
    for charge in sorted(rows["charges"], key=lambda c: str(c.id)):
        if charge.dispute and charge.dispute not in known:
            yield f"{charge.dispute} has not arrived"
