"""YAML that configures a broker: ConfigMaps, Helm values, compose files, environments of containers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

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

_TEMPLATE: Final = "it is a template: lint what `helm template` makes of it"


def read_yaml(text: str) -> BrokerConf:
    """The settings that a file of YAML has, wherever in it they stand."""
    variables: list[Variable] = []
    is_of_compose = is_compose(text)
    for one in spots(text):
        if is_whole_conf(one):
            inside = (
                replace(entry, line=(entry.line or 0) + one.line) for entry in conf_entries(as_java_reads(one.value))
            )
            return BrokerConf(Layout.CONF, tuple(inside), is_inside=True)
        value = one.value.replace("$$", "$") if is_of_compose else one.value
        variables.append(Variable(one.name, value, one.line))
    if not any(is_for_broker(one.name) for one in variables):
        where = "a ConfigMap has them under data, Helm values under broker.configData, compose under environment"
        hint = _TEMPLATE if "{{" in text else where
        raise BadValue("it looks like YAML, and holds no settings of a broker", hint=hint)
    return with_image(Layout.YAML, variables)


@dataclass(frozen=True, slots=True)
class Spot:
    """A name with a text, and where the two stand."""

    name: str
    value: str
    name_node: yaml.ScalarNode
    value_node: yaml.ScalarNode
    is_item: bool = False
    """`- NAME=value`: both are one node."""
    is_pair_of_two: bool = False
    """`name: NAME` beside `value: value`."""

    @property
    def line(self) -> int:
        """Of the value, from 1."""
        return self.value_node.start_mark.line + 1


def spots(text: str) -> tuple[Spot, ...]:
    """Every name with a text, in the order of the file; BadValue if it is no YAML."""
    seen: set[int] = set()
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        problem = f"it looks like YAML, and is none: {_problem(error)}"
        raise BadValue(problem, hint=_TEMPLATE if "{{" in text else "") from error
    return tuple(chain.from_iterable(_pairs(document, seen) for document in documents))


def is_whole_conf(spot: Spot) -> bool:
    """Whether it is a whole broker.conf in a ConfigMap, which is put in the place of the image's."""
    return spot.name.endswith(".conf") and "\n" in spot.value


def is_compose(text: str) -> bool:
    """Whether it is a compose file: a single $ is written twice there."""
    return "services:" in text


def _problem(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"{problem or 'it does not parse'}" + (f", in line {mark.line + 1}" if mark is not None else "")


def _pairs(node: yaml.Node | None, seen: set[int]) -> Iterator[Spot]:
    """Every name with a text: `NAME: value`, `- NAME=value`, and `name: NAME` beside `value: value`."""
    if id(node) in seen:
        return  # an alias; it may even be one of a node that it is inside of
    seen.add(id(node))
    match node:
        case yaml.MappingNode(value=pairs):
            texts = {key.value: (key, value) for key, value in pairs if _are_texts(key, value)}
            if {"name", "value"} <= texts.keys():
                name, value = texts["name"][1], texts["value"][1]
                yield Spot(name.value, value.value, name, value, is_pair_of_two=True)
            yield from (Spot(key.value, value.value, key, value) for key, value in texts.values())
            for key, value in pairs:
                if not _are_texts(key, value):
                    yield from _pairs(value, seen)
        case yaml.SequenceNode(value=items):
            for item in items:
                if isinstance(item, yaml.ScalarNode) and "=" in item.value:
                    left, _, right = item.value.partition("=")
                    yield Spot(left, right, item, item, is_item=True)
                else:
                    yield from _pairs(item, seen)
        case _:
            return


def _are_texts(key: yaml.Node, value: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)
