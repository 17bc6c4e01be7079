"""The automatic payout of whatever is available, day by day: https://docs.stripe.com/payouts#payout-schedule."""

from api.sandbox.desk import Desk
from api.sandbox.resources import worlds
from api.sandbox.state import Object

_TRAVELS_DAYS = 1
DAY_S = 86_400


def pay_out(desk: Desk) -> None:
    """Pay out, in each currency, all that is available and was not paid out yet. Unless that is done by hand."""
    if not _automatic(desk):
        return
    waiting: dict[str, list[str]] = {}
    sums: dict[str, int] = {}
    for transaction in desk.scan("balance_transaction", _payout=None, status="available"):
        currency = transaction["currency"]
        waiting.setdefault(currency, []).append(transaction["id"])
        sums[currency] = sums.get(currency, 0) + transaction["net"]
    from api.sandbox.resources import payouts  # which books with the balance, which pays out with this

    for currency, ids in waiting.items():
        if sums[currency] <= 0:
            continue
        payout = payouts.made(desk, sums[currency], currency, automatic=True)
        for id in (*ids, payout["balance_transaction"]):
            desk.get("balance_transaction", id)["_payout"] = payout["id"]


def _automatic(desk: Desk) -> bool:
    platform = worlds.platform_of(desk)
    if platform is not None:
        account = platform.held("account", desk.account_id)
        if account is None or not account["payouts_enabled"]:
            return False
    settings = desk.held("_payouts", "_payouts")
    return settings is None or settings["interval"] != "manual"


def schedule(desk: Desk, interval: str) -> None:
    """How often an account is paid: `manual`, or every day."""
    kept: Object = {"id": "_payouts", "object": "_payouts", "interval": interval, "_seq": 0}
    desk.work.put((desk.account, "_payouts", "_payouts"), kept)


def arrives_s(now_s: int) -> int:
    """When a payout made now is at the bank."""
    return (now_s // DAY_S + 1 + _TRAVELS_DAYS) * DAY_S
