"""What the command line does about hosting, by name: one entry point for all of it."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from api.database import Database
from api.hosting import acts, reading, reconciling, telling
from api.hosting.accruing import Accrued, accrue, caught_up
from api.hosting.closing import Closed, make_invoices
from api.hosting.rates_file import rate_card_of
from api.operations import carry_out
from api.settings import Settings
from commands.acts import Asked, Done
from commands.hosting_breakdown import Aspect
from commands.rate_cards import PUBLISH_RATE_CARD, RATE_CARDS
from ledger import store
from ledger.claims import unclaimed
from ledger.events import Event
from ledger.hosting_billing_events import HostingInvoiceClosed
from ledger.hosting_events import CostsRecorded, RateCardPublished
from ledger.ids import Mode, rate_card_stream


class RatesChange(NamedTuple):
    """What applying a file would publish."""

    before: RateCardPublished | None
    after: RateCardPublished


class Claims(NamedTuple):
    """What comparing claims with the log found."""

    records: int
    wrong: tuple[str, ...]
    """Ids of which the claim does not say what the log says."""


def _rates_diff(database: Database, settings: Settings, *, text: str, mode: Mode) -> RatesChange | None:
    """What a rate card's file changes; None: nothing. Raises what applying it raises."""
    command = rate_card_of(text, mode)
    with database.log() as log:
        newest = RATE_CARDS.fold(r.event for r in log.read_stream(rate_card_stream(mode, command.card)))
    published: tuple[Event, ...] = RATE_CARDS.decide(command, newest)
    return next((RatesChange(newest, e) for e in published if isinstance(e, RateCardPublished)), None)


def _rates_apply(database: Database, settings: Settings, *, text: str, mode: Mode, asked: Asked) -> Done:
    """Publish what a file says as the card's next version."""
    given = msgspec.to_builtins(rate_card_of(text, mode))
    return carry_out(database, settings, name=PUBLISH_RATE_CARD.name, given=given, asked=asked)


def _accrue(database: Database, settings: Settings, *, mode: Mode) -> Accrued:
    """Book what is missing of the days that are over, now."""
    with database.log() as log:
        return accrue(log, database.conninfo, mode, int(time.time()), caught_up(database.conninfo))


def _invoices(database: Database, settings: Settings, *, mode: Mode) -> list[Closed]:
    """Make the invoices that closed months lack."""
    with database.log() as log:
        return make_invoices(
            log,
            database.conninfo,
            mode,
            int(time.time()),
            settings.hosting_minimum_minor,
            caught_up(database.conninfo),
        )


def _open_invoices(
    database: Database, settings: Settings, *, mode: Mode, org: str, month: str
) -> list[HostingInvoiceClosed]:
    """What an organization's invoices would be if the month were closed now."""
    return telling.open_invoices(database.conninfo, mode, org, month, settings.hosting_minimum_minor)[0]


def _breakdown(
    database: Database, settings: Settings, *, mode: Mode, org: str, by: Aspect, month: str | None, top: int | None
) -> list[telling.Told]:
    """What an organization's hosting cost, by one of its aspects."""
    return telling.breakdown(database.conninfo, mode, org, by, month, top)[0]


def _claims(database: Database, settings: Settings, *, mode: Mode) -> Claims:
    """Compare the claims of cost events with the log that they come from."""
    records, wrong = 0, list[str]()
    with reading.seeing(database.conninfo) as seen:
        after = 0
        while batch := store.read_own(seen.conn, [CostsRecorded.NAME], after=after, upto=seen.position, limit=50):
            after = batch[-1].position
            for recorded in batch:
                if recorded.event.mode == mode:
                    records += recorded.event.records
                    wrong += unclaimed(seen.conn, mode, recorded.stream, recorded.event)
    return Claims(records, tuple(wrong))


#: The registry: one line each.
_DOORS: Mapping[str, Callable[..., Any]] = {
    "create_environment": acts.create_environment,
    "place": acts.place,
    "close_month": acts.close_month,
    "accrue": _accrue,
    "invoices": _invoices,
    "open_invoices": _open_invoices,
    "breakdown": _breakdown,
    "compare": reconciling.compare,
    "book": reconciling.book,
    "claims": _claims,
    "rates_diff": _rates_diff,
    "rates_apply": _rates_apply,
}


def hosting(database: Database, settings: Settings, *, what: str, **given: Any) -> Any:
    """Do `what`, or tell it; with `asked`, where it is an act."""
    return _DOORS[what](database, settings, **given)
