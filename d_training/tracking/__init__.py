"""Runs, models and deployments in MLflow.

Takes records and the deployment journal; makes runs, versions and aliases.
Imported by whatever is to be uploaded after; imports common alone.
"""
