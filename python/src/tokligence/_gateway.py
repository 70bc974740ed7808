"""Users, keys and usage."""

import os
from typing import Any, Dict, List, Optional, Union, cast

from . import _bridge
from ._types import ApiKey, InitResult, NewApiKey, UsageReport, User

PathText = Union[str, "os.PathLike[str]"]


def options(**given: Any) -> Dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}


class Gateway:
    """As the command line has them: of the running gateway, or of the database itself if none runs. Where a user is meant, id and username both do."""

    def __init__(self, config: Optional[PathText] = None) -> None:
        self._of = options(config=None if config is None else os.path.abspath(config))

    def init(self) -> InitResult:
        """Writes a configuration if there is none, and makes sure that the database can be used."""
        return cast(InitResult, _bridge.call("gateway.init", self._of))

    def create_user(self, username: str, email: Optional[str] = None, *, role: Optional[str] = None, tags: Optional[List[str]] = None) -> User:
        return cast(User, _bridge.call("gateway.createUser", self._of, username, options(email=email, role=role, tags=tags)))

    def list_users(self) -> List[User]:
        return cast(List[User], _bridge.call("gateway.listUsers", self._of))

    def create_api_key(self, user_id: str, name: Optional[str] = None, *, role: Optional[str] = None, tags: Optional[List[str]] = None) -> NewApiKey:
        """The answer's `key` is shown this once."""
        return cast(NewApiKey, _bridge.call("gateway.createApiKey", self._of, user_id, options(name=name, role=role, tags=tags)))

    def list_api_keys(self) -> List[ApiKey]:
        return cast(List[ApiKey], _bridge.call("gateway.listApiKeys", self._of))

    def revoke_api_key(self, key_id: str) -> ApiKey:
        return cast(ApiKey, _bridge.call("gateway.revokeApiKey", self._of, key_id))

    def get_usage(self, user_id: Optional[str] = None) -> UsageReport:
        """Tokens and cost, of all users or of one."""
        return cast(UsageReport, _bridge.call("gateway.getUsage", self._of, options(userId=user_id)))
