-- A ledger as version 2 made it, with one row in it; portable SQL, run by the migration's test.

CREATE TABLE bingads_batch (
    batch_id VARCHAR(32) NOT NULL,
    stream_id VARCHAR(32) NOT NULL,
    run_id VARCHAR(32) NOT NULL,
    sequence INTEGER NOT NULL,
    parent_batch_id VARCHAR(32),
    operation VARCHAR(80) NOT NULL,
    n_rows INTEGER NOT NULL,
    members TEXT NOT NULL,
    payload_sha VARCHAR(64) NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (batch_id)
);

CREATE INDEX ix_bingads_batch_run ON bingads_batch (run_id);

CREATE TABLE bingads_call (
    call_id VARCHAR(32) NOT NULL,
    event VARCHAR(16) NOT NULL,
    rank SMALLINT NOT NULL,
    batch_id VARCHAR(32) NOT NULL,
    stream_id VARCHAR(32) NOT NULL,
    run_id VARCHAR(32) NOT NULL,
    attempt INTEGER NOT NULL,
    epoch BIGINT NOT NULL,
    at TIMESTAMP NOT NULL,
    deadline_at TIMESTAMP,
    http_status INTEGER,
    code INTEGER,
    error_code VARCHAR(100),
    tracking_id VARCHAR(100),
    n_applied INTEGER NOT NULL,
    n_rejected INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL,
    detail VARCHAR(1000),
    PRIMARY KEY (call_id, event)
);

CREATE INDEX ix_bingads_call_stream ON bingads_call (stream_id, rank, call_id);

CREATE TABLE bingads_error (
    call_id VARCHAR(32) NOT NULL,
    row_index INTEGER NOT NULL,
    error_index INTEGER NOT NULL,
    stream_id VARCHAR(32) NOT NULL,
    run_id VARCHAR(32) NOT NULL,
    row_key VARCHAR(32) NOT NULL,
    source_ref VARCHAR(128) NOT NULL,
    origin VARCHAR(8) NOT NULL,
    code INTEGER,
    error_code VARCHAR(100),
    field_path VARCHAR(200),
    column_name VARCHAR(200),
    message VARCHAR(500),
    details VARCHAR(500),
    remedy VARCHAR(500),
    owner VARCHAR(20) NOT NULL,
    type VARCHAR(60),
    appealable BOOLEAN,
    disapproved_text VARCHAR(500),
    location VARCHAR(200),
    publisher_country VARCHAR(100),
    reason_code INTEGER,
    tracking_id VARCHAR(100),
    at TIMESTAMP NOT NULL,
    PRIMARY KEY (call_id, row_index, error_index, origin)
);

CREATE INDEX ix_bingads_error_run ON bingads_error (run_id);

CREATE INDEX ix_bingads_error_source ON bingads_error (source_ref);

CREATE TABLE bingads_lease (
    stream_id VARCHAR(32) NOT NULL,
    owner VARCHAR(1000) NOT NULL,
    epoch BIGINT NOT NULL,
    acquired_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    PRIMARY KEY (stream_id)
);

CREATE TABLE bingads_row (
    call_id VARCHAR(32) NOT NULL,
    row_index INTEGER NOT NULL,
    stream_id VARCHAR(32) NOT NULL,
    run_id VARCHAR(32) NOT NULL,
    row_key VARCHAR(32) NOT NULL,
    content_hash VARCHAR(16) NOT NULL,
    gen INTEGER NOT NULL,
    state VARCHAR(12) NOT NULL,
    rank SMALLINT NOT NULL,
    code INTEGER,
    error_code VARCHAR(100),
    field_path VARCHAR(200),
    column_name VARCHAR(200),
    message VARCHAR(500),
    n_errors INTEGER NOT NULL,
    source_ref VARCHAR(128) NOT NULL,
    event_time TIMESTAMP,
    group_name VARCHAR(200),
    remote_key VARCHAR(200),
    remote_id VARCHAR(64),
    amount NUMERIC(38, 9),
    currency VARCHAR(10),
    not_before TIMESTAMP,
    at TIMESTAMP NOT NULL,
    PRIMARY KEY (call_id, row_index, rank)
);

CREATE INDEX ix_bingads_row_key ON bingads_row (substr(row_key, 1, 8));

CREATE INDEX ix_bingads_row_problem ON bingads_row (stream_id, run_id) WHERE rank < 100;

CREATE INDEX ix_bingads_row_source ON bingads_row (source_ref);

