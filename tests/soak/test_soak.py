"""The long run behind `make soak`: five hundred kills under load, and the figures they come to."""

import os
import secrets
from pathlib import Path

import pytest
from crashes import TARGETS, crash, held_in, in_order, live_digests
from service import Service

from replay.simulator import Scenario, simulate

KILLS = int(os.environ.get("RECOUNT_SOAK_KILLS", "500"))

pytestmark = [pytest.mark.soak, pytest.mark.service, pytest.mark.postgres]


def test_five_hundred_kills_under_load_lose_nothing_and_apply_nothing_twice(
    tmp_path: Path, database: str, capsys: pytest.CaptureFixture[str]
):
    os.chmod(tmp_path, 0o755)
    seed = int(os.environ.get("RECOUNT_SOAK_SEED", secrets.randbelow(10**6)))
    history = list(simulate(Scenario(orgs=1000, months=12, seed=seed)))
    service = Service(tmp_path / "var", workers=2)
    service.start()
    service.wait_ready()
    try:
        figures = crash(service, history, kills=KILLS, seed=seed, per_second=150)
        with capsys.disabled():
            print(f"\nseed {seed}: {figures}")
        assert set(figures.kills) == set(TARGETS)
        assert live_digests(service) == in_order(database, history, held_in(service)), f"seed {seed}"
        assert service.stop() == 0
    finally:
        service.kill_all()
