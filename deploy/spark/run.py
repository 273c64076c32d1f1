"""A stage as spark-submit starts it: deploy/spark/run.py b_transformation, as `python -m` would."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    # Before this folder, and instead of the module's own, whose `http` is not Python's.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
