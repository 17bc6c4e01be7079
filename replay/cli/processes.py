"""`recount serve | worker | doctor | demo | sandbox | bench`: thin, because what they start lives at the edge."""

import sys
from pathlib import Path

import click

from replay.cli.options import json_option
from replay.cli.printing import say, say_json
from replay.cli.service import service

_host = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
_port = click.option(
    "--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The port to listen on."
)


@click.command()
@_host
@_port
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="How many web processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Run the service: web processes, worker, database.

    The database is one of its own, unless DATABASE_URL names another. SIGTERM and Ctrl-C stop it in order.
    """
    service("serve")(host=host, port=port, workers=workers)


@click.command()
def worker() -> None:
    """Run a background worker alone."""
    service("worker")()


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check the installation, and say how to mend each fault.

    Exits 1 when something is wrong.
    """
    findings = service("doctor")()
    sound = all(f.ok for f in findings)
    if as_json:
        say_json({"ok": sound, "findings": findings})
    else:
        for finding in findings:
            mark = click.style("ok   ", fg="green") if finding.ok else click.style("FAULT", fg="red", bold=True)
            say(f"{mark} {finding.name}: {finding.said}")
            if finding.mend and not finding.ok:
                say(f"      mend: {finding.mend}")
    sys.exit(0 if sound else 1)


@click.command()
@_host
@_port
def demo(host: str, port: int) -> None:
    """Run the service on a sample history.

    The history is delivered as signed webhooks, and every read model is rebuilt.
    """
    service("demo")(host=host, port=port)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=12111, show_default=True, help="0: any that is free.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep what it holds here, over a restart. Without: in memory alone.",
)
@click.option("--api-version", default="2026-10-28.endive", show_default=True, help="Of the account: acacia to endive.")
@click.option("--forward-to", metavar="URL", help="Deliver its events, signed, to the Recount at this base URL.")
def sandbox(host: str, port: int, folder: Path | None, api_version: str, forward_to: str | None) -> None:
    """Run a Stripe of one's own, on loopback.

    Stateful and strict: for development and tests without a Stripe account. Ctrl-C stops it.
    """
    service("sandbox")(host=host, port=port, folder=folder, version=api_version, forward_to=forward_to)


@click.command()
@click.argument("names", nargs=-1, metavar="[BENCH]...")
@click.option("--quick", is_flag=True, help="Small and short: shows that it works, measures little.")
@json_option
def bench(names: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure this machine, each figure beside its bound."""
    service("bench")(names=names, quick=quick, as_json=as_json)
