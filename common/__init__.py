"""What two or more stages share: settings, artifacts, text rules, label schema, Spark, logging."""

import os

# ONNX Runtime reports its use to its maker unless this is set before it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# A thread of OpenMP (torch's, scikit-learn's) that waits for others spins 300,000 turns by default,
# which on a busy machine takes the core that the others need. 1,000 turns, some microseconds, keep
# the speed on a quiet machine (benchmarks/busy). Read when the first one is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
