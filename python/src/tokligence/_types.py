"""The shapes of answers, as the admin API has them."""

from typing import Any, Dict, List, Optional, TypedDict


class InitResult(TypedDict):
    created: bool
    path: str


class User(TypedDict):
    id: str
    username: str
    email: Optional[str]
    role: str
    created_at: str
    disabled_at: Optional[str]
    tags: List[str]


class ApiKey(TypedDict):
    id: str
    user_id: str
    name: Optional[str]
    role: str
    created_at: str


class NewApiKey(ApiKey):
    """`key` is shown this once."""

    key: str


class UsageReport(TypedDict):
    rows: List[Dict[str, Any]]
    totals: Dict[str, Any]


class _Status(TypedDict):
    status: str


class DaemonStatus(_Status, total=False):
    """`status` is "running" or "stopped"; the rest is there if it runs. `api_key`: at the very first start, the admin's, this once."""

    pid: int
    port: int
    uptime_seconds: int
    url: str
    api_key: str
