"""Names by which runs know each other: a changed one would make a ledger forget what it delivered."""

from __future__ import annotations

from hashlib import sha256

import pytest

from airflow_provider_bingads.domain.records import RunIdentity
from airflow_provider_bingads.sync.settings import DeliverySettings, stream_id_of

STREAM = {
    "environment": "production",
    "account_id": "148000001",
    "operation": "ApplyOfflineConversions",
    "namespace": "default",
}


def test_the_name_of_a_stream_is_what_it_always_was() -> None:
    text = "bingads-stream-v1\0production\x00148000001\0ApplyOfflineConversions\0default"

    assert stream_id_of(**STREAM) == sha256(text.encode()).hexdigest()[:32]


@pytest.mark.parametrize("part", list(STREAM))
def test_streams_that_differ_in_one_part_share_no_memory(part: str) -> None:
    assert stream_id_of(**{**STREAM, part: "other"}) != stream_id_of(**STREAM)


def test_the_holder_of_a_lease_is_named_as_airflow_names_it() -> None:
    settings = DeliverySettings(
        run_id="0123456789abcdef" * 2,
        identity=RunIdentity("sales", "upload", "manual__1", -1, 3),
        environment="production",
        operation="ApplyOfflineConversions",
        namespace="default",
        batch_size=1000,
        max_in_flight=4,
        lease_seconds=30.0,
        lease_wait_seconds=900.0,
        call_deadline_seconds=120.0,
        validate_only=False,
        provider_version="1",
        config_sha="c",
    )

    assert settings.owner == "sales/upload run manual__1 try 3 [89abcdef]"