CREATE TABLE bingads_run (
    run_id VARCHAR(32) NOT NULL,
    event VARCHAR(8) NOT NULL,
    at TIMESTAMP NOT NULL,
    stream_id VARCHAR(32) NOT NULL,
    environment VARCHAR(20) NOT NULL,
    account_id VARCHAR(40) NOT NULL,
    customer_id VARCHAR(40),
    operation VARCHAR(80) NOT NULL,
    namespace VARCHAR(100) NOT NULL,
    dag_id VARCHAR(250) NOT NULL,
    task_id VARCHAR(250) NOT NULL,
    dag_run_id VARCHAR(250) NOT NULL,
    map_index INTEGER NOT NULL,
    try_number INTEGER NOT NULL,
    epoch BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    duration_ms BIGINT,
    provider_version VARCHAR(40) NOT NULL,
    config_sha VARCHAR(64) NOT NULL,
    source_rows BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    already_rejected BIGINT NOT NULL,
    out_of_window BIGINT NOT NULL,
    applied BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    invalid BIGINT NOT NULL,
    duplicate BIGINT NOT NULL,
    superseded BIGINT NOT NULL,
    "deferred" BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    held BIGINT NOT NULL,
    more_counts TEXT NOT NULL,
    codes TEXT NOT NULL,
    calls BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    throttle_wait_ms BIGINT NOT NULL,
    outcome VARCHAR(20),
    error_class VARCHAR(200),
    PRIMARY KEY (run_id, event)
);

CREATE INDEX ix_bingads_run_dag_run ON bingads_run (dag_run_id);

CREATE INDEX ix_bingads_run_stream ON bingads_run (stream_id, at);

CREATE TABLE bingads_schema_version (
    version INTEGER NOT NULL,
    provider_version VARCHAR(40) NOT NULL,
    at TIMESTAMP NOT NULL,
    PRIMARY KEY (version)
);

CREATE VIEW bingads_row_current AS SELECT s.environment, s.account_id, s.operation, s.dag_id, s.task_id, s.dag_run_id, r.run_id, r.stream_id, r.source_ref, r.state, r.code, r.error_code, r.field_path, r.message, r.n_errors, r.event_time, r.group_name, r.remote_key, r.remote_id, r.amount, r.currency, r.not_before, r.at, r.row_key, r.content_hash, r.call_id, r.row_index, r.column_name AS "column"
FROM bingads_row AS r LEFT OUTER JOIN bingads_run AS s ON s.run_id = r.run_id AND s.event = 'start'
WHERE NOT (EXISTS (SELECT *
FROM bingads_row AS better
WHERE better.source_ref = r.source_ref AND better.stream_id = r.stream_id AND better.row_key = r.row_key AND better.content_hash = r.content_hash AND (CASE WHEN (better.rank = 100) THEN 1000000000000 ELSE 0 END + better.gen * 1000 + better.rank > CASE WHEN (r.rank = 100) THEN 1000000000000 ELSE 0 END + r.gen * 1000 + r.rank OR CASE WHEN (better.rank = 100) THEN 1000000000000 ELSE 0 END + better.gen * 1000 + better.rank = CASE WHEN (r.rank = 100) THEN 1000000000000 ELSE 0 END + r.gen * 1000 + r.rank AND (better.at > r.at OR better.at = r.at AND better.call_id > r.call_id OR better.at = r.at AND better.call_id = r.call_id AND better.row_index > r.row_index)))) AND NOT (EXISTS (SELECT *
FROM bingads_row AS newer, bingads_run AS newer_run
WHERE newer.source_ref = r.source_ref AND newer.stream_id = r.stream_id AND (newer.row_key != r.row_key OR newer.content_hash != r.content_hash) AND (newer.at > r.at OR newer.at = r.at AND newer.call_id > r.call_id OR newer.at = r.at AND newer.call_id = r.call_id AND newer.row_index > r.row_index) AND newer_run.run_id = newer.run_id AND newer_run.event = 'start' AND newer_run.dag_id = s.dag_id AND newer_run.task_id = s.task_id AND NOT (EXISTS (SELECT *
FROM bingads_row AS newer_better
WHERE newer_better.source_ref = newer.source_ref AND newer_better.stream_id = newer.stream_id AND newer_better.row_key = newer.row_key AND newer_better.content_hash = newer.content_hash AND (CASE WHEN (newer_better.rank = 100) THEN 1000000000000 ELSE 0 END + newer_better.gen * 1000 + newer_better.rank > CASE WHEN (newer.rank = 100) THEN 1000000000000 ELSE 0 END + newer.gen * 1000 + newer.rank OR CASE WHEN (newer_better.rank = 100) THEN 1000000000000 ELSE 0 END + newer_better.gen * 1000 + newer_better.rank = CASE WHEN (newer.rank = 100) THEN 1000000000000 ELSE 0 END + newer.gen * 1000 + newer.rank AND (newer_better.at > newer.at OR newer_better.at = newer.at AND newer_better.call_id > newer.call_id OR newer_better.at = newer.at AND newer_better.call_id = newer.call_id AND newer_better.row_index > newer.row_index))))));

