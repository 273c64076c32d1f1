"""Records for MLflow, and the way to its server.

Takes manifests; makes records in RUN_DIR/mlruns/spool and a client.
Imported by every stage; imports config and stage.
"""
