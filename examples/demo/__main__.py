"""`python -m examples.demo` starts the demo; `… manage COMMAND` runs a command with the demo's settings."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

import requests

from examples.demo import seed
from examples.demo.environment import ROOT, VAR, settings, write_privately
from examples.demo.ports import APPLICATION, INBOX, REDIS, SMTP, WEB, refuse_if_busy
from examples.demo.processes import Program, Together, python
from examples.demo.redis_server import configuration, find_server

PATIENCE = 60
ANNOUNCEMENT = """
Regain is running; Ctrl-C stops it.
  1. Open {application} (Payroll, an application) and choose Sign in.
  2. Choose "Can't access your account?" there, give jane@contoso.example, and follow the instructions.
  3. The code arrives in {inbox}; with the new password you come back to Payroll.
  4. Or sign in straight away: jane, "{password}" (until you changed it).
  5. More to see: {issuer}/account/ and make manage CMD="verify_audit"
  6. Whether messages go out: {issuer}/console/ as amara, an administrator, with the same password.

"""


def main() -> int:
    if sys.argv[1:2] == ["manage"]:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "manage.py", *sys.argv[2:]], settings())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    environment = settings()
    own_redis, own_mail = "REDIS_URL" not in os.environ, "EMAIL_URL" not in os.environ
    refuse_if_busy([WEB, APPLICATION, *(INBOX, SMTP) * own_mail, *(REDIS,) * own_redis])
    programs = [
        *(redis(environment) if own_redis else ()),
        *(mail() if own_mail else ()),
        *provider(),
        *application(environment, seed.prepare(environment)),
    ]
    return Together(programs, environment, once_started=lambda: announce(environment)).run()


def redis(environment: dict[str, str]) -> Iterator[Program]:
    server = find_server()
    if server is None:
        raise SystemExit("No Redis was found: install redis-server or valkey-server, or set REDIS_URL to one.")
    address = urlsplit(environment["REDIS_URL"])
    file = VAR / "redis.conf"
    write_privately(
        file,
        configuration(port=REDIS.port, password=unquote(address.password or ""), folder=VAR),
    )
    yield Program("redis", (server, str(file)))


def mail() -> Iterator[Program]:
    ports = (str(SMTP.port), str(INBOX.port))
    yield Program("mail", python("examples.demo.mail_catcher", *ports, str(VAR / "mail")))


def provider() -> Iterator[Program]:
    """As the Procfile starts it in production, with less of everything."""
    serve = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(WEB.port), "--blocking-threads", "4")
    quiet = ("--without-gossip", "--without-mingle", "--loglevel", "info")
    codes = ("--queues", "otp,sweep", "--concurrency", "1", "--hostname", "otp@%h")
    rest = ("--queues", "logout,notice", "--concurrency", "1", "--hostname", "rest@%h")
    celery = ("celery", "--app", "config", "--quiet")
    yield Program("web", python("granian", *serve, "--log-level", "warning", "config.wsgi:application"))
    yield Program("codes", python(*celery, "worker", *quiet, *codes))
    yield Program("worker", python(*celery, "worker", *quiet, *rest))
    yield Program("beat", python(*celery, "beat", "--schedule", str(VAR / "beat"), "--pidfile="))


def application(environment: dict[str, str], client: seed.Credentials) -> Iterator[Program]:
    belonging = {
        "ISSUER": environment["REGAIN_ISSUER"],
        "CLIENT_ID": client.client_id,
        "CLIENT_SECRET": client.client_secret,
        "PORT": str(APPLICATION.port),
    }
    yield Program("payroll", python("examples.relying_party"), belonging)


def announce(environment: dict[str, str]) -> None:
    """Say what to open once everything answers; if it does not, what it answers instead."""
    issuer, payroll = environment["REGAIN_ISSUER"], f"http://127.0.0.1:{APPLICATION.port}"
    answer = "nothing"
    for _second in range(PATIENCE):
        time.sleep(1)
        try:
            ready, _page = requests.get(f"{issuer}/readyz", timeout=5), requests.get(payroll, timeout=5)
        except requests.RequestException:
            continue
        if ready.status_code == HTTPStatus.OK:
            inbox = environment["EMAIL_URL"] if "EMAIL_URL" in os.environ else f"http://127.0.0.1:{INBOX.port}"
            places = {"issuer": issuer, "application": payroll, "inbox": inbox, "password": seed.PASSWORD}
            sys.stdout.write(ANNOUNCEMENT.format(**places))
            sys.stdout.flush()
            return
        answer = f"{ready.status_code} {ready.text.strip()}"
    sys.stderr.write(f"Regain is not ready after {PATIENCE} seconds; {issuer}/readyz answers: {answer}\n")


if __name__ == "__main__":
    sys.exit(main())
