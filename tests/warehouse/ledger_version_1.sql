-- A ledger as version 1 made it, with one row in it; portable SQL, run by the migration's test.

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

CREATE INDEX ix_bingads_row_key ON bingads_row (row_key);

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

INSERT INTO bingads_schema_version VALUES (1, '0.1.0', '2026-11-01 08:00:00.000000');

INSERT INTO bingads_run VALUES ('r0000000000000000000000000000001', 'start', '2026-11-01 08:00:00.000000', '55555555555555555555555555555555', 'emulator', '1001', NULL, 'ApplyOfflineConversions', 'default', 'sales', 'upload', 'scheduled__1', -1, 1, 1, '2026-11-01 08:00:00.000000', NULL, '0.1.0', '0000000000000000000000000000000000000000000000000000000000000000', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}', '[]', 0, 0, 0, NULL, NULL);

INSERT INTO bingads_row VALUES ('c0000000000000000000000000000001', 0, '55555555555555555555555555555555', 'r0000000000000000000000000000001', '0123456789abcdef0123456789abcdef', 'aaaaaaaaaaaaaaaa', 0, 'rejected', 60, 5603, 'Invalid', NULL, 'amount', 'not a number', 1, 'order-1', NULL, NULL, NULL, NULL, 12.5, 'EUR', NULL, '2026-11-01 08:01:00.000000');
