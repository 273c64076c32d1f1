"""Stage e: settings of section `serving`."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from common.config.section import Section

KEY_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"


class ServingSettings(Section):
    """Stage e: the API and bulk scoring."""

    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8000, ge=1, le=65535)
    engine: Literal["auto", "docker", "podman", "venv"] = Field(
        "auto", description="what run_api serves with; auto: docker, else podman, else venv"
    )
    model_source: Literal["local", "registry"] = Field(
        "local", description="registry: the model that MLflow's alias production names"
    )
    start_timeout_s: float = Field(60, gt=0, description="seconds that run_api waits for /ready")
    workers: int | None = Field(None, ge=1, description="texts scored at once; null: one a CPU")
    threads: int = Field(1, ge=1, description="ONNX Runtime threads a text")
    max_text_chars: int = Field(10_000, ge=1, description="longest accepted text")
    max_texts: int = Field(1_000, ge=1, description="most texts a batch request")
    max_body_mb: float = Field(4, gt=0, description="largest accepted request body")
    body_timeout_s: float = Field(15, gt=0, description="seconds a client has to send a body")
    max_concurrency: int = Field(64, ge=1, description="prediction requests at once before 503")
    max_pending_texts: int = Field(
        4_000, ge=1, description="texts waiting at once before a further batch gets 503"
    )
    max_feedback_rows: int = Field(5_000, ge=1, description="most rows an /add_data request")
    max_file_mb: float = Field(
        10, gt=0, description="largest file of /evaluate, as sent and as unpacked"
    )
    max_rows: int = Field(20_000, ge=1, description="most rows of a file of /evaluate")
    max_table_mb: float = Field(
        100, gt=0, description="largest file of /read, as sent and as unpacked"
    )
    max_table_rows: int = Field(1_000_000, ge=1, description="most records of a file of /read")
    max_evaluations: int = Field(2, ge=1, description="files read or evaluated at once before 503")
    evaluate_timeout_s: float = Field(60, gt=0, description="seconds that scoring a file may take")
    read_timeout_s: float = Field(
        120, gt=0, description="seconds to send a file to /read, and to read the answer"
    )
    max_explain_words: int = Field(
        100, ge=1, le=1_000, description="words that /explain leaves out, one at a time"
    )
    api_keys: tuple[str, ...] = Field(
        (), description="name:sha256 of each API key; `python -m e_apification keys new NAME`"
    )
    require_key: bool = Field(
        False, description="require a key on all routes but /health, /ready, /docs and the page"
    )
    rate_limit: float | None = Field(
        None, gt=0, description="requests a second of one key, or address; null: no limit"
    )
    rate_burst: int = Field(20, ge=1, description="requests at once that the rate limit allows")
    cors_origins: tuple[str, ...] = Field(
        (), description="origins whose pages may call the API, as https://example.org"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses whose X-Forwarded-For is trusted"
    )
    follow_s: float = Field(
        1, gt=0, description="seconds between a server's checks for a new production model"
    )
    processes: int = Field(
        1,
        ge=1,
        description="server processes on the port; limits on requests and rates apply to each",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="json: one object a line, and a line for each request"
    )
    drift_window: int = Field(
        2_000, ge=1, description="recent texts that /drift compares, in each process"
    )
    drift_min_texts: int = Field(500, ge=1, description="fewest texts before drift is reported")
    drift_psi: float = Field(
        0.2, gt=0, description="population stability index above which drift is reported"
    )
    drain_delay_s: float = Field(
        0,
        ge=0,
        description="seconds between a stop signal, when /ready answers 503, and the end"
        " of accepting; for load balancers",
    )
    drain_s: int = Field(10, ge=1, description="seconds that requests in flight have to finish")

    @field_validator("api_keys", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        """A variable holds several in one line, a file in one or more."""
        if isinstance(value, str):
            return tuple(re.findall(r"[^,\s]+", value))
        return value

    @field_validator("api_keys")
    @classmethod
    def _names_and_hashes(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(KEY_NAME + ":[0-9a-f]{64}", entry) for entry in entries):
            raise ValueError("each must read name:sha256; `python -m e_apification keys new NAME`")
        if len({entry.partition(":")[0] for entry in entries}) < len(entries):
            raise ValueError("two entries have one name")
        return entries

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"https?://[^/*\s]+", origin) for origin in origins):
            raise ValueError("each must read scheme://host or scheme://host:port")
        return origins

    @model_validator(mode="after")
    def _keys_to_require(self) -> Self:
        if self.require_key and not self.api_keys:
            raise ValueError("require_key needs at least one entry in api_keys")
        return self

    @property
    def url(self) -> str:
        """Where this machine reaches the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 no bind
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def stop_s(self) -> float:
        """Seconds within which a server that was told to stop has ended."""
        return self.drain_delay_s + self.drain_s + 5
