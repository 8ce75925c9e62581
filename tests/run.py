"""`make test`: every check and every test, on both databases. Keeps going after a failure and then says it.

One Redis and one PostgreSQL serve the whole run. Tests find them by REGAIN_TEST_REDIS_URL and
REGAIN_TEST_POSTGRES_URL; in the run on PostgreSQL, REGAIN_TEST_DATABASE is "postgres" and
REGAIN_TEST_DATABASE_URL is what the settings use instead of a SQLite file. What had to be skipped, and why, is
the last thing printed. With CI=true nothing may be skipped.
"""

import ast
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.servers import Missing, postgres_server, redis_server

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "reports"
#: Seconds; several times what any of it takes on two idle cores.
PATIENCE_WITH_ONE = 240
PATIENCE = 45 * 60
#: What an operator's shell may hold and a test must not see.
OPERATORS = {
    *(
        "ALLOWED_HOSTS",
        "BREACH_FILTER",
        "DATABASE_RUNTIME_ROLE",
        "DATABASE_URL",
        "DJANGO_SETTINGS_MODULE",
        "EMAIL_FROM",
        "EMAIL_HOURLY_CAP",
    ),
    *("BROKER_SOCKET_TIMEOUT", "METRICS_DIR", "METRICS_LISTEN", "METRICS_TOKEN", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    *("EMAIL_URL", "GEOIP_DATABASE", "LOG_LEVEL", "OUTBOUND_ALLOW", "OUTBOUND_CA", "RECEIPTS_SECRET", "REDIS_URL"),
    *("SECRET_KEY", "SECOND_FACTOR", "SMS_COUNTRIES", "SMS_DAILY_BUDGET", "SMS_PRICES", "SMS_URL"),
    *("AUDIT_EXPORT", "BREAK_GLASS_VERIFIER", "PKCS11_URI", "REGAIN_RETIRED_KEYS", "TRUSTED_PROXIES", "WEB_THREADS"),
}


@dataclass
class Report:
    """What happened, and what did not."""

    stages: list[tuple[str, bool, float, str]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> bool:
        return not all(passed for _name, passed, _seconds, _detail in self.stages)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = Report()
    environment = clean_environment()
    try:
        with ExitStack() as servers:
            check_all(report, environment)
            start_servers(servers, report, environment)
            test_all(report, environment)
    except KeyboardInterrupt:
        return 130
    say(report)
    return 1 if report.failed or (in_ci() and report.skipped) else 0


def clean_environment() -> dict[str, str]:
    """What was inherited, without the settings of whatever else runs here."""
    ours = ("REGAIN_", "TENANT_")
    return {name: value for name, value in os.environ.items() if name not in OPERATORS and not name.startswith(ours)}


def check_all(report: Report, environment: dict[str, str]) -> None:
    under_test = environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    stage(report, "rules", ["-m", "ruff", "check", "."], environment)
    stage(report, "format", ["-m", "ruff", "format", "--check", "."], environment)
    stage(report, "types", ["-m", "mypy"], environment)
    stage(report, "migrations", ["manage.py", "makemigrations", "--check", "--dry-run"], under_test)


def start_servers(servers: ExitStack, report: Report, environment: dict[str, str]) -> None:
    """What a machine lacks is on the list of what was skipped, and the tests that need it skip themselves."""
    try:
        environment["REGAIN_TEST_REDIS_URL"] = servers.enter_context(redis_server()).url
    except Missing as missing:
        report.skipped[f"tests with Redis: {missing}"] += 1
    try:
        environment["REGAIN_TEST_POSTGRES_URL"] = servers.enter_context(postgres_server())
    except Missing as missing:
        report.skipped[f"tests on PostgreSQL: {missing}"] += 1


def test_all(report: Report, environment: dict[str, str]) -> None:
    url = environment.get("REGAIN_TEST_POSTGRES_URL")
    # Without PostgreSQL this run is the only one that has idp and recovery together.
    tests(report, "tests on SQLite", environment, *(("-p", "tests.not_alone") if url else ()))
    # `idp` works with recovery uninstalled (invariant 10).
    tests(report, "tests of idp alone", environment, "tests/idp", "--ds=tests.settings_idp_alone")
    if url:
        on_postgres = {"REGAIN_TEST_DATABASE": "postgres", "REGAIN_TEST_DATABASE_URL": url}
        # Pages and answers are the same on every database: neither browsers nor other people's clients look twice.
        # What is marked `once` is about Redis.
        choice = ("-p", "tests.database_only", "-m", "not browser and not interop and not once")
        tests(report, "tests on PostgreSQL", environment | on_postgres, *choice)


def tests(report: Report, name: str, environment: dict[str, str], *choice: str) -> None:
    results = REPORTS / f"{name.rpartition(' ')[2].lower()}.xml"
    results.unlink(missing_ok=True)
    # A file's tests share servers and a browser. (Finer groups are not to be had: pytest-xdist 3.8 does not see
    # its marks on pytest 9.2, pytest-dev/pytest-xdist#1386.)
    spread = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "tests.longest_first")
    # A test that hangs says where, and ends; the others go on in a new process (tests/surviving.py).
    impatient = ("-o", f"faulthandler_timeout={PATIENCE_WITH_ONE}", "-o", "faulthandler_exit_on_timeout=true")
    pytest = ["-m", "pytest", *spread, "-p", "tests.surviving", *impatient, f"--junit-xml={results}", *choice]
    stage(report, name, pytest, environment, results)


def stage(
    report: Report,
    name: str,
    python: list[str],
    environment: dict[str, str],
    results: Path | None = None,
) -> None:
    """Run one program, seen as it runs; note how it ended, and what its results say was skipped."""
    sys.stdout.write(f"\n=== {name}\n")
    sys.stdout.flush()
    began = time.monotonic()
    status = run(python, environment)
    detail = ""
    if results is not None and results.exists():
        detail = read_results(results, report.skipped)
    elif status:
        detail = f"status {status}"
    report.stages.append((name, status == 0, time.monotonic() - began, detail))


def run(python: list[str], environment: dict[str, str]) -> int:
    """The status of this Python with these arguments; it and its children are gone afterwards."""
    process = subprocess.Popen([sys.executable, *python], cwd=ROOT, env=environment, start_new_session=True)
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"Still running after {PATIENCE} seconds: stopped.\n")
        return 124
    finally:
        if process.poll() is None:
            stop(process)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what a crashed test has left running


def stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C would, so that fixtures can put things away; then without asking."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def read_results(results: Path, skipped: Counter[str]) -> str:
    """Counts what was skipped, by file and reason; gives the closing line of the run."""
    suite = ET.parse(results).getroot().find("testsuite")
    assert suite is not None
    expected = 0
    for case in suite.iter("testcase"):
        skip = case.find("skipped")
        if skip is None:
            continue
        if skip.get("type") == "pytest.xfail":
            expected += 1
            continue
        place = (case.get("classname") or case.get("name") or "?").replace(".", "/")
        skipped[f"{place}: {reason(skip)}"] += 1
    counts = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    parts = {
        "failed": counts["failures"],
        "passed": counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"],
        "skipped": counts["skipped"] - expected,
        "xfailed": expected,
        "errors": counts["errors"],
    }
    return ", ".join(f"{count} {what}" for what, count in parts.items() if count)


def reason(skip: ET.Element) -> str:
    """Why; for a file that was skipped as a whole, pytest puts it at the end of a tuple of three."""
    if skip.get("message") != "collection skipped":
        return skip.get("message") or "no reason given"
    _path, _line, why = ast.literal_eval(skip.text or "('', 0, '')")
    return why.removeprefix("Skipped: ")


def say(report: Report) -> None:
    width = max(len(name) for name, *_ in report.stages)
    lines = ["", "=== summary"]
    for name, passed, seconds, detail in report.stages:
        lines.append(f"{'ok    ' if passed else 'FAILED'}  {name:{width}}  {seconds:6.1f} s  {detail}".rstrip())
    if not report.skipped:
        lines += ["", "Nothing was skipped."]
    else:
        lines += ["", "Skipped, which CI does not allow:" if in_ci() else "Skipped:"]
        lines += [f"  {what}" + (f" ({times} times)" if times > 1 else "") for what, times in report.skipped.items()]
    sys.stdout.write("\n".join(lines) + "\n")


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


if __name__ == "__main__":
    sys.exit(main())
