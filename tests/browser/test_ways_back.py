"""Every way of proving in a real browser: an app, a saved code, a passkey; a lost phone; and an intruder."""

import pytest

from examples.demo.seed import APPOINT
from tests.browser.screen import Screen, sign_in
from tests.browser.test_passkeys import VirtualAuthenticator
from tests.browser.test_second_factors import CODE, add_an_app, app_of, in_every_language, sign_out
from tests.browser.visitor import code_in, mail_to
from tests.processes import PASSWORD, Inhabitant, Regain
from tests.servers import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.processes]


@pytest.fixture(autouse=True)
def _some_pages_are_refusals(screen):
    """Chromium reports their status on its console, which is no fault of theirs."""
    screen.expected |= {429}


def at_methods(screen: Screen, regain: Regain, person: Inhabitant, problem: str) -> None:
    screen.page.goto(f"{regain.issuer}/recovery/?again=1")
    screen.page.fill("#identifier", person.username)
    screen.press("#continue", "recovery-problem")
    screen.press(f"button[name=problem][value={problem}]", "recovery-method")


def by_email(screen: Screen, regain: Regain, person: Inhabitant, then: str, *, but: str = "") -> None:
    """With the code of the newest letter; `but` is one that came before."""
    screen.press("button[name=method][value=email]", "recovery-address")
    screen.page.fill("#address", person.email)
    screen.press("#continue", "recovery-code")
    wait_until(lambda: code_in(mail_to(regain, person, subject="code")) != but, "the letter")
    screen.page.fill("#code", code_in(mail_to(regain, person, subject="code")))
    screen.press("#continue", then)


def test_an_app_and_then_a_mailbox(screen, regain):
    person, page = regain.somebody(), screen.page
    app = add_an_app(screen, regain, person)
    sign_out(screen, regain)
    at_methods(screen, regain, person, "intruder")
    in_every_language(screen, "methods")
    screen.press("#none-of-these", "recovery-none")
    in_every_language(screen, "none")
    screen.press("#choose-again", "recovery-method")
    screen.press("button[name=method][value=totp]", "recovery-code")
    in_every_language(screen, "app")
    page.fill("#code", app.wrong())
    screen.press("#continue", "recovery-code")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    screen.look("app-wrong")
    page.fill("#code", app.code(steps=1))
    screen.press("#continue", "recovery-method")
    assert "We have stopped everything" in page.inner_text("h1")
    in_every_language(screen, "stopped")
    by_email(screen, regain, person, "recovery-new-password")
    screen.look("stopped-new-password")


def test_saved_codes_and_nothing_else(screen, regain):
    """Two of one sheet are one, and there is a page that says so."""
    person, page = regain.somebody(), screen.page
    add_an_app(screen, regain, person)
    screen.press("#get-codes", "factors-recovery-codes")
    screen.press("#make", "factors-codes")
    codes = CODE.findall(page.inner_text("#codes"))
    sign_out(screen, regain)
    at_methods(screen, regain, person, "forgot")
    screen.press("button[name=method][value=recovery-code]", "recovery-code")
    in_every_language(screen, "saved-code")
    page.fill("#code", codes[0])
    screen.press("#continue", "recovery-method")
    assert "One more check" in page.inner_text("h1")
    assert "You used: recovery code" in page.inner_text("main")
    in_every_language(screen, "one-more-check")
    screen.press("button[name=method][value=email]", "recovery-address")


