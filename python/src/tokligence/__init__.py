"""The Tokligence gateway: users, keys and usage, the server, and its configuration."""

from ._aio import AsyncGateway
from ._config import Config, load_config
from ._daemon import Daemon
from ._errors import ConfigError, GatewayError, GatewayNotFoundError
from ._gateway import Gateway
from ._types import ApiKey, DaemonStatus, InitResult, NewApiKey, UsageReport, User

__all__ = [
    "ApiKey",
    "AsyncGateway",
    "Config",
    "ConfigError",
    "Daemon",
    "DaemonStatus",
    "Gateway",
    "GatewayError",
    "GatewayNotFoundError",
    "InitResult",
    "NewApiKey",
    "UsageReport",
    "User",
    "load_config",
]
