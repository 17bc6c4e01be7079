"""What ids, instants and decimals in hosting's commands must look like."""

from decimal import Decimal, InvalidOperation

from ledger.errors import Invalid

MAX_KEY = 200
#: The last second of the year 9999.
MAX_INSTANT_S = 253_402_300_799


def require_key(given: str, what: str) -> None:
    """Raises Invalid("bad_key") unless 1 to 200 printable characters without blanks around them."""
    if not (0 < len(given) <= MAX_KEY and given.isprintable() and given == given.strip()):
        raise Invalid(
            f"the key of {what} has 1 to {MAX_KEY} printable characters and no blanks around them", code="bad_key"
        )


def require_instant(at_s: int) -> None:
    """Raises Invalid("bad_instant") unless seconds since the epoch, up to the year 9999."""
    if not 0 <= at_s <= MAX_INSTANT_S:
        raise Invalid(f"{at_s} is no instant: whole seconds since 1970, up to the year 9999", code="bad_instant")


def require_period(from_s: int, until_s: int) -> None:
    """Raises Invalid (`bad_instant`, `bad_period`) unless it ends after it begins."""
    require_instant(from_s)
    require_instant(until_s)
    if until_s <= from_s:
        raise Invalid("a period ends after it begins", code="bad_period")


def percent(given: str) -> Decimal:
    """An exact percentage with at most four decimals. Raises Invalid("bad_percent")."""
    return decimal_of(given, places=4, most=Decimal(10_000), code="bad_percent")


def decimal_of(given: str, *, places: int, most: Decimal, code: str) -> Decimal:
    """A decimal from 0 up to `most`, as people write it: digits and a point. Raises Invalid(`code`)."""
    try:
        value = Decimal(given) if given.isascii() and given.replace(".", "", 1).isdigit() else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > places or value > most:
        raise Invalid(f"{given!r} is no decimal from 0 to {most} with at most {places} decimals", code=code)
    return value
