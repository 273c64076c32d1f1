"""The secrets of the stack, a file each, drawn once: stdlib only, as nothing may be installed yet.

python3 common/config/secret_files.py deploy/secrets      prints the paths, never a value

compose.yaml mounts them into containers whose users are not those of the host, and compose ignores
uid, gid and mode of a mounted file. So the folder is closed to all but its owner, and the files
below it are readable to whomever they are mounted for.
"""

import hashlib
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

_BYTES = 32
_KEY_PREFIX = "triage_"
_USER, _HOST = "triage", "postgres:5432"
_OPERATOR = "operator"


def make_secrets(folder: Path) -> list[Path]:
    """Write those that are missing; returns their paths. What is there is read, never changed.

    postgres_password; store_url and mlflow_url, which hold it; api_key, the operator's own, and
    api_keys, by which the server knows it; grafana_password.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    made: list[Path] = []

    def secret(name: str, draw: Callable[[], str]) -> str:
        path = folder / name
        if not path.exists():
            partial = folder / f".{name}.part"
            partial.unlink(missing_ok=True)
            partial.write_text(draw() + "\n", encoding="utf-8")
            partial.chmod(0o444)
            partial.rename(path)
            made.append(path)
        return path.read_text(encoding="utf-8").removesuffix("\n")

    password = secret("postgres_password", _password)
    at = f"{_USER}:{password}@{_HOST}"
    secret("store_url", lambda: f"postgresql://{at}/{_USER}")
    secret("mlflow_url", lambda: f"postgresql+psycopg://{at}/mlflow")
    secret("grafana_password", _password)
    if not (folder / "api_keys").exists():  # its owner may keep the plain key elsewhere
        key = secret("api_key", new_key)
        secret("api_keys", lambda: key_entry(_OPERATOR, key))
    return made


def new_key() -> str:
    """A fresh API key of 256 random bits, so that its plain SHA-256 cannot be turned back."""
    return _KEY_PREFIX + secrets.token_urlsafe(_BYTES)


def key_entry(name: str, key: str) -> str:
    """What serving.api_keys holds of a key: name:sha256."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


def _password() -> str:
    return secrets.token_hex(_BYTES)  # nothing that an address would have to escape


if __name__ == "__main__":
    _folder = Path(sys.argv[1])
    _made = make_secrets(_folder)
    for _path in sorted(path for path in _folder.iterdir() if not path.name.startswith(".")):
        sys.stdout.write(f"{'made' if _path in _made else 'kept'}  {_path}\n")
