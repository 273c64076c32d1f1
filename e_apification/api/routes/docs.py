"""GET /docs: each route with what it takes and answers, errors too, made from /openapi.json.

One page without scripts and with nothing fetched from elsewhere.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8886; padding-top: 1rem; }
h2 b { text-transform: uppercase; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; }
tr { border-bottom: 1px solid #8884; }
pre { overflow-x: auto; padding: .8rem; background: #8881; border-radius: .4rem; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_REF = "#/components/schemas/"
router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The page."""
    html = render_docs(request.app.openapi())
    return Response(html, headers={"Content-Security-Policy": _POLICY}, media_type="text/html")


def render_docs(schema: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI description."""
    info = schema["info"]
    body = "".join(
        [
            f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('summary', ''))}</p>",
            f"<p>{escape(info.get('description', ''))} Machines read "
            '<a href="openapi.json">openapi.json</a>.</p>',
            *(
                part
                for path, operations in schema["paths"].items()
                for method, operation in operations.items()
                for part in _operation(method, path, operation)
            ),
            "<h2>Schemas</h2>",
            *_schemas(schema.get("components", {}).get("schemas", {})),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: API</title><style>{_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><b>{escape(method)}</b> <code>{escape(path)}</code></h2>"
    yield f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>"
    if operation.get("security"):
        yield "<p>Needs an API key, in X-API-Key or as Authorization: Bearer.</p>"
    rows = [
        (f"in the {given['in']}", given["name"], given.get("schema", {}))
        for given in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {})
    rows += [("body", media_type, entry.get("schema", {})) for media_type, entry in body.items()]
    if rows:
        yield "<h3>Takes</h3>" + _table(rows)
    yield "<h3>Answers</h3>" + _table(
        [
            (status, response.get("description", ""), _first_schema(response))
            for status, response in operation["responses"].items()
        ]
    )


def _first_schema(response: Mapping[str, Any]) -> Mapping[str, Any]:
    for entry in response.get("content", {}).values():
        return dict(entry.get("schema", {}))
    return {}


def _table(rows: list[tuple[str, str, Mapping[str, Any]]]) -> str:
    cells = (
        f"<tr><th>{escape(first)}</th><td>{escape(second)}</td><td>{_shape(schema)}</td></tr>"
        for first, second, schema in rows
    )
    return f"<table>{''.join(cells)}</table>"


def _shape(schema: Mapping[str, Any]) -> str:
    """A link to a named schema, else the schema itself."""
    parts = [schema, *schema.get("anyOf", [])]
    names = [part["$ref"].removeprefix(_REF) for part in parts if "$ref" in part]
    if names:
        return " or ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names)
    return _code(schema) if schema else ""


def _schemas(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3>{_code(schema)}'


def _code(schema: Mapping[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(schema, indent=1, ensure_ascii=False))}</pre>"