def test_a_passkey_and_a_lost_phone(screen, regain):
    person, page = regain.somebody(), screen.page
    app = add_an_app(screen, regain, person)
    sign_out(screen, regain)
    at_methods(screen, regain, person, "lost-factor")
    screen.press("button[name=method][value=password]", "recovery-current-password")
    in_every_language(screen, "password")
    page.fill("#password", PASSWORD)
    screen.press("#continue", "recovery-method")
    by_email(screen, regain, person, "recovery-factor")
    in_every_language(screen, "factor")
    screen.press("#new-passkey", "recovery-new-passkey")
    authenticator = VirtualAuthenticator(screen)
    in_every_language(screen, "new-passkey")
    screen.press("#passkey", "recovery-done")
    assert len(authenticator.held) == 1
    in_every_language(screen, "done")
    # Whoever touches the key at once signs in from the list under the name field.
    screen.press("#continue-to-app", "account")
    sign_out(screen, regain)
    at_methods(screen, regain, person, "forgot")
    screen.press("button[name=method][value=passkey]", "recovery-passkey")
    in_every_language(screen, "passkey")
    authenticator.finger(right=False)
    page.click("#passkey")
    page.wait_for_selector("#passkey-trouble:visible")
    screen.look("passkey-trouble")
    authenticator.finger(right=True)
    screen.press("#passkey", "recovery-method")
    assert app.code() not in page.content()


def test_a_passkey_instead_of_a_password(screen, regain):
    person = regain.somebody()
    at_methods(screen, regain, person, "forgot")
    by_email(screen, regain, person, "recovery-new-password")
    in_every_language(screen, "new-password")
    screen.press("#passkey-instead", "recovery-passkey-instead")
    authenticator = VirtualAuthenticator(screen)
    in_every_language(screen, "passkey-instead")
    screen.press("#passkey", "recovery-done")
    assert len(authenticator.held) == 1
    in_every_language(screen, "done")


def test_without_scripts(screen, regain):
    person, page = regain.somebody(), screen.page
    old = add_an_app(screen, regain, person)
    sign_out(screen, regain)
    at_methods(screen, regain, person, "lost-factor")
    screen.press("button[name=method][value=passkey]", "recovery-passkey")
    assert page.is_visible("[data-without-passkey]")
    screen.look("no-scripts-passkey")
    screen.press("#another-way", "recovery-method")
    screen.press("button[name=method][value=password]", "recovery-current-password")
    page.fill("#password", PASSWORD)
    screen.press("#continue", "recovery-method")
    by_email(screen, regain, person, "recovery-factor")
    screen.press("#new-app", "recovery-new-app")
    new = app_of(screen)
    assert new.secret != old.secret
    screen.look("no-scripts-new-app")
    page.fill("#otp", new.code())
    screen.press("#save", "recovery-done")
    screen.press("#continue-to-app", "sign-in")
    sign_in(screen, person, PASSWORD, "sign-in-factor")
    page.fill("#otp", new.code(steps=1))
    screen.press("#verify", "account")


def test_one_way_is_not_enough(screen, regain):
    """An administrator with a mailbox and nothing else."""
    person, page = regain.somebody(), screen.page
    regain.manage("shell", "--command", APPOINT.format(username=person.username))
    at_methods(screen, regain, person, "locked")
    by_email(screen, regain, person, "recovery-stranded")
    in_every_language(screen, "stranded")
    screen.press("#start-again", "recovery-identify")
    assert page.input_value("#identifier") == ""


def test_the_desktop_notices_that_it_was_finished_on_the_phone(screen, browser, regain):
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, person, PASSWORD, "account")
    sign_out(screen, regain)
    page.goto(regain.application)
    screen.press("#sign-in", "sign-in")
    screen.press("#cant-access", "recovery-identify")
    page.fill("#identifier", person.username)
    screen.press("#continue", "recovery-problem")
    screen.press("button[name=problem][value=forgot]", "recovery-method")
    screen.press("button[name=method][value=email]", "recovery-address")
    page.fill("#address", person.email)
    screen.press("#continue", "recovery-code")
    unused = code_in(mail_to(regain, person, subject="code"))
    phone = Screen(browser, "phone")
    try:
        at_methods(phone, regain, person, "forgot")
        by_email(phone, regain, person, "recovery-new-password", but=unused)
        phone.page.fill("#new-password", "quiet harbour lantern 7")
        phone.press("#save-password", "recovery-done")
    finally:
        phone.close()
    page.wait_for_selector("body[data-page=recovery-ended]", timeout=30_000)
    assert "You finished on another device" in page.inner_text("h1")
    in_every_language(screen, "elsewhere")
    assert "Continue to Payroll" in page.inner_text("#continue-to-app")
