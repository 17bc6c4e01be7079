"""The how-to for adding a Stripe type, done as it says in a copy of the project: one new file, one registry line."""

import dataclasses
import difflib
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.translations import BY_NAME, FAMILIES
from projections import BILLING
from projections.base import Group
from projections.objects import with_families
from tests.docs import shell
from tests.docs.markdown import blocks
from tests.docs.sources import ROOT

PAGE = ROOT / "docs" / "how-to" / "add-a-stripe-type.md"
NEW = Path("ledger", "translations", "gift_card.py")
REGISTRY = Path("ledger", "translations", "__init__.py")
_NEEDED = ("bash", "curl", "make", "openssl")
runs_a_shell = pytest.mark.skipif(not all(map(shutil.which, _NEEDED)), reason=f"the page needs {', '.join(_NEEDED)}")
#: Reads the new row, as the API's role would find it: sealed where it must be.
_ROW = """\
python - > row.txt <<'END'
import psycopg
from api.database import attached
from api.settings import load
with attached(load()) as database, psycopg.connect(database.conninfo) as conn:
    row = conn.execute(
        "SELECT mode, account, id, customer, status, currency, amount_minor, expires_at_s, email"
        " FROM read_models.gift_cards"
    ).fetchall()
print(row)
END
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as a new clone of it, with this virtual environment as its own."""
    copy = tmp_path / "project"
    left_out = shutil.ignore_patterns(".git", ".venv", "var", ".*_cache", ".hypothesis", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=left_out)
    (copy / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".installed":
            (copy / ".venv" / part.name).symlink_to(part)
    (copy / ".venv" / ".installed").touch()
    return copy


def _written(copy: Path) -> None:
    """The page's first two steps, with its own code blocks."""
    (file,) = (b.text for b in blocks(PAGE.read_text()) if b.language == "python")
    (change,) = (b.text for b in blocks(PAGE.read_text()) if b.language == "diff")
    (copy / NEW).write_text(file)
    registry = (copy / REGISTRY).read_text()
    lines = change.splitlines()
    for line, following in pairwise(lines):
        if line.startswith("+"):
            before = f"\n{following[1:]}\n"
            assert registry.count(before) == 1, following
            registry = registry.replace(before, f"\n{line[1:]}{before}")
    (copy / REGISTRY).write_text(registry)


def _files(folder: Path) -> dict[Path, bytes]:
    left_out = {".venv", ".git", "__pycache__", "var"}
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and left_out.isdisjoint(path.relative_to(folder).parts)
    }


def test_a_made_up_type_takes_one_new_file_and_its_line_in_the_registry(copy: Path) -> None:
    # given
    before = _files(copy)
    # when
    _written(copy)
    after = _files(copy)
    # then
    assert after.keys() - before.keys() == {NEW}
    assert {path for path in before if before[path] != after[path]} == {REGISTRY}
    was, now = (found[REGISTRY].decode().splitlines() for found in (before, after))
    changed = [line for line in difflib.ndiff(was, now) if line[0] in "+-"]
    assert changed == ["+ from ledger.translations import gift_card", "+     gift_card.FAMILY,"]
    # and both are as the house writes
    ruff = str(Path(sys.executable).with_name("ruff"))
    for check in (("check", "--ignore", "I001", NEW, REGISTRY), ("format", "--check", NEW)):
        done = subprocess.run([ruff, *check], cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@runs_a_shell
@pytest.mark.service
def test_the_new_type_is_in_the_read_model_the_digest_and_the_reference(copy: Path) -> None:
    # given
    _written(copy)
    script = shell.steps(PAGE.read_text())
    at = next(i for i, step in enumerate(script) if step.command.startswith("recount replay digest"))
    script.insert(at + 1, shell.Step(_ROW, None))
    # when the rest of the page is run
    faults = shell.run(script, copy, warm=False, PYTHONPATH=str(copy))
    # then it prints what it shows
    assert faults == [], "\n\n".join(faults)
    # and the row is there, its person sealed
    row = (copy / "row.txt").read_text()
    assert row.startswith("[('test', 'platform', 'gift_1', 'cus_1', 'active', 'eur', 2500, None, ")
    assert "ada@example.com" not in row
    # and the pages say what it is, which no test of the copy has to be told
    reference = copy / "docs" / "reference"
    assert "A gift card, independent of the API version." in (reference / "read-models.md").read_text()
    assert (
        "| `amount_minor` |  | amount (up to acacia); value.amount (basil on, wins) |"
        in (reference / "stripe-types.md").read_text()
    )
    told = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/test_docs.py",
            "-k",
            "generated and (read-models or stripe-types)",
        ],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout


def test_a_family_without_a_projection_of_its_own_gets_one_with_its_version_and_indexes() -> None:
    # given
    alone = dataclasses.replace(BY_NAME["mandate"], model="gift_cards", version=3, indexes=("(mode, account, status)",))
    same = dataclasses.replace(alone, name="gift_voucher", version=1, indexes=())
    written = next(p for p in BILLING.projections if p.name == "customers")
    # when
    group = with_families(Group("shop", (written,)), (BY_NAME["customer"], alone, same))
    # then what is written by hand stays, and families of one model have one
    kept, made = group.projections
    assert kept is written
    assert (made.name, made.version) == ("gift_cards", 3)
    assert made.table.indexes == ("(mode, account, status)", "(mode, account, id) WHERE undecided")
    assert made.reads == ("gift_cards",)


def test_families_of_one_model_must_say_the_same_fields() -> None:
    # given
    other = dataclasses.replace(BY_NAME["mandate"], name="gift_card", model="customers")
    # then
    with pytest.raises(AssertionError, match="gift_card folds into customers with other facts"):
        with_families(Group("shop", ()), (BY_NAME["customer"], other))


def test_every_family_has_a_read_model() -> None:
    assert {family.model for family in FAMILIES} <= BILLING.routes.keys()
