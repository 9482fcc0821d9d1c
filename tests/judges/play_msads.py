"""Plays the case with the vendor's REST package; runs in its environment."""

import judge_case
from bingads import authorization
from bingads.authorization import AuthorizationData, OAuthWebAuthCodeGrant
from bingads.service_client import ServiceClient
from openapi_client.models import campaign as _  # noqa: F401 - fills openapi_client.models
from openapi_client.models.campaign.add_conversion_goals_request import AddConversionGoalsRequest
from openapi_client.models.campaign.apply_offline_conversions_request import ApplyOfflineConversionsRequest
from openapi_client.models.campaign.conversion_goal_revenue import ConversionGoalRevenue
from openapi_client.models.campaign.conversion_goal_type import ConversionGoalType
from openapi_client.models.campaign.get_conversion_goals_by_ids_request import GetConversionGoalsByIdsRequest
from openapi_client.models.campaign.offline_conversion import OfflineConversion
from openapi_client.models.campaign.offline_conversion_goal import OfflineConversionGoal
from openapi_client.models.customer.get_account_request import GetAccountRequest
from openapi_client.models.customer.get_user_request import GetUserRequest


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
    customer = ServiceClient("CustomerManagementService", 13, data, location=url)
    campaign = ServiceClient("CampaignManagementService", 13, data, location=url)
    user = customer.get_user(get_user_request=GetUserRequest(user_id=None)).user
    account = customer.get_account(get_account_request=GetAccountRequest(account_id=str(start["account_id"]))).account

    goal = OfflineConversionGoal(
        name=judge_case.GOAL,
        conversion_window_in_minutes=43200,
        count_type="All",
        goal_category="Purchase",
        scope="Account",
        status="Active",
        revenue=ConversionGoalRevenue(type="VariableValue", value=5.0, currency_code="USD"),
    )
    added = campaign.add_conversion_goals(
        add_conversion_goals_request=AddConversionGoalsRequest(conversion_goals=[goal])
    )
    read = campaign.get_conversion_goals_by_ids(
        get_conversion_goals_by_ids_request=GetConversionGoalsByIdsRequest(
            conversion_goal_types=ConversionGoalType.OFFLINECONVERSION
        )
    )

    judge_case.control(url, "clock", {"advance": 7201})
    # the token has expired meanwhile, and this package does not renew it by itself
    authentication.request_oauth_tokens_by_refresh_token(authentication.oauth_tokens.refresh_token)
    now = judge_case.now_of(url)
    sent = [OfflineConversion(**row) for row in judge_case.conversions(now)]
    applied = campaign.apply_offline_conversions(
        apply_offline_conversions_request=ApplyOfflineConversionsRequest(offline_conversions=sent)
    )

    judge_case.report(
        now=now.isoformat(),
        rotated=tokens.refresh_token != start["refresh_token"],
        user=user.id,
        account=account.id,
        goal_errors=len(added.partial_errors or []),
        goals=[[goal.id, goal.name, type(goal).__name__] for goal in read.conversion_goals],
        goal_ids=added.conversion_goal_ids,
        errors=[[error.index, error.code, error.error_code] for error in applied.partial_errors],
        tracking_id=None,
    )


main()
