"""Applications made with other people's libraries, each signing somebody in with a live Regain.

Each does what its makers say it does, in the program that docs/integrate.md shows: nobody helps it along. What they
must refuse is tried by somebody who sits between them and the provider's answers, in the browser.
"""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from tests.interop.applications import (
    EXPRESS,
    MOZILLA,
    OPENID_CLIENT,
    PEERS,
    REFRESHING,
    SEEING_WHO_ANSWERS,
    STRICT,
    expecting,
)
from tests.interop.person import Person, asked, changed, parameters
from tests.processes import PASSWORD
from tests.servers import wait_until

pytestmark = [pytest.mark.interop, pytest.mark.processes]


def each(peers):
    return pytest.mark.parametrize("peer", peers, ids=lambda peer: peer.name)


def subject(person: Person) -> str:
    ((sub,),) = person.regain.rows("SELECT sub FROM idp_user WHERE preferred_username = %s", person.who.username)
    return sub


def leave(person: Person, application) -> None:
    """Sign out at the application."""
    url = application.url(application.peer.sign_out)
    if application.peer is MOZILLA:
        person.send(url)
    else:
        person.open(url)


@each(PEERS + STRICT)
def test_somebody_signs_in(peer, start, person):
    application = start(peer)
    person.open(application.here)
    assert person.told == {"claims": None}
    person.sign_in(application)
    assert person.url.removesuffix("/") == application.here
    assert person.told["claims"]["iss"] == person.regain.issuer
    assert person.told["claims"]["sub"] == person.told["userinfo"]["sub"] == subject(person)
    assert person.told["userinfo"]["email"] == person.who.email


@each(REFRESHING + STRICT)
def test_access_is_renewed_without_asking(peer, start, person):
    application = start(peer)
    person.sign_in(application)
    for renewals in (1, 2):  # the second shows that the new refresh token was kept
        person.send(application.url("/refresh"))
        assert person.url.removesuffix("/") == application.here, person.answer.text
        assert person.told["userinfo"]["email"] == person.who.email
        assert person.told.get("renewals", renewals) == renewals


def test_mozilla_django_oidc_asks_again_without_a_page(start, person):
    application = start(MOZILLA)
    person.sign_in(application)
    first = person.told["claims"]
    person.open(application.url("/ask-again/"))
    assert person.url.removesuffix("/") == application.here
    assert person.told["claims"]["auth_time"] == first["auth_time"]
    assert person.told["claims"]["nonce"] != first["nonce"]


@each(PEERS + STRICT)
def test_somebody_signs_out_here_and_at_the_provider(peer, start, person):
    application = start(peer)
    person.sign_in(application)
    leave(person, application)
    assert person.url.partition("?")[0] == application.url(peer.signed_out)
    assert person.told == {"signed_out": True}
    person.open(application.here)
    assert person.told == {"claims": None}
    assert person.at_the_provider() == "sign-in"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "EdDSA"])
def test_id_tokens_verify_whatever_they_are_signed_with(algorithm, start, person):
    application = start(expecting(OPENID_CLIENT, algorithm))
    person.sign_in(application)
    assert person.told["claims"]["sub"] == subject(person)


def test_an_access_token_that_can_be_read_is_as_good(start, person):
    application = start(replace(OPENID_CLIENT, name="openid-client-jwt", metadata={"access_token_format": "jwt"}))
    person.sign_in(application)
    person.send(application.url("/refresh"))
    assert person.told["userinfo"]["email"] == person.who.email


@each([OPENID_CLIENT, STRICT[0]])
def test_an_application_gives_back_what_it_no_longer_needs(peer, start, person):
    application = start(peer)
    person.sign_in(application)
    assert alive(person, application), "a refresh token"
    leave(person, application)
    assert not alive(person, application)


def alive(person: Person, application) -> bool:
    """Whether the newest grant of this application is."""
    sql = "SELECT ended_at FROM idp_grant WHERE client_id IN (SELECT id FROM idp_client WHERE client_id = %s)"
    (newest, *_older) = person.regain.rows(f"{sql} ORDER BY created_at DESC", application.client_id)
    return newest == (None,)


