"""A rate card as a YAML file. Every value is read as a text, so that no rate ever is a float."""

from datetime import UTC, datetime
from typing import Any

import yaml

from commands.rate_cards import PublishRateCard
from ledger.errors import Invalid
from ledger.ids import Mode

#: The library has no types of its own.
_YAML: Any = yaml
_MEMBERS = frozenset({"card", "currency", "effective", "markup_percent", "rates"})


def rate_card_of(text: str, mode: Mode) -> PublishRateCard:
    """What a file says. Raises Invalid("invalid_rate_card") naming what is wrong."""
    try:
        told = _YAML.load(text, _YAML.BaseLoader)  # it makes texts, lists and dictionaries alone
    except _YAML.YAMLError as error:
        raise Invalid(f"the file is no YAML: {error}", code="invalid_rate_card") from error
    if not isinstance(told, dict) or told.keys() - _MEMBERS or _MEMBERS - {"markup_percent"} - told.keys():
        raise Invalid(
            f"a rate card has {', '.join(sorted(_MEMBERS))}; markup_percent may be left out", code="invalid_rate_card"
        )
    rates = told["rates"]
    if not isinstance(rates, dict) or not all(isinstance(v, str) for v in (*rates.values(), told["card"])):
        raise Invalid("rates are resources and their decimals", code="invalid_rate_card")
    return PublishRateCard(
        mode=mode,
        card=told["card"],
        currency=str(told["currency"]),
        effective_s=_instant(told["effective"]),
        markup_percent=str(told.get("markup_percent", "0")),
        rates=rates,
    )


def _instant(given: Any) -> int:
    try:
        moment = datetime.fromisoformat(given)
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"{given!r} is no time; write it as 2026-04-01 or 2026-04-01T12:00:00Z", code="invalid_rate_card"
        ) from error
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())
