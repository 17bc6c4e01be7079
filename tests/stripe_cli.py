"""The official Stripe CLI, as a client that nobody here wrote: found, and asked to trigger events.

`make tools` installs it. Knows where it is and how it is called. Works without a network; its telemetry is off.
"""

import os
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
FOUND = next(iter(sorted((_ROOT / ".venv" / "stripe-cli" / "node_modules" / "@stripe").glob("cli-*/bin/stripe"))), None)
"""The program, or None where it is not installed."""
WHY_NOT = "the Stripe CLI is not installed: `make tools` does it where npm is at hand"


def trigger(event: str, url: str, key: str, version: str, home: Path) -> str:
    """Have the CLI cause an event at a Stripe of this address; what it said. Raises AssertionError when it failed."""
    assert FOUND is not None
    done = subprocess.run(
        [FOUND, "trigger", event, "--api-base", url, "--api-key", key, "--api-version", version],
        env={**os.environ, "STRIPE_CLI_TELEMETRY_OPTOUT": "1", "HOME": str(home), "XDG_CONFIG_HOME": str(home)},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "Trigger succeeded" in said, f"{event}: {said[-1500:]}"
    return said
