"""DAGs that need a real worker: one with a time limit, one mapped over accounts, one that logs every secret it can."""

import gc
import logging
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Variable, task

from airflow_provider_bingads.hooks.bingads import BingAdsHook
from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

WHEN: dict[str, Any] = {"start_date": datetime(2026, 1, 1, tzinfo=UTC), "catchup": False}
WHAT = {"warehouse_conn_id": "warehouse", "table": "offline_conversions", "source_timezone": "UTC"}

with DAG("limited", schedule=None, **WHEN):
    ApplyOfflineConversionsOperator(task_id="apply", execution_timeout=timedelta(seconds=5), **WHAT)

with DAG("mapped", schedule=None, **WHEN):
    ApplyOfflineConversionsOperator.partial(task_id="apply", **WHAT).expand(
        account_id=os.environ.get("TEST_ACCOUNT_IDS", "1").split()
    )

with DAG("talkative", schedule=None, **WHEN):

    @task(task_id="apply")
    def say_every_secret() -> None:
        """Log what a careless library would, under another logger's name and with print."""
        from airflow_provider_bingads.api.oauth import AccessToken

        hook = BingAdsHook()
        hook.call("CustomerManagement", "GetUser", {"UserId": None})
        tokens = [one.text for one in gc.get_objects() if type(one) is AccessToken]
        stored = Variable.get("bingads_refresh_token__bingads_default")
        for text in (*hook.settings.secrets, *tokens, stored):
            logging.getLogger("careless").warning("said: %s", text)
            print("printed:", text)  # noqa: T201 - what this DAG is for
        logging.getLogger("careless").warning("%d secrets", 2 * (len(hook.settings.secrets) + len(tokens) + 1))

    say_every_secret()
