"""Whatever is killed while something is asked of Stripe, each call that moves money is made exactly once."""

import os
import secrets
from pathlib import Path

import pytest
from call_kills import Kills
from sandboxes import KEY
from service import Service

from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving

ROUNDS = int(os.environ.get("RECOUNT_CALL_KILLS", "200"))
pytestmark = [pytest.mark.service]


@pytest.mark.alone
def test_killed_some_times_each_payment_is_made_once(tmp_path: Path) -> None:
    rounds(tmp_path, 6)


@pytest.mark.soak
def test_killed_two_hundred_times_each_payment_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = rounds(tmp_path, ROUNDS)
    with capsys.disabled():
        print(f"\n{said}")


def rounds(folder: Path, count: int) -> str:
    """So many rounds, and what they came to."""
    os.chmod(folder, 0o755)
    seed = int(os.environ.get("RECOUNT_SOAK_SEED", secrets.randbelow(10**6)))
    with serving(sandbox := Sandbox()) as url:
        service = Service(folder / "var", STRIPE_SECRET_KEY=KEY, STRIPE_API_BASE=url)
        service.start()
        service.wait_ready()
        kills = Kills(service, sandbox, seed)
        try:
            for _ in range(count):
                kills.round()
            figures = kills.check()
            assert figures.calls >= count, f"seed {seed}: {figures}"
            return f"seed {seed}, {count} rounds: {figures}"
        finally:
            kills.close()
            service.kill_all()
