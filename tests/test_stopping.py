"""Stopping: a web process that is told to stop while it still starts does, and nobody waits until it is killed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from service import environment, free_port
from test_engine import eventually

pytestmark = pytest.mark.service

#: Web processes that hear nothing are killed after 20 s.
_AT_ONCE_S = 10.0


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("pause_s", [0.0, 0.3])
def test_web_processes_that_are_starting_hear_that_they_are_to_stop(tmp_path: Path, database: str, pause_s: float):
    web = subprocess.Popen(
        [sys.executable, "-m", "api.web", "127.0.0.1", str(free_port()), "2"],
        env=environment(tmp_path, DATABASE_URL=database),
        stdin=subprocess.DEVNULL,
    )
    try:
        assert eventually(lambda: len(_children(web.pid)) == 2, 20.0)
        time.sleep(pause_s)
        web.terminate()
        assert web.wait(_AT_ONCE_S) == 0
    finally:
        web.kill()
        web.wait()
