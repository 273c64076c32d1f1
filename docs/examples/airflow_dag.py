"""The daily run as an Airflow DAG (2.10 or later): land today's file, clean, label what is new.

Airflow variables: triage_home, the checkout; triage_run_dir, where the run keeps its files;
triage_inbox, the folder with one file a day, as 2026-01-05.csv.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

ENVIRONMENT = {
    "RUN_DIR": "{{ var.value.triage_run_dir }}",
    "CSV": "{{ var.value.triage_inbox }}/{{ ds }}.csv",
    "ID_COLUMN": "id",
    "TEXT_COLUMN": "message",
    "LOG": "quiet",
}

with DAG(
    dag_id="message_triage_daily",
    schedule="15 5 * * *",
    start_date=datetime(2026, 1, 5),
    catchup=False,
    max_active_runs=1,  # one RUN_DIR takes one command at a time
    default_args={"retries": 1, "retry_delay": timedelta(minutes=10)},
) as dag:
    land = BashOperator(
        task_id="land",
        bash_command="make data_ingestion APPEND=1",
        cwd="{{ var.value.triage_home }}",
        env=ENVIRONMENT,
        append_env=True,
    )
    clean = BashOperator(
        task_id="clean",
        bash_command="make data_transformation APPEND=1",
        cwd="{{ var.value.triage_home }}",
        env=ENVIRONMENT,
        append_env=True,
    )
    score = BashOperator(
        task_id="score",
        bash_command="make score",
        cwd="{{ var.value.triage_home }}",
        env={"RUN_DIR": ENVIRONMENT["RUN_DIR"], "LOG": "quiet"},
        append_env=True,
    )
    land >> clean >> score
