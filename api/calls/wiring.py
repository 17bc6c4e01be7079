"""What makes calls, put together from the settings and the database. Opens no connection before it is used."""

import time
from collections.abc import Callable
from typing import NamedTuple

from api.calls.asking import Waiter
from api.calls.client import READ_LIVE_S, READ_S, Stripe, from_settings, mode_of_key
from api.calls.making import Maker
from api.calls.pace import Pace
from api.database import Database
from api.observing import Observer
from api.settings import Settings
from ledger.keys import KeyStore
from ledger.store import Log


class Calls(NamedTuple):
    """Everything that asks Stripe, of one process."""

    journal: Log
    keys: KeyStore
    pace: Pace
    stripe: Stripe
    maker: Maker
    waiter: Waiter

    def close(self) -> None:
        """Give the connections back; the key store is its owner's."""
        self.pace.close()
        self.journal.close()


def open_calls(
    database: Database,
    settings: Settings,
    keys: KeyStore,
    *,
    waited_for: bool,
    clock: Callable[[], float] = time.time,
) -> Calls:
    """What makes calls under the settings' key. `waited_for`: people wait, so that Stripe has less time to answer.

    Raises Refused (`stripe_key_missing`, `stripe_key_unknown`).
    """
    pace = Pace(database.conninfo, mode_of_key(settings.stripe_secret_key or ""), settings.stripe_rate)
    stripe = from_settings(settings, pace, clock, read_s=READ_LIVE_S if waited_for else READ_S)
    journal = Log(database.conninfo)
    maker = Maker(journal, keys, Observer(journal, keys), stripe, clock)
    return Calls(journal, keys, pace, stripe, maker, Waiter(maker))