def test_signing_out_elsewhere_ends_the_session_here(start, person):
    """Back-channel logout: Regain's worker brings a logout token, which express-openid-connect verifies."""
    here, elsewhere = start(EXPRESS), start(OPENID_CLIENT)
    person.sign_in(here)
    person.open(elsewhere.url(elsewhere.peer.sign_in))
    if person.name:
        person.allow()
    assert person.told["claims"]["sub"] == subject(person), "signed in there without a password"
    leave(person, elsewhere)
    wait_until(lambda: is_signed_out(person, here), "the logout token")


def is_signed_out(person: Person, application) -> bool:
    person.open(application.here)
    return person.told == {"claims": None}


@each(PEERS + STRICT)
def test_an_answer_with_another_state_is_refused(peer, start, person):
    application = start(peer)
    person.sign_in(application, until=application.url(peer.callback))
    person.open(changed(person.url, state="x" * 32))
    assert_refused(person, application)


@each(PEERS)
def test_somebody_who_does_not_allow_it_is_not_signed_in(peer, start, person):
    application = start(peer)
    person.open(changed(asked(person, application), prompt="consent"))
    person.submit(username=person.who.username, password=PASSWORD)
    person.submit(decision="deny")
    assert_refused(person, application)


@each(PEERS)
def test_an_id_token_with_another_nonce_is_refused(peer, start, person):
    """Somebody on the way has put their own nonce into the request: Regain signs it, the application refuses it."""
    application = start(peer)
    person.open(changed(asked(person, application), nonce="of-somebody-else"))
    person.type_password()
    assert_refused(person, application)


@each(PEERS + STRICT)
def test_a_code_from_another_browser_is_refused(peer, start, person, regain):
    """PKCE: somebody else's code, put into one's own answer, is of no use."""
    application = start(peer)
    person.sign_in(application, until=application.url(peer.callback))
    stolen = parameters(person.url)["code"]
    thief = Person(regain, person.who)
    thief.sign_in(application, until=application.url(peer.callback))
    thief.open(changed(thief.url, code=stolen))
    assert_refused(thief, application)


@each(SEEING_WHO_ANSWERS + STRICT)
@pytest.mark.parametrize("iss", ["https://attacker.example", None])
def test_an_answer_from_another_provider_is_refused(peer, iss, start, person):
    application = start(peer)
    person.sign_in(application, until=application.url(peer.callback))
    person.open(changed(person.url, iss=iss))
    assert_refused(person, application)


@each(PEERS)
def test_nobody_is_sent_to_an_address_that_is_not_registered(peer, start, person):
    application = start(peer)
    person.open(changed(asked(person, application), redirect_uri=f"{application.here}/elsewhere"))
    assert person.url.startswith(person.regain.issuer)
    assert (person.status, person.name) == (400, "error")


def assert_refused(person: Person, application) -> None:
    assert person.status >= 400, person.answer.text
    person.open(application.here)
    assert person.told == {"claims": None}


@each(STRICT)
def test_what_is_added_to_a_request_handed_in_beforehand_has_no_effect(peer, start, person):
    application = start(peer)
    request = asked(person, application)
    assert parameters(request).keys() == {"client_id", "request_uri"}
    person.open(changed(request, scope="openid", redirect_uri="https://attacker.example/", nonce="of-somebody-else"))
    person.type_password()
    assert person.url.removesuffix("/") == application.here
    assert person.told["userinfo"]["email"] == person.who.email


@each(STRICT)
def test_a_request_that_was_not_handed_in_beforehand_is_refused(peer, start, person):
    application = start(peer)
    here = application.url(peer.callback)
    query = {"client_id": application.client_id, "redirect_uri": here, "response_type": "code", "scope": "openid"}
    query |= {"code_challenge": "x" * 43, "code_challenge_method": "S256"}
    person.open(f"{person.regain.issuer}/authorize?{urlencode(query)}", until=application.here)
    assert parameters(person.url)["error"] == "invalid_request"
