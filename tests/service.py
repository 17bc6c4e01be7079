"""The real service as a process of its own, for tests: started on a free port over a data folder, watched, stopped.

Knows processes, ports and settings. Refuses to know what is asked of the service.
"""

import json
import os
import socket
from base64 import b64encode
from pathlib import Path
from typing import Any, NamedTuple

SECRET = "whsec_test_platform"
CONNECT_SECRET = "whsec_test_connect"
MASTER = b64encode(b"m" * 32).decode()
START_TIMEOUT_S = 40.0


class Answer(NamedTuple):
    """What an HTTP request was answered with."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a service over `folder`: nothing of the caller's own settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RECOUNT_", "STRIPE_", "DATABASE_", "PROMETHEUS"))}
    return {
        **kept,
        "RECOUNT_DATA_DIR": str(folder),
        "RECOUNT_MASTER_KEY": MASTER,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_CONNECT_WEBHOOK_SECRET": CONNECT_SECRET,
        **more,
    }
