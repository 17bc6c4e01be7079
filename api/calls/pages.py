"""Stripe's pages from the command line: the same acts as over the API, at a desk for one of them."""

from collections.abc import Callable
from typing import Any

from api.calls import checkout
from api.calls.billing import Does, Shown
from api.calls.customers import Whom
from api.calls.desk import Performed, opened
from api.database import Database
from api.settings import Settings
from commands.acts import Asked, Done
from ledger.ids import PLATFORM, Mode

_OF_ORG: dict[str, Does] = {
    "create_checkout": checkout.create_checkout,
    "create_setup_checkout": checkout.create_setup_checkout,
    "request_payment": checkout.request_payment,
    "expire_checkout": checkout.expire_checkout,
    "open_portal": checkout.open_portal,
}
_LOOKS: dict[str, Callable[..., Shown]] = {"look_at": checkout.look_at, "receipt": checkout.receipt}


def pages(
    database: Database,
    settings: Settings,
    *,
    act: str,
    mode: Mode,
    asked: Asked,
    account: str = PLATFORM,
    org: str = "",
    **given: Any,
) -> tuple[Done | None, Shown]:
    """Carry out an act with one of Stripe's pages. Raises as it does."""
    with opened(database, settings) as desk:
        if act in _LOOKS:
            return None, _LOOKS[act](desk, Whom(mode, account, org), **given)
        done: Performed | None
        if act == "create_payment_link":
            done, shown = checkout.create_payment_link(desk, mode, asked, **given)
        elif act == "close_payment_link":
            done, shown = checkout.close_payment_link(desk, mode, asked, account=account, **given)
        else:
            done, shown = _OF_ORG[act](desk, Whom(mode, account, org), asked, **given)
    return done.done if done is not None else None, shown
