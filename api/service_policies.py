"""Service policies at the edge: a file of them in YAML, what applying it changes, and applying it."""

from collections.abc import Mapping
from typing import Any

import msgspec

import commands.acts
from api.catalogue_file import yaml_of
from api.database import Database
from api.operations import recording_denial
from api.settings import Settings
from commands.acts import Asked, Done
from commands.service_policies import APPLY_POLICIES, POLICIES, ApplyPolicies, Policies
from ledger.errors import Invalid
from ledger.ids import Mode, service_policies_stream
from ledger.service_events import ServicePolicyPublished
from ledger.service_policy import BUILT_IN, PolicyDefinition, written

_FIELD = "policies"


def policies_diff(database: Database, settings: Settings, *, text: str, mode: Mode) -> list[dict[str, Any]]:
    """What applying a file would change: policy, version, and each field before and after.

    Raises Invalid (`invalid_catalogue` for no YAML, `invalid_policies`), StoreUnavailable.
    """
    command = policies_of(text, mode)
    with database.log() as log:
        known = POLICIES.fold(r.event for r in log.read_stream(service_policies_stream(mode)))
    changed = [e for e in POLICIES.decide(command, known) if isinstance(e, ServicePolicyPublished)]
    return [_change(event, known) for event in changed]


def apply_policies(database: Database, settings: Settings, *, text: str, mode: Mode, asked: Asked) -> Done:
    """Make the policies what the file says. Raises as `policies_diff` does."""
    command = policies_of(text, mode)
    asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
    with (
        database.log() as log,
        recording_denial(log, APPLY_POLICIES.name, APPLY_POLICIES.about(command), asked, mode),
    ):
        return commands.acts.carry_out(log, APPLY_POLICIES, command, asked)


def policies_of(text: str, mode: Mode) -> ApplyPolicies:
    """The command that a file comes to: one list, `policies`. Raises Invalid, one line a fault."""
    told = yaml_of(text)
    if not isinstance(told, Mapping) or set(told) != {_FIELD} or not isinstance(told[_FIELD], list):
        raise Invalid(f"a file of service policies has one list, {_FIELD}", code="invalid_policies")
    found, faults = [], []
    for at, entry in enumerate(told[_FIELD]):
        try:
            found.append(msgspec.convert(entry, PolicyDefinition))
        except msgspec.ValidationError as error:
            faults.append(f"{_FIELD}[{at}]: {error}")
    if faults:
        raise Invalid("\n".join(faults), code="invalid_policies")
    return ApplyPolicies(mode=mode, policies=tuple(found))


def _change(event: ServicePolicyPublished, known: Policies) -> dict[str, Any]:
    built_in = BUILT_IN.get(event.policy)
    before = known.published.get(event.policy, (0, written(built_in) if built_in is not None else {}))[1]
    differs = [name for name in event.definition if before.get(name) != event.definition[name]]
    return {
        "policy": event.policy,
        "version": event.version,
        "differences": [{"field": n, "before": before.get(n), "after": event.definition[n]} for n in differs],
    }
