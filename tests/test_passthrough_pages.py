"""The page about billing what providers charge: it runs, and prints what it shows."""

from pathlib import Path

import pytest

from tests.docs import shell
from tests.docs.sources import ROOT
from tests.test_docs import runs_a_shell

_FIRST = """\
KEY=$(recount keys issue --role service)
MONTH=$(date -u +%Y-%m -d '-1 minute')
"""


@runs_a_shell
@pytest.mark.service
def test_the_page_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    # given
    page = (ROOT / "docs" / "how-to" / "bill-pass-through.md").read_text()
    script = shell.on_a_service(shell.steps(page), first=_FIRST)
    # when
    faults = shell.run(script, tmp_path)
    # then
    assert faults == [], "\n\n".join(faults)
