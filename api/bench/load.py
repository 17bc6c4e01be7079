"""Load over HTTP from another process: wrk where it is installed, else a generator of our own on raw sockets."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from api.signature import sign

# Streams requests from a file: a line each, `method<TAB>path<TAB>header: value<TAB>body`.
_LUA = """
local lines, i = {}, 0
function init(args) for l in io.lines(args[1]) do lines[#lines + 1] = l end end
function request()
  i = i % #lines + 1
  local method, path, header, body = lines[i]:match("^(.-)\\t(.-)\\t(.-)\\t(.*)$")
  local name, value = header:match("^(.-): (.*)$")
  return wrk.format(method, path, {[name] = value, ["Content-Type"] = "application/json"}, body)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.status + e.connect + e.read + e.timeout))
end
"""


class Loaded(NamedTuple):
    """What a load came to."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def kind() -> str:
    """Who makes the load."""
    return "wrk" if shutil.which("wrk") else "a raw-socket generator in a process of its own"


def webhook_lines(bodies: Iterable[bytes], secret: bytes, path: str = "/webhooks/stripe") -> Iterable[str]:
    """Requests that deliver `bodies`, signed now."""
    now_s = int(time.time())
    for body in bodies:
        yield f"POST\t{path}\tStripe-Signature: {sign(body, secret, now_s)}\t{body.decode()}"


def run(url: str, lines: Iterable[str], connections: int, seconds: float, folder: Path) -> Loaded:
    """Send the requests of `lines`, over and over, on `connections` connections for `seconds`."""
    requests = folder / "requests.txt"
    with requests.open("w") as file:
        for line in lines:
            file.write(line + "\n")
    if shutil.which("wrk"):
        script = folder / "wrk.lua"
        script.write_text(_LUA)
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(script), url, "--",
             str(requests)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
        assert found is not None, done.stdout
        n, took_us, p50_us, p99_us, errors = map(int, found.groups())
        return Loaded(n, took_us / 1e6, p50_us / 1e3, p99_us / 1e3, errors)
    done = subprocess.run(
        [sys.executable, "-c", "from api.bench.load import main; main()", url, str(requests), str(connections),
             str(seconds)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Loaded(**json.loads(done.stdout))


async def _generate(url: str, lines: list[str], connections: int, seconds: float) -> Loaded:
    parts = urlsplit(url)
    raw = [_raw(line, parts.netloc) for line in lines]
    latencies: list[float] = []
    errors = 0
    end = time.perf_counter() + seconds
    following = 0

    async def connection() -> None:
        nonlocal following, errors
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.perf_counter() < end:
            request = raw[following % len(raw)]
            following += 1
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(length.group(1)) if length else 0)
            latencies.append(time.perf_counter() - began)
            errors += not head.startswith(b"HTTP/1.1 200")
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    took = time.perf_counter() - began
    latencies.sort()
    p50, p99 = (latencies[int(share * (len(latencies) - 1))] * 1e3 for share in (0.5, 0.99))
    return Loaded(len(latencies), took, p50, p99, errors)


def _raw(line: str, host: str) -> bytes:
    method, path, header, body = line.split("\t", 3)
    sent = body.encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nContent-Length: {len(sent)}\r\n\r\n"
    return head.encode() + sent


def main() -> None:
    """Generate load in a process of its own: says what it came to, on stdout."""
    result = asyncio.run(
        _generate(sys.argv[1], Path(sys.argv[2]).read_text().splitlines(), int(sys.argv[3]), float(sys.argv[4]))
    )
    print(json.dumps(result._asdict()))
