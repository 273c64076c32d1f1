"""Settings: pydantic models, one section a stage, filled from layers of which the later wins.

conf/base.yaml < conf/<profile>.yaml < .env < environment (TRIAGE_TRAINING__EPOCHS=3) <
--set training.epochs=3.        python -m common.config   prints them and their sources

In .env, environment and --set, names stay as they are written: settings that are texts, paths or
one of several words take every character. Empty is null, where a setting may be null. Numbers,
booleans and lists are read as YAML.

MLFLOW_TRACKING_URI, in .env or the environment, is read as tracking.uri, DATABASE_URL as store.url.
A variable with _FILE after its name (TRIAGE_STORE__URL_FILE, DATABASE_URL_FILE) names a file that
holds the value, as secrets of containers are given.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from common.config.schema import Settings
from common.errors import SettingsError

PROFILES = ("sample", "full")
PREFIX = "TRIAGE_"
# Names that are in use wherever these are, and the settings that they stand for.
COMMON_NAMES = {"MLFLOW_TRACKING_URI": "tracking.uri", "DATABASE_URL": "store.url"}
ROOT = Path(__file__).resolve().parents[2]
_FILE = "_FILE"
_TEXTS = {str, Path, SecretStr}


class Loaded(NamedTuple):
    """Validated settings and, for each dotted key that some layer set, the layer's name."""

    settings: Settings
    sources: dict[str, str]


def load_settings(
    *,
    overrides: Sequence[str] = (),
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    root: Path = ROOT,
) -> Loaded:
    """Merge all layers and validate the result.

    Args:
        overrides: ``key.path=value`` items, as given to ``--set``.
        profile: ``sample`` or ``full``; else TRIAGE_PROFILE, else ``sample``.
        environ: stands in for ``os.environ``.
        root: the folder that holds conf/ and .env.

    Raises:
        SettingsError: for an unknown key or a bad value, naming key, value and source; for a
            file of a value that can't be read.
    """
    dotenv = {k: v for k, v in dotenv_values(root / ".env").items() if v is not None}
    dotenv, environ = _with_files(dotenv), _with_files(os.environ if environ is None else environ)
    profile = profile or (dotenv | environ).get(PREFIX + "PROFILE") or "sample"
    if profile not in PROFILES:
        raise SettingsError(f"profile {profile!r} is not one of: {', '.join(PROFILES)}")

    flat: dict[str, Any] = {"profile": profile}
    sources = {"profile": "profile"}
    layers = [
        ("conf/base.yaml", _from_yaml(root / "conf/base.yaml")),
        (f"conf/{profile}.yaml", _from_yaml(root / f"conf/{profile}.yaml")),
        (".env", _from_environment(dotenv)),
        ("environment", _from_environment(environ)),
        ("--set", _from_overrides(overrides)),
    ]
    for source, values in layers:
        flat.update(values)
        sources.update(dict.fromkeys(values, source))
    try:
        return Loaded(Settings.model_validate(_nest(flat)), sources)
    except ValidationError as error:
        raise SettingsError(_explain(error, sources)) from None


def _from_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist; restore it from the repository") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold sections, not {type(content).__name__}")
    return _flatten(content)


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat.update(_flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value})
    return flat


def _with_files(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, with the content of a file for each one that names it with _FILE."""
    given = dict(variables)
    for variable, path in variables.items():
        name = variable.removesuffix(_FILE)
        ours = name.startswith(PREFIX) or name in COMMON_NAMES
        if not ours or name == variable or _kinds(_key(variable)):
            continue  # of another program, or the setting ingestion.kaggle.file
        del given[variable]
        if not path:
            continue
        if variables.get(name):
            raise SettingsError(f"{name} and {variable} are both set; leave one of them")
        try:
            given[name] = Path(path).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingsError(f"{variable}={path} can't be read: {reason}") from None
    return given


def _key(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower().replace("__", ".")


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    named = {key: variables[name] for name, key in COMMON_NAMES.items() if variables.get(name)}
    return named | {
        _key(name): _parse(_key(name), value)
        for name, value in variables.items()
        if name.startswith(PREFIX) and name != PREFIX + "PROFILE"
    }


def _from_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    values = {}
    for item in overrides:
        key, equals, value = item.partition("=")
        if not equals:
            raise SettingsError(f"--set {item!r} must read key.path=value")
        values[key.strip()] = _parse(key.strip(), value)
    return values


def _parse(key: str, value: str) -> Any:
    """A text as it is; all else as YAML, so that lists and numbers need no syntax of our own."""
    kinds = _kinds(key)
    if kinds and kinds <= _TEXTS | {type(None)}:
        return None if not value and type(None) in kinds else value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _kinds(key: str) -> set[Any]:
    """The types that a setting may have; words to choose from count as str. Empty: no setting."""
    annotation: Any = Settings
    for name in key.split("."):
        fields = getattr(annotation, "model_fields", {})
        if name not in fields:
            return set()
        annotation = fields[name].annotation
    return set(_members(annotation))


def _members(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    elif origin is Literal:
        yield from map(type, get_args(annotation))
    else:
        yield annotation


def _nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *folders, leaf = key.split(".")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
            if not isinstance(node, dict):
                raise SettingsError(f"{key}: {folder} is a value, not a section")
        node[leaf] = value
    return tree


def _explain(error: ValidationError, sources: Mapping[str, str]) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        source = sources.get(key) or next(
            (where for name, where in sources.items() if name.startswith(f"{key}.")), "defaults"
        )
        if problem["type"] == "extra_forbidden":
            lines.append(f"{key} (from {source}) is not a setting")
        else:
            # What stands where a key's hash should is likely to be the key.
            secret = key.startswith("serving.api_keys")
            shown = not secret and not isinstance(problem["input"], dict)
            value = f" = {problem['input']!r}" if shown else ""
            lines.append(f"{key}{value} (from {source}): {problem['msg']}")
    return "; ".join(lines) + "; `python -m common.config` lists them all"


def environment_of(settings: Settings) -> dict[str, str]:
    """Variables from which another process loads the same settings, secrets among them.

    Not how much this one logs, nor the name of this run of the chain: what another process does is
    no part of it.
    """

    def text(value: Any) -> str:
        match value:
            case None:
                return ""
            case str():
                return value
            case Path():
                return str(value.resolve())
            case SecretStr():
                return value.get_secret_value()
        return json.dumps(value, ensure_ascii=False)

    chosen = settings.model_dump(exclude={"profile": True, "log": True, "tracking": {"pipeline"}})
    return {PREFIX + "PROFILE": settings.profile} | {
        PREFIX + key.replace(".", "__").upper(): text(value)
        for key, value in _flatten(chosen).items()
    }


def describe(loaded: Loaded) -> list[str]:
    """One line a setting: key, value (secrets masked) and the layer it came from."""
    flat = _flatten(loaded.settings.model_dump(mode="json"))
    return [
        f"{key} = {value!r}  # {loaded.sources.get(key, 'default')}" for key, value in flat.items()
    ]
