"""A reply counts only when it is whole; a fault counts whatever its status says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from airflow_provider_bingads.api.http import WireReply
from airflow_provider_bingads.api.replies import Answer, Refusal, Unreadable, tracking_id_of
from airflow_provider_bingads.api.rest import read_rest

EXPECTED = ("PartialErrors",)
AD_API_ERROR = {"Code": 109, "ErrorCode": "AuthenticationTokenExpired", "Message": "m", "Detail": "d"}
OPERATION_ERROR = {"Code": 5601, "ErrorCode": "OfflineConversionsLimitExceeded", "Message": "m", "Details": "d"}


def read(body: Any, status: int = 200) -> Answer | Refusal | Unreadable:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return read_rest("CampaignManagement", WireReply(status, {}, content), EXPECTED)


def error(**fields: Any) -> dict[str, Any]:
    return {"PartialErrors": [{"Index": 0, "Code": 5606, "ErrorCode": "X", **fields}]}


@pytest.mark.parametrize("errors", [[], None])
def test_no_errors_means_accepted(errors: Any) -> None:
    """The field is nillable: an explicit null is a whole answer, a missing field is not."""
    assert read({"PartialErrors": errors}) == Answer({"PartialErrors": errors}, ())


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"<html><body>Sign in</body></html>", "not JSON"),
        (b'{"PartialErrors": [', "not JSON"),
        (b'{"PartialErrors": []} trailing', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, ""),
        ([], "no JSON object"),
        ("PartialErrors", "no JSON object"),
        ({}, "lacks PartialErrors"),
        ({"CampaignIds": []}, "lacks PartialErrors"),
        ({"PartialErrors": {}}, "no list"),
        ({"PartialErrors": ["x"]}, "no error"),
        ({"PartialErrors": [None]}, "no error"),
        (error(Index="3"), "no whole number"),
        (error(Index=1.5), "no whole number"),
        (error(Index=True), "no whole number"),
    ],
)
def test_anything_else_with_status_200_proves_nothing(body: Any, why: str) -> None:
    found = read(body)
    assert isinstance(found, Unreadable)
    assert why in found.sentence


@pytest.mark.parametrize("status", [201, 202, 204, 301, 400, 404, 500, 503])
def test_a_success_body_counts_only_with_status_200(status: int) -> None:
    assert isinstance(read({"PartialErrors": []}, status), Unreadable)


def test_an_error_without_an_index_is_kept_for_the_delivery_to_judge() -> None:
    found = read({"PartialErrors": [{"Code": 5606}]})
    assert isinstance(found, Answer)
    assert found.errors[0].index is None


def test_every_field_of_an_editorial_error_is_kept() -> None:
    found = read(
        error(
            Type="EditorialError",
            FieldPath="OfflineConversions.ConversionName",
            Message="not allowed",
            Details="more",
            Appealable=True,
            DisapprovedText="word",
            Location="here",
            PublisherCountry="US",
            ReasonCode=7,
        )
    )
    assert isinstance(found, Answer)
    kept = found.errors[0]
    assert (kept.type, kept.appealable, kept.disapproved_text, kept.reason_code) == ("EditorialError", True, "word", 7)
    assert (kept.field_path, kept.message, kept.details) == ("OfflineConversions.ConversionName", "not allowed", "more")


def test_what_the_service_repeats_of_a_row_is_taken_out() -> None:
    found = read(error(Message="jane.doe@example.com is wrong, so is 0049 170 1234567", FieldPath="a@b.example"))
    assert isinstance(found, Answer)
    text = repr(found.errors)
    assert "jane" not in text
    assert "1234567" not in text
    assert "a@b" not in text


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Type": "AdApiFaultDetail", "TrackingId": "t-1", "Errors": [AD_API_ERROR]}, 109),
        ({"Errors": [AD_API_ERROR], "TrackingId": "t-1"}, 109),
        (
            {"Type": "ApiFaultDetail", "TrackingId": "t-1", "BatchErrors": [], "OperationErrors": [OPERATION_ERROR]},
            5601,
        ),
        ({"TrackingId": "t-1", "OperationErrors": [{"Code": 1001, "Details": "", "Message": "no"}]}, 1001),
        ({"TrackingId": "t-1", "BatchErrors": [{"Code": 5602, "Index": 0}], "OperationErrors": None}, 5602),
        ({"TrackingId": "t-1", "EditorialErrors": [{"Code": 1043}], "BatchErrors": []}, 1043),
    ],
)
def test_a_fault_is_found_by_its_shape_under_any_status(body: dict[str, Any], code: int, status: int) -> None:
    found = read(body, status)
    assert isinstance(found, Refusal)
    assert found.fault.code == code
    assert found.tracking_id == "t-1"


@pytest.mark.parametrize(
    ("codes", "decisive"),
    [([109, 106], 106), ([106, 109], 106), ([117, 109], 109), ([999_999, 117], 117), ([0, 5601], 5601)],
)
def test_of_several_errors_the_most_decisive_counts(codes: list[int], decisive: int) -> None:
    """What a new token cannot cure outranks an expired token."""
    found = read({"Errors": [{"Code": code} for code in codes]}, 400)
    assert isinstance(found, Refusal)
    assert found.fault.code == decisive


@pytest.mark.parametrize(
    "body", [{"Errors": []}, {"Errors": None}, {"Errors": "x"}, {"error": "x"}, {"Errors": [None, 3]}, "Errors", None]
)
def test_what_names_no_error_is_no_fault(body: Any) -> None:
    assert isinstance(read(body, 400), Unreadable)


def test_an_answer_is_not_mistaken_for_a_fault() -> None:
    """Replies of other operations may carry such names beside what was asked for."""
    found = read({"PartialErrors": [], "OperationErrors": [OPERATION_ERROR]})
    assert isinstance(found, Answer)


def test_details_come_under_two_names() -> None:
    for name in ("Detail", "Details"):
        found = read({"Errors": [{"Code": 105, name: "why"}]}, 400)
        assert isinstance(found, Refusal)
        assert found.fault.details == "why"


@pytest.mark.parametrize(
    ("value", "kept"),
    [("3c2a-1F", "3c2a-1F"), ("a b", None), ("x" * 65, None), ("<b>", None), (None, None), (5, None), ("", None)],
)
def test_only_a_plausible_tracking_id_is_kept(value: Any, kept: str | None) -> None:
    assert tracking_id_of(value) == kept
