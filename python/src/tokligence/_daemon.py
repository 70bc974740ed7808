"""The gateway's server."""

import os
import subprocess
from types import TracebackType
from typing import Optional, Type, cast

from . import _bridge
from ._errors import GatewayError
from ._gateway import PathText, options
from ._run import command
from ._types import DaemonStatus


class Daemon:
    """`with Daemon(port=0) as daemon:` starts it in the background and stops it at the end. Port 0 takes a free one: `daemon.url` names it."""

    def __init__(self, port: Optional[int] = None, *, host: Optional[str] = None, config: Optional[PathText] = None) -> None:
        self._of = options(port=port, host=host, config=None if config is None else os.path.abspath(config))
        self.api_key: Optional[str] = None
        """The admin's, if this object made the very first start; it is stored nowhere else."""

    def start(self, background: bool = False) -> DaemonStatus:
        """In the background it outlives this program, and returns when the port answers; otherwise it returns when the gateway has ended."""
        if background:
            started = cast(DaemonStatus, _bridge.call("daemon.start", self._of))
            self.api_key = started.get("api_key", self.api_key)
            return started
        config = [] if "config" not in self._of else ["--config", str(self._of["config"])]
        named = [word for name in ("port", "host") if name in self._of for word in (f"--{name}", str(self._of[name]))]
        child = subprocess.Popen([*command("tokligence-daemon"), *config, "start", *named])
        while True:
            try:
                status = child.wait()
                break
            except KeyboardInterrupt:
                # The terminal sends it to the gateway as well, which ends in order.
                continue
        if status != 0:
            raise GatewayError(f"The gateway ended with exit status {status}; its errors are above.")
        return self.status()

    def status(self) -> DaemonStatus:
        return cast(DaemonStatus, _bridge.call("daemon.status", self._of))

    def stop(self) -> None:
        """In order, no matter who started it."""
        _bridge.call("daemon.stop", self._of)

    def restart(self, background: bool = True) -> DaemonStatus:
        self.stop()
        return self.start(background)

    @property
    def url(self) -> str:
        """Without a path: SDKs of OpenAI's API need `/v1` behind it."""
        status = self.status()
        if "port" not in status:
            raise GatewayError("The gateway is not running.")
        return f"http://localhost:{status['port']}"

    def __enter__(self) -> "Daemon":
        self.start(background=True)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.stop()
