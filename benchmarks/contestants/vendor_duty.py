"""What the scripts on both vendor packages share: reading with pandas, writing back what became of each row."""

import datetime as dt

import pandas as pd
import sqlalchemy
from bingads import authorization
from bingads.authorization import AuthorizationData, OAuthDesktopMobileAuthCodeGrant

CALL_ROWS = 1000


def open_warehouse(job):
    """Return the engine and all rows."""
    engine = sqlalchemy.create_engine(job["database_url"])
    rows = pd.read_sql(
        "SELECT * FROM offline_conversions ORDER BY conversion_id",
        engine,
        parse_dates={"conversion_time": {"utc": True}},
    )
    return engine, rows


def parts(rows):
    """Yield what goes into one call."""
    for start in range(0, len(rows), CALL_ROWS):
        yield rows.iloc[start : start + CALL_ROWS]


def write_back(engine, part, errors, tracking_id):
    """Append the outcome of each row of a call.

    :param errors: (index, code, symbol, message) of each error.
    """
    results = pd.DataFrame(
        {
            "conversion_id": part["conversion_id"].to_numpy(),
            "status": "applied",
            "code": None,
            "error_code": None,
            "message": None,
            "tracking_id": tracking_id,
            "sent_at": dt.datetime.now(dt.UTC),
        }
    )
    for index, code, error_code, message in errors:
        results.loc[index, ["status", "code", "error_code", "message"]] = ["rejected", code, error_code, message]
    results.to_sql("conversion_results", engine, if_exists="append", index=False)


def sign_in(job):
    """Return the vendor's own authorisation, its token got from the emulator."""
    endpoints = authorization._UriOAuthService.AUTH_TOKEN_URI
    endpoints.update(dict.fromkeys(endpoints, job["url"] + "/common/oauth2/v2.0/token"))
    authentication = OAuthDesktopMobileAuthCodeGrant(client_id=job["client_id"])
    authentication._client_secret = job["client_secret"]
    authentication.request_oauth_tokens_by_refresh_token(job["refresh_token"])
    return AuthorizationData(
        account_id=job["account_id"],
        customer_id=job["customer_id"],
        developer_token=job["developer_token"],
        authentication=authentication,
    )
