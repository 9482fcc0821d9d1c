"""The contract's WSDL as an XML schema that validates messages, and as a document for clients that ask for it."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from typing import Any, Final
from xml.sax.saxutils import escape

from lxml import etree

from airflow_provider_bingads.contract import wsdl_path

__all__ = ["first_error", "validator", "wsdl"]

_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_ADDRESS: Final = re.compile(rb'(<soap:address\b[^>]*\blocation=")[^"]*(")')


class _Documents(etree.Resolver):
    """Serves the WSDL's own schemas from memory, and nothing else."""

    def __init__(self, documents: dict[str, bytes]) -> None:
        super().__init__()
        self._documents = documents

    # lxml calls it with three arguments, its stubs know two
    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]
        """Return one of the schemas."""
        del public_id
        if system_url not in self._documents:
            raise LookupError(f"The schema asks for {system_url}, which is no part of it.")
        return self.resolve_string(self._documents[system_url], context, base_url=system_url)


@cache
def validator(service_name: str) -> etree.XMLSchema:
    """Return the schema of all messages, headers and faults of a service.

    :raises LookupError: the contract has no WSDL of this service.
    """
    root = etree.parse(str(wsdl_path(service_name)), _parser()).getroot()
    schemas = root.findall(f"{_WSDL}types/{_XS}schema")
    addresses = {schema.get("targetNamespace"): f"memory:///{index}.xsd" for index, schema in enumerate(schemas)}
    documents = {}
    for schema in schemas:
        # a schema inside a WSDL may use prefixes that the WSDL declares: they have to come along
        alone = etree.Element(schema.tag, dict(schema.attrib), nsmap={**_prefixes(root), **_prefixes(schema)})
        alone.extend(deepcopy(list(schema)))
        for imported in alone.findall(f"{_XS}import"):
            imported.set("schemaLocation", addresses[imported.get("namespace")])
        documents[addresses[schema.get("targetNamespace")]] = etree.tostring(alone)
    imports = "".join(
        f'<xs:import namespace="{namespace}" schemaLocation="{address}"/>' for namespace, address in addresses.items()
    )
    parser = _parser()
    parser.resolvers.add(_Documents(documents))
    whole = f'<xs:schema xmlns:xs="{_XS[1:-1]}">{imports}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(whole.encode(), parser, base_url="memory:///all.xsd"))


@cache
def wsdl(service_name: str, address: str) -> bytes:
    """Return the WSDL of a service with its endpoint at another address.

    :raises LookupError: the contract has no WSDL of this service.
    """
    text = wsdl_path(service_name).read_bytes()
    return _ADDRESS.sub(lambda found: found[1] + escape(address, {'"': "&quot;"}).encode() + found[2], text)


def first_error(schema: etree.XMLSchema) -> str:
    """Return where the last validated message breaks the schema, without any value of it."""
    log: Any = schema.error_log  # a sequence, though its stub does not say so
    error = log[0]
    named = re.search(r"Element '(?:\{[^}]*\})?([\w.]+)'", error.message or "")
    return f"{error.type_name} at element {named[1] if named else '?'}, line {error.line}"


def _prefixes(element: etree._Element) -> Any:
    return dict(element.nsmap)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True)
