"""A year on the sandbox's clock, delivered over HTTP as signed webhooks: the same in every version of Stripe's API."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sandbox_year import ORG, Year
from sandboxes import KEY
from service import Service, free_port

from api.sandbox.deliveries import Deliveries
from api.sandbox.running import forward
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from replay.digest import wait_until_caught_up

pytestmark = pytest.mark.service

VERSIONS = ("2025-02-24.acacia", "2025-10-29.clover", "2026-10-28.endive")
_LOCAL = frozenset({"position", "as_of", "next_cursor", "hosted_invoice_url", "invoice_pdf"})
"""What says when it was asked, where in the log it stands, or where the sandbox was served."""
_OF_SOME_VERSIONS = frozenset({"charge", "payment_intent", "paid_out_of_band", "billing_mode"})
"""What an invoice says of its payment until acacia alone, and a subscription of its mode since basil: the money trail
ties them together in every version."""


class Seen(dict[str, Any]):
    """What a dashboard reads, by when and path."""


def seen(version: str, folder: Path) -> Seen:
    """Tell the year to a new Recount, and read: what may be used after each step, and all of it in the end."""
    port = free_port()
    sandbox = Sandbox(version=version)
    platform, connect = forward(sandbox, f"http://127.0.0.1:{port}")
    secrets = {"STRIPE_WEBHOOK_SECRET": platform, "STRIPE_CONNECT_WEBHOOK_SECRET": connect}
    answers = Seen()
    with ExitStack() as stack:
        url = stack.enter_context(serving(sandbox))
        with Service(folder / version, port=port, **secrets) as service:
            key = json.loads(service.cli("keys", "issue", "--role", "admin", "--json").stdout)["key"]

            def read(step: str) -> None:
                _settle(sandbox, service)
                answers[step] = _read(service, f"/v1/orgs/{ORG}/entitlements", key) if step != "open_shop" else None

            Year(url, version).tell(read)
            answers |= {path: _read(service, path, key) for path in _LISTS}
            for told in (*answers[_LISTS[0]]["data"], *answers[_LISTS[2]]["data"]):
                for name in _OF_SOME_VERSIONS & told.keys():
                    del told[name]
            held = [o for (_, kind, _), o in sandbox.state.objects.items() if kind == "invoice"]
            answers["held"] = {i["id"]: (i["status"], i["total"], i["amount_paid"]) for i in held}
            verified = service.cli("replay", "verify")
            assert verified.returncode == 0, verified.stdout.decode()[-2000:]
    return answers


_LISTS = tuple(f"/v1/orgs/{ORG}/{list}?limit=100" for list in ("invoices", "payments", "subscriptions"))


def _settle(sandbox: Sandbox, service: Service) -> None:
    """Until all was delivered and read."""
    _delivered(sandbox)
    with psycopg.connect(service.conninfo, autocommit=True) as conn:
        wait_until_caught_up(conn, 60)


def _delivered(sandbox: Sandbox) -> None:
    deliveries = Deliveries(sandbox)
    sandbox.listeners.remove(deliveries.note)
    deadline = time.monotonic() + 60
    while deliveries.waiting():
        assert time.monotonic() < deadline, f"{deliveries.waiting()} deliveries still wait"
        time.sleep(0.05)


def _read(service: Service, path: str, key: str) -> Any:
    answer = service.get(path, key)
    assert answer.status == 200, (path, answer.body[:500])
    return _without(answer.json)


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without(v) for k, v in value.items() if k not in _LOCAL}
    if isinstance(value, list):
        return [_without(v) for v in value]
    return value


def test_in_every_version_recount_holds_what_stripe_holds_and_says_the_same(tmp_path: Path) -> None:
    # given: the year in each version, told at once
    with ThreadPoolExecutor(len(VERSIONS)) as tellers:
        every = dict(zip(VERSIONS, tellers.map(partial(seen, folder=tmp_path), VERSIONS), strict=True))
    first = every[VERSIONS[0]]
    for version, found in every.items():
        # then: what Recount holds at the end is what Stripe holds
        invoices = found[_LISTS[0]]["data"]
        held = {i["id"]: (i["status"], i["total_minor"], i["amount_paid_minor"]) for i in invoices}
        assert held == found["held"], version
        granted = {step: sorted(e["feature"] for e in told["data"] if e["granted"]) for step, told in _told(found)}
        both, one = ["agents", "sso"], ["agents"]
        assert granted == {"sign_up": one, "cancel": []} | dict.fromkeys(_STEPS, both), version
        # and entitlements, invoices and money are those of every other version
        for path in first:
            assert found[path] == first[path], (version, path)


_STEPS = ("upgrade", "fail", "recover", "refund", "dispute", "debit_that_fails_late")


def _told(found: Seen) -> list[tuple[str, Any]]:
    return [(step, found[step]) for step in ("sign_up", *_STEPS, "cancel")]


def test_a_replay_of_the_year_asks_stripe_nothing(tmp_path: Path) -> None:
    # given: a service that may ask, and has asked for what the year's events left open
    port = free_port()
    with serving(sandbox := Sandbox()) as url:
        platform, connect = forward(sandbox, f"http://127.0.0.1:{port}")
        settings = {"STRIPE_WEBHOOK_SECRET": platform, "STRIPE_CONNECT_WEBHOOK_SECRET": connect,
                    "STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": url}  # fmt: skip
        with Service(tmp_path / "var", port=port, **settings) as service:
            Year(url, VERSIONS[-1]).tell()
            _settle(sandbox, service)
            looks = _quiet(sandbox)
            assert any(asked["method"] == "GET" for asked in sandbox.asked), "nothing was looked at"
            # when
            rebuilt = service.cli("replay", "rebuild")
            verified = service.cli("replay", "verify")
            # then
            assert rebuilt.returncode == verified.returncode == 0, (rebuilt.stderr + verified.stdout).decode()[-2000:]
            assert len(sandbox.asked) == looks


#: The worker looks for something to do every second.
_QUIET_S = 3


def _quiet(sandbox: Sandbox) -> int:
    """How many requests were made by the time that no more come."""
    count, since, deadline = -1, time.monotonic(), time.monotonic() + 120
    while time.monotonic() - since < _QUIET_S:
        assert time.monotonic() < deadline, "it asks on and on"
        if len(sandbox.asked) != count:
            count, since = len(sandbox.asked), time.monotonic()
        time.sleep(0.1)
    return count
