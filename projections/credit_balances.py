"""What is left of each customer's billing credits: by currency and grant, and when it ends by itself.

Made of grants (what was given, when it holds) and their transactions (what was used, given back, expired, voided).
No clock: what ends with time alone is a schedule. `remaining_minor` is the balance as Stripe has booked it; the
schedule says what may be used at a time, whether or not Stripe has booked the end of a grant by then.

Refuses to know credit that is no money, and transactions of a grant that nobody has told us of: whose would it be?
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from projections.base import Column, Derivation, Hop, Input, Key, Lookup, Row, Table

#: A kind of transaction -> the sum that it counts for.
#: https://docs.stripe.com/api/billing/credit-balance-transaction/object
_MOVES = {
    "credits_applied": "applied_minor",
    "credits_application_invoice_voided": "reinstated_minor",
    "credits_expired": "expired_minor",
    "credits_voided": "voided_minor",
}
_GRANTED = "credits_granted"
#: These end a grant, whatever the grant itself says by then.
_ENDS = ("credits_expired", "credits_voided")
#: Any other kind, which a newer API version may bring: what it adds or takes.
_OTHER = "other_minor"
_SUMS = ("granted_minor", *_MOVES.values(), _OTHER)
_DEFAULT_PRIORITY = 50

_TABLE = Table(
    "credit_balances",
    ("mode", "account", "customer"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("customer", "text"),
        Column("currencies", "text[]"),
        Column("balances", "jsonb"),
    ),
)


class Pot(NamedTuple):
    """What is in one grant: its sums, and when it may be used."""

    grant: Row
    sums: dict[str, int]
    confirmed: bool
    """Whether Stripe's own transaction says that this much was granted."""
    span: tuple[int | None, int | None]
    """[from, until) in which it may be used; None is open."""

    @property
    def remaining(self) -> int:
        """The balance as booked."""
        return _remaining(self.sums)

    @property
    def usable(self) -> int:
        """What may be used while the grant holds: the balance without what ended it."""
        return self.remaining + self.sums["expired_minor"] + self.sums["voided_minor"]


def _remaining(sums: Mapping[str, int]) -> int:
    taken = sums["applied_minor"] + sums["expired_minor"] + sums["voided_minor"]
    return sums["granted_minor"] + sums["reinstated_minor"] - taken + sums[_OTHER]


def _pot(grant: Row, transactions: Sequence[Row]) -> Pot:
    sums = dict.fromkeys(_SUMS, 0)
    sums["granted_minor"] = grant.amount_minor
    start = grant.effective_at_s if grant.effective_at_s is not None else grant.created_s
    ends = [grant.expires_at_s, grant.voided_at_s]
    confirmed = False
    for transaction in transactions:
        if transaction.currency != grant.currency or transaction.amount_minor is None:
            continue  # no transaction of a grant is in another currency; if one were, it would not be this balance
        if transaction.kind == _GRANTED:
            confirmed |= transaction.amount_minor == grant.amount_minor
        elif transaction.kind in _MOVES:
            sums[_MOVES[transaction.kind]] += transaction.amount_minor
        else:
            sums[_OTHER] += transaction.amount_minor if transaction.direction == "credit" else -transaction.amount_minor
        if transaction.kind in _ENDS:
            ends.append(transaction.effective_at_s)
    return Pot(grant, sums, confirmed, (start, min((t for t in ends if t is not None), default=None)))


def _use_order(pot: Pot) -> tuple[Any, ...]:
    """Which grant is used first: by priority, then what ends first, promotional before paid, oldest first.

    Stripe gives the priority (https://docs.stripe.com/api/billing/credit-grant/object); the rest makes it definite.
    """
    grant = pot.grant
    priority = _DEFAULT_PRIORITY if grant.priority is None else grant.priority
    end = grant.expires_at_s
    start = pot.span[0]
    return (
        priority,
        end is None,
        end or 0,
        grant.category != "promotional",
        start is not None,
        start or 0,
        grant.created_s or 0,
        grant.id,
    )


def schedule(pots: Sequence[Pot]) -> list[dict[str, Any]]:
    """What may be used at which time, as far as is known now: stretches without a gap, neighbors that differ."""
    cuts = sorted({t for p in pots for t in p.span if t is not None})
    segments: list[dict[str, Any]] = []
    for start, end in zip([None, *cuts], [*cuts, None], strict=True):
        available = sum(p.usable for p in pots if _covers(p.span, start, end))
        if segments and segments[-1]["available_minor"] == available:
            segments[-1]["until_s"] = end
        elif segments or available:
            segments.append({"available_minor": available, "from_s": start, "until_s": end})
    return segments


def _covers(span: tuple[int | None, int | None], start: int | None, end: int | None) -> bool:
    after = span[0] is None or (start is not None and span[0] <= start)
    before = span[1] is None or (end is not None and end <= span[1])
    return after and before


def _shown(pot: Pot) -> dict[str, Any]:
    grant, (start, end) = pot.grant, pot.span
    return {
        "grant": grant.id,
        "category": grant.category,
        "priority": grant.priority,
        **pot.sums,
        "remaining_minor": pot.remaining,
        "confirmed": pot.confirmed,
        "from_s": start,
        "until_s": end,
    }


def _balances(pots: Sequence[Pot]) -> Iterator[dict[str, Any]]:
    for currency in sorted({p.grant.currency for p in pots}):
        mine = sorted((p for p in pots if p.grant.currency == currency), key=_use_order)
        sums = {name: sum(p.sums[name] for p in mine) for name in _SUMS}
        yield {
            "currency": currency,
            **sums,
            "remaining_minor": _remaining(sums),
            "grants": [_shown(p) for p in mine],
            "segments": schedule(mine),
        }


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    moved: dict[str, list[Row]] = {}
    for transaction in rows["credit_balance_transactions"]:
        moved.setdefault(transaction.credit_grant, []).append(transaction)
    grants = [g for g in rows["credit_grants"] if g.currency is not None and g.amount_minor is not None]
    balances = list(_balances([_pot(g, moved.get(g.id, ())) for g in grants]))
    return [_TABLE.row(*key, [b["currency"] for b in balances], balances)] if balances else []


def _grants(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(g.mode, g.account, g.id) for g in rows["credit_grants"]]


_GRANT_FIELDS = (
    "id", "amount_minor", "currency", "category", "priority", "effective_at_s", "expires_at_s", "voided_at_s",
    "created_s",
)  # fmt: skip

CREDIT_BALANCES = Derivation(
    "credit_balances",
    1,
    _TABLE,
    ("mode", "account", "customer"),
    inputs=(
        Input(
            "credit_grants",
            ("mode", "account", "customer"),
            lambda key, _: [key],
            _GRANT_FIELDS,
        ),
        Input(
            "credit_balance_transactions",
            ("mode", "account", "credit_grant"),
            _grants,
            ("kind", "direction", "amount_minor", "currency", "effective_at_s"),
        ),
    ),
    affects={
        "credit_grants": lambda row: [(row.mode, row.account, row.customer)] if row.customer else [],
        "credit_balance_transactions": (
            Lookup(
                (Hop("credit_grants", (("mode", "mode"), ("account", "account"), ("id", "credit_grant"))),),
                ("mode", "account", "customer"),
            ),
        ),
    },
    derive=_derive,
)
