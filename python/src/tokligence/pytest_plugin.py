"""The fixture `tokligence_gateway`: a gateway for tests, with the model `loopback`, which repeats its input and needs no network."""

from dataclasses import dataclass
from typing import Iterator

import pytest

from ._config import Config
from ._daemon import Daemon
from ._gateway import Gateway


@dataclass(frozen=True)
class TestGateway:
    """`url` has no path: for OpenAI's SDK `base_url` is `openai_url`."""

    __test__ = False

    url: str
    openai_url: str
    anthropic_url: str
    api_key: str
    gateway: Gateway


@pytest.fixture(scope="session")
def tokligence_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestGateway]:
    file = tmp_path_factory.mktemp("tokligence") / "config.yaml"
    gateway = Gateway(config=file)
    gateway.init()
    config = Config(file)
    config.set("database.path", str(file.with_name("gateway.db")))
    config.save()
    user = gateway.create_user("test")
    key = gateway.create_api_key(user["id"], name="tests")["key"]
    with Daemon(port=0, config=file) as daemon:
        url = daemon.url
        yield TestGateway(url, f"{url}/v1", f"{url}/anthropic", key, gateway)
