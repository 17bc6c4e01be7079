"""Asking for a comparison with Stripe: the record of who asks and why, and making it here and now.

Over the API it is only asked for, and the worker makes it; the command line makes it itself, when its turn comes.
"""

from typing import Any

from api.calls.client import NoAnswer, StripeUnavailable
from api.database import Database
from api.operations import carry_out
from api.reconciling import Result, opened
from api.settings import Settings
from commands.acts import Asked, Done
from commands.reconciling import reconciliation_id
from commands.stripe_reads import READS
from ledger.errors import Refused
from ledger.ids import Mode


def request(
    database: Database, settings: Settings, *, asked: Asked, mode: Mode, what: str, account: str | None = None,
    repair: bool = False,
) -> Done:  # fmt: skip
    """Ask for a comparison: the worker makes it. Raises Refused (`stripe_key_missing`, `other_mode`), Invalid."""
    if settings.stripe_secret_key is None:
        raise Refused("set STRIPE_SECRET_KEY: without it nothing can be asked of Stripe", code="stripe_key_missing")
    if f"_{mode}_" not in settings.stripe_secret_key:
        raise Refused(f"STRIPE_SECRET_KEY is not of {mode} mode", code="other_mode")
    given: dict[str, Any] = {"mode": mode, "what": what, "account": account, "repair": repair}
    given |= {"by": asked.person, "why": asked.reason, "id": reconciliation_id(asked.person, asked.idempotency_key)}
    return carry_out(database, settings, name="reconcile", given=given, asked=asked, mode=mode)


def reconcile(
    database: Database, settings: Settings, *, asked: Asked, mode: Mode, what: str, account: str | None = None,
    repair: bool = False,
) -> tuple[Done, Result | None]:  # fmt: skip
    """Ask for a comparison and make it here; no result: it was made before, or this is a dry run.

    Raises what `request` raises, StripeUnavailable, StoreUnavailable.
    """
    done = request(database, settings, asked=asked, mode=mode, what=what, account=account, repair=repair)
    if asked.dry_run:
        return done, None
    with opened(database, settings) as reconciler:
        try:
            with reconciler.turn():
                return done, reconciler.carry_out(reconciliation_id(asked.person, asked.idempotency_key))
        except NoAnswer as silence:
            raise StripeUnavailable(f"Stripe did not answer ({silence}); the worker asks again") from silence


def readable() -> tuple[str, ...]:
    """The types of objects that can be looked at."""
    return tuple(READS)
