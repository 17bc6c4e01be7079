"""Posting to addresses that somebody else chose: bounded in time, never followed elsewhere, never into our own network.

The address that was looked at is the one that is connected to, so that a name cannot mean another one the second time
(DNS rebinding). Of the answer the status alone is read.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TIMEOUT_S = 15.0
_CONNECT_S = 5.0
#: Prefixes whose last 32 bits are an IPv4 address (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Answer(NamedTuple):
    """What came of a post."""

    status: int | None
    """None: there was no answer."""
    fault: str | None
    """None: it was taken (2xx)."""


class Poster:
    """Posts, to public addresses alone unless `allow_private`."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        timeout_s: float = TIMEOUT_S,
        resolve: Callable[[str, int], list[str]] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._resolve = resolve or _resolve
        self._tls = tls or ssl.create_default_context()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post `body`. Raises nothing of the network's: what went wrong is in the answer."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        fault, address = self._looked_up(host, port)
        if address is None:
            return Answer(None, fault)
        context = self._tls if parts.scheme == "https" else None
        connection = _Pinned(address, host, port, context)
        gone = threading.Event()

        def give_up() -> None:
            gone.set()
            connection.cut()

        watchdog = threading.Timer(self._timeout_s, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, dict(headers))
            with connection.getresponse() as response:
                return _answer_of(response.status)
        except (OSError, http.client.HTTPException) as error:
            return Answer(None, "timeout" if gone.is_set() else _fault_of(error))
        finally:
            watchdog.cancel()
            connection.close()

    def refuses(self, url: str) -> str | None:
        """Why nothing would be sent there now: `no_address` or `private_address`; None: it would be."""
        parts = urlsplit(url)
        return self._looked_up(parts.hostname or "", parts.port or 443)[0]

    def _looked_up(self, host: str, port: int) -> tuple[str | None, str | None]:
        """(fault, None), or (None, the address to connect to)."""
        try:
            found = self._resolve(host, port)
        except (OSError, UnicodeError):
            found = []
        if not found:
            return "no_address", None
        if not self._allow_private and not all(is_public(a) for a in found):
            return "private_address", None
        return None, found[0]


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever its host's name means meanwhile."""

    def __init__(self, address: str, host: str, port: int, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=_CONNECT_S)
        self.default_port = 443 if context is not None else 80  # for the Host header
        self._address = address
        self._context = context

    def connect(self) -> None:
        self.sock: Any = socket.create_connection((self._address, self.port), self.timeout)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(TIMEOUT_S)

    def cut(self) -> None:
        """Let whoever waits for it go on at once."""
        with suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


def is_public(address: str) -> bool:
    """Whether an address is in the public Internet: not loopback, private, link-local, reserved or multicast, nor a
    way to write such a one in IPv6."""
    try:
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        within = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if within is None and found in _NAT64:
            within = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if within is not None:
            return is_public(str(within))
    return found.is_global and not found.is_multicast


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def _answer_of(status: int) -> Answer:
    if 200 <= status < 300:
        return Answer(status, None)
    return Answer(status, "redirect" if 300 <= status < 400 else f"http_{status}")


def _fault_of(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, ConnectionRefusedError):
        return "connection_refused"
    return "bad_answer" if isinstance(error, http.client.HTTPException) else "connection_lost"
