"""A database with very many accounts, and the administrators' pages over it: the part of `bench.console` in Django."""

import time
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from bench.load import cpu
from idp import browser
from idp.accounts import sessions
from idp.audit.events import Origin
from idp.conf import policy
from tests.conftest import make_person
from tests.idp.console.people import AUDIT, OVERVIEW, PEOPLE, appoint
from tests.idp.factors.people import with_app
from tests.story import HOST, Page

WARM_UP = 3
#: One of so many accounts is suspended.
SUSPENDED = 1000
_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})",
    "postgresql": "WITH numbers AS (SELECT generate_series(1, {count}) AS n)",
}
_LETTER = {"sqlite": "char(97 + {of} % 26)", "postgresql": "chr((97 + {of} % 26)::int)"}
_KEY = {"sqlite": "printf('%032x', n)", "postgresql": "lpad(to_hex(n), 32, '0')::uuid"}
_NOW = {"sqlite": "datetime('now')", "postgresql": "now()"}


def measured(accounts: int, requests: int, store: list[int]) -> dict[str, dict[str, float]]:
    """Milliseconds of CPU, of this process and of the database's, that each page takes."""
    call_command("migrate", verbosity=0)
    http, somebody = _administrator()
    began = time.monotonic()
    _fill(accounts)
    print(f"{accounts} accounts and as many entries written in {time.monotonic() - began:.0f} s", flush=True)
    return {page: _measure(http, url, requests, store) for page, url in _pages(http, somebody).items()}


def _pages(http: Client, somebody: str) -> dict[str, str]:
    return {
        "overview": OVERVIEW,
        "people": PEOPLE,
        "people, five pages on": _further_on(http, f"{PEOPLE}?q=m"),
        "people, one letter": f"{PEOPLE}?q=m",
        "people, a whole address": f"{PEOPLE}?q=mm-12012@contoso.example",
        "people, suspended": f"{PEOPLE}?status=suspended",
        "a person": f"{PEOPLE}{somebody}/",
        "history": AUDIT,
        "history, of one account": f"{AUDIT}?account={somebody}",
        "history, of one event": f"{AUDIT}?event=idp.role.granted",
        "history, done by one": f"{AUDIT}?by={somebody}",
        "history, of one day": f"{AUDIT}?since=2020-01-01&until=2020-01-01",
    }


def _further_on(http: Client, url: str) -> str:
    """The address of the page after some others."""
    for _page in range(5):
        url = Page(http.get(url, secure=True), url).href("next")
    return url


def _measure(http: Client, url: str, requests: int, store: list[int]) -> dict[str, float]:
    for _each in range(WARM_UP):
        answer = http.get(url, secure=True)
        assert answer.status_code == HTTPStatus.OK, (url, answer.status_code)
    own, theirs = time.process_time(), cpu(store)
    for _each in range(requests):
        http.get(url, secure=True)
    each = 1000 / requests
    return {"own_ms": (time.process_time() - own) * each, "store_ms": (cpu(store) - theirs) * each}


# --- Filling ----------------------------------------------------------------------------------------------


def _administrator() -> tuple[Client, str]:
    """A browser of somebody who has just shown a second factor, and their key."""
    jane = make_person("jane")
    appoint(jane)
    with_app(jane)
    begun = sessions.begin(jane, amr=["pwd", "otp", "mfa"], origin=Origin(), policy=policy(), now=timezone.now())
    http = Client(HTTP_HOST=HOST)
    http.cookies[settings.COOKIE_PREFIX + browser.SESSION] = begun.key
    return http, str(jane.pk)


def _fill(count: int) -> None:
    """So many accounts, called as "ab-1", and an entry of each."""
    vendor = connection.vendor
    key, now = _KEY[vendor], _NOW[vendor]
    letters = " || ".join(_LETTER[vendor].format(of=of) for of in ("n", "(n / 26)"))
    name = f"({letters} || '-' || CAST(n AS text))"
    mail = f"({name} || '@contoso.example')"
    accounts: dict[str, Any] = {
        **dict.fromkeys(("preferred_username", "username_key", "name"), name),
        **dict.fromkeys(("email", "email_key"), mail),
        **dict.fromkeys(("created_at", "updated_at"), now),
        **dict.fromkeys(("locale", "status_before"), "''"),
        "id": key,
        "sub": "('bench-' || CAST(n AS text))",
        "status": f"CASE WHEN n % {SUSPENDED} = 0 THEN 'suspended' ELSE 'active' END",
        "email_verified": "true",
        "claims": "'{}'",
        '"groups"': "'[]'",
    }
    entries = {
        **dict.fromkeys(("previous_hash", "entry_hash"), "''"),
        **dict.fromkeys(("details", "origin"), "'{}'"),
        # After those that the chain has, which is not written on.
        "sequence": "n + 1000",
        "at": now,
        "name": "CASE n % 2 WHEN 0 THEN 'idp.device.added' ELSE 'idp.sign_in.ended' END",
        '"user"': key,
    }
    numbers = _NUMBERS[vendor].format(count=count)
    with connection.cursor() as cursor:
        if vendor == "postgresql":
            # A server for tests is impatient, and a million rows take as long as they take.
            cursor.execute("SET statement_timeout = 0")
        for table, values in (("idp_user", accounts), ("idp_auditentry", entries)):
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(values)}) {numbers} SELECT {', '.join(values.values())} FROM numbers"
            )
        cursor.execute("ANALYZE" if vendor == "sqlite" else "VACUUM ANALYZE")
        if vendor == "postgresql":
            # What tidies up behind so many rows is not what a page costs.
            cursor.execute("CHECKPOINT")
