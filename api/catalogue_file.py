"""A catalogue of plans as its file says it: YAML into a command, with every fault named by plan and place.

Refuses what YAML makes easy to get wrong: a key that is there twice, a number with a point where money or a ratio
must be exact, a field that no plan has.
"""

import re
from collections.abc import Hashable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import yaml

from commands.plan_definition import LegacyPrice, PlanDefinition
from commands.plans import ApplyPlans
from ledger.errors import Invalid
from ledger.ids import Mode

MAX_CHARACTERS = 1_000_000
#: The year 9999: later than now, and a time still.
_MOST_S = 253_402_300_799
_FIELDS = ("catalogue", "effective", "plans", "legacy_prices")
_PLACE = re.compile(r" - at `\$\.?(.*)`$")


#: The library has no types of its own.
_YAML: Any = yaml


class _Loader(_YAML.SafeLoader):  # type: ignore[misc]
    """YAML without surprises."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise _YAML.constructor.ConstructorError(None, None, f"{name!r} is there twice", key.start_mark)
            seen.add(name)
        return dict(super().construct_mapping(node, deep))


def catalogue_of(text: str, mode: Mode, now_s: int) -> ApplyPlans:
    """The command that makes the plans what this file says. Raises Invalid("invalid_catalogue"), one line a fault."""
    return catalogue_from(yaml_of(text), mode, now_s)


def yaml_of(text: str) -> Any:
    """What a file in YAML holds. Raises Invalid("invalid_catalogue")."""
    if len(text) > MAX_CHARACTERS:
        raise _invalid([f"the file is longer than {MAX_CHARACTERS} characters"])
    try:
        return _YAML.load(text, Loader=_Loader)  # derives from SafeLoader
    except yaml.YAMLError as error:
        raise _invalid([_said(error)]) from error
    except (ValueError, TypeError, RecursionError) as error:  # a date or a key that is none; too deep
        raise _invalid([f"the file cannot be read: {error}"]) from error


def catalogue_from(told: Any, mode: Mode, now_s: int, effective_s: int | None = None) -> ApplyPlans:
    """The same, of what was read already. `effective_s` goes where the file has `effective`."""
    if not isinstance(told, Mapping):
        raise _invalid(["a catalogue has the fields catalogue, plans and legacy_prices"])
    faults = [f"there is no field {name}; there are {', '.join(_FIELDS)}" for name in told if name not in _FIELDS]
    name = told.get("catalogue")
    if not isinstance(name, str):
        faults.append('catalogue: say its name, in quotes if it is a number or a date: "3-6-9"')
    plans = _parts(told, "plans", PlanDefinition, faults)
    legacy = _parts(told, "legacy_prices", LegacyPrice, faults)
    since = told.get("effective") if effective_s is None else effective_s
    effective_s = _time(since, now_s, faults)
    if faults:
        raise _invalid(faults)
    return ApplyPlans(
        mode=mode, catalogue=str(name), plans=tuple(plans), legacy_prices=tuple(legacy), effective_s=effective_s
    )


def _parts(told: Mapping[str, Any], field: str, kind: Any, faults: list[str]) -> list[Any]:
    """Each entry of a list as what it must be; what is wrong with any goes to `faults`."""
    listed = told.get(field)
    if listed is None:
        return []
    if not isinstance(listed, list):
        faults.append(f"{field}: must be a list")
        return []
    found = []
    for at, entry in enumerate(listed):
        called = entry.get("key") if isinstance(entry, Mapping) else None
        where = f"plan {called}" if isinstance(called, str) else f"{field}[{at}]"
        try:
            found.append(msgspec.convert(entry, kind))
        except msgspec.ValidationError as error:
            faults.append(f"{where}: {_explained(str(error))}")
    return found


def _explained(message: str) -> str:
    place = _PLACE.search(message)
    said = message[: place.start()] if place else message
    if "got `float`" in said:
        said += " (whole minor units for money; a ratio as a decimal in quotes)"
    elif "got `bool`" in said or "got `date" in said:
        said += " (in quotes, if it is a word)"
    return f"{place.group(1)}: {said}" if place else said


def _time(given: Any, now_s: int, faults: list[str]) -> int | None:
    """A past time in unix seconds. What has no zone is UTC."""
    if given is None:
        return None
    if type(given) is int:
        given = datetime.fromtimestamp(min(max(given, 0), _MOST_S), UTC)
    if isinstance(given, date) and not isinstance(given, datetime):
        given = datetime(given.year, given.month, given.day, tzinfo=UTC)
    if not isinstance(given, datetime):
        faults.append("effective: a day or a time, e.g. 2026-01-31 or 2026-01-31T12:00:00Z")
        return None
    seconds = int((given if given.tzinfo is not None else given.replace(tzinfo=UTC)).timestamp())
    if not 0 <= seconds <= now_s:
        faults.append("effective: a time that has passed; without it, versions are in force from now")
        return None
    return seconds


def _said(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return f"{where}{getattr(error, 'problem', None) or 'this is no YAML'}"


def _invalid(faults: list[str]) -> Invalid:
    return Invalid("\n".join(faults), code="invalid_catalogue")
