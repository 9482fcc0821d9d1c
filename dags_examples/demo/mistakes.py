"""The ways in which people break rows of a conversions table; the demo makes an equal number of each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Conversion(NamedTuple):
    """One row of the table ``offline_conversions``."""

    purchase_id: int
    microsoft_click_id: str | None
    email_address: str | None
    conversion_name: str | None
    conversion_time: str | None
    conversion_value: str | None
    conversion_currency_code: str | None
    loaded_at: str


class Mistake(NamedTuple):
    """One way to break a row.

    :param repeats_original: the row keeps the click id of the purchase it was copied from.
    """

    name: str
    make: Callable[[Conversion, datetime], Conversion]
    repeats_original: bool = False


def _click_id_cut_short(row: Conversion, _: datetime) -> Conversion:
    return row._replace(microsoft_click_id=str(row.microsoft_click_id)[:31])


def _click_id_with_parameter_name(row: Conversion, _: datetime) -> Conversion:
    return row._replace(microsoft_click_id=f"msclkid={row.microsoft_click_id}")


def _click_id_of_another_network(row: Conversion, _: datetime) -> Conversion:
    return row._replace(microsoft_click_id=f"CjwKCAiA{row.microsoft_click_id}_wcB")


def _nothing_to_match_by(row: Conversion, _: datetime) -> Conversion:
    return row._replace(microsoft_click_id=None, email_address=None)


def _email_that_is_none(row: Conversion, _: datetime) -> Conversion:
    return row._replace(email_address="jane at example.com")


def _goal_misspelt(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_name="Purchase (old)")


def _goal_missing(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_name=None)


def _goal_with_control_character(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_name="Repeat\x0bpurchase")


def _time_missing(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_time=None)


def _time_in_local_notation(row: Conversion, newest: datetime) -> Conversion:
    return row._replace(conversion_time=f"{newest:%d.%m.%y} 2 pm")


def _time_next_year(row: Conversion, newest: datetime) -> Conversion:
    return row._replace(conversion_time=f"{newest + timedelta(days=365):%Y-%m-%d %H:%M:%S}")


def _time_long_ago(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_time="1997-06-30 12:00:00")


def _value_negative(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_value="-14.99")


def _value_with_comma(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_value="14,99")


def _value_with_sign(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_value="$14.99")


def _value_not_a_number(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_value="NaN")


def _value_out_of_range(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_value="99999999999999")


def _currency_as_a_sign(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_currency_code="US$")


def _loaded_twice(row: Conversion, _: datetime) -> Conversion:
    return row


def _corrected_in_a_second_row(row: Conversion, _: datetime) -> Conversion:
    return row._replace(conversion_value="1.00")


MISTAKES = (
    Mistake("click id cut short", _click_id_cut_short),
    Mistake("click id with its parameter name", _click_id_with_parameter_name),
    Mistake("click id of another network", _click_id_of_another_network),
    Mistake("neither click id nor e-mail", _nothing_to_match_by),
    Mistake("e-mail that is none", _email_that_is_none),
    Mistake("goal that does not exist", _goal_misspelt),
    Mistake("goal missing", _goal_missing),
    Mistake("goal with a control character", _goal_with_control_character),
    Mistake("time missing", _time_missing),
    Mistake("time in local notation", _time_in_local_notation),
    Mistake("time a year ahead", _time_next_year),
    Mistake("time long ago", _time_long_ago),
    Mistake("value negative", _value_negative),
    Mistake("value with a comma", _value_with_comma),
    Mistake("value with a currency sign", _value_with_sign),
    Mistake("value not a number", _value_not_a_number),
    Mistake("value out of range", _value_out_of_range),
    Mistake("currency as a sign", _currency_as_a_sign),
    Mistake("loaded twice", _loaded_twice, repeats_original=True),
    Mistake("corrected in a second row", _corrected_in_a_second_row, repeats_original=True),
)
