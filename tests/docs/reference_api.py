"""The reference pages about the API and the error codes, from the OpenAPI document and the registries behind it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.app import create_app, openapi
from api.auth import FOR_UNBOUND_KEYS, MAY_READ
from api.database import Database
from api.problems import KINDS
from api.settings import Settings
from ledger.keys import KeyStore, MasterKey
from tests.docs import sources
from tests.docs.markdown import code, page, table

#: Outcomes of a webhook -> status, meaning. A code that is raised and missing here fails a test.
WEBHOOK_CODES: dict[str, tuple[int, str]] = {
    "signature_missing": (400, "There is no `Stripe-Signature` header."),
    "signature_malformed": (400, "The header cannot be read: over 8 KiB, no `t`, no `v1`, or more than 16 of these."),
    "signature_mismatch": (400, "No signature matches a configured secret. Also when no secret is configured."),
    "timestamp_expired": (400, "The signature's timestamp is more than 300 s old."),
    "timestamp_in_future": (400, "The signature's timestamp is more than 300 s ahead."),
    "malformed_json": (400, "The body is signed and is not JSON."),
    "too_deep": (400, "The JSON is nested more than 64 levels deep."),
    "not_an_event": (400, "The body is JSON and no Stripe event."),
    "bad_length": (400, "`Content-Length` is no number, or not the length of the body."),
    "body_too_slow": (408, "The body did not arrive within 5 s."),
    "length_required": (411, "There is no `Content-Length`."),
    "body_too_large": (413, "The body is larger than 512 KiB."),
    "store_unavailable": (503, "The log or the key store did not answer. Nothing is acknowledged; `Retry-After: 5`."),
    "internal_error": (503, "Something failed on our side. Nothing is acknowledged; `Retry-After: 5`."),
}
#: Where a webhook's refusals are raised.
WEBHOOK_MODULES = ("api/web.py", "api/webhooks.py", "api/signature.py", "ledger/inbox.py", "ledger/sealing.py")


def document() -> dict[str, Any]:
    """The OpenAPI document. Opens no connection."""
    nowhere = Database("host=/nonexistent", "host=/nonexistent", None)
    settings = Settings(
        database_url=nowhere.conninfo,
        keys_database_url=None,
        data_dir=Path("/nonexistent"),
        master_key=bytes(32),
        platform_secrets=(),
        connect_secrets=(),
        stripe_secret_key=None,
        stripe_api_base="",
        log_level="info",
    )
    keys = KeyStore(nowhere.keys_conninfo, MasterKey(bytes(32)))
    try:
        return openapi(create_app(nowhere, settings, keys))
    finally:
        keys.close()


def api() -> str:
    """`api.md`."""
    spec = document()
    parts = [
        "A running service shows the same as a page at `/docs` and as an OpenAPI 3.1 document at `/openapi.json`.",
        spec["info"]["description"],
        "Send the key as `Authorization: Bearer rk_…`, or as the user name of HTTP Basic. Its mode, organization and"
        " account select the rows. A foreign id answers exactly like an unknown one.",
        "Answers carry an `ETag`; a request with `If-None-Match` gets `304` when the content is the same. The headers"
        " `Recount-Position` and `Recount-As-Of` say how fresh the answer is, also on a `304`. See"
        " [freshness](../explanation/freshness.md).",
        "## Roles",
        "Personal fields are open for `operator` and `admin`, and for a `service` key that is bound to an organization."
        " For others they are null, and the answer's `sealed` names them.",
        table(
            ("resource", "roles", "keys bound to an organization or account"),
            [
                (code(name), ", ".join(sorted(roles)), "no" if name in FOR_UNBOUND_KEYS else "yes")
                for name, roles in MAY_READ.items()
            ],
        ),
        "## Requests",
    ]
    for path, method, operation in _operations(spec):
        parts += _operation(path, method, operation, set(spec["components"]["schemas"]))
    parts += [
        "## Outside the document",
        table(
            ("request", "answer"),
            [
                (
                    "`POST /webhooks/stripe`",
                    "Stripe's events of the platform's own account; [outcomes](error-codes.md)",
                ),
                ("`POST /webhooks/stripe/connect`", "Stripe's events of connected accounts"),
                ("`GET /metrics`", "Prometheus metrics; needs no key, so [restrict it](../how-to/own-postgresql.md)"),
                ("`GET /openapi.json`, `GET /docs`", "this document, for programs and for people; need no key"),
            ],
        ),
        "## Objects",
    ]
    for name, schema in spec["components"]["schemas"].items():
        if _shape_of(name, set(spec["components"]["schemas"])) == name:
            parts += [f"### {name}", _schema(schema)]
    return page("API", *parts)


def _operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in spec["paths"].items():
        shared = methods.get("parameters", [])
        for method, operation in methods.items():
            if method != "parameters":
                yield path, method.upper(), {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


def _shape_of(answer: str, known: set[str]) -> str:
    """What an answer or a page holds, where that is an object of its own."""
    held = answer.removesuffix("Answer").removesuffix("List")
    return held if held in known else answer


def _operation(path: str, method: str, operation: dict[str, Any], known: set[str]) -> list[str]:
    said = " ".join(x.strip() for x in (operation.get("summary", ""), operation.get("description", "")) if x)
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    shape = _shape_of(answer, known)
    form = "a page of " if answer.endswith("List") else ""
    refused = sorted(r["$ref"].rpartition("/")[2] for r in operation["responses"].values() if "$ref" in r)
    rows = [
        (code(p["name"]), p["in"], _type(p.get("schema", {})), p.get("description", ""))
        for p in operation["parameters"]
    ]
    parts = [f"### {method} {path}", " ".join(said.split())]
    if rows:
        parts.append(table(("parameter", "in", "type", "meaning"), rows))
    problems = f" Problems: {', '.join(code(c) for c in refused)}." if refused else ""
    if "requestBody" in operation:
        parts += _taken(operation["requestBody"]["content"]["application/json"]["schema"])
    return [*parts, f"Answers {form}[{shape}](#{shape.lower()}).{problems}"]


def _taken(schema: dict[str, Any]) -> list[str]:
    """What a body holds: an object that is shown beside others, or one of its own."""
    if "$ref" in schema:
        taken = schema["$ref"].rpartition("/")[2]
        return [f"Takes [{taken}](#{taken.lower()}) as JSON."]
    return ["Takes JSON:", _schema(schema)]


def _schema(schema: dict[str, Any]) -> str:
    return table(
        ("field", "type", "meaning"),
        [(code(n), _type(s), s.get("description", "")) for n, s in schema.get("properties", {}).items()],
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    kinds = schema.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = [f"list of {_type(schema['items'])}" if k == "array" and "items" in schema else k for k in kinds]
    if "format" in schema:
        names = [schema["format"] if n == "string" else n for n in names]
    return " or ".join(names)


def error_codes() -> str:
    """`error-codes.md`."""
    rows = []
    for found in sources.codes():
        if found.code in KINDS or (found.where in WEBHOOK_MODULES and found.code in WEBHOOK_CODES):
            continue
        rows.append((code(found.code), code(found.kind), found.message))
    return page(
        "Error codes",
        "Codes are stable: programs may rely on them. Messages may change.",
        "## Read API",
        "Errors are RFC 9457 problems (`application/problem+json`) with `type`, `title`, `status`, `code`, `detail`,"
        " and `errors` where several things are wrong.",
        table(("code", "status", "meaning"), [(code(c), str(k.status), k.meaning) for c, k in KINDS.items()]),
        "## Webhooks",
        'A delivery that is stored, or was stored before, is answered `200 {"received":true}`. Everything else is a'
        " problem that echoes nothing of the request, and nothing of it is stored.",
        table(("code", "status", "meaning"), [(code(c), str(s), m) for c, (s, m) in WEBHOOK_CODES.items()]),
        "The metric `recount_webhooks_total` counts deliveries by endpoint and outcome. The outcomes of a `200` are"
        " `stored`, `duplicate`, `rendering` (the same event in another API version), `conflict` (the same id with"
        " other content) and `misrouted` (signed with the other mode's secret).",
        "## Acts, command line, start-up",
        "An act over HTTP is refused with a code from above or from here: `Refused` is 409, `Invalid` is 422, and the"
        " message comes as `detail`.",
        "The command line prints one line, or with `--json` an object `error` with `code` and `message`, and exits 2."
        " Exit code 1 means drift, a fault found by `doctor`, or events that were not accepted.",
        table(("code", "kind", "message"), rows),
    )
