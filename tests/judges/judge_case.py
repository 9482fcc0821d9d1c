"""The case both vendor clients play against the emulator, and how it is seen to end; standard library only.

The scripts run in the vendors' environments, which hold nothing of this project but this folder.
"""

import datetime as dt
import json
import sys
import urllib.request

GOAL = "Judged purchase"
ROWS = 1000
BAD_ROWS = {100: "no name", 500: "too old", 900: "no such currency"}


def conversions(now):
    """Return the rows as plain dicts with API field names; three of them can only be refused."""
    rows = []
    for index in range(ROWS):
        bad = BAD_ROWS.get(index)
        age = dt.timedelta(days=91) if bad == "too old" else dt.timedelta(minutes=index + 1)
        rows.append(
            {
                "MicrosoftClickId": f"{index:032x}",
                "ConversionName": "" if bad == "no name" else GOAL,
                "ConversionTime": now - age,
                "ConversionValue": index / 4,
                "ConversionCurrencyCode": "QQQ" if bad == "no such currency" else "USD",
            }
        )
    return rows


def emulator():
    """Return the start line of the emulator, given on standard input."""
    return json.load(sys.stdin)


def control(url, path, body=None):
    """Ask the emulator's control interface; with a body it is a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{url}/__emulator__/{path}", data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def now_of(url):
    """Return the emulator's time as an aware datetime."""
    return dt.datetime.fromisoformat(control(url, "health")["now"])


def report(**found):
    """Write what was found to standard output, for the test to judge."""
    json.dump(found, sys.stdout)
