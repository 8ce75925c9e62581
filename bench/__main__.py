"""`make bench`: Regain, django-oauth-toolkit and node oidc-provider through the same flows, one after the other.

    python -m bench [--seconds 10] [--callers 4] [--only regain,dot,node] [--flows "SSO code flow,userinfo"]

A turn that goes wrong ends the run with status 1: what is measured are answers, not failures. The numbers are of
this machine and this hour; what travels are the ratios, to the fixed answer of the same server and to one another.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

from bench import providers
from bench.browser import Browser
from bench.flows import FLOWS, MOST_CALLERS
from bench.load import Measured, measure
from tests.processes import ROOT
from tests.servers import Missing, postgres_server

REPORT = ROOT / "build" / "bench.json"
Table = dict[str, dict[str, Measured]]


def main() -> int:
    asked = arguments()
    os.environ.pop("REGAIN_TEST_DATABASE_URL", None)
    table: Table = {}
    with tempfile.TemporaryDirectory(prefix="regain-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        base, process = stack.enter_context(providers.baseline(folder))
        unit = measure(
            lambda _number: fixed(base),
            callers=asked.callers,
            seconds=asked.seconds,
            own=[process],
            store=[],
        )
        print(f"the fixed answer: {unit.per_second:.0f}/s, {unit.own_ms:.3f} ms of CPU each", flush=True)
        postgres = stack.enter_context(postgres_server())
        store = listening_at(postgres)
        starts = {
            "regain": lambda place: providers.regain(place, postgres, store),
            "dot": lambda place: providers.django_oauth_toolkit(place, postgres, store),
            "node": providers.node_oidc_provider,
        }
        for short in asked.only:
            place = folder / short
            place.mkdir()
            try:
                with starts[short](place) as running:
                    table[running.provider.name] = walk(running, asked)
            except Missing as missing:
                print(f"{short}: left out, {missing}", flush=True)
    say(table, unit)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(as_json(table, unit), indent=1), encoding="utf-8")
    return 1 if any(each.errors for flows in table.values() for each in flows.values()) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--only", type=lambda text: text.split(","), default=["regain", "dot", "node"])
    parser.add_argument("--flows", type=lambda text: text.split(","), default=list(FLOWS))
    return parser.parse_args()


def fixed(base: str):
    browser = Browser(base)

    def turn() -> None:
        assert browser.get("/").status == HTTPStatus.OK

    return turn


def walk(running: providers.Running, asked: argparse.Namespace) -> dict[str, Measured]:
    measured = {}
    for name in asked.flows:
        measured[name] = measure(
            lambda number, flow=FLOWS[name]: flow(running.provider, number),
            callers=min(asked.callers, MOST_CALLERS.get(name, asked.callers)),
            seconds=asked.seconds,
            own=running.own,
            store=running.store,
        )
        for error in measured[name].errors[:2]:
            print(f"{running.provider.name}, {name}: {error}", file=sys.stderr)
        one = measured[name]
        print(
            f"{running.provider.name}, {name}: {one.per_second:.1f}/s, {one.own_ms:.2f} + {one.store_ms:.2f} ms",
            flush=True,
        )
    return measured


def say(table: Table, unit: Measured) -> None:
    """For each flow and provider: turns a second, CPU of its own and of its store, and how many fixed answers it is."""
    print(f"\n{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    print(f"the fixed answer: {unit.per_second:.0f}/s, {unit.own_ms:.3f} ms")
    flows = list(dict.fromkeys(flow for measured in table.values() for flow in measured))
    for flow in flows:
        print(f"\n{flow}")
        first = next(iter(table.values()))[flow]
        for name, measured in table.items():
            one = measured[flow]
            print(
                f"  {name:34} {one.per_second:8.1f}/s  {one.own_ms:7.2f} ms own  {one.store_ms:6.2f} ms store  "
                f"= {one.own_ms / unit.own_ms:6.1f} fixed answers  {one.own_ms / first.own_ms:5.2f} × ours"
                + (f"  {len(one.errors)} ERRORS" if one.errors else "")
            )


def as_json(table: Table, unit: Measured) -> dict[str, object]:
    return {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "fixed": vars(unit),
        "providers": {name: {flow: vars(one) for flow, one in flows.items()} for name, flows in table.items()},
    }


def listening_at(url: str) -> int:
    """The process of the PostgreSQL at `url`: the one of this machine whose arguments name its port."""
    port = url.rpartition(":")[2].partition("/")[0].encode()
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--port=" + port in words:
            return int(line.parent.name)
    raise Missing("no process of PostgreSQL")


if __name__ == "__main__":
    sys.exit(main())
