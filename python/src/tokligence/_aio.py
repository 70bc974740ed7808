"""The same for asyncio."""

import asyncio
from typing import List, Optional

from ._gateway import Gateway, PathText
from ._types import ApiKey, InitResult, NewApiKey, UsageReport, User


class AsyncGateway:
    """`Gateway` with coroutines."""

    def __init__(self, config: Optional[PathText] = None) -> None:
        self._gateway = Gateway(config)

    async def init(self) -> InitResult:
        return await asyncio.to_thread(self._gateway.init)

    async def create_user(self, username: str, email: Optional[str] = None, *, role: Optional[str] = None, tags: Optional[List[str]] = None) -> User:
        return await asyncio.to_thread(lambda: self._gateway.create_user(username, email, role=role, tags=tags))

    async def list_users(self) -> List[User]:
        return await asyncio.to_thread(self._gateway.list_users)

    async def create_api_key(
        self, user_id: str, name: Optional[str] = None, *, role: Optional[str] = None, tags: Optional[List[str]] = None
    ) -> NewApiKey:
        return await asyncio.to_thread(lambda: self._gateway.create_api_key(user_id, name, role=role, tags=tags))

    async def list_api_keys(self) -> List[ApiKey]:
        return await asyncio.to_thread(self._gateway.list_api_keys)

    async def revoke_api_key(self, key_id: str) -> ApiKey:
        return await asyncio.to_thread(self._gateway.revoke_api_key, key_id)

    async def get_usage(self, user_id: Optional[str] = None) -> UsageReport:
        return await asyncio.to_thread(self._gateway.get_usage, user_id)
