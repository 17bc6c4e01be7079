"""Each guard taken out, on a copy of the source: the test that the table names must fail, and nothing else be wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from guards import GUARDS, Guard

ROOT = Path(__file__).parent.parent.parent
SOURCE = ("ledger", "commands", "projections", "replay", "api", "tests")

#: Enough that what a law would find without the guard is found, whatever the day's examples are.
_EXAMPLES = ("--hypothesis-seed=0", "--hypothesis-profile=soak")

pytestmark = [pytest.mark.soak, pytest.mark.service]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    os.chmod(tmp_path, 0o755)
    for name in SOURCE:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """pytest over the copy: its own folder comes first on the path."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *_EXAMPLES, *tests],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_with_all_guards_in_place_their_tests_pass(copy: Path):
    done = run(copy, *dict.fromkeys(guard.test for guard in GUARDS))
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name)
def test_without_a_guard_its_test_fails(copy: Path, guard: Guard):
    file = copy / guard.file
    before = file.read_text()
    assert before.count(guard.text) == 1
    file.write_text(before.replace(guard.text, guard.without))
    done = run(copy, guard.test)
    assert done.returncode == 1, done.stdout[-3000:]
    assert f"FAILED {guard.test}" in done.stdout
