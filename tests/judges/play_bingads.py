"""Plays the case with the vendor's SOAP package; runs in its environment."""

import judge_case
from bingads import authorization
from bingads.authorization import AuthorizationData, OAuthWebAuthCodeGrant
from bingads.service_client import ServiceClient
from bingads.v13.bulk.entities import *  # noqa: F403 - the package patches suds while it is imported


def main():
    """Token, goal, two hours later a thousand conversions; report what came back."""
    start = judge_case.emulator()
    url = start["url"]
    endpoints = authorization._UriOAuthService.AUTH_TOKEN_URI
    endpoints.update(dict.fromkeys(endpoints, f"{url}/common/oauth2/v2.0/token"))

    authentication = OAuthWebAuthCodeGrant(start["client_id"], start["client_secret"], "http://localhost/signed-in")
    tokens = authentication.request_oauth_tokens_by_refresh_token(start["refresh_token"])
    data = AuthorizationData(
        account_id=start["account_id"],
        customer_id=start["customer_id"],
        developer_token=start["developer_token"],
        authentication=authentication,
    )
    customer = service("CustomerManagementService", f"{url}/Api/CustomerManagement/v13", data)
    campaign = service("CampaignManagementService", f"{url}/Api/Advertiser/CampaignManagement/v13", data)
    user = customer.GetUser(UserId=None).User
    # suds gives the one field of a reply instead of the reply
    account = customer.GetAccount(AccountId=start["account_id"])

    goal = campaign.factory.create("OfflineConversionGoal")
    clear(goal)
    goal.Name = judge_case.GOAL
    goal.ConversionWindowInMinutes = 43200
    goal.CountType = "All"
    goal.GoalCategory = "Purchase"
    goal.Scope = "Account"
    goal.Status = "Active"
    goal.Revenue = campaign.factory.create("ConversionGoalRevenue")
    clear(goal.Revenue)
    goal.Revenue.Type = "VariableValue"
    goal.Revenue.Value = 5
    goal.Revenue.CurrencyCode = "USD"
    goals = campaign.factory.create("ArrayOfConversionGoal")
    goals.ConversionGoal.append(goal)
    added = campaign.AddConversionGoals(ConversionGoals=goals)
    read = campaign.GetConversionGoalsByIds(ConversionGoalTypes="OfflineConversion", ConversionGoalIds=None)

    judge_case.control(url, "clock", {"advance": 7201})
    sent = campaign.factory.create("ArrayOfOfflineConversion")
    now = judge_case.now_of(url)
    for row in judge_case.conversions(now):
        conversion = campaign.factory.create("OfflineConversion")
        clear(conversion)
        for name, value in row.items():
            setattr(conversion, name, value)
        sent.OfflineConversion.append(conversion)
    errors = campaign.ApplyOfflineConversions(OfflineConversions=sent)

    judge_case.report(
        now=now.isoformat(),
        rotated=tokens.refresh_token != start["refresh_token"],
        user=str(user.Id),
        account=str(account.Id),
        goal_errors=len(added.PartialErrors or []),
        goals=[[str(goal.Id), goal.Name, type(goal).__name__] for goal in read.ConversionGoals.ConversionGoal],
        goal_ids=[str(one) for one in added.ConversionGoalIds.long],
        errors=[[error.Index, error.Code, error.ErrorCode] for error in errors.BatchError],
        tracking_id=bool(campaign.get_response_header()["TrackingId"]),
    )


def service(name, folder, data):
    """Return a client of the vendor's own WSDL that talks to the emulator."""
    return ServiceClient(name, 13, data, environment="production", location=f"{folder}/{name}.svc")


def clear(thing):
    """Set every element to None, as the vendor's examples do: suds writes an empty element for one never set."""
    for name in thing.__keylist__:
        setattr(thing, name, None)


main()
