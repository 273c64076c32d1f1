"""What two or more stages share: settings, artifacts, text rules, label schema, Spark, logging."""

import os

# ONNX Runtime reports its use to its maker unless this is set before it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# A thread of OpenMP (torch's, scikit-learn's) that waits for others sleeps: by default it spins,
# which on a busy machine takes the core that the others need. Read when the first one is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
