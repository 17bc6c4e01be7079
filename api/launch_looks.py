"""Looking in Stripe at what the launch gate rests on, so that it does not depend on events that came.

Stripe sends no event about a tax registration; prices, products and portals may be older than the webhook endpoint.
What is seen is kept as every look is (`api.observing`), and read models judge it. Refuses to know what proves an area.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

from api.calls.client import NoAnswer, StripeUnavailable
from api.calls.wiring import open_calls
from api.database import Database
from api.observing import Observer
from api.settings import Settings
from api.stripe_reading import Absent, StripeReader
from commands.stripe_reads import READS
from ledger.ids import PLATFORM, Mode
from ledger.observing import Sighting, open_sighting
from ledger.store import as_role
from replay.tables import LIVE

#: Of the platform, whole lists: they are short.
_LISTED = ("tax.registration", "billing_portal.configuration")
#: https://docs.stripe.com/api/prices/list#list_prices-lookup_keys: at most ten at once.
_KEYS_AT_ONCE = 10
#: The prices that plans on sale name, by account.
_NAMED = f"""
    SELECT p.definition ->> 'account', array_remove(array_agg(DISTINCT price ->> 'lookup_key'), NULL),
        array_remove(array_agg(DISTINCT price ->> 'price'), NULL)
    FROM {LIVE}.plans p, jsonb_array_elements(p.definition -> 'prices') price
    WHERE p.mode = %s AND p.current AND NOT p.retired AND coalesce((p.definition ->> 'on_sale')::boolean, true)
    GROUP BY 1 ORDER BY 1
"""


def look(database: Database, settings: Settings, mode: Mode) -> tuple[Sighting, ...]:
    """Look at what the areas of a mode rest on, and keep it; without a key of that mode nothing is looked at.

    Raises Invalid (`not_listed`: the key may not read a list), StripeUnavailable, StoreUnavailable.
    """
    if f"_{mode}_" not in (settings.stripe_secret_key or ""):
        return ()
    with (
        contextlib.closing(database.key_store(settings)) as keys,
        contextlib.closing(open_calls(database, settings, keys, waited_for=False)) as calls,
        psycopg.connect(as_role(database.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn,
    ):
        named = conn.execute(_NAMED, [mode]).fetchall()
        reader = StripeReader(calls.stripe)
        try:
            seen = tuple(_seen(reader, named))
        except NoAnswer as silence:
            raise StripeUnavailable(f"Stripe did not answer ({silence}), so run it again") from silence
        Observer(calls.journal, keys).keep(seen)
    return seen


def _seen(reader: StripeReader, named: Iterable[tuple[str | None, list[str], list[str]]]) -> Iterator[Sighting]:
    for object_type in _LISTED:
        yield from _listed(reader, PLATFORM, object_type, dict(READS[object_type].beside))
    for account, lookup_keys, ids in named:
        yield from _sold(reader, account or PLATFORM, lookup_keys, ids)


def _sold(reader: StripeReader, account: str, lookup_keys: list[str], ids: list[str]) -> Iterator[Sighting]:
    """Prices, and then their products."""
    prices = list(_there(reader, account, "price", ids))
    for first in range(0, len(lookup_keys), _KEYS_AT_ONCE):
        some = lookup_keys[first : first + _KEYS_AT_ONCE]
        prices += _listed(reader, account, "price", {"lookup_keys": some})
    yield from prices
    products = sorted({str(p.content["product"]) for p in prices if isinstance(p.content.get("product"), str)})
    yield from _there(reader, account, "product", products)


def _listed(reader: StripeReader, account: str, object_type: str, params: dict[str, Any]) -> Iterator[Sighting]:
    for page in reader.pages(READS[object_type].listed or "", account, params):
        for content in page.objects:
            yield open_sighting(content, reader.look(account, page.at_s, "fetch"))


def _there(reader: StripeReader, account: str, object_type: str, ids: Iterable[str]) -> Iterator[Sighting]:
    """What Stripe has of these; that it has no such thing is no sight."""
    for id in ids:
        seen = reader.one(account, object_type, id, "fetch")
        if not isinstance(seen, Absent):
            yield seen
