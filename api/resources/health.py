"""Is it alive, is it ready? For supervisors and load balancers; no key is needed, and nothing is told but that."""

from flask import Response
from marshmallow import Schema, fields

from api.problems import Problem
from api.resources.context import context
from api.resources.projections import outdated, standing
from api.resources.publish import read, section
from ledger.errors import RecountError
from projections import GROUPS

health = section("health", "Alive and ready")

#: A worker that leads and has something to read moves its checkpoint many times within this.
_STUCK_S = 30.0

STATUS: type[Schema] = Schema.from_dict({"status": fields.String(required=True)}, name="Status")


@read(health, "/healthz", None, STATUS)
def healthz() -> Response:
    """Ask whether the process is alive."""
    return _ok()


@read(health, "/readyz", None, STATUS, problems=("not_ready",))
def readyz() -> Response:
    """Ask whether webhooks are taken and projections run.

    The database answers, every read model is built as now defined, a worker leads each group, and none stands still
    with events to read.
    """
    faults = _faults()
    if faults:
        raise Problem("not_ready", errors=[{"check": check, "message": message} for check, message in faults])
    return _ok()


def _ok() -> Response:
    return Response(b'{"status":"ok"}', 200, {"Content-Type": "application/json", "Cache-Control": "no-store"})


def _faults() -> list[tuple[str, str]]:
    readers = context().readers
    try:
        missing = outdated(readers)
        groups = standing(readers)
    except RecountError as error:
        return [("database" if error.code == "store_unavailable" else "read_models", error.code)]
    faults = [("read_models", f"{len(missing)} read models are not built yet")] if missing else []
    for group in GROUPS:
        how = groups.get(group.name)
        if how is None or not how.leading:
            faults.append(("worker", f"no worker leads the group {group.name}"))
        elif how.lag_events and min(how.lag_s, how.still_s) > _STUCK_S:
            faults.append(("worker", f"the group {group.name} stands still"))
    return faults
