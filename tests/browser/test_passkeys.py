"""Passkeys in a real browser, with Chromium's virtual authenticator: made, used in every way there is, and removed."""

from uuid import UUID

import pytest

from tests.browser.screen import Screen, sign_in
from tests.processes import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PAGE = "/account/factors/passkey/"


class VirtualAuthenticator:
    """Built into the device, with a finger that is always right; it answers when it is told to."""

    def __init__(self, screen):
        self._session = screen.context.new_cdp_session(screen.page)
        self._session.send("WebAuthn.enable")
        self._id = self._session.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                },
            },
        )["authenticatorId"]

    def _tell(self, command, **what):
        return self._session.send(f"WebAuthn.{command}", {"authenticatorId": self._id, **what})

    @property
    def held(self):
        return self._tell("getCredentials")["credentials"]

    def touched(self, *, at_once):
        """Whether its owner touches it as soon as it asks, or not at all."""
        self._tell("setAutomaticPresenceSimulation", enabled=at_once)

    def finger(self, *, right):
        self._tell("setUserVerified", isUserVerified=right)

    def forget(self):
        self._tell("clearCredentials")


@pytest.fixture
def authenticator(screen):
    return VirtualAuthenticator(screen)


def make_passkey(screen, regain, person, name="Laptop"):
    """Signed in by password, to the page that says it was added."""
    screen.page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, person, PASSWORD, "account")
    screen.page.goto(f"{regain.issuer}{PAGE}")
    screen.at("factors-passkey")
    screen.page.fill("#name", name)
    screen.press("#passkey", "factors-done")


def sign_out(screen, regain):
    screen.page.goto(f"{regain.issuer}/sign-out")
    screen.press("#logout-yes", "signed-out")


def said(screen):
    """What the page says went wrong with the passkey, once it says so."""
    screen.page.wait_for_selector("#passkey-trouble:visible")
    return screen.page.inner_text("#passkey-trouble")


def test_the_whole_life_of_a_passkey(screen, regain, authenticator):
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, person, PASSWORD, "account")
    page.goto(f"{regain.issuer}/account/factors/add/")
    screen.press("button[name=way][value=passkey]", "factors-passkey")
    assert "Chrom" in page.input_value("#name")
    screen.look("add")
    page.fill("#name", "Blue laptop")
    page.focus("#name")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    screen.at("factors-done")
    screen.look("added")
    (held,) = authenticator.held
    assert held["isResidentCredential"]
    assert held["rpId"] == "localhost"
    assert held["userName"] == person.email

    sign_out(screen, regain)
    authenticator.touched(at_once=False)
    page.goto(f"{regain.issuer}/sign-in")
    screen.look("sign-in")
    authenticator.touched(at_once=True)
    screen.press("#passkey", "account")
    assert person.email in page.inner_text("main")

    ((row,),) = regain.rows(
        "SELECT c.id FROM idp_credential c JOIN idp_user u ON u.id = c.user_id WHERE c.kind = 'passkey' "
        "AND u.preferred_username = %s",
        person.username,
    )
    page.goto(f"{regain.issuer}/account/factors/{UUID(str(row))}/")
    screen.at("factors-one")
    assert page.inner_text("h1") == "Blue laptop"
    screen.look("one")
    screen.press("#remove", "factors-done")
    sign_out(screen, regain)
    authenticator.touched(at_once=False)
    page.goto(f"{regain.issuer}/sign-in")
    authenticator.touched(at_once=True)
    with page.expect_navigation():
        page.click("#passkey")
    screen.at("sign-in")
    assert "That didn't work with this passkey" in page.inner_text(".summary")
    assert page.title().startswith("Error:")
    authenticator.forget()
    screen.look("sign-in-refused")


def test_from_the_list_under_the_name_field_to_the_application(screen, regain, authenticator):
    """Conditional UI: the virtual authenticator's owner chooses the passkey as soon as it is offered."""
    person, page = regain.somebody(), screen.page
    make_passkey(screen, regain, person)
    sign_out(screen, regain)
    page.goto(f"{regain.application}/sign-in")
    screen.at("consent")
    with page.expect_navigation(url=f"{regain.application}/**"):
        page.click("#allow")
    assert person.name in page.inner_text("body")


def test_a_page_that_stays_open_asks_for_another_challenge_before_the_old_one_is_over(screen, regain, authenticator):
    screen.page.clock.install()
    authenticator.touched(at_once=False)
    with screen.page.expect_response("**/sign-in/passkey/options"):
        screen.page.goto(f"{regain.issuer}/sign-in")
    for _again in range(3):
        # The request of before is with the authenticator, which nobody touches.
        screen.page.wait_for_timeout(500)
        with screen.page.expect_response("**/sign-in/passkey/options"):
            screen.page.clock.run_for(4 * 60 * 1000 + 1)
    ((asked,),) = regain.rows("SELECT count(*) FROM idp_ceremony WHERE purpose = 'sign-in' AND answered_at IS NULL")
    assert asked >= 4


def test_a_passkey_after_the_password_and_once_more(screen, regain, authenticator):
    person, page = regain.somebody(), screen.page
    make_passkey(screen, regain, person)
    sign_out(screen, regain)
    authenticator.touched(at_once=False)
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, person, PASSWORD, "sign-in-factor")
    screen.look("second-step")
    authenticator.touched(at_once=True)
    authenticator.finger(right=False)
    page.click("#passkey")
    assert said(screen) == "No passkey was used. Try again, or use another way to sign in."
    screen.look("second-step-not-verified")
    authenticator.finger(right=True)
    screen.press("#passkey", "account")

    page.goto(f"{regain.issuer}/sign-in/again?to=/account/applications/")
    screen.at("sign-in-again")
    screen.look("again")
    screen.press("#passkey", "applications")
    page.goto(f"{regain.issuer}{PAGE}")
    screen.at("factors-passkey")
    page.click("#passkey")
    assert said(screen) == "This device already has a passkey for this account. It works as it is."
    screen.look("add-again")


def test_a_button_that_was_pressed_too_late_leads_to_where_one_shows_who_one_is(screen, regain, authenticator):
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, person, PASSWORD, "account")
    page.goto(f"{regain.issuer}{PAGE}")
    screen.expected |= {403}
    regain.change("UPDATE idp_signin SET ended_at = authenticated_at WHERE network <> %s", "")
    screen.press("#passkey", "sign-in")
    assert not authenticator.held


def test_without_scripts(screen, regain, browser):
    """Nothing is there that does not work, and everything else does."""
    person, page = regain.somebody(), screen.page
    other = Screen(browser, "with_scripts")
    VirtualAuthenticator(other)
    make_passkey(other, regain, person)
    other.close()
    page.goto(f"{regain.issuer}/sign-in")
    assert not page.is_visible("#passkey")
    assert not page.is_visible(".or")
    screen.look("sign-in")
    sign_in(screen, person, PASSWORD, "sign-in-factor")
    assert not page.is_visible("#passkey")
    assert "scripts are turned off" in page.inner_text("main")
    screen.look("second-step")
    someone_else = regain.somebody()
    screen.context.clear_cookies()
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, someone_else, PASSWORD, "account")
    page.goto(f"{regain.issuer}{PAGE}")
    screen.at("factors-passkey")
    assert not page.is_visible("#passkey")
    assert not page.is_visible("#name")
    assert "scripts are turned off" in page.inner_text("main")
    screen.look("add")