CREATE VIEW bingads_partial_error AS SELECT s.environment, s.account_id, s.operation, s.dag_id, s.task_id, s.dag_run_id, e.run_id, c.batch_id, e.row_index, e.error_index, e.source_ref, e.origin, e.code, e.error_code, e.field_path, e.message, e.details, e.remedy, e.owner, e.type, e.appealable, e.disapproved_text, e.location, e.publisher_country, e.reason_code, e.tracking_id, e.at, e.row_key, e.call_id, e.column_name AS "column"
FROM bingads_error AS e LEFT OUTER JOIN bingads_run AS s ON s.run_id = e.run_id AND s.event = 'start' LEFT OUTER JOIN bingads_call AS c ON c.call_id = e.call_id AND c.event = 'intent';

CREATE VIEW bingads_attention AS SELECT s.environment, s.account_id, s.operation, s.dag_id, s.task_id, s.dag_run_id, r.run_id, r.source_ref, r.state, coalesce(e.owner, 'data') AS owner, coalesce(r.column_name, e.column_name) AS "column", coalesce(e.message, r.message) AS reason, e.remedy, r.code, r.error_code, r.field_path, r.n_errors, r.group_name, r.event_time, e.tracking_id, (SELECT min(same.at) AS min_1
FROM bingads_row AS same
WHERE same.source_ref = r.source_ref AND same.stream_id = r.stream_id AND same.row_key = r.row_key AND same.content_hash = r.content_hash) AS first_seen, r.at AS last_seen, r.row_key, r.content_hash, r.stream_id
FROM bingads_row AS r LEFT OUTER JOIN bingads_run AS s ON s.run_id = r.run_id AND s.event = 'start' LEFT OUTER JOIN bingads_error AS e ON e.call_id = r.call_id AND e.row_index = r.row_index AND NOT (EXISTS (SELECT *
FROM bingads_error AS earlier
WHERE earlier.call_id = e.call_id AND earlier.row_index = e.row_index AND (earlier.error_index < e.error_index OR earlier.error_index = e.error_index AND earlier.origin < e.origin)))
WHERE r.rank < 100 AND (r.state IN ('rejected', 'invalid', 'superseded', 'held') OR r.state = 'deferred' AND (coalesce(r.error_code, '') NOT IN ('FutureConversionTimeCannotBeSet', 'OfflineConversionNotAcceptedForGoal', 'RunStopped', 'NotSent', 'RefusedWithItsBatch', 'ApiExecutionError', 'BulkServiceNoMoreCallsPermittedForTheTimePeriod', 'BulkServiceTooManyRequests', 'BulkServiceUrlExpired', 'CallRateExceeded', 'CampaignServiceSystemInReadOnlyMode', 'ConcurrentRequestOverLimit', 'HTTP408', 'HTTP429', 'HTTP500', 'HTTP502', 'HTTP503', 'HTTP504', 'InternalError', 'OfflineConversionsApplyFailed', 'server_error', 'temporarily_unavailable'))) AND NOT (EXISTS (SELECT *
FROM bingads_row AS better
WHERE better.source_ref = r.source_ref AND better.stream_id = r.stream_id AND better.row_key = r.row_key AND better.content_hash = r.content_hash AND (CASE WHEN (better.rank = 100) THEN 1000000000000 ELSE 0 END + better.gen * 1000 + better.rank > CASE WHEN (r.rank = 100) THEN 1000000000000 ELSE 0 END + r.gen * 1000 + r.rank OR CASE WHEN (better.rank = 100) THEN 1000000000000 ELSE 0 END + better.gen * 1000 + better.rank = CASE WHEN (r.rank = 100) THEN 1000000000000 ELSE 0 END + r.gen * 1000 + r.rank AND (better.at > r.at OR better.at = r.at AND better.call_id > r.call_id OR better.at = r.at AND better.call_id = r.call_id AND better.row_index > r.row_index)))) AND NOT (EXISTS (SELECT *
FROM bingads_row AS newer, bingads_run AS newer_run
WHERE newer.source_ref = r.source_ref AND newer.stream_id = r.stream_id AND (newer.row_key != r.row_key OR newer.content_hash != r.content_hash) AND (newer.at > r.at OR newer.at = r.at AND newer.call_id > r.call_id OR newer.at = r.at AND newer.call_id = r.call_id AND newer.row_index > r.row_index) AND newer_run.run_id = newer.run_id AND newer_run.event = 'start' AND newer_run.dag_id = s.dag_id AND newer_run.task_id = s.task_id AND NOT (EXISTS (SELECT *
FROM bingads_row AS newer_better
WHERE newer_better.source_ref = newer.source_ref AND newer_better.stream_id = newer.stream_id AND newer_better.row_key = newer.row_key AND newer_better.content_hash = newer.content_hash AND (CASE WHEN (newer_better.rank = 100) THEN 1000000000000 ELSE 0 END + newer_better.gen * 1000 + newer_better.rank > CASE WHEN (newer.rank = 100) THEN 1000000000000 ELSE 0 END + newer.gen * 1000 + newer.rank OR CASE WHEN (newer_better.rank = 100) THEN 1000000000000 ELSE 0 END + newer_better.gen * 1000 + newer_better.rank = CASE WHEN (newer.rank = 100) THEN 1000000000000 ELSE 0 END + newer.gen * 1000 + newer.rank AND (newer_better.at > newer.at OR newer_better.at = newer.at AND newer_better.call_id > newer.call_id OR newer_better.at = newer.at AND newer_better.call_id = newer.call_id AND newer_better.row_index > newer.row_index)))))) AND NOT (EXISTS (SELECT *
FROM bingads_row AS since
WHERE substr(since.row_key, 1, 8) = substr(r.row_key, 1, 8) AND since.row_key = r.row_key AND since.stream_id = r.stream_id AND since.rank = 100 AND (since.at > r.at OR since.at = r.at AND since.call_id > r.call_id OR since.at = r.at AND since.call_id = r.call_id AND since.row_index > r.row_index)));

