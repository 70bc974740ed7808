"""The configuration: read, change, write back."""

import os
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union, cast

from . import _bridge
from ._gateway import PathText, options

SettingPath = Union[str, Sequence[str]]


class Config:
    """Values are as the file has them, over the defaults. The environment replaces values of the file, and what is set here replaces both."""

    def __init__(self, path: Optional[PathText] = None) -> None:
        self._path = None if path is None else os.path.abspath(path)
        self._changes: List[List[Any]] = []
        self.path = cast(str, _bridge.call("config.check", self._of()))

    def get(self, path: SettingPath, default: Any = None) -> Any:
        """A setting or a section, as in `gateway.port`; `default` if there is none."""
        found = cast(Dict[str, Any], _bridge.call("config.get", self._of(), _setting(path)))
        return found.get("value", default)

    def set(self, path: SettingPath, value: Any) -> None:
        """`None` removes it from the file. Raises `ConfigError`, and nothing has changed."""
        self._change(["set", _setting(path), value])

    def update(self, values: Mapping[str, Any]) -> None:
        """Changes several settings at once; those that are not named stay."""
        self._change(["update", dict(values)])

    def save(self) -> None:
        """Writes what was changed; comments and order stay. Raises `ConfigError` if the file would not be valid."""
        _bridge.call("config.save", self._of())
        self._changes = []

    def to_env_vars(self) -> Dict[str, str]:
        """The configuration as environment variables. Contains keys in plain text."""
        return cast(Dict[str, str], _bridge.call("config.toEnvVars", self._of()))

    def _change(self, change: List[Any]) -> None:
        changes = [*self._changes, change]
        _bridge.call("config.check", self._of(changes))
        self._changes = changes

    def _of(self, changes: Optional[List[List[Any]]] = None) -> Dict[str, Any]:
        return options(path=self._path, changes=self._changes if changes is None else changes)


def load_config(path: Optional[PathText] = None) -> Config:
    """If `path` is given, the file must exist."""
    if path is not None:
        _bridge.call("config.load", {}, os.path.abspath(path))
    return Config(path)


def _setting(path: SettingPath) -> Any:
    return path if isinstance(path, str) else list(path)
