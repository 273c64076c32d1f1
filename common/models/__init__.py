"""Trained models on disk: which serves, what it measured, how it came to serve.

Takes RUN_DIR/models; makes the pointer, the deployment journal, verdicts.
Imported by training and serving; imports config, stage and tracking.
"""