CREATE VIEW bingads_in_doubt AS SELECT s.environment, s.account_id, s.operation, s.dag_id, s.task_id, s.dag_run_id, r.run_id, r.source_ref, r.state, 1 AS n_rows, r.call_id, r.at AS since, NULL AS deadline_at, r.message AS reason
FROM bingads_row AS r LEFT OUTER JOIN bingads_run AS s ON s.run_id = r.run_id AND s.event = 'start'
WHERE r.rank < 100 AND r.state IN ('unknown', 'held') AND NOT (EXISTS (SELECT *
FROM bingads_row AS better
WHERE better.source_ref = r.source_ref AND better.stream_id = r.stream_id AND better.row_key = r.row_key AND better.content_hash = r.content_hash AND (CASE WHEN (better.rank = 100) THEN 1000000000000 ELSE 0 END + better.gen * 1000 + better.rank > CASE WHEN (r.rank = 100) THEN 1000000000000 ELSE 0 END + r.gen * 1000 + r.rank OR CASE WHEN (better.rank = 100) THEN 1000000000000 ELSE 0 END + better.gen * 1000 + better.rank = CASE WHEN (r.rank = 100) THEN 1000000000000 ELSE 0 END + r.gen * 1000 + r.rank AND (better.at > r.at OR better.at = r.at AND better.call_id > r.call_id OR better.at = r.at AND better.call_id = r.call_id AND better.row_index > r.row_index)))) AND NOT (EXISTS (SELECT *
FROM bingads_row AS newer, bingads_run AS newer_run
WHERE newer.source_ref = r.source_ref AND newer.stream_id = r.stream_id AND (newer.row_key != r.row_key OR newer.content_hash != r.content_hash) AND (newer.at > r.at OR newer.at = r.at AND newer.call_id > r.call_id OR newer.at = r.at AND newer.call_id = r.call_id AND newer.row_index > r.row_index) AND newer_run.run_id = newer.run_id AND newer_run.event = 'start' AND newer_run.dag_id = s.dag_id AND newer_run.task_id = s.task_id AND NOT (EXISTS (SELECT *
FROM bingads_row AS newer_better
WHERE newer_better.source_ref = newer.source_ref AND newer_better.stream_id = newer.stream_id AND newer_better.row_key = newer.row_key AND newer_better.content_hash = newer.content_hash AND (CASE WHEN (newer_better.rank = 100) THEN 1000000000000 ELSE 0 END + newer_better.gen * 1000 + newer_better.rank > CASE WHEN (newer.rank = 100) THEN 1000000000000 ELSE 0 END + newer.gen * 1000 + newer.rank OR CASE WHEN (newer_better.rank = 100) THEN 1000000000000 ELSE 0 END + newer_better.gen * 1000 + newer_better.rank = CASE WHEN (newer.rank = 100) THEN 1000000000000 ELSE 0 END + newer.gen * 1000 + newer.rank AND (newer_better.at > newer.at OR newer_better.at = newer.at AND newer_better.call_id > newer.call_id OR newer_better.at = newer.at AND newer_better.call_id = newer.call_id AND newer_better.row_index > newer.row_index)))))) AND NOT (EXISTS (SELECT *
FROM bingads_row AS since
WHERE substr(since.row_key, 1, 8) = substr(r.row_key, 1, 8) AND since.row_key = r.row_key AND since.stream_id = r.stream_id AND since.content_hash = r.content_hash AND CASE WHEN (since.rank = 100) THEN 1000000000000 ELSE 0 END + since.gen * 1000 + since.rank > CASE WHEN (r.rank = 100) THEN 1000000000000 ELSE 0 END + r.gen * 1000 + r.rank)) UNION ALL SELECT s.environment, s.account_id, s.operation, s.dag_id, s.task_id, s.dag_run_id, c.run_id, NULL AS source_ref, CASE WHEN (EXISTS (SELECT *
FROM bingads_call AS doubt
WHERE doubt.call_id = c.call_id AND doubt.event = 'unknown')) THEN 'unknown' ELSE 'in_flight' END AS state, b.n_rows, c.call_id, c.at AS since, c.deadline_at, 'sent, and no answer is recorded' AS reason
FROM bingads_call AS c JOIN bingads_batch AS b ON b.batch_id = c.batch_id LEFT OUTER JOIN bingads_run AS s ON s.run_id = c.run_id AND s.event = 'start'
WHERE c.event = 'intent' AND NOT (EXISTS (SELECT *
FROM bingads_call AS later
WHERE later.call_id = c.call_id AND later.rank >= 3)) AND NOT (EXISTS (SELECT *
FROM bingads_row AS told
WHERE told.call_id = c.call_id));

