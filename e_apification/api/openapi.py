"""/openapi.json: what FastAPI knows of the routes, with the limits of this server written in."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from common.config.serving import ServingSettings

# At least one character that is no white space, in the sense of Python's str.isspace.
_SOME_TEXT = r"[^\s\u001c-\u001f\u0085]"


def install_openapi(app: FastAPI, limits: ServingSettings) -> None:
    """Make the application describe itself, once it is asked."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
            )
            for body in _json_bodies(schema):
                _bound(body, limits)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _json_bodies(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield content["application/json"]["schema"]


def _bound(body: dict[str, Any], limits: ServingSettings) -> None:
    """Texts are neither empty nor too long, and lists of them neither."""
    properties = body.get("properties", {})
    text = {
        "type": "string",
        "minLength": 1,
        "maxLength": limits.max_text_chars,
        "pattern": _SOME_TEXT,
    }
    if "text" in properties:
        properties["text"] = text
    if "texts" in properties:
        texts = {"type": "array", "items": text, "minItems": 1, "maxItems": limits.max_texts}
        properties["texts"] = texts
