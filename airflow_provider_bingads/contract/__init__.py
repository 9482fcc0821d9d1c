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
from airflow_provider_bingads.contract.rights import (
    FieldRight,
    Meaning,
    OperationRights,
    Reading,
    Right,
    rights,
    rights_names,
)

__all__ = [
    "DataType",
    "FieldRight",
    "FieldType",
    "Meaning",
    "Operation",
    "OperationRights",
    "Reading",
    "Right",
    "Service",
    "operation",
    "rights",
    "rights_names",
    "service",
    "service_names",
    "wsdl_path",
]
