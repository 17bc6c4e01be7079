"""How checkout sessions, payment links and the portal differ between API versions: https://docs.stripe.com/changelog."""

from typing import Any

from api.sandbox.versions.base import Change

_OLD_MODES = {"hosted_page": "hosted", "embedded_page": "embedded", "elements": "custom"}


def _session_before_endive(shown: dict[str, Any]) -> None:
    shown.pop("allowed_payment_method_types", None)


def _session_before_dahlia(shown: dict[str, Any]) -> None:
    shown["ui_mode"] = _OLD_MODES.get(shown["ui_mode"], shown["ui_mode"])
    for name in ("integration_identifier", "managed_payments"):
        shown.pop(name, None)


def _session_before_clover(shown: dict[str, Any]) -> None:
    for name in ("branding_settings", "customer_account"):
        shown.pop(name, None)


def _session_before_basil(shown: dict[str, Any]) -> None:
    shown["shipping_details"] = shown["collected_information"]["shipping_details"]
    for name in ("collected_information", "origin_context", "permissions", "wallet_options"):
        shown.pop(name, None)


_SESSION = "checkout.session"
CHANGES: tuple[Change, ...] = (
    Change("2026-09-30", _SESSION, _session_before_endive),
    Change("2026-03-25", _SESSION, _session_before_dahlia),
    Change("2025-09-30", _SESSION, _session_before_clover),
    Change("2025-03-31", _SESSION, _session_before_basil),
)
