"""Prints what ``msads`` itself says of its models, as JSON; runs in that package's own environment.

Unlike the generator, which reads the package's source, this imports it: two readers, so that neither is believed alone.
"""

import enum
import importlib
import json
import sys
import types
import typing

import pydantic


def main() -> None:
    """Print operations and models of the services named as ``Service=folder``."""
    found = {}
    for argument in sys.argv[1:]:
        service, _, folder = argument.partition("=")
        importlib.import_module(f"openapi_client.models.{folder}")
        package = sys.modules[f"openapi_client.models.{folder}"]
        models = {name: value for name, value in vars(package).items() if isinstance(value, type)}
        found[service] = {
            "models": {name: fields(model) for name, model in models.items() if issubclass(model, pydantic.BaseModel)},
            "enums": {name: values(model) for name, model in models.items() if issubclass(model, enum.Enum)},
            "discriminators": {
                name: discriminator(model) for name, model in models.items() if issubclass(model, pydantic.BaseModel)
            },
            "operations": operations(service),
        }
    json.dump(found, sys.stdout, default=str)


def fields(model):
    """Return JSON name -> type, in short."""
    return {field.alias or name: short(field.annotation) for name, field in model.model_fields.items()}


def short(annotation) -> str:
    """Return ``str``, ``list[str?]`` or the name of a model; ``?`` marks items that may be null."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return short(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        return short(next(argument for argument in arguments if argument is not type(None))) + "?"
    if origin is list:
        return f"list[{short(arguments[0])}]"
    return getattr(annotation, "__forward_arg__", None) or annotation.__name__


def values(model) -> dict:
    """Return the values an enumeration has in JSON, and whether several can stand together."""
    flags = issubclass(model, enum.Flag)
    return {"flags": flags, "values": [str(member) if flags else member.value for member in model]}


def discriminator(model) -> str | None:
    """Return what a new object of this model carries in ``Type`` without being told; None where it carries nothing."""
    try:
        return model().to_dict().get("Type")
    except Exception:  # noqa: BLE001 - the base of a family cannot be made at all, for any of several reasons
        return None


def operations(service: str) -> dict:
    """Return method name -> verb and path, as the package itself puts the request together."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in service)
    module = importlib.import_module(f"openapi_client.api.{words.removeprefix('_')}_service_api")
    api = getattr(module, f"{service}ServiceApi")(Recorder())
    found = {}
    for name in dir(api):
        if name.endswith("_serialize"):
            verb, path = getattr(api, name)({}, None, None, None, 0)
            found[name[1 : -len("_serialize")]] = [verb, path]
    return found


class Recorder:
    """Stands in for the package's HTTP client and gives back what it was asked to send."""

    def select_header_accept(self, accepts):
        """Choose the first."""
        return accepts[0]

    def select_header_content_type(self, accepts):
        """Choose the first."""
        return accepts[0]

    def param_serialize(self, **parts):
        """Return verb and path."""
        return parts["method"], parts["resource_path"]


if __name__ == "__main__":
    main()
