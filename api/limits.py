"""Rate limits: how often one API key may ask one web process, and what every answer says about it.

Requests are counted in memory, in fixed windows that begin with a key's first request. Each process counts alone, so
over n of them a key may ask up to n times as often. Knows no route. Who asks without a valid key is not counted:
nothing tells such askers apart.
"""

import math
import threading
import time
from typing import Any

from flask import Flask, Response, g
from flask_limiter import Limiter, RateLimitExceeded
from limits import parse
from limits.storage import Storage

from api.problems import Problem, respond

Headers = list[tuple[str, str]]

#: Above this many counts, those whose window is over are forgotten.
_FORGET_FROM = 10_000
_SCHEME = "recount-process"
#: What the library calls a limit that all routes share.
_SHARED = "global"


class Windows(Storage):
    """The counts of one process. (The library's own storage starts a thread for every hundredth of a second.)"""

    STORAGE_SCHEME = [_SCHEME]  # noqa: RUF012 # as the library has it

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._lock = threading.Lock()
        #: What is counted -> how often, and when its window is over (monotonic seconds).
        self._windows: dict[str, tuple[int, float]] = {}

    def count(self, key: str, lasts_s: float, amount: int = 1) -> tuple[int, float]:
        """Count `amount` more; the first begins a window. Returns the count and how many seconds are left."""
        now = time.monotonic()
        with self._lock:
            known = self._windows.get(key)
            if known is not None and now < known[1]:
                found = (known[0] + amount, known[1])
            else:
                if len(self._windows) >= _FORGET_FROM:
                    self._windows = {k: w for k, w in self._windows.items() if now < w[1]}
                found = (amount, now + lasts_s)
            self._windows[key] = found
        return found[0], found[1] - now

    def window(self, key: str) -> tuple[int, float]:
        """The count of the current window, and how many seconds are left of it."""
        now = time.monotonic()
        known = self._windows.get(key)
        return (known[0], known[1] - now) if known is not None and now < known[1] else (0, 0.0)

    # ---- as the library asks ----------------------------------------------------------------

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library would wrap: nothing here fails."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more. Returns the count."""
        return self.count(key, expiry, amount)[0]

    def get(self, key: str) -> int:
        """The count of the current window."""
        return self.window(key)[0]

    def get_expiry(self, key: str) -> float:
        """When the current window is over, unix seconds."""
        return time.time() + self.window(key)[1]

    def check(self) -> bool:
        """Whether it can be used."""
        return True

    def reset(self) -> int:
        """Forget everything. Returns how much that was."""
        with self._lock:
            gone, self._windows = len(self._windows), {}
        return gone

    def clear(self, key: str) -> None:
        """Forget one count."""
        with self._lock:
            self._windows.pop(key, None)


class RateLimited(Problem):
    """A key asked too often. Its answer says when to ask again."""

    def __init__(self, told: Headers) -> None:
        super().__init__("rate_limited")
        reset = dict(told)["RateLimit-Reset"]
        self._told = [*told, ("Retry-After", reset)]

    def headers(self) -> Headers:
        """The answer's headers."""
        return [*super().headers(), *self._told]


class Limits:
    """The limit of one application. Flask's routes and the ways around Flask count together."""

    def __init__(self, app: Flask, limit: str | None) -> None:
        """Limits every request to `app` for which `g.caller` is known, to `30/minute` for example; None: to nothing.

        What finds out who calls must be installed before.
        """
        self._limit = parse(limit) if limit is not None else None
        if self._limit is None:
            return
        self._amount, self._lasts_s = self._limit.amount, self._limit.get_expiry()
        limiter = Limiter(
            lambda: str(g.caller.key_id),
            application_limits=[str(self._limit)],
            storage_uri=f"{_SCHEME}://",
            strategy="fixed-window",
        )
        limiter.request_filter(lambda: "caller" not in g)
        limiter.init_app(app)
        assert isinstance(limiter.storage, Windows)
        self._windows = limiter.storage
        app.register_error_handler(RateLimitExceeded, lambda _: respond(RateLimited(self._told_now())))
        app.after_request(self._tell)

    def take(self, key_id: str) -> Headers:
        """Count a request that Flask does not see. Returns what its answer says. Raises RateLimited."""
        if self._limit is None:
            return []
        count, left_s = self._windows.count(self._limit.key_for(key_id, _SHARED), self._lasts_s)
        told = self._told(count, left_s)
        if count > self._amount:
            raise RateLimited(told)
        return told

    def _tell(self, response: Response) -> Response:
        if "caller" in g:
            response.headers.extend(h for h in self._told_now() if h[0] not in response.headers)
        return response

    def _told_now(self) -> Headers:
        assert self._limit is not None
        return self._told(*self._windows.window(self._limit.key_for(g.caller.key_id, _SHARED)))

    def _told(self, count: int, left_s: float) -> Headers:
        """What an answer says, as in draft-ietf-httpapi-ratelimit-headers-07: the reset in whole seconds from now."""
        return [
            ("RateLimit-Limit", str(self._amount)),
            ("RateLimit-Remaining", str(max(0, self._amount - count))),
            ("RateLimit-Reset", str(math.ceil(left_s))),
        ]
