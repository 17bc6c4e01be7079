"""Makes Stripe objects from JSON Schemas: one story told in the shape of any API version, valid in that version.

A story says, for each place where an object may keep something, what it says there: `{"customer": "cus_1"}`, or
`{"parent.subscription_details.subscription": "sub_1"}`; `[]` after a name is the only element of a list. A place that
the version's schema does not know is left out and told. What the version requires beside it is made as small and as
silent as the schema allows: null, else the first value of an enumeration, else zero, false, nothing.

Knows JSON Schema 2020-12 as far as the schemas use it. Refuses to know Stripe.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

Json = dict[str, Any]
#: Place -> what stands there.
Story = dict[str, Any]

_SCALARS: dict[str, type | tuple[type, ...]] = {"string": str, "number": (int, float), "integer": int, "boolean": bool}


class Made(NamedTuple):
    """An object in one API version."""

    payload: Json
    unsaid: frozenset[str]
    """Places of the story that this version does not know."""


class Schemas:
    """The schemas of one API version. `optional`: (definition, property) that the real API does not always send."""

    def __init__(self, path: Path, optional: tuple[tuple[str, str], ...] = ()) -> None:
        document = json.loads(path.read_bytes())
        self.version: str = document["x-stripe-api-version"]
        self.resources: dict[str, str] = document["resources"]
        self.event_types: list[str] = document["event_types"]
        self._defs: dict[str, Json] = document["$defs"]
        for name, lax in optional:
            required = self._defs[name]["required"]
            self._defs[name]["required"] = [r for r in required if r != lax]

    def made(self, object_type: str, story: Story) -> Made:
        """An object that says the story, as far as this version can."""
        sayable = {place: told for place, told in story.items() if self.can_say(object_type, place, told)}
        schema = {"$ref": self.resources[object_type]}
        return Made(self._filled(schema, _nested(sayable)), frozenset(story.keys() - sayable.keys()))

    def can_say(self, object_type: str, place: str, told: Any) -> bool:
        """Whether an object of this version may say this at `place`."""
        return self._fits({"$ref": self.resources[object_type]}, _nested({place: told}))

    def at(self, object_type: str, place: str) -> list[Json]:
        """What this version allows at `place`, each alternative by itself."""
        found = self._choices({"$ref": self.resources[object_type]})
        for step in place.replace("[]", ".[]").split("."):
            below = [c.get("items") if step == "[]" else c.get("properties", {}).get(step) for c in found]
            found = [choice for schema in below if schema is not None for choice in self._choices(schema)]
        return found

    def faults(self, object_type: str, payload: Json) -> list[str]:
        """Where a payload is not valid in this version."""
        errors = self._validators[object_type].iter_errors(payload)
        return [f"{e.json_path}: {e.message[:200]}" for e in errors]

    @cached_property
    def _validators(self) -> dict[str, Draft202012Validator]:
        return {n: Draft202012Validator({"$ref": r, "$defs": self._defs}) for n, r in self.resources.items()}

    def _choices(self, schema: Json) -> list[Json]:
        """A schema's alternatives, references followed; null and scalars before objects."""
        if "$ref" in schema:
            return self._choices(self._defs[schema["$ref"].removeprefix("#/$defs/")])
        if "anyOf" in schema:
            return sorted((c for s in schema["anyOf"] for c in self._choices(s)), key=_weight)
        return [schema]

    def _fits(self, schema: Json, told: Any) -> bool:
        return any(self._suits(choice, told) for choice in self._choices(schema))

    def _suits(self, schema: Json, told: Any) -> bool:
        """Whether an alternative can say this."""
        if "const" in schema:
            return bool(schema["const"] == told)
        if "enum" in schema:
            return told in schema["enum"]
        if not schema:
            return True
        if isinstance(told, dict):
            known = schema.get("properties", {})
            if schema.get("type") != "object":
                return False
            return all(self._fits(known[k], v) if k in known else not known for k, v in told.items())
        if isinstance(told, list):
            return schema.get("type") == "array" and all(self._fits(schema["items"], v) for v in told)
        if told is None:
            return schema.get("type") == "null"
        kind = _SCALARS.get(schema.get("type", ""), ())
        return isinstance(told, kind) and (kind is bool or not isinstance(told, bool))

    def _filled(self, schema: Json, told: Any) -> Any:
        """What is told, and what the schema requires beside it."""
        chosen = next(choice for choice in self._choices(schema) if self._suits(choice, told))
        if isinstance(told, list):
            return [self._filled(chosen["items"], one) for one in told]
        if not isinstance(told, dict):
            return told
        known = chosen.get("properties", {})
        made = {name: self._least(known[name]) for name in chosen.get("required", ()) if name not in told}
        return made | {name: self._filled(known[name], v) if name in known else v for name, v in told.items()}

    def _least(self, schema: Json) -> Any:
        """The smallest value that a schema allows."""
        chosen = self._choices(schema)[0]
        if "const" in chosen:
            return chosen["const"]
        if "enum" in chosen:
            return chosen["enum"][0]
        kind = chosen.get("type")
        if kind == "object":
            return self._filled(chosen, {})
        return {"null": None, "string": "", "boolean": False, "array": []}.get(str(kind), 0)


def _weight(schema: Json) -> int:
    """Alternatives in the order in which the smallest is looked for."""
    kind = schema.get("type")
    return 0 if kind == "null" else 2 if kind == "object" else 1


def _nested(story: Story) -> Json:
    """A story's places as one object."""
    root: Json = {}
    for place, told in story.items():
        at: Any = root
        *way, last = place.split(".")
        for step in way:
            name = step.removesuffix("[]")
            below = at.setdefault(name, [{}] if step.endswith("[]") else {})
            at = below[0] if isinstance(below, list) else below
        at[last] = told
    return root
