"""The reference page about what the log holds: its events."""

from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

import msgspec

from api.schemas.meanings import notes as described
from ledger.events import EVENTS, Cause, Metadata
from tests.docs import sources
from tests.docs.markdown import code, page, table


def events() -> str:
    """`log-events.md`."""
    parts = [
        "Every kind of event that the log can hold. An event is immutable. A changed shape is a new version with an"
        " upcast; the log itself is never rewritten. The stored topic is `name/version`.",
    ]
    for event in EVENTS:
        parts += [
            f"## {event.NAME}",
            f"Version {event.VERSION}. {sources.first_sentence(event.__doc__)}",
            _fields(event),
        ]
    parts += [
        "## Metadata",
        f"{sources.first_sentence(Metadata.__doc__)} Fields that hold their default are left out.",
        _fields(Metadata),
        "`cause` is an object:",
        _fields(Cause),
        "## Streams",
        table(
            ("stream", "holds"),
            [
                ("`stripe/<mode>/<account>/<event id>`", "one Stripe event; its renderings and conflicts are versions"),
                (
                    "`misrouted/<mode of the secret>/<account>/<event id>`",
                    "an event signed with the other mode's secret",
                ),
                ("`org_link/<mode>/<account>/<customer>`", "an operator's links of one customer"),
                ("`quarantine/<mode>/<account>/<event id>`", "what operators did about one Stripe event"),
                ("`parked/<mode>/<item>`", "what operators did about one parked key"),
                ("`api_key/<key id>`", "one API key: issued, then perhaps revoked"),
                ("`subject/<mode>/<account>/<owner>`", "the erasure of one subject"),
            ],
        ),
    ]
    return page("Log events", *parts)


def _fields(kind: type[msgspec.Struct]) -> str:
    notes = described(kind)
    return table(
        ("field", "type", "meaning"),
        [(code(f.encode_name), code(_type(f.type)), notes.get(f.name, "")) for f in msgspec.structs.fields(kind)],
    )


def _type(kind: Any) -> str:
    """A field's type as JSON knows it."""
    if get_origin(kind) is Literal:
        return " | ".join(f'"{value}"' for value in get_args(kind))
    if get_origin(kind) is UnionType:
        return " | ".join(_type(part) for part in get_args(kind))
    if get_origin(kind) is tuple:
        return f"list of {_type(get_args(kind)[0])}"
    return {str: "string", int: "integer", NoneType: "null", msgspec.Raw: "object"}.get(kind) or str(kind.__name__)
