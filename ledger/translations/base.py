"""What a translation is: a family of objects, the fields we read of it in any API version, and a pure function.

`previous_attributes` are read with the same types, laid over the object, and translated as well: that tells what
the changed fields held before, which is how two events of one second are put in order.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined, Translation, Whence
from ledger.ids import PLATFORM
from ledger.sealing import is_sealed

#: Lifecycle ranks within one second.
CREATED, UPDATED, FINAL, DELETED = 0, 1, 8, 9

#: Metadata keys that claim a customer for an organization, the first that is present wins.
CLAIM_KEYS = ("org_id", "organization_id", "recount_org")


#: `null`, `{}` and nothing at all say nothing of what was before.
_EMPTY = 4


class Missing(Exception):
    """The payload lacks a field that its type must have."""


@dataclass(frozen=True)
class Family:
    """A kind of Stripe object: how it is read and what it says.

    `translate` raises Missing when a required field is absent. `rank` orders facts of one second by lifecycle.
    """

    name: str
    model: str
    """The read model that its facts fold into."""
    object_types: tuple[str, ...]
    """Stripe's `object` of the payload: one of these."""
    event_types: tuple[str, ...]
    """E.g. `charge.dispute.*`, where `*` stands for one word; a whole type goes before a pattern."""
    payload: type[msgspec.Struct]
    facts: type[msgspec.Struct]
    translate: Callable[[Any], Any]
    whence: tuple[Whence, ...]
    identify: Callable[[Any, StripeEventReceived], str] = field(default=lambda payload, event: own_id(payload))
    """The object's id; by its event where Stripe gives it none (a balance is its account's)."""
    rank: Callable[[str, Any], int] = field(default=lambda verb, facts: rank_of_verb(verb))
    customer: Callable[[Any], str | None] = field(default=lambda facts: getattr(facts, "customer", None) or None)
    claim: Callable[[Any], str | None] = field(default=lambda facts: getattr(facts, "org_claim", None) or None)
    tell: Callable[[str, Any], None] | None = None
    """Sets fields of the facts that only the event type's last word tells (a late payment's outcome)."""
    ignored: frozenset[str] = frozenset()
    """Event types under the patterns whose object is another one, or has no identity: stored only."""
    version: int = 1
    """The version of its read model: one more whenever the facts type changes, and the table is built anew."""
    indexes: tuple[str, ...] = ()
    """Of its read model's table, e.g. `(mode, account, customer)`. Like `version`, for models that `projections` makes
    of the family alone; a model with a file of its own there states both itself."""


def rank_of_verb(verb: str) -> int:
    """Lifecycle rank from an event type's last word."""
    return {"created": CREATED, "deleted": DELETED}.get(verb, UPDATED)


class Translator:
    """A family's decoders, made once."""

    __slots__ = (
        "_customer",
        "_decode",
        "_deletes",
        "_fields",
        "_object",
        "_payload_fields",
        "_sealed",
        "_width",
        "family",
        "full_mask",
    )

    def __init__(self, family: Family) -> None:
        self.family = family
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_snapshot_type(family.payload)).decode
        self._object: Callable[[bytes], Any] = msgspec.json.Decoder(family.payload).decode
        self._fields = family.facts.__struct_fields__
        self._payload_fields = frozenset(family.payload.__struct_fields__)
        self._width = len(self._fields)
        self.full_mask = (1 << self._width) - 1
        self._sealed = frozenset(sealed_fields(family.facts))
        self._deletes = "deleted" in self._fields
        self._customer = self._fields.index("customer") if "customer" in self._fields else -1

    def translate(self, event: StripeEventReceived) -> Translation:
        """What the event says about its object, or why it says nothing."""
        family = self.family
        try:
            snapshot = self._decode(event.payload)
            obj = snapshot.data.object
            if obj.object not in family.object_types:
                expected = " or ".join(repr(o) for o in family.object_types)
                return Quarantined(f"the object is a {obj.object!r}, not a {expected}")
            facts = family.translate(obj)
            identity = family.identify(obj, event)
        except Missing as lack:
            return Quarantined(f"lacks {lack}")
        except msgspec.DecodeError as error:
            return Quarantined(f"wrong shape: {error}")
        verb = event.type.rpartition(".")[2]
        if verb == "deleted" and self._deletes:  # Stripe may send the object whole, without a flag
            facts.deleted = True
        if family.tell is not None:
            family.tell(verb, facts)
        values: tuple[Any, ...] = msgspec.structs.astuple(facts)
        previous = snapshot.data.previous_attributes
        mask = self.full_mask
        was = None
        if len(previous) > _EMPTY:
            was = self._before(obj, previous, values)
        if UNSET in values:
            mask, values = _spoken(values, mask)
        customer = family.customer(facts)
        if customer is None and was is not None:  # taken away from whom it was: the event is about them
            customer = was.get(self._customer)
        return ObjectFact(
            family.model,
            obj.object,
            event.mode,
            event.account,
            identity,
            customer,
            family.claim(facts) if event.account == PLATFORM else None,
            event.created_s,
            event.event_id,
            event.api_version or "",
            family.rank(verb, facts),
            False,
            mask,
            values,
            was,
        )

    def _before(self, obj: Any, previous: bytes, now: tuple[Any, ...]) -> dict[int, Any] | None:
        """What the fields that this event changed held before it, by field number."""
        try:
            patch = self._object(previous)
            changed_object = overlay(obj, patch, self._payload_fields.intersection(_names(previous)))
            if changed_object is obj:  # it changed what we do not read
                return None
            before = msgspec.structs.astuple(self.family.translate(changed_object))
        except (Missing, msgspec.DecodeError):
            return None
        changed = {
            i: old
            for i, (old, new) in enumerate(zip(before, now, strict=True))
            if old is not new and old != new and old is not UNSET and i not in self._sealed
        }
        return changed or None


