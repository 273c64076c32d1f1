#!/usr/bin/env bash
# A stage by spark-submit, for clusters that are used that way. The driver runs here.
#
#   SPARK_MASTER=yarn deploy/spark/submit.sh b_transformation --set run_dir=/mnt/triage
#   SPARK_MASTER=spark://host:7077 deploy/spark/submit.sh e_apification score \
#     --set run_dir=/mnt/triage --csv=s3a://bucket/in --out=s3a://bucket/out
#
# SPARK_SUBMIT: another spark-submit than that of the virtual environment.
# SPARK_CONF_DIR: the folder of spark-defaults.conf, here deploy/spark/conf.
set -euo pipefail
home="$(cd "$(dirname "$0")/../.." && pwd)"
export SPARK_CONF_DIR="${SPARK_CONF_DIR:-$home/deploy/spark/conf}"
export PYSPARK_PYTHON="${PYSPARK_PYTHON:-$home/.venv/bin/python}"
exec "${SPARK_SUBMIT:-$home/.venv/bin/spark-submit}" \
  --master "${SPARK_MASTER:?as spark://host:7077 or yarn}" --deploy-mode client \
  "$home/deploy/spark/run.py" "$@" --set "spark.master=$SPARK_MASTER"
