"""The reference pages about what the log holds: its events, and which of Stripe's types are translated."""

from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

import msgspec

from ledger.events import EVENTS, Cause, Metadata
from ledger.translations import FAMILIES
from ledger.translations.base import CLAIM_KEYS, Family
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
                ("`api_key/<key id>`", "one API key: issued, then perhaps revoked"),
                ("`subject/<mode>/<account>/<owner>`", "the erasure of one subject"),
            ],
        ),
    ]
    return page("Log events", *parts)


def _fields(kind: type[msgspec.Struct]) -> str:
    notes = sources.notes(kind)
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


def stripe_types() -> str:
    """`stripe-types.md`."""
    rows = []
    for family in FAMILIES:
        ignored = f", except {', '.join(code(i) for i in sorted(family.ignored))}" if family.ignored else ""
        kinds = ", ".join(code(e) for e in family.event_types)
        objects = ", ".join(map(code, family.object_types))
        rows.append((kinds + ignored, objects, f"[`{family.model}`](read-models.md#{family.model})"))
    parts = [
        "Recount stores and acknowledges **every** event type. The types below are also translated: their objects fold"
        " into a read model. Every other type is `stored_only`. A `*` is one word: `customer.*` is `customer.created`"
        " and `customer.updated`, and not `customer.subscription.created`.",
        table(("event types", "object", "read model"), rows),
        "A translation reads a field wherever an API version keeps it, from 2015 on. The tables say where. *Required*"
        " means: an event that lacks it is `quarantined`, and never turned into nulls. A field that a payload does not"
        " speak of keeps its last known value ([absent is not null](../explanation/versions.md)). `wins` marks the"
        " place that counts where a payload has several.",
        f"`org_claim` comes from the first of these metadata keys that is present: {', '.join(map(code, CLAIM_KEYS))}."
        " It counts on the platform's own account alone.",
    ]
    for family in FAMILIES:
        parts += [f"## {family.name}", _sentence_of(family), _whence(family)]
    return page("Stripe types", *parts)


def _sentence_of(family: Family) -> str:
    said = sources.first_sentence(family.facts.__doc__)
    return f"{said} Event types: {', '.join(code(e) for e in family.event_types)}."


def _whence(family: Family) -> str:
    return table(
        ("field", "required", "where, oldest place first"),
        [(code(w.field), "yes" if w.required else "", "; ".join(w.places)) for w in family.whence],
    )
