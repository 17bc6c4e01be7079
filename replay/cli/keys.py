"""`recount keys issue | list | rotate | revoke`: who may ask the API what, and until when."""

import time
from typing import Any

import click

from ledger.ids import MODES, Mode
from projections import ACCESS
from replay import tables
from replay.cli.durations import Duration
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import Attached, attached
from replay.digest import behind
from replay.export import iso
from replay.leading import is_led
from replay.live import leader_of
from replay.status import require_built

#: How long a service that runs may take to know of a key, which is a twentieth of a second as a rule.
_PATIENCE_S, _POLL_S = 2.0, 0.01
_TEXTS = ("key_id", "mode", "role", "org", "account", "label", "person", "successor")
_LISTED = (
    f"SELECT {', '.join(f'k.{c}' for c in _TEXTS)}, k.revoked, k.issued_us, k.expires_s,"
    " (extract(epoch FROM u.used_at) * 1000000)::bigint, u.process,"
    " CASE WHEN k.revoked THEN 'revoked' WHEN k.expires_s <= extract(epoch FROM now()) THEN 'expired'"
    " ELSE 'valid' END"
    f" FROM {tables.LIVE}.api_keys k LEFT JOIN ledger.key_uses u ON u.key_id = k.key_id"
    " WHERE k.mode = %s OR %s::text IS NULL ORDER BY k.issued_us, k.key_id"
)
_COLUMNS = (
    Column("key"),
    Column("mode"),
    Column("role"),
    Column("only"),
    Column("state"),
    Column("person"),
    Column("last used", wide=True),
    Column("expires", wide=True),
    Column("issued", wide=True),
    Column("label", wide=True),
)


@click.group()
def keys() -> None:
    """Issue, list, rotate and revoke keys to the API."""


@keys.command("issue")
@click.option("--role", required=True, metavar="ROLE", help="service, dashboard, operator, auditor or admin.")
@click.option("--org", metavar="ORG", help="Only this organization's rows.")
@click.option("--account", metavar="ACCOUNT", help="Only this seller's rows: a connected acct_….")
@mode_option
@click.option("--label", metavar="TEXT", help="What it is for.")
@click.option("--person", metavar="NAME", help="Whose it is: needed to act with it; what it does, this person did.")
@click.option(
    "--expires-in", "lasts_s", type=Duration(), help="How long it is valid: 90d, 24h, 30m; until revoked if not given."
)
@act_options
@json_option
def issue(
    role: str,
    org: str | None,
    account: str | None,
    mode: Mode,
    label: str | None,
    person: str | None,
    lasts_s: int | None,
    asks: Asks,
    as_json: bool,
) -> None:
    """Issue a key. It is shown now and never again: only a digest of it is kept."""
    scope = {"mode": mode, "role": role, "org": org, "account": account}
    with attached() as edge:
        issued = edge.act("issue_key", asks, **scope, label=label, person=person, lasts_s=lasts_s)
        _until_known(edge)
    _say_new(issued, as_json, mode=mode, role=role)


@keys.command("rotate")
@click.argument("key_id", metavar="KEY_ID")
@click.option(
    "--overlap",
    "overlap_s",
    type=Duration(),
    default="24h",
    show_default=True,
    help="How long the old key is still valid.",
)
@click.option(
    "--expires-in", "lasts_s", type=Duration(), help="How long the new one is valid; as the old one if not given."
)
@act_options
@json_option
def rotate(key_id: str, overlap_s: int, lasts_s: int | None, asks: Asks, as_json: bool) -> None:
    """Issue a key of the same scope in the place of KEY_ID, which expires after the overlap.

    The new key is shown now and never again. An old key that expires sooner still does.
    """
    with attached() as edge:
        issued = edge.act("rotate_key", asks, key_id=key_id, overlap_s=overlap_s, lasts_s=lasts_s)
        _until_known(edge)
    _say_new(issued, as_json, rotated=key_id)


def _until_known(edge: Attached) -> None:
    """Until a running service knows of the key: whoever is shown it may use it at once. Where none runs: nothing."""
    deadline = time.monotonic() + _PATIENCE_S
    with edge.reading() as conn:
        while is_led(conn, leader_of(ACCESS)) and behind(conn, ACCESS) and time.monotonic() < deadline:
            time.sleep(_POLL_S)


def _say_new(issued: Any, as_json: bool, **what: Any) -> None:
    done = issued.done
    if as_json:
        told = {"key": issued.key, "key_id": issued.key_id, **what, "position": done.position, "waiting": done.waiting}
        say_json({**told, "events": done.events} if done.position is None else told)
        return
    if issued.key is None:
        again = f"{issued.key_id} was issued before, under this idempotency key; the key itself is known no more"
        say_done(done, False, again)
        return
    say(issued.key)
    if done.waiting is not None:
        then = f"It is valid once somebody else approves it: recount approvals approve {done.waiting}"
    else:
        then = f"Revoke it with: recount keys revoke {issued.key_id}"
    click.echo(f"This is the only time that the key is shown. {then}", err=True)


@keys.command("list")
@click.option("--mode", type=click.Choice(MODES), help="Only keys of this mode.")
@json_option
def list_keys(mode: Mode | None, as_json: bool) -> None:
    """List keys, revoked ones included; the keys themselves are nowhere. Last use is known to a minute."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = [_told(row) for row in conn.execute(_LISTED, [mode, mode])]
    if as_json:
        say_json({"data": found})
        return
    say_table(_COLUMNS, (_shown(k) for k in found))


def _told(row: Any) -> dict[str, Any]:
    *texts, revoked, issued_us, expires_s, used_us, process, state = row
    return {
        **dict(zip(_TEXTS, texts, strict=True)),
        "revoked": revoked,
        "state": state,
        "issued_at": iso(issued_us),
        "expires_at": iso(expires_s * 1_000_000) if expires_s is not None else None,
        "last_used_at": iso(used_us) if used_us is not None else None,
        "last_used_by": process,
    }


def _shown(key: dict[str, Any]) -> tuple[str | None, ...]:
    times = (key[f"{name}_at"] for name in ("last_used", "expires", "issued"))
    only = key["org"] or key["account"]
    return (
        key["key_id"],
        key["mode"],
        key["role"],
        only,
        key["state"],
        key["person"],
        *(t[:19] if t is not None else None for t in times),
        key["label"],
    )


@keys.command("revoke")
@click.argument("key_id", metavar="KEY_ID")
@act_options
@json_option
def revoke(key_id: str, asks: Asks, as_json: bool) -> None:
    """Revoke a key for ever."""
    with attached() as edge:
        done = edge.carry_out("revoke_key", asks, key_id=key_id)
    say_done(done, as_json, f"{key_id} {'is revoked' if done.changed else 'was revoked already'}", key_id=key_id)
