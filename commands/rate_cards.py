"""Rate cards: what a unit of each resource costs, in versions, each from an instant on. One stream a card.

A version is never changed. What is published with an instant in the past prices again what is in an open month; a
closed month keeps the versions that it was closed with (`commands.accruals`).
"""

from decimal import Decimal
from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.hosting_rules import decimal_of, percent, require_instant, require_key
from commands.identifiers import require_mode
from ledger.errors import Invalid, Refused
from ledger.events import Event
from ledger.hosting_events import RESOURCES, RateCardPublished
from ledger.ids import Mode, rate_card_stream

#: Decimals of a rate, in minor units.
PLACES = 12
MAX_RATE = Decimal(10**9)


class PublishRateCard(msgspec.Struct, frozen=True, kw_only=True):
    """Publish what a unit of each resource costs from an instant on, as the card's next version."""

    mode: Mode
    card: str
    currency: str
    """Three lower-case letters (ISO 4217); the same for all versions."""
    effective_s: int
    markup_percent: str = "0"
    """A decimal, added to every cost."""
    rates: dict[str, str]
    """Resource -> minor units a core-hour (`cpu`), a GiB-hour (`memory`, `storage`), a GiB (`egress`); decimals."""


#: The newest version.
Newest: TypeAlias = RateCardPublished | None


def decide(command: PublishRateCard, newest: Newest) -> tuple[Event, ...]:
    """Publish the next version; what the newest one says already is no event.

    Raises Invalid (`bad_currency`, `bad_rate`, `bad_percent`, `bad_instant`), Refused (`currency_fixed`).
    """
    require_mode(command.mode)
    require_key(command.card, "a rate card")
    require_instant(command.effective_s)
    percent(command.markup_percent)
    if not (len(command.currency) == 3 and command.currency.isascii() and command.currency.islower()):
        raise Invalid(f"{command.currency!r} is no currency: three lower-case letters", code="bad_currency")
    if not command.rates or command.rates.keys() - set(RESOURCES):
        raise Invalid(f"a rate card has rates of some of {', '.join(RESOURCES)}", code="bad_rate")
    for rate in command.rates.values():
        decimal_of(rate, places=PLACES, most=MAX_RATE, code="bad_rate")
    if newest is not None and newest.currency != command.currency:
        raise Refused(
            f"{command.card} is in {newest.currency}; another currency is another card", code="currency_fixed"
        )
    version = newest.version + 1 if newest is not None else 1
    published = RateCardPublished(version=version, **msgspec.structs.asdict(command))
    same = newest is not None and msgspec.structs.replace(published, version=newest.version) == newest
    return () if same else (published,)


RATE_CARDS: Decider[PublishRateCard, Newest] = Decider(
    None, lambda newest, event: event if isinstance(event, RateCardPublished) else newest, decide
)

PUBLISH_RATE_CARD = Act(
    "publish_rate_card",
    PublishRateCard,
    RATE_CARDS,
    lambda command: rate_card_stream(command.mode, command.card),
    lambda command: About(f"rate_card/{command.card}", command.mode),
    weight=40,
)
