"""The page that goes from a closed gate to a paid invoice runs on a sandbox, and prints what it shows."""

from pathlib import Path

import pytest

from tests.docs import shell
from tests.docs.sources import ROOT
from tests.test_docs import runs_a_shell


@runs_a_shell
@pytest.mark.service
def test_the_page_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    script = shell.steps((ROOT / "docs" / "how-to" / "managed-agent-from-gate-to-invoice.md").read_text())
    faults = shell.run(script, tmp_path)
    assert script
    assert faults == [], "\n\n".join(faults)