def _snapshot_type(payload: type[msgspec.Struct]) -> type[msgspec.Struct]:
    typed_data = msgspec.defstruct(
        "Data",
        [("object", payload), ("previous_attributes", Raw, Raw())],
        gc=False,
    )
    return msgspec.defstruct("Snapshot", [("data", typed_data)], gc=False)


def _spoken(values: tuple[Any, ...], mask: int) -> tuple[int, tuple[Any, ...]]:
    """The values that are set, and the mask without the others. `index` finds the few gaps at C's speed."""
    spoken = list(values)
    gaps = []
    at = values.index(UNSET)
    while True:
        gaps.append(at)
        mask ^= 1 << at
        try:
            at = values.index(UNSET, at + 1)
        except ValueError:
            break
    for at in reversed(gaps):
        del spoken[at]
    return mask, tuple(spoken)


_names = msgspec.json.Decoder(dict[str, Raw]).decode


def overlay(obj: Any, patch: Any, named: Iterable[str] | None = None) -> Any:
    """`obj` with every field that `patch` speaks of replaced; nested objects and metadata likewise, lists whole.

    `named` are the fields that the patch may speak of, where they are known: they are few.
    """
    changes = {}
    for name in patch.__struct_fields__ if named is None else named:
        new = getattr(patch, name)
        if new is UNSET or name == "object":  # what it is stays, and no patch speaks of it
            continue
        old = getattr(obj, name)
        if isinstance(new, msgspec.Struct) and isinstance(old, msgspec.Struct):
            new = overlay(old, new)
        elif isinstance(new, dict) and isinstance(old, dict):  # metadata: null means that the key was not there
            new = {k: v for k, v in {**old, **new}.items() if v is not None}
        changes[name] = new
    return msgspec.structs.replace(obj, **changes) if changes else obj


def sealed_fields(facts: type[msgspec.Struct]) -> list[int]:
    """The numbers of the fields that hold sealed tokens."""
    hints = facts.__annotations__
    return [i for i, name in enumerate(facts.__struct_fields__) if "'sealed'" in str(hints[name])]


def claim_in(metadata: dict[str, Any] | UnsetType | None) -> str | UnsetType | None:
    """The organization that metadata names; None when it names none; UNSET when there is no word of metadata."""
    if isinstance(metadata, UnsetType):
        return UNSET
    for key in CLAIM_KEYS:
        found = metadata.get(key) if metadata else None
        if isinstance(found, str) and found and not is_sealed(found):
            return found
    return None


def plain(metadata: dict[str, Any] | UnsetType | None) -> dict[str, Any] | UnsetType:
    """Metadata without its sealed values, which no digest or order rule may cover; null is empty."""
    if not metadata:
        return UNSET if metadata is UNSET else {}
    for value in metadata.values():
        if is_sealed(value):
            return {k: v for k, v in metadata.items() if not is_sealed(v)}
    return metadata


class Reference(msgspec.Struct, gc=False):
    """An expanded object of which only the id matters."""

    id: str | UnsetType = UNSET


def own_id(payload: Any) -> str:
    """The object's own id. Raises Missing("id")."""
    return str(need(payload.id, "id"))


def id_of(reference: Any) -> Any:
    """The id behind a reference that is an id or an expanded object; None and UNSET stay."""
    if isinstance(reference, (str, UnsetType)) or reference is None:
        return reference
    return reference.id


def need(value: Any, name: str) -> Any:
    """A required value. Raises Missing when the payload is silent about it or says null."""
    if value is UNSET or value is None:
        raise Missing(name)
    return value
