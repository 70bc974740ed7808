"""Run by `npm run test:long -- python` with the installed wheel."""

import asyncio
import json
import os
import urllib.request
from pathlib import Path

import pytest
from tokligence import AsyncGateway, Config, ConfigError, Daemon, Gateway, GatewayError, load_config
from tokligence.pytest_plugin import TestGateway


def ask(url: str, key: str, text: str) -> str:
    body = json.dumps({"model": "loopback", "messages": [{"role": "user", "content": text}]}).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", body, {"authorization": f"Bearer {key}", "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return str(json.load(response)["choices"][0]["message"]["content"])


def test_fixture_answers_and_counts(tokligence_gateway: TestGateway) -> None:
    assert ask(tokligence_gateway.url, tokligence_gateway.api_key, "hello") == "hello"
    assert tokligence_gateway.gateway.get_usage("test")["totals"]["requests"] == 1


def test_users_keys_and_errors_with_codes(tmp_path: Path) -> None:
    gateway = Gateway(config=tmp_path / "config.yaml")
    assert gateway.init() == {"created": True, "path": str(tmp_path / "config.yaml")}
    alice = gateway.create_user("alice", email="alice@example.com")
    assert (alice["username"], alice["email"]) == ("alice", "alice@example.com")
    assert [user["id"] for user in gateway.list_users()] == [alice["id"]]
    with pytest.raises(GatewayError) as caught:
        gateway.create_user("alice")
    assert caught.value.code == "conflict"
    with pytest.raises(GatewayError) as caught:
        gateway.create_api_key("nobody", name="x")
    assert caught.value.code == "not_found"
    key = gateway.create_api_key("alice")
    assert key["key"].startswith("tok_")
    assert gateway.revoke_api_key(key["id"])["id"] == key["id"]


def test_config_is_checked_merged_and_saved(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    with pytest.raises(ConfigError):
        load_config(file)
    config = Config(file)
    assert (config.get("gateway.port"), config.get("gateway.nothing", 7)) == (8081, 7)
    with pytest.raises(ConfigError) as caught:
        config.set("gateway.port", "many")
    assert "gateway.port" in str(caught.value)
    config.update({"gateway": {"port": 8080, "auth": {"enabled": True}}})
    config.set("providers.openai.api_key", "sk-test")
    config.save()
    assert load_config(file).get("gateway.port") == 8080
    assert load_config(file).to_env_vars()["TOKLIGENCE_PROVIDERS_OPENAI_API_KEY"] == "sk-test"


def test_environment_that_a_program_sets_later_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config(tmp_path / "config.yaml").get("gateway.port") == 8081
    monkeypatch.setenv("TOKLIGENCE_GATEWAY_PORT", "9000")
    assert Config(tmp_path / "config.yaml").get("gateway.port") == 9000


def test_daemon_as_context_and_async_twin(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    with Daemon(port=0, config=file) as daemon:
        status = daemon.status()
        assert (status["status"], daemon.restart()["status"]) == ("running", "running")
        assert daemon.api_key is not None
        assert ask(daemon.url, daemon.api_key, "again") == "again"

        async def run() -> None:
            gateway = AsyncGateway(config=file)
            await asyncio.gather(*(gateway.create_user(f"user-{index}") for index in range(3)))
            assert len(await gateway.list_users()) == 4

        asyncio.run(run())
    assert daemon.status() == {"status": "stopped"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_process_makes_calls_of_its_own(tmp_path: Path) -> None:
    config = Config(tmp_path / "config.yaml")
    config.set("gateway.port", 8090)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if config.get("gateway.port") == 8090 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert config.get("gateway.port") == 8090
