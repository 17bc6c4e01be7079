"""What one asks of the sandbox itself, beside what one asks of Stripe: its time, its faults, what it was asked."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.sandbox.deliveries import Deliveries
from api.sandbox.errors import StripeError, invalid
from api.sandbox.sandbox import Sandbox


def make_control(sandbox: Sandbox, deliveries: Deliveries) -> Blueprint:
    """The routes under `/_sandbox`."""
    control = Blueprint("control", __name__, url_prefix="/_sandbox")

    @control.errorhandler(StripeError)
    def refuse(error: StripeError) -> tuple[Response, int]:
        return jsonify(error=error.body), error.status

    @control.get("/")
    def status() -> Response:
        return jsonify(now_s=sandbox.wall_s, api_version=sandbox.version, waiting_deliveries=deliveries.waiting())

    @control.post("/clock")
    def turn() -> Response:
        ahead_s = _said().get("ahead_s")
        if not isinstance(ahead_s, int):
            raise invalid('say how many seconds ahead of the real time: {"ahead_s": 86400}', "ahead_s")
        sandbox.turn(ahead_s)
        return jsonify(now_s=sandbox.wall_s)

    @control.get("/requests")
    def requests() -> Response:
        return jsonify(data=list(sandbox.asked))

    @control.post("/faults")
    def add_fault() -> Response:
        sandbox.state.faults.add(_said())
        return jsonify(rules=len(sandbox.state.faults.rules))

    @control.delete("/faults")
    def clear_faults() -> Response:
        sandbox.state.faults.clear()
        return jsonify(rules=0)

    return control


def _said() -> dict[str, Any]:
    said = request.get_json(silent=True)
    if not isinstance(said, dict):
        raise invalid("send a JSON object")
    return said
