"""What the package raises."""

from typing import Optional


class GatewayError(Exception):
    """A call failed. The message says what to do; `code` is one of docs/errors.md, or `None`."""

    def __init__(self, message: str, code: Optional[str] = None) -> None:
        super().__init__(message)
        self.code = code


class ConfigError(GatewayError):
    """The configuration cannot be used: the message names file, line and setting."""


class GatewayNotFoundError(GatewayError):
    """The gateway's own files, or Node, are not there: the installation is not complete."""


def error_of(message: str, code: Optional[str]) -> GatewayError:
    return ConfigError(message, code) if code == "config_invalid" else GatewayError(message, code)
