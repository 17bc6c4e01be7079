"""Acts about cost policies and reconciliation batches over HTTP: what is found out about them beside what is given."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response

from api.passthrough.acts import passthrough_act
from api.resources import acting
from api.resources.context import context


def does(name: str) -> Callable[[Mapping[str, Any], str], Response]:
    """What carries out one of these acts."""

    def carried_out(given: Mapping[str, Any], reason: str) -> Response:
        here, how = context(), acting.asked(reason)
        told = {k: v for k, v in given.items() if k != "mode"}
        done = passthrough_act(here.database, here.settings, which=name, mode=acting.mode(), asked=how, given=told)
        return acting.told(done)

    return carried_out
