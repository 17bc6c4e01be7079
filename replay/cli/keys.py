"""`recount keys issue | list | revoke`: who may ask the API what."""

import click

from ledger.ids import MODES, Mode
from replay import tables
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built

_COLUMNS = ("key_id", "mode", "role", "org", "account", "label", "revoked", "issued_us")


@click.group()
def keys() -> None:
    """Issue, list and revoke keys to the API."""


@keys.command("issue")
@click.option("--role", required=True, metavar="ROLE", help="service, dashboard, operator, auditor or admin.")
@click.option("--org", metavar="ORG", help="Only this organization's rows.")
@click.option("--account", metavar="ACCOUNT", help="Only this seller's rows: a connected acct_….")
@mode_option
@click.option("--label", metavar="TEXT", help="What it is for.")
@click.option("--person", metavar="NAME", help="Whose it is: needed to act with it; what it does, this person did.")
@act_options
@json_option
def issue(
    role: str,
    org: str | None,
    account: str | None,
    mode: Mode,
    label: str | None,
    person: str | None,
    asks: Asks,
    as_json: bool,
) -> None:
    """Issue a key. It is shown now and never again: only a digest of it is kept."""
    with attached() as edge:
        issued = edge.act("issue_key", asks, mode=mode, role=role, org=org, account=account, label=label, person=person)
    if as_json:
        say_json({"key": issued.key, "key_id": issued.key_id, "mode": mode, "role": role, "position": issued.position})
        return
    say(issued.key)
    click.echo(
        f"This is the only time that the key is shown. Revoke it with: recount keys revoke {issued.key_id}", err=True
    )


@keys.command("list")
@click.option("--mode", type=click.Choice(MODES), help="Only keys of this mode.")
@json_option
def list_keys(mode: Mode | None, as_json: bool) -> None:
    """List keys, revoked ones included; the keys themselves are nowhere."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM {tables.LIVE}.api_keys WHERE mode = %s OR %s::text IS NULL"
            " ORDER BY issued_us, key_id",
            [mode, mode],
        ).fetchall()
    found = [{**dict(zip(_COLUMNS[:-1], row, strict=False)), "issued_at": iso(row[-1])} for row in rows]
    if as_json:
        say_json({"data": found})
        return
    columns = (
        Column("key"),
        Column("mode"),
        Column("role"),
        Column("only"),
        Column("state"),
        Column("issued", wide=True),
        Column("label", wide=True),
    )
    say_table(
        columns,
        (
            (
                k["key_id"],
                k["mode"],
                k["role"],
                k["org"] or k["account"],
                "revoked" if k["revoked"] else "valid",
                k["issued_at"][:19],
                k["label"],
            )
            for k in found
        ),
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
