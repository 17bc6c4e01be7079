"""Which media type to answer in: content negotiation as RFC 9110, 12.5.1 has it. Knows no answer."""

from collections.abc import Sequence


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """The one of the `offered` types that an Accept header likes best; the first offered one of several; None: none.

    An empty one, like none, takes anything. The most special range that a type matches says its quality. Parameters
    other than `q` are not looked at; a range that cannot be read counts for nothing.
    """
    ranges = [r for part in (accept or "*/*").split(",") if (r := _range(part)) is not None]
    best, liked = None, 0.0
    for media_type in offered:
        quality = _quality(media_type, ranges)
        if quality > liked:
            best, liked = media_type, quality
    return best


def _range(part: str) -> tuple[str, float] | None:
    name, *parameters = (p.strip().lower() for p in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return None
            if not 0.0 <= quality <= 1.0:
                return None
            break
    return (name, quality) if name.count("/") == 1 else None


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    found = dict(reversed(ranges))  # of a range that is named twice, the first counts
    kind = media_type.partition("/")[0]
    for name in (media_type, f"{kind}/*", "*/*"):
        if name in found:
            return found[name]
    return 0.0
