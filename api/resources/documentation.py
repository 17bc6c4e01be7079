"""`/openapi.json` and `/docs`: the same document for programs and for people. Works without a network.

The document is written when somebody first asks for it: it takes as long as all else at the start of a process.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

from flask import Flask, Response, render_template
from markupsafe import Markup, escape

from api.problems import KINDS
from api.resources.publish import SMOREST

EXTENSION = "recount-openapi"


class Described(NamedTuple):
    """The document, and its JSON."""

    document: dict[str, Any]
    encoded: bytes


class LateApi(SMOREST.Api):  # type: ignore[misc] # the library has no types of its own
    """The library's registry of routes, but for what it would write down of each at once."""

    def __init__(self, app: Flask, describe: Callable[[Any], None]) -> None:
        """`describe` adds to the specification what all routes share, before they are written down."""
        super().__init__(app)
        self._describe = describe
        self._blueprints: list[Any] = []
        self._writing = threading.Lock()
        self._written: Described | None = None

    def register_blueprint(self, blueprint: Any) -> None:
        """Serve its routes."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint)
        self._blueprints.append(blueprint)

    def described(self) -> Described:
        """The document of everything registered. Any thread may ask; it is written once."""
        with self._writing:
            if self._written is None:
                self._describe(self)
                for blueprint in self._blueprints:
                    blueprint.register_views_in_doc(self, self._app, self.spec, name=blueprint.name, parameters=None)
                    self.spec.tag({"name": blueprint.name, "description": blueprint.description})
                document = _document(self.spec.to_dict())
                self._written = Described(document, json.dumps(document, ensure_ascii=False).encode())
            return self._written


def install(app: Flask, api: LateApi) -> None:
    """Serve the document."""
    app.jinja_env.filters["code"] = _code
    app.extensions[EXTENSION] = api
    css = files("api").joinpath("templates/docs.css").read_text()
    allowed = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; frame-ancestors 'none'; base-uri 'none'"

    def openapi_json() -> Response:
        return Response(api.described().encoded, 200, {"Content-Type": "application/json", "Cache-Control": "no-cache"})

    def docs() -> Response:
        document = api.described().document
        page = render_template("docs.html", document=document, operations=_operations(document), kinds=KINDS, css=css)
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
        return Response(page, 200, {"Content-Type": "text/html; charset=utf-8", **headers})

    app.add_url_rule("/openapi.json", view_func=openapi_json)
    app.add_url_rule("/docs", view_func=docs)


def _document(spec: dict[str, Any]) -> dict[str, Any]:
    """The library's document without the responses that it adds by itself: ours are problems, and named one by one."""
    for operations in spec["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                operation["responses"].pop("default", None)
    for name in ("DEFAULT_ERROR", "UNPROCESSABLE_ENTITY", "UNPROCESSABLE_CONTENT"):
        spec["components"]["responses"].pop(name, None)
    spec["components"]["schemas"].pop("Error", None)
    spec["components"]["schemas"].pop("PaginationMetadata", None)
    return spec


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every operation as the page shows it."""
    found = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not isinstance(operation, dict):
                continue
            parameters = [*operations.get("parameters", []), *operation.get("parameters", [])]
            found.append({
                "method": method.upper(),
                "path": path,
                "id": operation["operationId"],
                "tag": operation["tags"][0],
                "summary": operation.get("summary", ""),
                "description": operation.get("description", ""),
                "parameters": parameters,
                "fields": _fields(document, operation["responses"]["200"]),
                "problems": [r["$ref"].rpartition("/")[2] for r in operation["responses"].values() if "$ref" in r],
                "curl": _curl(method, path, operation),
            })  # fmt: skip
    return found


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    key = "" if operation.get("security") == [] else '-H "Authorization: Bearer $RECOUNT_KEY" '
    body = "--json '{…}' " if method == "post" else ""
    return f'curl -s {key}{body}"$RECOUNT_URL{path}"'


def _fields(document: dict[str, Any], response: dict[str, Any]) -> list[dict[str, str]]:
    """The fields of an answer, those of nested objects below with their path."""
    found: list[dict[str, str]] = []

    def walk(schema: dict[str, Any], path: str) -> None:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for name, field in schema.get("properties", {}).items():
            items = field.get("items", {})
            kind = field.get("type", "object")
            kinds = [k for k in kind if k != "null"] if isinstance(kind, list) else [kind]
            shown = field.get("format") or "".join(kinds)
            note = str(field.get("description", ""))
            found.append({"name": f"{path}{name}", "type": shown, "description": note})
            below = f"{path}{name}[]." if "array" in kinds else f"{path}{name}."
            walk(items or field, below) if items or "$ref" in field else None

    walk(response["content"]["application/json"]["schema"], "")
    return found


def _code(text: str) -> Markup:
    """Text with what stands in backticks set as code."""
    parts = str(escape(text)).split("`")
    return Markup("".join(f"<code>{p}</code>" if n % 2 else p for n, p in enumerate(parts)))  # noqa: S704 # escaped
