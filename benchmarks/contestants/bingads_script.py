"""The duty done with the vendor's SOAP package, along the lines of its own examples; runs in its environment."""

import job as jobs
import vendor_duty
from bingads.service_client import ServiceClient
from bingads.v13.bulk.entities import *  # noqa: F403 - the package patches suds while it is imported

PATH = "/Api/Advertiser/CampaignManagement/v13/CampaignManagementService.svc"


def main():
    """Send every row and record what became of it."""
    job = jobs.job()
    engine, rows = vendor_duty.open_warehouse(job)
    service = ServiceClient(
        service="CampaignManagementService",
        version=13,
        authorization_data=vendor_duty.sign_in(job),
        environment="production",
        location=job["url"] + PATH,
    )
    for part in vendor_duty.parts(rows):
        found = service.ApplyOfflineConversions(OfflineConversions=conversions(service, part))
        errors = [
            (error.Index, error.Code, error.ErrorCode, error.Message)
            for error in getattr(found, "BatchError", None) or ()
        ]
        vendor_duty.write_back(engine, part, errors, service.get_response_header()["TrackingId"])
    jobs.finish(job)


def conversions(service, part):
    """Return the objects of one call."""
    array = service.factory.create("ArrayOfOfflineConversion")
    for row in part.itertuples(index=False):
        conversion = service.factory.create("OfflineConversion")
        # suds writes an empty element for what was never set, and the service refuses that
        for name in conversion.__keylist__:
            setattr(conversion, name, None)
        conversion.MicrosoftClickId = row.microsoft_click_id
        conversion.ConversionName = row.conversion_name
        conversion.ConversionTime = row.conversion_time.to_pydatetime()
        conversion.ConversionValue = row.conversion_value
        conversion.ConversionCurrencyCode = row.conversion_currency_code
        array.OfflineConversion.append(conversion)
    return array


main()
