"""Mandates: a customer's permission to debit, in any API version. They know their payment method, not their customer.

Where and with what device the customer agreed stays sealed in the log; no fact carries it.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.base import FINAL, Family, Reference, id_of, need, rank_of_verb
from ledger.translations.groups import spoken


class Acceptance(msgspec.Struct, gc=False):
    accepted_at: int | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET


class Bounds(msgspec.Struct, gc=False):
    """What a mandate allows at most, where it says so."""

    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET


class India(msgspec.Struct, gc=False):
    inactive_reason: str | None | UnsetType = UNSET


class Scheme(msgspec.Struct, gc=False):
    """What a debit scheme or a wallet adds, under the key that is its type."""

    reference: str | None | UnsetType = UNSET
    network_status: str | None | UnsetType = UNSET
    revocation_reason: str | None | UnsetType = UNSET
    payment_schedule: str | None | UnsetType = UNSET
    india: India | None | UnsetType = UNSET


class Schemes(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    acss_debit: Scheme | None | UnsetType = UNSET
    bacs_debit: Scheme | None | UnsetType = UNSET
    card: Scheme | None | UnsetType = UNSET
    payto: Scheme | None | UnsetType = UNSET
    pix: Scheme | None | UnsetType = UNSET
    sepa_debit: Scheme | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's mandate."""

    object: str = ""
    id: str | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    payment_method: Reference | str | None | UnsetType = UNSET
    payment_method_details: Schemes | None | UnsetType = UNSET
    customer_acceptance: Acceptance | None | UnsetType = UNSET
    single_use: Bounds | None | UnsetType = UNSET
    multi_use: Bounds | None | UnsetType = UNSET
    on_behalf_of: Reference | str | None | UnsetType = UNSET


class Mandate(msgspec.Struct, gc=False):
    """A mandate, independent of the API version."""

    status: str | UnsetType = UNSET
    """`active`, `inactive` or `pending`."""
    type: str | None | UnsetType = UNSET
    """`multi_use` or `single_use`."""
    payment_method: str | UnsetType = UNSET
    payment_method_type: str | None | UnsetType = UNSET
    amount_minor: int | None | UnsetType = UNSET
    """What it allows at most, in minor units of `currency`; null where it does not say."""
    currency: str | None | UnsetType = UNSET
    reference: str | None | UnsetType = UNSET
    """The mandate's own number, as on the customer's bank statement."""
    payment_schedule: str | None | UnsetType = UNSET
    network_status: str | None | UnsetType = UNSET
    """Of Bacs: `pending`, `accepted`, `refused`, `revoked`."""
    inactive_reason: str | None | UnsetType = UNSET
    """Why it was revoked (Bacs) or is inactive (cards in India)."""
    acceptance_type: str | None | UnsetType = UNSET
    """`online` or `offline`."""
    accepted_at_s: Instant | None | UnsetType = UNSET
    on_behalf_of: str | None | UnsetType = UNSET


def translate(payload: Payload) -> Mandate:
    """A mandate's facts. Raises Missing("status") or Missing("payment_method")."""
    schemes = spoken(payload.payment_method_details, Schemes)
    kind = schemes.type
    known = kind if isinstance(kind, str) and kind in _KNOWN else None
    scheme: Scheme = spoken(getattr(schemes, known) if known else UNSET, Scheme)
    reason = scheme.revocation_reason
    bounds = spoken(payload.single_use if isinstance(payload.single_use, Bounds) else payload.multi_use, Bounds)
    accepted = spoken(payload.customer_acceptance, Acceptance)
    return Mandate(
        status=need(payload.status, "status"),
        type=payload.type,
        payment_method=need(id_of(payload.payment_method), "payment_method"),
        payment_method_type=kind,
        amount_minor=bounds.amount,
        currency=bounds.currency,
        reference=scheme.reference,
        payment_schedule=scheme.payment_schedule,
        network_status=scheme.network_status,
        inactive_reason=spoken(scheme.india, India).inactive_reason if reason is UNSET else reason,
        acceptance_type=accepted.type,
        accepted_at_s=accepted.accepted_at,
        on_behalf_of=id_of(payload.on_behalf_of),
    )


_KNOWN = frozenset(Schemes.__struct_fields__) - {"type"}


def rank(verb: str, facts: Mandate) -> int:
    """The order of one second: an inactive mandate does not come back."""
    return FINAL if facts.status == "inactive" else rank_of_verb(verb)


FAMILY = Family(
    name="mandate",
    model="mandates",
    object_types=("mandate",),
    event_types=("mandate.*",),
    payload=Payload,
    facts=Mandate,
    translate=translate,
    rank=rank,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, payment_method)",),
    whence=(
        Whence("status", True, ("status (all)",)),
        Whence("type", False, ("type (all)",)),
        Whence("payment_method", True, ("payment_method, an id or expanded (all)",)),
        Whence("payment_method_type", False, ("payment_method_details.type (all)",)),
        Whence("amount_minor", False, ("single_use.amount (all)", "multi_use.amount (dahlia on)")),
        Whence("currency", False, ("single_use.currency (all)", "multi_use.currency (dahlia on)")),
        Whence(
            "reference", False, ("payment_method_details.sepa_debit.reference (all; of others under their own type)",)
        ),
        Whence(
            "payment_schedule",
            False,
            ("payment_method_details.acss_debit.payment_schedule (all; of others under their own type)",),
        ),
        Whence("network_status", False, ("payment_method_details.bacs_debit.network_status (all)",)),
        Whence(
            "inactive_reason",
            False,
            (
                "payment_method_details.bacs_debit.revocation_reason (since 2023)",
                "payment_method_details.card.india.inactive_reason (endive)",
            ),
        ),
        Whence("acceptance_type", False, ("customer_acceptance.type (all)",)),
        Whence("accepted_at_s", False, ("customer_acceptance.accepted_at (all)",)),
        Whence("on_behalf_of", False, ("on_behalf_of (since 2022)",)),
    ),
)
