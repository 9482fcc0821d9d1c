"""Time the import of an operator's module on top of ``airflow.sdk``."""

import time

import airflow.sdk  # noqa: F401 - comes first, so that only the rest is measured
import job as jobs

job = jobs.job()
began = time.perf_counter()
import airflow_provider_bingads.operators.offline_conversions  # noqa: E402, F401

jobs.finish(job, import_seconds=time.perf_counter() - began)
