"""How the CLI writes plans: what a file changes, what a plan says, what is wrong with it. Lines of text alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

_SIGNS = {"add": "+", "change": "~", "retire": "-", "map": "+", "unmap": "-"}
_NOUNS = {"map": "legacy price", "unmap": "legacy price"}
_NOTHING: tuple[Any, ...] = ("", None, [], {}, False)


def change_lines(changes: Sequence[Any]) -> Iterator[str]:
    """What applying a file changes: a line a plan, and a line a field of it."""
    if not changes:
        yield "nothing changes"
        return
    for change in changes:
        version = f", version {change.version}" if change.version is not None else ""
        stays = f"; {change.staying} stay on the version before" if change.staying and change.version else ""
        keeps = f"; {change.staying} keep it" if change.staying and not change.version else ""
        noun = _NOUNS.get(change.action, "plan")
        yield f"{_SIGNS[change.action]} {noun} {change.name}{version}{stays}{keeps}"
        for each in change.differences:
            yield f"    {each.field}: {_short(each.before)} → {_short(each.after)}"


def _short(value: Any) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode()


def sold_as(definition: Mapping[str, Any]) -> str:
    """The lookup keys and ids of a plan's prices."""
    names = [p.get("lookup_key") or p.get("price") for p in definition.get("prices") or ()]
    return ", ".join(str(n) for n in names) or "-"


#: A plan's fields as people read them. The database keeps none of a file's order.
_FIELDS = (
    "name", "model", "tier", "account", "on_sale", "prices", "annual_discount_percent", "features", "quotas", "gauges",
    "included_credits", "overage", "multipliers", "usage_rates", "resale", "trial", "commitment", "lasts",
    "setup_steps", "service_policy", "terms",
)  # fmt: skip


def definition_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """All that a version says, but for what it leaves out."""
    state = "retired" if plan["retired"] else "current" if plan["current"] else "replaced by a later version"
    yield f"{plan['id']} ({plan['catalogue']}): {state}; {plan['placements']} on it"
    for name in _FIELDS:
        yield from _field(name, plan["definition"].get(name))


def _field(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        # a gauge or a quota of null is without a limit, which is something to say
        said = {k: v for k, v in sorted(value.items()) if v not in _NOTHING or name == "gauges"}
        yield from [f"{name}:"] * bool(said)
        yield from (f"    {inner}: {_plainly(each)}" for inner, each in said.items())
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        yield f"{name}:"
        yield from (f"    {_plainly(each)}" for each in value)
    elif isinstance(value, list):
        yield from [f"{name}: {', '.join(str(v) for v in value)}"] * bool(value)
    elif value is not None:
        yield f"{name}: {_plainly(value)}"


def _plainly(value: Any) -> str:
    """A value on one line, with what it says and without what it leaves out."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_plainly(v)}" for k, v in sorted(value.items()) if v not in _NOTHING or k == "limit")
    if isinstance(value, list):
        return ", ".join(_plainly(v) for v in value)
    if value is None:
        return "unlimited"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def finding_lines(findings: Iterable[Any]) -> Iterator[str]:
    """What is wrong, a line each."""
    found = False
    for finding in findings:
        found = True
        yield f"{finding.plan}: {finding.said} ({finding.code})"
    if not found:
        yield "nothing is wrong"
