"""YAML that configures a broker: ConfigMaps, Helm values, compose files, environments of containers."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import yaml

from offloadctl.brokerconf.entries import (
    BrokerConf,
    Layout,
    Variable,
    as_java_reads,
    conf_entries,
    is_for_broker,
    with_image,
)
from offloadctl.errors import BadValue


def read_yaml(text: str) -> BrokerConf:
    """The settings that a file of YAML has, wherever in it they stand."""
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise BadValue(f"it looks like YAML, and is none: {_problem(error)}") from error
    variables: list[Variable] = []
    seen: set[int] = set()
    for one in chain.from_iterable(_pairs(document, seen) for document in documents):
        if one.name.endswith(".conf") and "\n" in one.value:
            # The whole file in a ConfigMap, which is put in the place of the image's.
            inside = (
                replace(entry, line=(entry.line or 0) + one.line) for entry in conf_entries(as_java_reads(one.value))
            )
            return BrokerConf(Layout.CONF, tuple(inside), is_inside=True)
        # In compose files a single $ is written twice.
        variables.append(replace(one, value=one.value.replace("$$", "$")) if "services:" in text else one)
    if not any(is_for_broker(one.name) for one in variables):
        raise BadValue(
            "it looks like YAML, and holds no settings of a broker",
            hint="a ConfigMap has them under data, Helm values under broker.configData, compose under environment",
        )
    return with_image(Layout.YAML, variables)


def _problem(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"{problem or 'it does not parse'}" + (f", in line {mark.line + 1}" if mark is not None else "")


def _pairs(node: yaml.Node | None, seen: set[int]) -> Iterator[Variable]:
    """Every name with a text: `NAME: value`, `- NAME=value`, and `name: NAME` beside `value: value`."""
    if id(node) in seen:
        return  # an alias; it may even be one of a node that it is inside of
    seen.add(id(node))
    match node:
        case yaml.MappingNode(value=pairs):
            texts = {key.value: value for key, value in pairs if _are_texts(key, value)}
            if {"name", "value"} <= texts.keys():
                yield _variable(texts["name"].value, texts["value"])
            yield from (_variable(name, value) for name, value in texts.items())
            for key, value in pairs:
                if not _are_texts(key, value):
                    yield from _pairs(value, seen)
        case yaml.SequenceNode(value=items):
            for item in items:
                if isinstance(item, yaml.ScalarNode) and "=" in item.value:
                    name, _, value = item.value.partition("=")
                    yield Variable(name, value, item.start_mark.line + 1)
                else:
                    yield from _pairs(item, seen)
        case _:
            return


def _are_texts(key: yaml.Node, value: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)


def _variable(name: str, value: yaml.ScalarNode) -> Variable:
    return Variable(name, value.value, value.start_mark.line + 1)
