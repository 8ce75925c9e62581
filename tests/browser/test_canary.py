"""No secret of a recovery or a sign-in is left anywhere: Redis, database, logs, in any spelling."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import requests

from tests.browser import leaks
from tests.browser.visitor import Visitor, ask_for_a_code, code_in, mail_to, sign_in
from tests.processes import PAPER, PASSWORD, Inhabitant, Regain

pytestmark = [pytest.mark.processes]

#: With what JSON, HTML and addresses each write in their own way.
NEW_PASSWORD = 'canary "quiet" harbour & lantern Ü7'
WRONG_PASSWORD = "mistyped canary of a former password"


@dataclass
class Story:
    """What a person and an application were handed on the way."""

    person: Inhabitant
    #: What people choose or type: not even a fingerprint of it may be anywhere.
    chosen: dict[str, str] = field(default_factory=dict)
    #: Random and long: a fingerprint is how the database knows it again.
    handed: dict[str, str] = field(default_factory=dict)
    places: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(regain) -> Story:
    """Somebody recovers, signs in, and an application uses everything it is given; then all places are read."""
    told = Story(person=regain.somebody())
    with leaks.monitor(regain) as capture:
        visitor = Visitor(regain)
        recover(regain, visitor, told)
        use_tokens(regain, authorize(regain, visitor, told), told)
        for name, values in visitor.cookies.items():
            if name != "regain-language":
                told.handed |= {f"cookie {name} {number}": value for number, value in enumerate(values)}
        mail_to(regain, told.person, subject="password was changed")
        told.places = leaks.everything(regain, capture)
    return told


def recover(regain: Regain, visitor: Visitor, told: Story) -> None:
    visitor.open("/sign-in")
    sign_in(visitor, told.person, WRONG_PASSWORD)
    ask_for_a_code(visitor, told.person)
    code = code_in(mail_to(regain, told.person)).replace(" ", "")
    wrong = f"{(int(code) + 1) % 10**8:08}"
    visitor.submit(code=wrong)
    assert visitor.name == "recovery-code"
    visitor.submit(code=code)
    visitor.submit(new_password=NEW_PASSWORD)
    assert visitor.name == "recovery-done", visitor.page.text
    told.chosen |= {"code": code, "new password": NEW_PASSWORD, "old password": PASSWORD}
    told.chosen |= {"wrong code": wrong, "wrong password": WRONG_PASSWORD}


def authorize(regain: Regain, visitor: Visitor, told: Story) -> tuple[str, str]:
    """The application on paper asks, the person signs in and allows it: its code and verifier."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": regain.paper["client_id"],
        "redirect_uri": PAPER,
        "response_type": "code",
        "scope": "openid profile email offline_access",
        "state": secrets.token_urlsafe(16),
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": "consent",
    }
    visitor.open(f"/authorize?{urlencode(asked)}")
    sign_in(visitor, told.person, NEW_PASSWORD, until=PAPER)
    if visitor.name == "consent":
        visitor.submit(decision="allow", until=PAPER)
    assert visitor.url.startswith(PAPER), visitor.page.text
    code = parse_qs(urlsplit(visitor.url).query)["code"][0]
    told.handed |= {"authorization code": code, "code verifier": verifier}
    return code, verifier


def use_tokens(regain: Regain, code_and_verifier: tuple[str, str], told: Story) -> None:
    """Code for tokens, tokens for claims, refresh for new ones; then a code used twice, and a wrong token."""
    code, verifier = code_and_verifier
    secret = regain.paper["client_secret"]
    told.handed["client secret"] = secret
    client = (quote(regain.paper["client_id"], safe=""), quote(secret, safe=""))
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": PAPER, "code_verifier": verifier}
    first = requests.post(f"{regain.issuer}/token", exchange, auth=client, timeout=10)
    assert first.status_code == 200, first.text
    tokens = first.json()
    renewal = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    renewed = requests.post(f"{regain.issuer}/token", renewal, auth=client, timeout=10)
    assert renewed.status_code == 200, renewed.text
    for number, each in enumerate((tokens, renewed.json())):
        told.handed |= {f"{name} {number}": each[name] for name in each if name.endswith("_token")}
        claims = requests.get(
            f"{regain.issuer}/userinfo",
            headers={"Authorization": f"Bearer {each['access_token']}"},
            timeout=10,
        )
        assert claims.json()["preferred_username"] == told.person.username
    assert {"access_token 0", "refresh_token 0", "id_token 0", "access_token 1", "refresh_token 1"} <= set(told.handed)
    again = requests.post(f"{regain.issuer}/token", exchange, auth=client, timeout=10)
    assert again.json()["error"] == "invalid_grant"
    ended = requests.get(
        f"{regain.issuer}/sign-out",
        {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "https://elsewhere.example/"},
        timeout=10,
    )
    assert ended.ok


