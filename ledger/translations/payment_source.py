"""Cards, bank accounts and sources of a customer: what payment methods were before 2018, folded into the same rows.

A card or a bank account keeps its id when it is read as a payment method, so both families may speak of one row, and
then say the same: a bank account in the US is a `us_bank_account` to payment methods.
"""

from ledger.facts import Whence
from ledger.translations.base import DELETED, FINAL, Family, id_of, need, plain, rank_of_verb
from ledger.translations.groups import spoken
from ledger.translations.payment_method import PaymentMethod, told
from ledger.translations.payment_method_payload import Address, Holder, SourcePayload, of_source

#: Objects that can be a customer's source and have a type of their own.
_TYPES = {
    "card": "card",
    "bank_account": "bank_account",
    "alipay_account": "alipay",
    "bitcoin_receiver": "bitcoin",
}
#: Statuses of a source that nothing follows: https://docs.stripe.com/sources#source-status
_OVER = frozenset({"canceled", "consumed", "failed"})


def translate(payload: SourcePayload) -> PaymentMethod:
    """The facts of a card, a bank account or a source. Raises Missing("type") for a source without one."""
    if payload.object == "source":
        kind = need(payload.type, "type")
        billed_in = spoken(spoken(payload.owner, Holder).address, Address).country
    else:
        kind = _TYPES[payload.object]
        if kind == "bank_account" and payload.country == "US":
            kind = "us_bank_account"
        billed_in = payload.address_country
    return PaymentMethod(
        deleted=payload.deleted is True,
        customer=id_of(payload.customer),
        type=kind,
        **told(of_source(payload), kind),
        billing_country=billed_in,
        status=payload.status,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def rank(verb: str, facts: PaymentMethod) -> int:
    """The order of one second: what is over stays over."""
    if facts.deleted is True:
        return DELETED
    return FINAL if facts.status in _OVER else rank_of_verb(verb)


PAYMENT_SOURCE = Family(
    name="payment_source",
    model="payment_methods",
    object_types=("source", *_TYPES),
    event_types=("customer.source.*", "customer.card.*", "customer.bank_account.*", "source.*"),
    payload=SourcePayload,
    facts=PaymentMethod,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    ignored=frozenset({"source.mandate_notification"}),  # its object is a notification
    whence=(
        Whence("deleted", False, ("customer.*.deleted, or deleted (all)",)),
        Whence("detached", False, ("never: a source is deleted, not detached",)),
        Whence("customer", False, ("customer, an id or expanded (all; absent where a source has none)",)),
        Whence(
            "type", True, ("type of a source; the object itself for a card or a bank account, with its country (all)",)
        ),
        Whence("brand", False, ("type of a card (up to 2014)", "brand of a card (2014 on)", "card.brand of a source")),
        Whence("last4", False, ("last4 (all)", "<type>.last4 | iban_last4 of a source")),
        Whence("exp_month", False, ("exp_month of a card (all)", "card.exp_month of a source")),
        Whence("exp_year", False, ("exp_year of a card (all)", "card.exp_year of a source")),
        Whence("expires_s", False, ("as exp_month, exp_year",)),
        Whence("country", False, ("country (all)", "<type>.country of a source")),
        Whence("funding", False, ("funding of a card (all)", "card.funding of a source")),
        Whence("wallet", False, ("tokenization_method of a card (all)", "card.tokenization_method of a source")),
        Whence("bank", False, ("bank_name (all)", "<type>.bank_name | bank of a source")),
        Whence("billing_country", False, ("address_country of a card (all)", "owner.address.country of a source")),
        Whence("status", False, ("status of a source or a bank account (all)",)),
        Whence("allow_redisplay", False, ("never: sources are silent",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created of a source (all)",)),
    ),
)
