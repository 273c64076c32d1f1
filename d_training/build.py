"""Make a model folder: training, export, calibration, measurement; metrics.json holds it all."""

import logging
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.models.metrics import (
    LabelShares,
    Look,
    ModelMetrics,
    RowUse,
    StageRecord,
    TrainingMetrics,
    Tuned,
    write_metrics,
)
from common.models.registry import LABELS
from common.onnx.model import cpu_flags, softmax
from common.stage.manifest import find_manifest
from common.stage.run import Built
from common.synthetic import read_synthetic
from common.text import rules_sha256
from d_training.data.lineage import data_manifests
from d_training.data.rows import Parts
from d_training.data.training_rows import write_rows
from d_training.experiment import Experiment
from d_training.export.compare import compare_exports
from d_training.export.onnx import export_student
from d_training.fine_tuning.batches import Examples
from d_training.fine_tuning.calibration import abstain_threshold, fit_temperature
from d_training.fine_tuning.fit import Fitted
from d_training.fine_tuning.student import Student, predict
from d_training.fine_tuning.train import train_student
from d_training.held_out.figures import HeldOut
from d_training.held_out.slices import slice_agreement

_ROOT = Path(__file__).resolve().parents[1]
logger = logging.getLogger(__name__)
