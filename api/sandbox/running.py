"""`recount sandbox`: the sandbox in the foreground, with what has to be copied for Recount to speak with it."""

import signal
import threading
from pathlib import Path

from api.sandbox.desk import Desk
from api.sandbox.resources import webhook_endpoints
from api.sandbox.sandbox import PLATFORM_ACCOUNT, Sandbox
from api.sandbox.server import serving

#: Any key of this form is accepted; this one is for copying.
SECRET_KEY = "sk_test_recountsandbox"  # noqa: S105 - of a sandbox on loopback
PUBLISHABLE_KEY = "pk_test_recountsandbox"
_WEBHOOKS = "/webhooks/stripe"
_CONNECT = "/webhooks/stripe/connect"


def run(host: str, port: int, folder: Path | None, version: str, forward_to: str | None) -> None:
    """Serve until Ctrl-C or SIGTERM.

    `folder`: where what it holds is kept; None: in memory alone. `forward_to`: the base URL of a Recount that its
    events are delivered to.
    """
    stopping = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stopping.set())
    sandbox = Sandbox(None if folder is None else folder / "sandbox.sqlite3", version)
    with serving(sandbox, host, port) as url:
        print(f"A Stripe sandbox on {url}, API version {version}. To let Recount use it:\n")
        print(f"export STRIPE_API_BASE={url}\nexport STRIPE_SECRET_KEY={SECRET_KEY}")
        print(f"export STRIPE_PUBLISHABLE_KEY={PUBLISHABLE_KEY}")
        if forward_to is not None:
            secrets = forward(sandbox, forward_to)
            print(f"export STRIPE_WEBHOOK_SECRET={secrets[0]}")
            print(f"export STRIPE_CONNECT_WEBHOOK_SECRET={secrets[1]}")
        print("\nCtrl-C stops it.", flush=True)
        stopping.wait()


def forward(sandbox: Sandbox, base_url: str, version: str | None = None) -> tuple[str, str]:
    """Have all events delivered to a Recount, and say with which secrets: the platform's and that for Connect.

    Asked again for the same address it changes nothing.
    """
    secrets = webhook_secrets(base_url)
    with sandbox.lock:
        desk = Desk(sandbox.state, f"{PLATFORM_ACCOUNT}/test", sandbox.wall_s)
        for path, connect, secret in ((_WEBHOOKS, False, secrets[0]), (_CONNECT, True, secrets[1])):
            url = base_url.rstrip("/") + path
            if next(desk.scan(webhook_endpoints.KIND, url=url, _connect=connect), None) is None:
                asked = {"url": url, "enabled_events": ["*"], "connect": connect, "api_version": version}
                webhook_endpoints.create(desk, {**asked, "_secret": secret})
        desk.work.commit()
    return secrets


def webhook_secrets(base_url: str) -> tuple[str, str]:
    """The secrets of the endpoints that `forward` makes, before it does: so that a service can be started with them."""
    base = base_url.rstrip("/")
    return webhook_endpoints.secret_of(base, _WEBHOOKS), webhook_endpoints.secret_of(base, _CONNECT)
