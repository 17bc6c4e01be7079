"""Differences between API versions."""

from api.sandbox.versions.base import Change

CHANGES: tuple[Change, ...] = ()
