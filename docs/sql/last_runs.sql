SELECT started_at, dag_id, task_id, try_number, account_id, outcome, source_rows, applied, skipped, rejected, invalid, deferred, unknown
FROM bingads_run_summary
ORDER BY started_at DESC
LIMIT 20
