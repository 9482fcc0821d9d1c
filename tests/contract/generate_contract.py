"""Writes the contract's data from the vendor's newest packages: ``python tests/contract/generate_contract.py``.

``--check`` writes nothing and names every field that differs from the committed data (exit code 1). Where the packages
cannot be had, it says so (exit code 2).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contractgen.assembly import assemble, reachable, to_text
from contractgen.compact_wsdl import compact_wsdl
from contractgen.difference import differences
from contractgen.rest_facts import read_discriminators, read_hosts, read_operations
from contractgen.scope import IN_SCOPE, SERVICES
from contractgen.soap_facts import read_wsdl
from contractgen.vendor_packages import VendorPackage, VendorUnavailableError, newest

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA: Final = Path(__file__).resolve().parents[2] / "airflow_provider_bingads" / "contract" / "data"


def generate(bingads: VendorPackage, msads: VendorPackage) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file of the contract."""
    hosts = read_hosts(msads.path)
    vendor = {package.name: package.version for package in (bingads, msads)}
    for service, folder in SERVICES.items():
        soap, sandbox = (
            read_wsdl(bingads.path / f"bingads/v13/proxies/{place}/{service.lower()}_service.xml", service)
            for place in ("production", "sandbox")
        )
        if replace(sandbox, address=soap.address) != soap:
            raise ValueError(f"{service}: sandbox and production differ in more than their address")
        scope = IN_SCOPE.get(service, ())
        contract = assemble(
            soap,
            sandbox.address,
            read_operations(msads.path, service),
            {place: hosts[place][service.lower()] for place in ("production", "sandbox")},
            read_discriminators(msads.path, folder),
            scope,
            vendor,
        )
        yield f"{service}.json", to_text(contract)
        if scope:
            yield f"{service}.wsdl", compact_wsdl(soap, reachable(soap, scope), scope)


def main() -> int:
    """Generate or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed data instead of writing")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data")
    options = parser.parse_args()
    try:
        packages = newest("bingads"), newest("msads")
    except VendorUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    found = []
    for name, text in generate(*packages):
        if options.check:
            found += _check(options.data / name, text)
        else:
            (options.data / name).write_text(text, "utf-8")
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


def _check(path: Path, text: str) -> list[str]:
    if not path.exists():
        return [f"{path.name}: not there"]
    committed = path.read_text("utf-8")
    if path.suffix == ".json":
        return list(differences(path.stem, json.loads(committed), json.loads(text)))
    return [] if committed == text else [f"{path.name}: not what the generator writes"]


if __name__ == "__main__":
    raise SystemExit(main())
