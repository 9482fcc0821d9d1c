"""What the API is: its operations, types, and each field's right, as data with a loader."""

from airflow_provider_bingads.contract.loader import (
    DataType,
    FieldType,
    Operation,
    Service,
    operation,
    service,
    service_names,
    wsdl_path,
)

__all__ = ["DataType", "FieldType", "Operation", "Service", "operation", "service", "service_names", "wsdl_path"]
