"""How commands explain themselves in `--help`: flags take nothing, values are named by what to write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

Function = TypeVar("Function", bound=Callable[..., Any])
_WHAT_TO_WRITE = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH"}


class Commands(typer.Typer):
    """A Typer whose commands explain themselves so."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_Group, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Function], Function]:
        return super().command(name, cls=_Command, **settings)


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return [_explained(param) for param in super().get_params(ctx)]


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return [_explained(param) for param in super().get_params(ctx)]


def _explained(param: Any) -> Any:
    """The parameter, with what Typer would say in the words of Python said in ours, or not at all."""
    if isinstance(param, TyperOption) and param.metavar is None:
        wanted = param.type_descriptor
        if param.is_flag:
            param.metavar = ""
        elif not wanted.is_choice:
            param.metavar = _WHAT_TO_WRITE.get(wanted.annotation)
    elif isinstance(param, TyperArgument):
        param.display_type_rich = _unsaid  # type: ignore[method-assign] # there is no setting for it
    return param


def _unsaid(ctx: object) -> None:
    """An argument's name says what it is."""
