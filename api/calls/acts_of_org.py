"""What the command line asks of Stripe for an organization: acts with invoices and subscriptions, and looks."""

from collections.abc import Callable
from typing import Any

import msgspec

from api.calls import invoices, previews, subscriptions
from api.calls.billing import Shown
from api.calls.customers import Whom
from api.calls.desk import Performed, opened
from api.database import Database
from api.plans import move_subscription
from api.settings import Settings
from commands.acts import Asked, Done
from ledger.ids import PLATFORM, Mode

#: Name -> how it is done.
ACTS: dict[str, Callable[..., tuple[Performed, Shown]]] = {**invoices.ACTS, **subscriptions.ACTS}


def act_of_org(
    database: Database,
    settings: Settings,
    *,
    act: str,
    mode: Mode,
    org: str,
    asked: Asked,
    account: str = PLATFORM,
    **given: Any,
) -> tuple[Done, Shown]:
    """Carry out an act. Raises as it does."""
    whom = Whom(mode, account, org)
    with opened(database, settings) as desk:
        performed, shown = ACTS[act](desk, whom, asked, **given)
    if act == "change_subscription":
        place(database, settings, whom, asked, performed, given)
    return performed.done, shown


def place(
    database: Database, settings: Settings, whom: Whom, asked: Asked, performed: Performed, given: dict[str, Any]
) -> None:
    """Have our side know which version of a plan a subscription was moved to, where one was named.

    Without, its plan follows from the prices that it has now. Done once with the change that it belongs to.
    """
    if given.get("version") is None or performed.answer is None:
        return
    move_subscription(
        database,
        settings,
        mode=whom.mode,
        account=whom.account,
        subscription=given["subscription"],
        plan=given["plan"],
        version=given["version"],
        asked=msgspec.structs.replace(asked, idempotency_key=f"{asked.idempotency_key[:240]}/placed"),
    )


def look_of_org(
    database: Database,
    settings: Settings,
    *,
    look: str,
    mode: Mode,
    org: str = "",
    account: str = PLATFORM,
    **given: Any,
) -> Shown:
    """Look at something that only Stripe can tell: `preview`, `pages` of an invoice, or the `balance`."""
    whom = Whom(mode, account, org)
    with opened(database, settings) as desk:
        if look == "balance":
            return invoices.balance(desk, mode, account)
        if look == "pages":
            return invoices.invoice_pages(desk, whom, **given)
        return previews.preview(desk, whom, **given)
