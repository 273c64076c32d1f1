"""Where a run keeps its files."""

from pathlib import Path


class Paths:
    """Where a run keeps its files; every stage takes the others' places from here."""

    def __init__(self, run_dir: Path) -> None:
        self.raw = run_dir / "data" / "raw"
        self.curated = run_dir / "data" / "curated"
        self.labeled = run_dir / "data" / "labeled"
        self.scored = run_dir / "data" / "scored"
        self.feedback = run_dir / "data" / "feedback"
        self.models = run_dir / "models"
        self.reports = run_dir / "reports"
        self.cache = run_dir / ".cache"
        self.snapshots = self.cache / "training"
        self.tensorboard = self.reports / "tensorboard"
        self.studies = self.models / "studies.db"
        self.tuning = self.reports / "tuning"
        self.tracking = run_dir / "mlruns"
        self.registry = self.cache / "registry"
        self.smoke = run_dir / ".smoke"
        self.store = run_dir / "store" / "store.db"
