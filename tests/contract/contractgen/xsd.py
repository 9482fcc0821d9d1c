"""Compiles the schemas inside a WSDL into one validator, without network or temporary files."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["compile_xsd"]

XS: Final = "{http://www.w3.org/2001/XMLSchema}"
WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"


class _Memory(etree.Resolver):
    def __init__(self, documents: dict[str, bytes]) -> None:
        self.documents = documents

    def resolve(self, system_url: str, public_id: str, context: object) -> object:
        """Answer with a schema of the same WSDL; any other address is refused."""
        del public_id
        return self.resolve_string(self.documents[system_url], context)


def compile_xsd(wsdl: Path) -> etree.XMLSchema:
    """Return a validator of every global element of the WSDL."""
    root = etree.parse(str(wsdl), etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    schemas = root.findall(f"{WSDL}types/{XS}schema")
    address_of = {schema.get("targetNamespace"): f"mem:///{n}.xsd" for n, schema in enumerate(schemas)}
    documents = {}
    for schema in schemas:
        # prefixes used in attribute values may be declared on the WSDL's root only
        lifted = etree.Element(schema.tag, attrib=dict(schema.attrib), nsmap={**root.nsmap, **schema.nsmap})
        lifted.extend(deepcopy(list(schema)))
        for imported in lifted.iterfind(f"{XS}import"):
            imported.set("schemaLocation", address_of[imported.get("namespace")])
        documents[address_of[schema.get("targetNamespace")]] = etree.tostring(lifted)
    every = etree.Element(f"{XS}schema")
    for namespace, address in address_of.items():
        etree.SubElement(every, f"{XS}import", namespace=namespace, schemaLocation=address)
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Memory(documents))
    return etree.XMLSchema(etree.fromstring(etree.tostring(every), parser))
