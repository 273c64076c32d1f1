-- Run once, as the volume is made: the store has the database triage, MLflow its own.
CREATE DATABASE mlflow;
