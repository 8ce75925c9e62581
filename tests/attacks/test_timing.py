"""Whether an account exists is not told by time either (EN-02): the same question, asked for each kind in turn.

A stopwatch on a busy machine proves nothing by one look; three hundred interleaved ones do. What is compared is what an
attacker would compare: how long the answer took.
"""

import math
from itertools import product
from statistics import median
from time import perf_counter
from urllib.parse import urlencode

import pytest
from django.test import Client as Http
from django.utils import timezone

from idp.accounts import credentials, hashers
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.models import User
from tests.conftest import PASSWORD
from tests.story import HOST, Person

pytestmark = pytest.mark.hashing

ROUNDS = 300
#: EN-02: a difference is there if it is both: unlikely by chance, and large enough to be seen over a network.
CHANCE = 0.01
VISIBLE = 0.003
KINDS = ("active", "unknown", "suspended", "invited")


@pytest.fixture
def people(db):
    """Enough of each kind that nobody is paused: names that differ in nothing but whether somebody has them."""

    def make(rounds, *, password=False, address=False):
        now, encoded = timezone.now(), hashers.hash_password(PASSWORD)
        for kind, number in product(KINDS, range(rounds)):
            if kind == "unknown":
                continue
            name = name_of(kind, number)
            mail = f"{name}@contoso.example"
            status = getattr(User.Status, kind.upper())
            user = User.objects.create(preferred_username=name, email=mail, status=status, created_at=now)
            if password and kind != "invited":
                credentials.write_password_hash(first(user, "password", now), encoded, now=now)
            if address and kind != "invited":
                credentials.write_address(first(user, "email", now), mail, channel="email", now=now)

    return make


def name_of(kind, number):
    return f"{kind[:2]}{number:03d}"


def first(user, kind, now):
    return Proof(
        user=user.pk, kind=kind, replaces=0, earned=Earned.IMPORT, source=user.pk, expires_at=now + PROOF_LIFETIME
    )


def differ(one, other):
    """Mann and Whitney's test by its normal approximation, two-sided: how likely such samples are by chance."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(place for place, (_value, of) in enumerate(ranked, start=1) if of == 0)
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def assert_alike(times):
    for kind in KINDS[1:]:
        gap = abs(median(times[kind]) - median(times["active"]))
        chance = differ(times["active"], times[kind])
        assert chance > CHANCE or gap < VISIBLE, f"{kind}: {gap * 1000:.1f} ms apart, by chance {chance:.4f}"


def timed(ask):
    began = perf_counter()
    answer = ask()
    return perf_counter() - began, answer


def send(http, path, form, network):
    kind = "application/x-www-form-urlencoded"
    return http.post(path, urlencode(form), content_type=kind, secure=True, REMOTE_ADDR=network)


def test_the_ruler_measures():
    same, slower = [1 + i / 1000 for i in range(300)], [1.05 + i / 1000 for i in range(300)]
    assert differ(same, list(same)) > 0.9
    assert differ(same, slower) < CHANCE


def test_a_wrong_password_takes_as_long_for_anybody(people):
    people(ROUNDS, password=True)
    http = Http(headers={"host": HOST, "user-agent": "Firefox"})
    times = {kind: [] for kind in KINDS}
    for number in range(ROUNDS):
        # Each round from another network, the kinds in another order: nothing else may differ.
        for kind in (*KINDS[number % 4 :], *KINDS[: number % 4]):
            form = {"username": name_of(kind, number), "password": "quiet harbour lantern 8"}
            where = f"10.{number // 250}.{number % 250}.1"
            seconds, answer = timed(lambda f=form, w=where: send(http, "/sign-in", f, w))
            assert answer.status_code == 200
            times[kind].append(seconds)
    assert_alike(times)


def test_beginning_a_recovery_takes_as_long_for_anybody(people):
    people(ROUNDS)
    times = {kind: [] for kind in KINDS}
    http = Http(headers={"host": HOST, "user-agent": "Firefox"})
    for number in range(ROUNDS):
        for kind in (*KINDS[number % 4 :], *KINDS[: number % 4]):
            http.cookies.clear()
            where = f"10.{number // 250}.{number % 250}.1"
            form = {"identifier": name_of(kind, number)}
            seconds, answer = timed(lambda f=form, w=where: send(http, "/recovery/", f, w))
            assert answer["Location"] == "/recovery/problem/"
            times[kind].append(seconds)
    assert_alike(times)


def test_a_wrong_code_takes_as_long_for_anybody(people):
    people(ROUNDS // 4, address=True)
    times = {kind: [] for kind in KINDS}
    for number in range(ROUNDS // 4):
        walkers = {kind: at_the_code(kind, number) for kind in KINDS}
        for turn in range(4):
            for kind in (*KINDS[turn:], *KINDS[:turn]):
                person = walkers[kind]
                fields = {**person.page.parsed.fields, "code": f"{number:04d} {turn:04d}"}
                fields["csrfmiddlewaretoken"] = fields["csrfmiddlewaretoken"][0]
                seconds, answer = timed(lambda p=person, f=fields: p.post("/recovery/code/", f))
                assert answer.status_code == 200
                times[kind].append(seconds)
    assert_alike(times)


def at_the_code(kind, number):
    person = Person(address=f"10.9.{number}.1")
    person.open("/recovery/")
    person.submit(identifier=name_of(kind, number))
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address=f"{name_of(kind, number)}@contoso.example")
    assert person.page.name == "recovery-code"
    return person
