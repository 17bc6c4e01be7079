"""`recount demo`: the main job on a sample history, in front of one's eyes, and then a service to play with.

The history comes from the simulator and goes in through the front door: signed webhooks over HTTP, shuffled, with
duplicates. Started again, it goes on from what is there.
"""

import base64
import json
import os
import secrets
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.database import Database
from api.deliver import Delivery, deliver
from api.demo_sandbox import ORG, Shop, beside
from api.issuing import issue_key
from api.operations import asked_by
from api.serve import serve
from api.settings import Settings, load
from ledger import store
from ledger.errors import RecountError
from replay.digest import digests, wait_until_caught_up
from replay.rebuild import Built, rebuild
from replay.simulator import Scenario, disturb, encode, simulate

SAMPLE = Scenario(orgs=60, months=6, seed=7)
DUPLICATES = 0.05
_READY_S = 60.0
_TRIES = 5
_QUIET_S, _QUIET_TIMEOUT_S = 4.0, 180.0


def demo(host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve, and run the main job on the sample beside it. Ends as `serve` does."""
    settings = load()
    kept = _keep(settings.data_dir)
    if not settings.platform_secrets:
        os.environ["STRIPE_WEBHOOK_SECRET"] = kept["webhook_secret"]
    if not settings.connect_secrets:
        os.environ["STRIPE_CONNECT_WEBHOOK_SECRET"] = kept["webhook_secret"]
    os.environ.setdefault("RECOUNT_LOG_LEVEL", "warning")
    console = Console(highlight=False)
    console.print("[bold]Recount demo[/]: starting PostgreSQL, two web processes and a worker …")

    with beside(settings.data_dir, host, port) as shop:

        def show(database: Database, stopping: threading.Event) -> None:
            try:
                _Demo(console, load(), database, f"http://{host}:{port}", kept, shop).run()
            except (RecountError, psycopg.Error, OSError) as error:
                if not stopping.is_set():
                    console.print(f"[red]The demo stopped:[/] {error}")

        serve(host, port, 2, on_ready=show)
    console.print("Stopped. `make demo` goes on from what is there; remove the folder to start anew.")


def _keep(folder: Path) -> dict[str, str]:
    """What the demo needs to find again next time: its webhook secret and its API key."""
    path = folder / "demo.json"
    if path.exists():
        found: dict[str, str] = json.loads(path.read_text())
        return found
    kept = {"webhook_secret": f"whsec_{base64.b32encode(secrets.token_bytes(20)).decode().lower()}"}
    _write(path, kept)
    return kept


def _write(path: Path, kept: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file)


class _Demo:
    """The steps, in the order in which they are shown."""

    def __init__(
        self,
        console: Console,
        settings: Settings,
        database: Database,
        url: str,
        kept: dict[str, str],
        shop: Shop | None,
    ) -> None:
        self._shop = shop
        self._console = console
        self._settings = settings
        self._database = database
        self._url = url
        self._kept = kept

    def run(self) -> None:
        self._wait_ready()
        with psycopg.connect(self._database.conninfo, autocommit=True) as conn:
            if store.head(conn) == 0:
                self._deliver()
            elif self._shop is not None:
                self._shop.go_live()
                self._console.print("The log holds events already: nothing is delivered again.")
            else:
                self._console.print("The log holds events already: nothing is delivered again.")
            wait_until_caught_up(conn, 120)
            self._show_stored(conn)
            self._show_answers()
            self._rebuild(conn)
        self._say_where()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self._url}/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise RecountError(f"the service did not become ready within {_READY_S:.0f} s")

    def _deliver(self) -> None:
        told = list(simulate(SAMPLE)) if self._shop is None else self._lived(self._shop)
        events = list(disturb(told, seed=SAMPLE.seed, shuffle=True, duplicate=DUPLICATES))
        distinct = len({(e.get("account"), e["id"]) for e in events})
        self._console.print(
            f"\n[bold]1. Stripe delivers[/] {distinct:,} events of {SAMPLE.orgs} organizations over {SAMPLE.months}"
            f" months, shuffled, {len(events) - distinct:,} of them twice, signed, over HTTP:"
        )
        with _bar(self._console) as bar:
            task = bar.add_task("delivering", total=len(events))
            secret = self._kept["webhook_secret"].encode()
            done = deliver(
                (Delivery(encode(e), "account" in e) for e in events),
                f"{self._url}/webhooks/stripe",
                self._settings.platform_secrets[0].secret or secret,
                connect_secret=self._settings.connect_secrets[0].secret or secret,
                progress=lambda n: bar.update(task, completed=n),
            )
        self._console.print(
            f"   {done.accepted:,} acknowledged in {done.seconds:.1f} s, each sealed and durable before its 200"
        )
        if self._shop is not None:
            self._shop.go_live()

    def _lived(self, shop: Shop) -> list[dict[str, Any]]:
        """The history of organizations that live in the sandbox: whatever it tells of exists there."""
        self._console.print(
            f"\n[bold]0. In a Stripe sandbox[/] on {shop.url}, {SAMPLE.orgs} organizations live half a year:"
        )
        with _bar(self._console) as bar:
            task = bar.add_task("living", total=SAMPLE.orgs)
            return shop.history(SAMPLE.orgs, SAMPLE.seed, lambda done: bar.update(task, completed=done))

    def _show_stored(self, conn: psycopg.Connection[Any]) -> None:
        self._console.print("\n[bold]2. What is stored[/] (each event once; every read model folded from the log):")
        for state, count in conn.execute(
            "SELECT state, count(*) FROM read_models.stripe_events GROUP BY state ORDER BY count(*) DESC"
        ):
            self._console.print(f"   {count:>7,} Stripe events {state.replace('_', ' ')}")
        for model, digest in digests(conn).models.items():
            if model != "stripe_events" and digest.rows:
                self._console.print(f"   {digest.rows:>7,} rows in {model}")

    def _show_answers(self) -> None:
        key = self._key()
        self._console.print("\n[bold]3. What a product asks[/]:")
        orgs = self._get("/v1/orgs?limit=100", key)["data"]
        for org in [o["org"] for o in orgs if o["subscriptions"].get("active")][:1]:
            for path in (f"/v1/orgs/{org}/entitlements", f"/v1/orgs/{org}/invoices?limit=1"):
                answer = self._get(path, key)
                self._console.print(f"   GET {path}")
                for row in answer["data"][:2]:
                    self._console.print(f"     {_short(row)}", soft_wrap=False)

    def _key(self) -> str:
        if "key" not in self._kept:
            asked = asked_by("demo", "to try Recount")
            issued = issue_key(
                self._database, self._settings, mode="test", role="operator", label="demo", person="demo", asked=asked
            )
            assert issued.key is not None
            self._kept["key"] = issued.key
            _write(self._settings.data_dir / "demo.json", self._kept)
        return self._kept["key"]

    def _get(self, path: str, key: str) -> Any:
        request = urllib.request.Request(self._url + path, headers={"Authorization": f"Bearer {key}"})
        deadline = time.monotonic() + 5
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 401 or time.monotonic() > deadline:  # a key just issued is folded within a moment
                    raise
                time.sleep(0.05)

    def _rebuild(self, conn: psycopg.Connection[Any]) -> None:
        self._console.print("\n[bold]4. Every read model is rebuilt[/] from the log, beside the live copy:")
        if self._shop is not None:
            self._console.print(
                "   (first the service looks at what events left open: fees, payouts; it compares, too)"
            )
        for _ in range(_TRIES):
            head = self._quiet(conn)
            before = digests(conn).models
            built, took = self._built()
            if store.head(conn) == head:
                break
            self._console.print("   events came in meanwhile, so that there is nothing to compare: once more")
        same = digests(conn).models == before
        self._console.print(
            f"   {built[0].events:,} events in {took:.1f} s ({built[0].events / took:,.0f}/s), swapped in one"
            f" transaction; digests are {'[green]equal[/]' if same else '[red]NOT equal[/]'}"
        )

    def _quiet(self, conn: psycopg.Connection[Any]) -> int:
        """Wait until nothing more is appended, and all of it is read. Returns the head of the log."""
        head, since = -1, time.monotonic()
        deadline = since + _QUIET_TIMEOUT_S
        while time.monotonic() - since < _QUIET_S and time.monotonic() < deadline:
            if (now := store.head(conn)) != head:
                head, since = now, time.monotonic()
            time.sleep(0.1)
        wait_until_caught_up(conn, 120)
        return head

    def _built(self) -> tuple[list[Built], float]:
        began = time.monotonic()
        with _bar(self._console) as bar:
            task = bar.add_task("rebuilding", total=None)
            built = rebuild(
                self._database.conninfo, progress=lambda done, total: bar.update(task, completed=done, total=total)
            )
            bar.update(task, completed=built[0].events, total=built[0].events)
        return built, time.monotonic() - began

    def _say_where(self) -> None:
        if self._shop is not None:
            self._console.print(
                f"\n[bold]5. The sandbox stays[/] on {self._shop.url}: buy something in a browser, and ask what the\n"
                "   buyer may use then:\n"
                f"   {self._shop.page()}\n"
                f'   curl -H "Authorization: Bearer {self._kept["key"]}" {self._url}/v1/orgs/{ORG}/entitlements',
                soft_wrap=True,
            )
        self._console.print(
            f"\n[bold]Now serving[/] on {self._url}\n"
            f"   {self._url}/docs   the API, explained\n"
            f"   {self._url}/v1/orgs   needs the key: {self._kept['key']}\n"
            f'   curl -H "Authorization: Bearer {self._kept["key"]}" {self._url}/v1/orgs\n'
            "   .venv/bin/recount status   and   .venv/bin/recount replay digest\n"
            "Ctrl-C stops everything.",
            soft_wrap=True,
        )


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), console=console, disable=not console.is_terminal,
    )  # fmt: skip


def _short(row: dict[str, Any]) -> str:
    kept = ("feature", "granted", "state", "limit", "unlimited", "id", "status", "total_minor", "currency", "number")
    return ", ".join(f"{k}={row[k]}" for k in kept if k in row)
