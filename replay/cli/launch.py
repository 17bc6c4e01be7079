"""`recount launch …`: what is proven before anything is sold, who answers for it, and whether checkout is open."""

from collections import Counter
from typing import Any

import click

from ledger.errors import Invalid
from ledger.ids import Mode
from ledger.launch_events import AREAS, PATHS
from projections.launch_checks import failing_at, held_at
from replay.cli.answers import when_of
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached, service
from replay.export import iso
from replay.selling_links import SELLING_LINKS
from replay.status import require_built
from replay.tables import LIVE

_AREA = click.argument("area", metavar="AREA", type=click.Choice(AREAS))
_NAMES = ("area", "path", "proven", "ready", "checks", "failing", "evidence", "proven_in", "signed", "signed_by",
          "signed_why", "until_s", "reopened", "holds")  # fmt: skip
#: Whatever is not ready makes `status` exit 1.
_BLOCKED = 1


@click.group()
def launch() -> None:
    """See what stands in the way of direct checkout; prove, sign off, open, close."""


@launch.command("status")
@mode_option
@json_option
@click.pass_context
def status(ctx: click.Context, mode: Mode, as_json: bool) -> None:
    """Show whether checkout is open, and each area: what proves it, what fails. Exits 1 while anything blocks it."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(f"SELECT {', '.join(_NAMES)} FROM {LIVE}.launch_areas WHERE mode = %s", [mode]).fetchall()
        gate = conn.execute(
            f"SELECT open, by, why, since_us FROM {LIVE}.launch_gates WHERE mode = %s", [mode]
        ).fetchone()
        clock = conn.execute(f"SELECT extract(epoch FROM now()), {SELLING_LINKS.format(mode='%s')}", [mode]).fetchone()
    assert clock is not None
    areas: dict[str, dict[str, Any]] = {row[0]: _now(dict(zip(_NAMES, row, strict=True)), clock[0]) for row in rows}
    known = {a: (row["failing"], row["signed"], row["until_s"]) for a, row in areas.items()}
    blocks = service("launch_blocks")(known)
    found = {"mode": mode, "open": bool(gate and gate[0]), "blocks": list(blocks), "areas": list(areas.values())}
    if as_json:
        say_json({**found, "selling_links": clock[1]})
    else:
        _show(mode, gate, areas)
        for link in clock[1]:
            say(f"{link} still sells; close it with: recount checkout close-link {link}")
    if blocks:
        ctx.exit(_BLOCKED)


def _now(area: dict[str, Any], now_s: float) -> dict[str, Any]:
    """An area as dates alone leave it now."""
    held = held_at(area["holds"], now_s)
    if held is None:
        return area
    failing = failing_at(area["failing"], area["holds"], now_s)
    proven = not failing
    told = {"checks": [*area["checks"], held._asdict()], "failing": failing}
    return {**area, **told, "proven": proven, "ready": proven and area["signed"]}


def _show(mode: Mode, gate: Any, areas: dict[str, dict[str, Any]]) -> None:
    how = "was never opened"
    if gate is not None:
        how = f"is {'open' if gate[0] else 'closed'} since {iso(gate[3])[:16]}Z, by {gate[1]}: {gate[2]}"
    say(f"direct checkout {how} ({mode})")
    columns = (Column("path"), Column("area"), Column("is"), Column("signed off by"), Column("says", cut=True))
    say_table(columns, (_line(area, areas.get(area)) for area in AREAS))


def _line(area: str, row: dict[str, Any] | None) -> tuple[Any, ...]:
    if row is None:
        return PATHS[area], area, "unknown", None, "publish the plans first"
    word = "ready" if row["ready"] else "proven" if row["proven"] else "not proven"
    until = f" until {iso(row['until_s'] * 1_000_000)[:10]}" if row["until_s"] is not None else ""
    signed = f"{row['signed_by']}{until}" if row["signed"] else None
    return PATHS[area], area, word, signed, "; ".join(row["failing"] or (c["said"] for c in row["checks"]))


@launch.command("check")
@click.option("--org", metavar="ORG", help="Look for what proves an area in this organization's history alone.")
@mode_option
@act_options
@json_option
def check(org: str | None, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Try what can be tried, keep the events that prove areas end to end, and look at what Stripe has.

    Live mode may cite test mode. Stripe sends no event about a tax registration: it is seen here.
    """
    with attached() as edge:
        done = edge.act("check_launch", asks, mode=mode, org=org)
    kept = [e for d in done for e in d.events]
    if as_json:
        say_json({"mode": mode, "events": kept})
        return
    for event in kept:
        if event["event"] == "launch.probed":
            say(f"{event['area']}: {event['said']}")
        elif "area" in event:
            number = len(event["events"])
            say(f"{event['area']}: proven in {event['proven_in']} mode by {number} event{'s' * (number != 1)}")
    seen = Counter(event["object"] for event in kept if "object" in event)
    if seen:
        say(f"seen in Stripe: {', '.join(f'{n} {what}' for what, n in sorted(seen.items()))}")
    if not kept:
        say("nothing is new")


@launch.command("probe")
@_AREA
@click.option("--passed/--failed", "passed", default=None, help="Whether it works.")
@click.option("--said", metavar="TEXT", required=True, help="What was seen; shown among the checks of the area.")
@mode_option
@act_options
@json_option
def probe(area: str, passed: bool | None, said: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Record that AREA was tried.

    A failed probe, or a delivery that is known to be missed, fails the area until a later probe passes.
    """
    if passed is None:
        raise Invalid("say either --passed or --failed", code="invalid_input")
    told = f"{area} was tried: {said}"
    _do("record_launch_probe", {"area": area, "passed": passed, "said": said}, mode, asks, as_json, told)


@launch.command("sign-off")
@_AREA
@click.option("--until", metavar="TIME", help="When it ends by itself; until it is revoked, if not given.")
@mode_option
@act_options
@json_option
def sign_off(area: str, until: str | None, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Answer for AREA. It is refused while a check of it fails: a sign-off alone proves nothing."""
    given: dict[str, Any] = {"area": area}
    if until is not None:
        given["until_s"] = int(when_of(until, "--until").timestamp())
    _do("sign_off_area", given, mode, asks, as_json, f"{area} is signed off")


@launch.command("revoke")
@_AREA
@mode_option
@act_options
@json_option
def revoke(area: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Answer for AREA no more. Checkout closes."""
    _do("revoke_sign_off", {"area": area}, mode, asks, as_json, f"{area} is not signed off")


@launch.command("open")
@mode_option
@act_options
@json_option
def open_it(mode: Mode, asks: Asks, as_json: bool) -> None:
    """Open direct checkout. It is refused with all that blocks it, and waits for a second person."""
    _do("open_checkout", {}, mode, asks, as_json, "direct checkout is open")


@launch.command("close")
@mode_option
@act_options
@json_option
def close(mode: Mode, asks: Asks, as_json: bool) -> None:
    """Close direct checkout, at once."""
    _do("close_checkout", {}, mode, asks, as_json, "direct checkout is closed")


def _do(which: str, given: dict[str, Any], mode: Mode, asks: Asks, as_json: bool, said: str) -> None:
    with attached() as edge:
        done = edge.act("launch_act", asks, which=which, mode=mode, given=given)
    what = {name: value for name, value in given.items() if name != "said"}  # the events say it
    say_done(done, as_json, f"{said} ({mode})", mode=mode, **what)
