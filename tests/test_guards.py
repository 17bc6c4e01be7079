"""The table of guards is true: each stands where it says, once, and the test that would miss it is there."""

import re
from pathlib import Path

import pytest
from guards import GUARDS, Guard

ROOT = Path(__file__).parent.parent
#: What the design says must not be taken out unnoticed.
NAMED = ("the lock", "unit check", "dedup", "order rule", "tracking", "signature", "future", "mode", "sealing")


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name)
def test_each_guard_stands_where_the_table_says(guard: Guard):
    assert (ROOT / guard.file).read_text().count(guard.text) == 1
    assert guard.without != guard.text


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name)
def test_each_guard_has_its_test(guard: Guard):
    file, _, name = guard.test.partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", NAMED)
def test_no_guard_of_the_design_is_forgotten(name: str):
    assert any(name in guard.name for guard in GUARDS)
