"""Apache with mod_auth_openidc in front of something, by the configuration that docs/integrate.md shows."""

import time
from urllib.parse import quote

import pytest

from tests.interop import peers
from tests.interop.conftest import lacking
from tests.interop.peers import Peer
from tests.interop.person import Person, asked, changed, parameters
from tests.servers import Missing, wait_until

pytestmark = [pytest.mark.interop, pytest.mark.processes]

PEER = Peer(
    name="mod_auth_openidc",
    command=list,
    metadata={
        "backchannel_logout_uri": "${HERE}/protected/callback?logout=backchannel",
        "backchannel_logout_session_required": True,
    },
    sign_in="/protected/index.json",
    callback="/protected/callback",
    signed_out="/signed-out.json",
)


@pytest.fixture(scope="module")
def apache(regain):
    try:
        with peers.apache(PEER, regain) as running:
            yield running
    except Missing as missing:
        lacking(str(missing))


def info(apache, person, query=""):
    """What the module tells scripts of the application behind it."""
    person.open(apache.url(f"{PEER.callback}?info=json{query}"))
    return person.told


def test_only_who_signed_in_gets_through(apache, person):
    person.sign_in(apache)
    assert person.url == apache.url(PEER.sign_in)
    assert person.told == {"behind": True}
    told = info(apache, person)
    assert told["id_token"]["iss"] == person.regain.issuer
    assert told["id_token"]["sub"] == told["userinfo"]["sub"]
    assert told["userinfo"]["email"] == person.who.email


def test_access_is_renewed_without_asking(apache, person):
    person.sign_in(apache)
    expiry = info(apache, person)["access_token_expires"]
    for _twice in range(2):
        time.sleep(1.1)  # the module counts in seconds
        told = info(apache, person, "&access_token_refresh_interval=1")
        assert told["access_token_expires"] > expiry
        assert told["userinfo"]["email"] == person.who.email
        expiry = told["access_token_expires"]


def test_somebody_signs_out_here_and_at_the_provider(apache, person):
    person.sign_in(apache)
    person.open(apache.url(f"{PEER.callback}?logout={quote(apache.url(PEER.signed_out), safe='')}"))
    assert person.told == {"signed_out": True}
    assert person.at_the_provider() == "sign-in"
    person.open(apache.url(PEER.sign_in))
    assert person.name == "sign-in"


def test_signing_out_at_the_provider_ends_the_session_here(apache, person):
    """Back-channel logout: Regain's worker brings a logout token, which the module verifies."""
    person.sign_in(apache)
    assert person.told == {"behind": True}
    person.open(f"{person.regain.issuer}/sign-out")
    person.submit(decision="yes")
    assert person.name == "signed-out"
    wait_until(lambda: is_signed_out(apache, person), "the logout token")


def is_signed_out(apache, person):
    person.open(apache.url(PEER.sign_in), until=f"{person.regain.issuer}/authorize")
    return person.url.startswith(person.regain.issuer)


def test_an_id_token_with_another_nonce_is_refused(apache, person):
    person.open(changed(asked(person, apache), nonce="of-somebody-else"))
    person.type_password()
    assert_refused(person, apache, "nonce")


def test_an_answer_with_another_state_is_refused(apache, person):
    person.sign_in(apache, until=apache.url(PEER.callback))
    person.open(changed(person.url, state="x" * 32))
    assert_refused(person, apache, "state")


def test_a_code_from_another_browser_is_refused(apache, person, regain):
    person.sign_in(apache, until=apache.url(PEER.callback))
    stolen = parameters(person.url)["code"]
    thief = Person(regain, person.who)
    thief.sign_in(apache, until=apache.url(PEER.callback))
    thief.open(changed(thief.url, code=stolen))
    assert_refused(thief, apache, "invalid_grant")


def test_an_answer_from_another_provider_is_refused(apache, person):
    person.sign_in(apache, until=apache.url(PEER.callback))
    person.open(changed(person.url, iss="https://attacker.example"))
    assert_refused(person, apache, "attacker.example")


def assert_refused(person, apache, why):
    # Its error page comes with status 200; the reason is in its log.
    assert "Error" in person.answer.text or person.status >= 400
    assert why in apache.log.read_text(), apache.log.read_text()[-2000:]
    assert is_signed_out(apache, person)
