"""Crashes: nothing acknowledged is lost, nothing is applied twice, whatever is killed; nor does stopping lose any."""

import os
import secrets
import signal
import time
from pathlib import Path

import crashes
import psycopg
import pytest
from crashes import Client, check_log, check_projections, crash, held_in, in_order, live_digests
from service import Service

from replay.simulator import Scenario, simulate

pytestmark = [pytest.mark.service, pytest.mark.alone]

HISTORY = list(simulate(Scenario(orgs=80, months=6, seed=11)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    os.chmod(tmp_path, 0o755)
    return tmp_path / "var"


def test_twenty_kills_under_load_lose_nothing_and_apply_nothing_twice(folder: Path, database: str):
    seed = secrets.randbelow(10**6)
    service = Service(folder, workers=2)
    service.start()
    service.wait_ready()
    try:
        figures = crash(service, HISTORY, kills=20, seed=seed)  # `make soak` kills 500 times
        assert set(figures.kills) == set(crashes.TARGETS)
        assert figures.acknowledged > 200
        assert figures.repeated > 20
        assert live_digests(service) == in_order(database, HISTORY, held_in(service)), f"seed {seed}"
        print(f"seed {seed}: {figures}")
        assert service.stop() == 0
    finally:
        service.kill_all()


def test_a_stop_under_load_answers_what_it_took_and_leaves_no_process(folder: Path):
    service = Service(folder, workers=2)
    service.start()
    service.wait_ready()
    client = Client(service, HISTORY, senders=8, per_second=2000, seed=1)
    try:
        for sign in (signal.SIGTERM, signal.SIGINT):
            client.wait_for_another(20)
            time.sleep(0.3)
            assert service.stop(sign=sign) == 0
            assert service.processes() == []
            service.start()
            service.wait_ready()
        client.wait_for_another(20)
        client.drop_rest()
        client.wait_until_idle(30)
        client.stop()
        assert client.failures == []
        check_log(service, client.acknowledged, HISTORY)
        check_projections(service)
        assert service.stop() == 0
        assert service.processes() == []
        assert "Traceback" not in service.said()
    finally:
        client.stop()
        service.kill_all()


def test_when_the_supervisor_is_killed_the_rest_follows_and_the_next_takes_over(folder: Path):
    service = Service(folder, workers=2)
    service.start()
    service.wait_ready()
    try:
        before = {what: pid for pid, what in service.processes()}
        assert service.process is not None
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait()
        deadline = time.monotonic() + 15  # nothing is under way
        while {w for _, w in service.processes()} - {"postgres"}:
            assert time.monotonic() < deadline, service.processes()
            time.sleep(0.05)
        assert service.pids() == [before["postgres"]]  # the orphan

        service.start()
        service.wait_ready()

        after = service.processes()
        assert [what for _, what in after].count("postgres") == 1
        assert before["postgres"] not in [pid for pid, _ in after]
        with psycopg.connect(service.conninfo) as conn:
            assert conn.execute("SELECT count(*) FROM ledger.events").fetchone() == (0,)
        assert service.stop() == 0
        assert service.processes() == []
    finally:
        service.kill_all()
