"""Calls of the gateway's library, in one process of Node for each process of Python."""

import json
import os
import subprocess
import threading
from typing import Any, Dict, List, Optional

from ._errors import GatewayError, error_of
from ._run import command


class _Bridge:
    """Calls are made one after the other. Closing the pipe, as the end of this process does, ends the other process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._last = 0
        self._env: Dict[str, str] = {}
        self._child: "Optional[subprocess.Popen[str]]" = None

    def call(self, name: str, of: Dict[str, Any], args: List[Any]) -> Any:
        with self._lock:
            self._last += 1
            line = json.dumps({"id": self._last, "call": name, "of": of, "args": args})
            try:
                child = self._open()
                assert child.stdin is not None and child.stdout is not None
                child.stdin.write(line + "\n")
                child.stdin.flush()
                text = child.stdout.readline()
            except BaseException:
                # An answer may be on its way, which the next call must not take for its own.
                self.close()
                raise
            if text == "":
                self.close()
                raise GatewayError("The gateway's process has ended; its errors are above.")
        answer: Dict[str, Any] = json.loads(text)
        if "error" in answer:
            raise error_of(answer["error"]["message"], answer["error"]["code"])
        return answer["result"]

    def _open(self) -> "subprocess.Popen[str]":
        # A program may set variables, as tests do, before any call: it must see them used.
        if self._child is not None and (self._child.poll() is not None or self._env != dict(os.environ)):
            self.close()
        if self._child is None:
            self._env = dict(os.environ)
            self._child = subprocess.Popen(
                command("bridge"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env=self._env
            )
        return self._child

    def close(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


_bridges: Dict[int, _Bridge] = {}


def call(name: str, of: Dict[str, Any], *args: Any) -> Any:
    """Raises `GatewayError` with the gateway's own message and code."""
    # A forked process has one of its own.
    bridge = _bridges.setdefault(os.getpid(), _Bridge())
    return bridge.call(name, of, list(args))
