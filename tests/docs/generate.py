"""Writes the generated pages of docs/reference: `python -m tests.docs.generate`, or `make docs`."""

from collections.abc import Callable

from tests.docs.reference_api import api, error_codes
from tests.docs.reference_cli import cli
from tests.docs.reference_ledger import events
from tests.docs.reference_models import read_models
from tests.docs.reference_sandbox import sandbox
from tests.docs.reference_stripe import stripe_types
from tests.docs.reference_versions import versions
from tests.docs.sources import ROOT

REFERENCE = ROOT / "docs" / "reference"

#: The registry: one line a page; what of it is not generated is kept.
PAGES: dict[str, Callable[[], str]] = {
    "api.md": api,
    "cli.md": cli,
    "error-codes.md": error_codes,
    "log-events.md": events,
    "read-models.md": read_models,
    "sandbox.md": sandbox,
    "stripe-types.md": stripe_types,
    "../explanation/versions.md": versions,
}


def main() -> None:
    """Write every page."""
    for name, write in PAGES.items():
        (REFERENCE / name).write_text(write())


if __name__ == "__main__":
    main()
