"""Groups of options that several commands have, handed to each of them as one value."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")


def injecting(
    parameter: str, options: Mapping[str, tuple[Any, object]], build: Callable[..., object]
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """A decorator: the command has these options, and receives what `build` makes of them as its `parameter`.

    Each option is its annotation, as typer wants it, and its default.
    """

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        signature = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)
        own = [
            one.replace(annotation=hints.get(name, one.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
            for name, one in signature.parameters.items()
            if name != parameter
        ]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in options.items()
        ]

        @functools.wraps(command)
        def wrapper(**values: Any) -> R:
            given = {name: values.pop(name) for name in options}
            return command(**{parameter: build(**given)}, **values)

        # As in with_connection: the signature for names and defaults, the annotations for types.
        wrapper.__signature__ = inspect.Signature([*added, *own])  # type: ignore[attr-defined]
        wrapper.__annotations__ = {one.name: one.annotation for one in (*added, *own)}
        return wrapper

    return decorate
