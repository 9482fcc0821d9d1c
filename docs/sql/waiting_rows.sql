SELECT count(*) AS rows, dag_id, error_code, message AS reason, min(not_before) AS not_before, max(at) AS last_seen
FROM bingads_row_current
WHERE state = 'deferred'
GROUP BY dag_id, error_code, message
ORDER BY rows DESC
