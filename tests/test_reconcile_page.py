"""The page about reconciling runs, on a sandbox of its own, and prints what it shows."""

from pathlib import Path

import pytest

from tests.docs import shell
from tests.docs.sources import ROOT
from tests.test_docs import runs_a_shell


@runs_a_shell
@pytest.mark.service
def test_the_page_about_reconciling_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    script = shell.steps((ROOT / "docs" / "how-to" / "reconcile.md").read_text())
    faults = shell.run(script, tmp_path, RECOUNT_RECONCILE_SETTLE_S="1")  # nothing is on its way
    assert script
    assert faults == [], "\n\n".join(faults)
