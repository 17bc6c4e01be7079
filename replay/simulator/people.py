"""Who buys: invented companies, people, addresses and taxes. Nobody here exists, every address is example.com's.

Knows countries, their currencies and their usual sales tax; refuses to know Stripe.
"""

from random import Random
from typing import NamedTuple


class Country(NamedTuple):
    """Where a buyer sits."""

    code: str
    currency: str
    cities: tuple[str, ...]
    dial: str
    tax_name: str
    tax_type: str
    tax_basis_points: int
    """The rate in hundredths of a percent; 0 where nothing is charged."""


COUNTRIES = (
    Country("US", "usd", ("Austin", "Portland", "Boulder", "Raleigh"), "+1512555", "Sales Tax", "sales_tax", 825),
    Country("DE", "eur", ("Berlin", "Leipzig", "Hamburg", "Köln"), "+4930555", "MwSt", "vat", 1900),
    Country("PT", "eur", ("Lisboa", "Porto", "Braga", "Évora"), "+351210555", "IVA", "vat", 2300),
    Country("GB", "gbp", ("Leeds", "Bristol", "Glasgow", "London"), "+44113496", "VAT", "vat", 2000),
    Country("JP", "jpy", ("東京", "大阪", "福岡", "札幌"), "+813555", "消費税", "jct", 1000),
    Country("KW", "kwd", ("Kuwait City", "Hawally", "Salmiya"), "+965555", "VAT", "vat", 0),
)
BY_CODE = {country.code: country for country in COUNTRIES}
_WEIGHTS = (40, 20, 12, 14, 8, 6)

_FIRST = "Ada Bruno Chiara Deniz Elif Femi Grace Hana Ivo Jun Kofi Lena Mateo Noor Olga Pia Quinn Rosa Sven Thu".split()
_LAST = (
    "Almeida Bauer Castro Demir Eze Fischer García Haas Ito Jansen Khan Lopes Müller Novak O’Brien Park Reis".split()
)
_HEAD = "Amber Birch Cobalt Delta Ember Fjord Granite Harbor Indigo Juniper Kestrel Lumen Maple Nimbus Orchid".split()
_TAIL = "Analytics Biotech Cloud Data Energy Foods Games Health Insights Labs Logistics Media Robotics Studio".split()
_LEGAL = {"US": "Inc.", "DE": "GmbH", "PT": "Lda", "GB": "Ltd", "JP": "株式会社", "KW": "W.L.L."}
_STREETS = ("Market Street", "Station Road", "Mill Lane", "Harbor Avenue", "Linden Way", "Kings Row")


def some_country(random: Random) -> Country:
    """A country, the larger markets more often."""
    return random.choices(COUNTRIES, _WEIGHTS)[0]


def some_company(random: Random, country: Country) -> str:
    """A company's name."""
    return f"{random.choice(_HEAD)} {random.choice(_TAIL)} {_LEGAL[country.code]}"


def some_person(random: Random) -> str:
    """A person's name."""
    return f"{random.choice(_FIRST)} {random.choice(_LAST)}"


def some_phone(random: Random, country: Country) -> str:
    """A telephone number from a range kept for fiction or never given out."""
    return f"{country.dial}{random.randrange(10_000):04d}"


def some_address(random: Random, country: Country) -> dict[str, str | None]:
    """A postal address as Stripe writes it."""
    return {
        "city": random.choice(country.cities),
        "country": country.code,
        "line1": f"{random.randrange(1, 400)} {random.choice(_STREETS)}",
        "line2": f"Floor {random.randrange(1, 9)}" if random.random() < 0.2 else None,
        "postal_code": f"{random.randrange(10_000, 99_999)}",
        "state": "TX" if country.code == "US" else None,
    }
