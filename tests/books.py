"""Two sets of books beside each other: what a story leaves behind, without what differs each time.

Stripe's ids, numbers and addresses are made up anew in each story, and seconds are a few more or less. Refuses to know
stories.
"""

import re
from typing import Any

#: Made up anew each time.
_BY_CHANCE = frozenset({"number", "hosted_invoice_url", "invoice_pdf"})
_STRIPES = re.compile(r"\b(?!iss|hin)([a-z]+)_[A-Za-z0-9]{14,}")


def plain(value: Any) -> Any:
    """Amounts, states, counts and words, in an order of their own."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if not k.endswith("_s") and k not in _BY_CHANCE}
    if isinstance(value, list | tuple):
        return sorted((plain(v) for v in value), key=repr)
    return _STRIPES.sub(r"\1", value) if isinstance(value, str) else value


def differences(found: Any, expected: Any, where: str = "") -> list[str]:
    """Where two differ."""
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        return [d for k in found for d in differences(found[k], expected[k], f"{where}.{k}")]
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = zip(found, expected, strict=True)
        return [d for i, (a, b) in enumerate(pairs) for d in differences(a, b, f"{where}.{i}")]
    return [] if found == expected else [f"{where}: {found!r} and not {expected!r}"]
