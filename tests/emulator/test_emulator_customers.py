"""GetUser, GetAccount and GetAccountsInfo on both transports."""

from __future__ import annotations

from collections.abc import Callable

from emulator_kit import CUSTOMER, Caller


def test_the_current_user_is_told_with_the_roles(caller: Caller) -> None:
    answer = caller.call("GetUser", {"UserId": None}, CUSTOMER)

    assert answer.value["User"]["UserLifeCycleStatus"] == "Active"
    (role,) = answer.value["CustomerRoles"]
    assert str(role["CustomerId"]) == caller.emulator.credentials.customer_id


def test_another_user_is_not_told(caller: Caller) -> None:
    assert caller.call("GetUser", {"UserId": 5}, CUSTOMER).fault_codes == [1001]
    own = caller.call("GetUser", {}, CUSTOMER).value["User"]["Id"]
    assert caller.call("GetUser", {"UserId": int(own)}, CUSTOMER).value["User"]["Id"] == own


def test_an_account_is_told_with_all_its_fields(caller: Caller) -> None:
    account_id = int(caller.emulator.credentials.account_id)

    answer = caller.call("GetAccount", {"AccountId": account_id}, CUSTOMER)

    assert int(answer.value["Account"]["Id"]) == account_id
    assert answer.value["Account"]["CurrencyCode"] == "USD"


def test_a_missing_or_foreign_account_is_a_fault(caller: Caller) -> None:
    assert caller.call("GetAccount", {}, CUSTOMER).fault_codes == [2108]
    assert caller.call("GetAccount", {"AccountId": 5}, CUSTOMER).fault_codes == [1001]


def test_all_accounts_of_the_user_are_listed(caller_with: Callable[..., Caller]) -> None:
    caller = caller_with(accounts=3)
    customer_id = int(caller.emulator.credentials.customer_id)

    every = caller.call("GetAccountsInfo", {"OnlyParentAccounts": False}, CUSTOMER)
    own = caller.call("GetAccountsInfo", {"CustomerId": customer_id}, CUSTOMER)

    assert len(every.value["AccountsInfo"]) == len(own.value["AccountsInfo"]) == 3


def test_accounts_of_another_customer_are_not_listed(caller: Caller) -> None:
    assert caller.call("GetAccountsInfo", {"CustomerId": 5}, CUSTOMER).fault_codes == [1001]
