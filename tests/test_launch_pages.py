"""The page about launching runs: a closed gate, refusals with their reasons, and a purchase that is set up."""

from pathlib import Path

import pytest

from tests.docs import shell
from tests.docs.sources import ROOT
from tests.test_docs import runs_a_shell


@runs_a_shell
@pytest.mark.service
def test_the_page_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    # given
    page = (ROOT / "docs" / "how-to" / "launch.md").read_text()
    script = shell.on_a_service(shell.steps(page))
    # when
    faults = shell.run(script, tmp_path, CATALOGUES=str(ROOT / "docs" / "catalogues"))
    # then
    assert faults == [], "\n\n".join(faults)
