"""More sign-ins at once than a process can hash: applications notice nothing of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import bcrypt
import pytest
import requests

from tests.browser.test_races_over_http import code, redeem, token  # noqa: F401 -- `code` is a fixture
from tests.browser.visitor import Visitor, sign_in
from tests.processes import PASSWORD, Inhabitant

pytestmark = pytest.mark.processes

CROWD = 8


@pytest.fixture
def slow(regain):
    """Somebody whose password another system hashed at great cost: one try takes most of a second."""
    person = Inhabitant(username="slow", name="Slow Doe", email="slow@contoso.example")
    line = {
        "preferred_username": person.username,
        "password_hash": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(13)).decode(),
    }
    file = regain.folder / "slow.jsonl"
    file.write_text(json.dumps(line), encoding="utf-8")
    regain.manage("import_users", str(file))
    return person


def tries_counted(regain):
    return sum(count for (count,) in regain.rows("SELECT count FROM idp_counter"))


def test_tokens_are_given_while_every_place_for_hashing_is_taken(regain, code, slow):  # noqa: F811 -- the fixture
    tokens = redeem(regain, code).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    visitors = [Visitor(regain) for _one in range(CROWD)]
    for visitor in visitors:
        visitor.open("/sign-in")
    counted, ready = tries_counted(regain), Barrier(CROWD + 1)

    def wrongly(visitor):
        ready.wait(30)
        sign_in(visitor, slow, "not this one, sadly")
        return visitor

    with ThreadPoolExecutor(CROWD) as pool:
        crowd = [pool.submit(wrongly, visitor) for visitor in visitors]
        ready.wait(30)
        answered = []
        while not all(one.done() for one in crowd) or len(answered) < 4:
            fresh = token(regain, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
            tokens = fresh.json()
            person = requests.get(f"{regain.issuer}/userinfo", headers=bearer, timeout=60)
            answered += [fresh.status_code, person.status_code]
        told = [one.result() for one in crowd]

    assert set(answered) == {200}
    refused = [visitor for visitor in told if visitor.status == 503]
    judged = [visitor for visitor in told if visitor.status == 200]
    assert refused, "the pool was full"
    assert len(refused) + len(judged) == CROWD
    assert {visitor.name for visitor in refused} == {"busy"}
    assert {visitor.name for visitor in judged} == {"sign-in"}
    # Each that was judged counts three times: here, from everywhere, and in a row. The others were never tried.
    assert tries_counted(regain) - counted == 3 * len(judged)
    assert b"hashing is full" in regain.logs()["web.log"]
    refused[0].submit(again="1")
    assert refused[0].page.by_id("username")["value"] == slow.username