def test_the_story_hands_out_every_kind_of_secret(story):
    kinds = {name.rpartition(" ")[0] for name in story.handed} | set(story.handed)
    assert {
        *("cookie regain-session", "cookie regain-recovery", "cookie regain-browser", "cookie regain-csrf"),
        *("authorization code", "access_token", "refresh_token", "id_token", "client secret", "code verifier"),
    } <= kinds
    # The key that opens a journey changes with the first proof.
    assert len([name for name in story.handed if name.startswith("cookie regain-recovery")]) >= 2


def test_what_was_chosen_or_typed_is_found_nowhere(story):
    for name, secret in story.chosen.items():
        found = leaks.sightings(leaks.spellings(secret) | leaks.digests(secret), story.places)
        assert not found, f"{name} was found: {found}"


def test_what_was_handed_out_is_found_nowhere(story):
    for name, secret in story.handed.items():
        found = leaks.sightings(leaks.spellings(secret), story.places)
        assert not found, f"{name} was found: {found}"


def test_the_search_finds_what_is_there(story, regain):
    ((message,),) = regain.rows(
        "SELECT CAST(m.id AS text) FROM idp_message m JOIN idp_user u ON u.id = m.user_id"
        " WHERE u.preferred_username = %s AND m.queue = 'otp'",
        story.person.username,
    )
    # As text SQLite has 32 digits, PostgreSQL the usual groups.
    bare = message.replace("-", "")
    message = "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))
    seen = leaks.sightings(leaks.spellings(message), story.places)
    assert "Redis, all that was sent: as it is" in leaks.sightings(leaks.spellings("idp.deliver"), story.places)
    assert [each for each in seen if each.startswith("Redis, all that was sent: base64")], "in a task's body"
    assert "log worker.log: as it is" in seen

    database = "file regain.sqlite3" if regain.database_files else "table idp_user"
    places = {each.partition(":")[0] for each in leaks.sightings(leaks.spellings(story.person.name), story.places)}
    assert any(place.startswith(database) for place in places), places
    assert not places & {"Redis, all that was sent", "Redis, what is in it"}

    kept = {each.partition(":")[0] for each in leaks.sightings(leaks.spellings("_kombu.binding.otp"), story.places)}
    assert "Redis, what is in it" in kept
    references = regain.rows(
        "SELECT CAST(id AS text) FROM idp_user WHERE preferred_username = %s", story.person.username
    )
    user = references[0][0].replace("-", "")
    user = "-".join((user[:8], user[8:12], user[12:16], user[16:20], user[20:]))
    assert "log web.log: as it is" in leaks.sightings(leaks.spellings(user), story.places)


@pytest.mark.parametrize("secret", ["38120457", NEW_PASSWORD, "Xy7-abc_DEF0123456789-_zyx"])
def test_the_search_reads_every_spelling(secret):
    for way, text in leaks.spellings(secret).items():
        for before in (b"", b"a", b"ab", b"abc"):
            assert leaks.sightings({way: text}, {"place": before + text + before})
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in (b"", b"a", b"ab", b"abc", b"abcd"):
            for after in (b"", b"y", b"yz", b"xyz"):
                hidden = encode(before + secret.encode() + after)
                assert leaks.sightings(leaks.spellings(secret), {"place": hidden}), (before, after)
    assert not leaks.sightings(leaks.spellings(secret), {"place": b"nothing of the kind 38120458"})
