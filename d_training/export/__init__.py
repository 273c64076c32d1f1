"""The trained student as files that serve.

Takes a student; makes ONNX and INT8 files, their comparison, and which of them serves.
Imported by the stage, evaluation and gate; imports data and fine_tuning.
"""
