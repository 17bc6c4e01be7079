"""Looking in Stripe at what the launch gate rests on, so that it does not depend on events that came.

Stripe sends no event about a tax registration; prices, products and portals may be older than the webhook endpoint.
What is seen is kept as every look is (`api.observing`), and read models judge it. While checkout is open the worker
looks again at what no event tells of. Refuses to know what proves an area.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
import structlog

from api.calls.client import NoAnswer, StripeUnavailable
from api.calls.wiring import Calls, open_calls
from api.database import Database
from api.observing import Observer
from api.settings import Settings
from api.stripe_reading import Absent, StripeReader
from commands.launch import LAUNCH
from commands.stripe_reads import READS
from ledger.errors import RecountError
from ledger.ids import PLATFORM, Mode, launch_stream
from ledger.observing import Sighting, open_sighting
from ledger.sealing import content_digest
from ledger.store import Log, as_role
from replay.tables import LIVE

log = structlog.get_logger("recount.launch")

#: Of the platform, whole lists: they are short. Of the first Stripe sends no event at all.
_SILENT = ("tax.registration",)
_LISTED = (*_SILENT, "billing_portal.configuration")
#: How often the worker looks again, in seconds.
LOOK_S = 3 * 3_600
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
    with _reading(database, settings) as (reader, observer, _):
        with psycopg.connect(as_role(database.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
            named = conn.execute(_NAMED, [mode]).fetchall()
        seen = tuple(_seen(reader, named))
        observer.keep(seen)
    return seen


def look_again(database: Database, settings: Settings) -> tuple[Sighting, ...]:
    """Look at what no event tells of, if checkout is open in the key's mode. Returns what is not as it was seen last.

    Raises what `look` raises.
    """
    if not settings.stripe_secret_key:
        return ()
    with _reading(database, settings) as (reader, observer, calls):
        if not LAUNCH.fold(r.event for r in calls.journal.read_stream(launch_stream(reader.mode))).open:
            return ()
        listed = [s for t in _SILENT for s in _listed(reader, PLATFORM, t, dict(READS[t].beside))]
        keys = calls.keys.ensure([s.subject for s in listed])
        new = tuple(s for s in listed if not _as_before(calls.journal, s, keys[s.subject]))
        observer.keep(new)
    return new


def _as_before(journal: Log, sighting: Sighting, key: bytes) -> bool:
    known = journal.read_stream(sighting.stream)
    return bool(known) and known[-1].event.digest == content_digest(sighting.content, key)


@contextlib.contextmanager
def _reading(database: Database, settings: Settings) -> Iterator[tuple[StripeReader, Observer, Calls]]:
    """What reads Stripe, and keeps what it saw. Raises StripeUnavailable where it is silent."""
    with (
        contextlib.closing(database.key_store(settings)) as keys,
        contextlib.closing(open_calls(database, settings, keys, waited_for=False)) as calls,
    ):
        try:
            yield StripeReader(calls.stripe), Observer(calls.journal, keys), calls
        except NoAnswer as silence:
            raise StripeUnavailable(f"Stripe did not answer ({silence}), so run it again") from silence


class LaunchJob:
    """What the worker does for the gate by itself. Any number may run: what was seen already is not kept again."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    def look(self) -> None:
        """Look again; what goes wrong is said, and tried next time."""
        try:
            for seen in look_again(self._database, self._settings):
                log.info("seen_anew", object=seen.object_type, id=seen.object_id)
        except (psycopg.Error, RecountError) as error:
            log.warning("launch_not_looked_at", error=str(error))


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
