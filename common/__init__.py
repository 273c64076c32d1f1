"""What two or more stages share: settings, artifacts, text rules, label schema, Spark, logging."""

import os

# ONNX Runtime reports its use to its maker unless this is set before it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
