SELECT at, state, code, error_code, column_name, message, run_id, call_id
FROM bingads_row
WHERE source_ref = '4711'
ORDER BY at, rank
