"""The bound for ingest: the least that an endpoint can do and still be one.

A bare Flask view under the same server that checks an HMAC and does one unordered, pooled INSERT: no order, no sealing,
no deduplication across versions, no translation ahead.
"""

import atexit
import hashlib
import hmac
import os
from typing import Any

import msgspec
from flask import Flask, request
from psycopg_pool import ConnectionPool

app = Flask(__name__)
_KEY = os.environ.get("STRIPE_WEBHOOK_SECRET", "").encode()
_pool: ConnectionPool[Any] | None = None


class _Event(msgspec.Struct):
    id: str
    type: str
    created: int | str
    """Seconds; thin events have a text."""


_decode = msgspec.json.Decoder(_Event).decode


@app.post("/ingest")
def ingest() -> str:
    """Verify, insert, answer."""
    global _pool
    if _pool is None:
        _pool = ConnectionPool(
            os.environ["DATABASE_URL"], min_size=8, max_size=8, kwargs={"autocommit": True}, open=True
        )
        atexit.register(_pool.close)
    body = request.get_data(cache=False)
    given = dict(p.split("=", 1) for p in request.headers["Stripe-Signature"].split(","))
    expected = hmac.new(_KEY, given["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given["v1"]):
        return "no"
    event = _decode(body)
    with _pool.connection() as conn:
        conn.execute(
            "INSERT INTO bench_events (id, type, created, body) VALUES (%b, %b, %b, %b) ON CONFLICT DO NOTHING",
            [event.id, event.type, event.created if isinstance(event.created, int) else 0, body],
            prepare=True,
        )
    return "ok"


@app.get("/hello")
def hello() -> str:
    """Nothing at all: what the server itself costs."""
    return "hello"
