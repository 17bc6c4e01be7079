"""`recount quarantine list | show | release | dismiss`: what is set aside and asks for a person, as one work list."""

from typing import Any

import click

from ledger.errors import Invalid, NotFound
from ledger.ids import Mode
from replay import work_list
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached, service
from replay.export import iso
from replay.status import require_built
from replay.work_list import KINDS, STATUSES, Item


@click.group()
def quarantine() -> None:
    """Work off what is set aside: quarantined events, conflicts, parked keys."""


@quarantine.command("list")
@mode_option
@click.option(
    "--status",
    type=click.Choice((*STATUSES, "all")),
    default="open",
    show_default=True,
    help="Those that ask for a person, or those that somebody dealt with.",
)
@click.option("--kind", type=click.Choice(KINDS), help="Only of this kind.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@json_option
def list_items(mode: Mode, status: str, kind: str | None, limit: int, as_json: bool) -> None:
    """List what is set aside, the oldest first."""
    wanted = None if status == "all" else status
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = work_list.items(conn, mode=mode, status=wanted, kind=kind, limit=limit)
    if as_json:
        say_json({"data": [_as_json(i) for i in found]})
        return
    columns = (
        Column("item"),
        Column("kind"),
        *((Column("status"),) if status != "open" else ()),
        Column("type", wide=True),
        Column("why"),
        Column("since", wide=True),
    )
    say_table(
        columns,
        (
            (
                i.item,
                i.kind,
                *((i.status,) if status != "open" else ()),
                i.type or i.model,
                i.reason,
                iso(i.since_us)[:19],
            )
            for i in found
        ),
    )


@quarantine.command("show")
@click.argument("item", metavar="ITEM")
@mode_option
@json_option
def show(item: str, mode: Mode, as_json: bool) -> None:
    """Show an item: what it is, why it is set aside, who did what about it, and whether it could be released now.

    ITEM is what `recount quarantine list` prints first.
    """
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = work_list.find(conn, mode, item)
        if found is None:
            raise NotFound(f"nothing of the name {item} is set aside; `recount quarantine list` shows what is")
        obstacle = service("prospect")(conn, found) if found.state in ("quarantined", "conflict", "parked") else None
    if as_json:
        say_json({**_as_json(found), "obstacle": obstacle})
        return
    for name, value in (
        ("item", found.item),
        ("kind", found.kind),
        ("status", found.status),
        ("state", found.state),
        ("mode", found.mode),
        ("account", found.account),
        ("type", found.type),
        ("read model", None if found.is_event else found.model),
        ("reason", found.reason),
        ("since", iso(found.since_us)),
        (found.handled or "handled", f"by {found.handled_by}: {found.handled_why}" if found.handled else None),
    ):
        if value is not None:
            say(f"{name:<11} {value}")
    if found.state in ("quarantined", "conflict", "parked"):
        say(f"{'release':<11} {f'not now: {obstacle}' if obstacle else 'possible: its keys would be made anew'}")
    if found.is_event:
        say(f"{'whole':<11} recount events show {found.key[-1]}")


@quarantine.command("release")
@click.argument("item", metavar="ITEM")
@mode_option
@act_options
@json_option
def release(item: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Apply ITEM, now that it can be read or made: after a mended translation, say.

    Records who and why, and makes the touched keys alone anew. Refused while the fault is still there. A conflict is
    never applied.
    """
    found = _act("release", item, mode, asks)
    done = found.done
    how = f"is released, recorded at position {done.position}" if done.changed else "was released already"
    said = f"{item} {how}; keys made anew: {found.refolded}"
    say_done(done, as_json, said, item=item, refolded=found.refolded)


@quarantine.command("dismiss")
@click.argument("item", metavar="ITEM")
@mode_option
@act_options
@json_option
def dismiss(item: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Leave ITEM as it is, and take it off the list of what is open. Records who and why."""
    done = _act("dismiss", item, mode, asks).done
    how = f"is dismissed, recorded at position {done.position}" if done.changed else "was dismissed already"
    say_done(done, as_json, f"{item} {how}", item=item)


def _act(name: str, item: str, mode: Mode, asks: Asks) -> Any:
    if asks.reason is None:
        raise Invalid(f"say why with --reason: the list shows it beside {item}", code="reason_required")
    with attached() as edge:
        return edge.act(name, asks, mode=mode, item=item)


def _as_json(item: Item) -> dict[str, Any]:
    told = item._asdict()
    return {
        **{k: v for k, v in told.items() if not k.endswith("_us")},
        "since": iso(item.since_us),
        "handled_at": iso(item.handled_us) if item.handled_us is not None else None,
    }
