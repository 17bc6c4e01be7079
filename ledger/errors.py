"""The errors of Recount: a small tree, each with a stable code; `api.problems` maps them to HTTP once."""


class RecountError(Exception):
    """Something went wrong in Recount."""

    code = "error"

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())
        if code is not None:
            self.code = code


class Refused(RecountError):
    """The act is understood and not allowed now."""

    code = "refused"


class Invalid(RecountError):
    """The input is not what it must be."""

    code = "invalid"


class NotFound(RecountError):
    """There is no such thing, or not for you."""

    code = "not_found"


class StreamMoved(RecountError):
    """Another writer appended to the stream first; read it again and decide anew."""

    code = "stream_moved"


class StoreUnavailable(RecountError):
    """The database did not answer in time; nothing was acknowledged, so try again."""

    code = "store_unavailable"


class UnsafeStore(RecountError):
    """The database runs with settings under which an acknowledged event can be lost."""

    code = "unsafe_store"
