"""What the earlier stages recorded of the data that a model is made from."""

from common.config.paths import Paths
from common.stage.manifest import Manifest, find_manifest


def data_manifests(paths: Paths) -> dict[str, Manifest]:
    """Manifests by stage, data/labeled's and as far back as each was made from the one before.

    A folder that was made anew since, or is gone, and what lies before it are left out: they say
    nothing about these labels.
    """
    found: dict[str, Manifest] = {}
    later: Manifest | None = None
    for folder in (paths.labeled, paths.curated, paths.raw):
        manifest = find_manifest(folder)
        if manifest is None:
            break
        if later is not None:
            taken = {(record.path, record.sha256) for record in later.inputs}
            made = {(f"{folder.name}/{r.path}", r.sha256) for r in manifest.outputs}
            if not made <= taken:
                break
        found[manifest.stage] = later = manifest
    return found
