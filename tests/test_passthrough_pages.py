"""The page about billing what providers charge: it runs, and prints what it shows."""

import shutil
from pathlib import Path

import pytest

from tests.docs import shell
from tests.docs.sources import ROOT

_BEGIN = """\
export STRIPE_WEBHOOK_SECRET=whsec_passthrough_page_0001 STRIPE_CONNECT_WEBHOOK_SECRET=whsec_passthrough_page_0002
recount serve --workers 1 --port 8080 > serve.log 2>&1 &
SERVER=$!
until curl -sf http://127.0.0.1:8080/readyz > /dev/null; do sleep 0.1; done
KEY=$(recount keys issue --role service)
MONTH=$(date -u +%Y-%m -d '-1 minute')
"""
_END = "kill $SERVER; wait $SERVER\n"


@pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("curl") is None,
    reason="the page is run with bash and curl, and one of them is not installed",
)
@pytest.mark.service
def test_the_page_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    # given
    page = (ROOT / "docs" / "how-to" / "bill-pass-through.md").read_text()
    script = [shell.Step(_BEGIN, None), *shell.steps(page), shell.Step(_END, None)]
    # when
    faults = shell.run(script, tmp_path)
    # then
    assert faults == [], "\n\n".join(faults)
