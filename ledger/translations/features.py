"""Which features a product or a price grants, by the convention of Recount's metadata keys.

`features` is a comma-separated list of feature keys ("agents, sso"); `limit_<feature>` is a non-negative whole number
or "unlimited", and grants the feature as well. What does not follow the convention grants nothing and limits nothing:
its metadata key is named as a fault, for people to see. Knows nothing of Stripe's own entitlement features.
"""

from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

LIST_KEY = "features"
LIMIT_PREFIX = "limit_"
UNLIMITED = "unlimited"
#: The greatest limit that every reader of JSON and every database column can hold.
GREATEST_LIMIT = 2**63 - 1


class Features(NamedTuple):
    """What metadata grants. Each field is UNSET when the payload is silent about metadata."""

    features: list[str] | UnsetType
    """Keys of the features granted, sorted."""
    limits: dict[str, int | None] | UnsetType
    """Feature to its limit; None is unlimited. A feature without an entry has no stated limit."""
    faults: list[str] | UnsetType
    """Metadata keys that do not follow the convention, sorted."""


_SILENT = Features(UNSET, UNSET, UNSET)


def parse_features(metadata: dict[str, Any] | UnsetType | None) -> Features:
    """The features and limits that `metadata` states. Never raises."""
    if isinstance(metadata, UnsetType):
        return _SILENT
    granted: set[str] = set()
    limits: dict[str, int | None] = {}
    faults: list[str] = []
    for key, value in (metadata or {}).items():
        if key == LIST_KEY:
            if isinstance(value, str):
                granted.update(name for part in value.split(",") if (name := part.strip()))
            elif value is not None:
                faults.append(key)
        elif key.startswith(LIMIT_PREFIX) and value is not None:
            feature = key[len(LIMIT_PREFIX) :].strip()
            limit = _limit(value)
            if feature and limit is not UNSET:
                limits[feature] = limit
                granted.add(feature)
            else:
                faults.append(key)
    return Features(sorted(granted), limits, sorted(faults))


def _limit(value: object) -> Any:
    """A limit as stated: a whole number, None for unlimited, UNSET when it is neither."""
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() == UNLIMITED:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(GREATEST_LIMIT)):
        return UNSET
    limit = int(text)
    return limit if limit <= GREATEST_LIMIT else UNSET