CREATE VIEW bingads_run_summary AS SELECT s.environment, s.account_id, s.customer_id, s.operation, s.namespace, s.dag_id, s.task_id, s.dag_run_id, s.map_index, s.try_number, s.run_id, s.started_at, e.at AS ended_at, coalesce(e.outcome, 'unfinished') AS outcome, e.duration_ms, e.source_rows, e.skipped, e.already_rejected, e.out_of_window, e.applied, e.rejected, e.invalid, e.duplicate, e.superseded, e."deferred", e.unknown, e.held, e.more_counts, e.codes, e.calls, e.retries, e.throttle_wait_ms, e.error_class, s.provider_version
FROM bingads_run AS s LEFT OUTER JOIN bingads_run AS e ON e.run_id = s.run_id AND e.event = 'end'
WHERE s.event = 'start';

INSERT INTO bingads_schema_version VALUES (2, '0.1.0', '2026-11-01 08:00:00.000000');

INSERT INTO bingads_run VALUES ('r0000000000000000000000000000001', 'start', '2026-11-01 08:00:00.000000', '55555555555555555555555555555555', 'emulator', '1001', NULL, 'ApplyOfflineConversions', 'default', 'sales', 'upload', 'scheduled__1', -1, 1, 1, '2026-11-01 08:00:00.000000', NULL, '0.1.0', '0000000000000000000000000000000000000000000000000000000000000000', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}', '[]', 0, 0, 0, NULL, NULL);

INSERT INTO bingads_row VALUES ('c0000000000000000000000000000001', 0, '55555555555555555555555555555555', 'r0000000000000000000000000000001', '0123456789abcdef0123456789abcdef', 'aaaaaaaaaaaaaaaa', 0, 'rejected', 60, 5603, 'Invalid', NULL, 'amount', 'not a number', 1, 'order-1', NULL, NULL, NULL, NULL, 12.5, 'EUR', NULL, '2026-11-01 08:01:00.000000');
