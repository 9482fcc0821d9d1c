"""The least that sending can cost: SELECT, JSON, HTTP, one call after the other; nothing is checked or recorded."""

import http.client
import json
import sqlite3
import urllib.parse
import urllib.request

import job as jobs

CALL_ROWS = 1000
COLUMNS = "microsoft_click_id, conversion_name, conversion_time, conversion_value, conversion_currency_code"


def main():
    """Send every row."""
    job = jobs.job()
    headers = {
        "Authorization": f"Bearer {access_token(job)}",
        "DeveloperToken": job["developer_token"],
        "CustomerId": job["customer_id"],
        "CustomerAccountId": job["account_id"],
        "Content-Type": "application/json",
    }
    service = http.client.HTTPConnection(urllib.parse.urlsplit(job["url"]).netloc)
    cursor = sqlite3.connect(job["sqlite_path"]).execute(f"SELECT {COLUMNS} FROM offline_conversions")
    while rows := cursor.fetchmany(CALL_ROWS):
        conversions = [
            {
                "MicrosoftClickId": click,
                "ConversionName": name,
                "ConversionTime": time.replace(" ", "T") + "Z",
                "ConversionValue": value,
                "ConversionCurrencyCode": currency,
            }
            for click, name, time, value, currency in rows
        ]
        body = json.dumps({"OfflineConversions": conversions})
        service.request("POST", "/CampaignManagement/v13/OfflineConversions/Apply", body, headers)
        json.loads(service.getresponse().read())
    jobs.finish(job)


def access_token(job):
    """Sign in."""
    form = {name: job[name] for name in ("client_id", "client_secret", "refresh_token")}
    data = urllib.parse.urlencode({"grant_type": "refresh_token", **form}).encode()
    with urllib.request.urlopen(job["url"] + "/common/oauth2/v2.0/token", data) as reply:
        return json.load(reply)["access_token"]


main()
