"""The duty done with the vendor's REST package, along the lines of its own examples; runs in its environment."""

import job as jobs
import vendor_duty
from bingads.service_client import ServiceClient
from openapi_client.models import campaign as _  # noqa: F401 - fills openapi_client.models
from openapi_client.models.campaign.apply_offline_conversions_request import ApplyOfflineConversionsRequest
from openapi_client.models.campaign.offline_conversion import OfflineConversion


def main():
    """Send every row and record what became of it."""
    job = jobs.job()
    engine, rows = vendor_duty.open_warehouse(job)
    service = ServiceClient("CampaignManagementService", 13, vendor_duty.sign_in(job), location=job["url"])
    for part in vendor_duty.parts(rows):
        request = ApplyOfflineConversionsRequest(offline_conversions=conversions(part))
        found = service.apply_offline_conversions(apply_offline_conversions_request=request)
        errors = [(error.index, error.code, error.error_code, error.message) for error in found.partial_errors or ()]
        vendor_duty.write_back(engine, part, errors, service.get_response_header().get("TrackingId"))
    jobs.finish(job)


def conversions(part):
    """Return the objects of one call."""
    return [
        OfflineConversion(
            microsoft_click_id=row.microsoft_click_id,
            conversion_name=row.conversion_name,
            conversion_time=row.conversion_time.to_pydatetime(),
            conversion_value=row.conversion_value,
            conversion_currency_code=row.conversion_currency_code,
        )
        for row in part.itertuples(index=False)
    ]


main()
