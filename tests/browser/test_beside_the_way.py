"""Pages beside the main way, looked at in the same real browser: account, sign-out, errors, ends and pauses."""

import re
from urllib.parse import urlencode

import pytest

from tests.browser.screen import sign_in, walk_on_with_the_code, walk_to_the_code_page
from tests.browser.test_second_factors import in_every_language
from tests.browser.visitor import code_in, mail_to
from tests.conftest import NEW_PASSWORD
from tests.processes import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.processes]


@pytest.fixture(autouse=True)
def _some_pages_are_refusals(screen):
    """Chromium reports their status on its console, which is no fault of theirs."""
    screen.expected |= {400, 404, 429}


def test_saying_no_and_signing_out(screen, regain):
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.application}/sign-in?prompt=consent")
    screen.at("sign-in")
    sign_in(screen, person, PASSWORD, "consent")
    screen.press("#deny", "payroll-problem")
    assert page.inner_text("#error") == "access_denied"
    screen.look("payroll-after-no")
    page.goto(f"{regain.issuer}/account/")
    screen.at("account")
    screen.look("account")
    page.goto(f"{regain.issuer}/sign-out")
    screen.look("sign-out")
    screen.press("#logout-no", "account")
    page.goto(f"{regain.issuer}/sign-out")
    screen.press("#logout-yes", "signed-out")
    screen.look("signed-out")
    page.goto(f"{regain.issuer}/account/")
    screen.at("sign-in")
    screen.look("sign-in-without-an-application")


def test_cancelling_leads_back_to_the_application(screen, regain):
    screen.page.goto(regain.application)
    screen.press("#sign-in", "sign-in")
    screen.press("#cancel", "payroll-problem")
    assert screen.page.inner_text("#error") == "access_denied"


def test_wrong_addresses(screen, regain):
    page = screen.page
    asked = {
        "client_id": regain.paper["client_id"],
        "redirect_uri": "https://elsewhere.example/",
        "response_type": "code",
    }
    page.goto(f"{regain.issuer}/authorize?{urlencode(asked)}")
    screen.at("error")
    assert page.url.startswith(regain.issuer), "nobody is sent to an address that is not registered"
    screen.look("error")
    page.goto(f"{regain.issuer}/nothing-here")
    screen.look("not-found")


def test_how_recovery_works_here(screen, regain):
    screen.page.goto(f"{regain.issuer}/recovery/")
    screen.look("identify")
    screen.press("#how", "recovery-how")
    in_every_language(screen, "how")
    screen.press(".back", "recovery-identify")


def test_codes_grow_while_somebody_guesses(screen, regain):
    person, page = regain.somebody(), screen.page
    for _recovery in range(3):
        page.goto(f"{regain.issuer}/sign-in")
        walk_to_the_code_page(screen, person)
        code = int(code_in(mail_to(regain, person)).replace(" ", ""))
        for guess in range(1, 6):
            page.fill("#code", f"{(code + guess) % 10**8:08}")
            with page.expect_navigation():
                page.click("#continue")
        screen.context.clear_cookies()
    page.goto(f"{regain.issuer}/sign-in")
    walk_to_the_code_page(screen, person)
    in_every_language(screen, "long-code")
    page.fill("#code", "1234 5678")
    screen.press("#continue", "recovery-code")
    screen.look("no-long-code", album=("light",))


def test_too_many_tries(screen, regain):
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.issuer}/sign-in")
    walk_to_the_code_page(screen, person)
    code = int(code_in(mail_to(regain, person)).replace(" ", ""))
    for guess in range(1, 6):
        page.fill("#code", f"{(code + guess) % 10**8:08}")
        with page.expect_navigation():
            page.click("#continue")
    page.goto(f"{regain.issuer}/recovery/code/")
    screen.at("recovery-ended")
    screen.look("ended")
    page.goto(f"{regain.issuer}/recovery/?again=1")
    for _message in range(5):
        page.fill("#identifier", person.username)
        screen.press("#continue", "recovery-problem")
        screen.press("button[name=problem]", "recovery-method")
        screen.press("button[name=method]", "recovery-address")
        page.fill("#address", person.email)
        with page.expect_navigation():
            page.click("#continue")
        if screen.name == "recovery-slow":
            break
        page.goto(f"{regain.issuer}/recovery/?again=1")
    screen.at("recovery-slow")
    screen.look("slow")
    page.goto(f"{regain.issuer}/sign-in")
    for _try in range(11):
        page.fill("#username", person.username)
        page.fill("#password", "not this one, sadly")
        with page.expect_navigation():
            page.click("#sign-in")
    assert "Sign-in is paused" in page.inner_text("main")
    screen.look("sign-in-paused")


def test_locked_out_and_back_in_with_the_password_one_knows(screen, regain):
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.issuer}/sign-in")
    for _try in range(11):
        page.fill("#username", person.username)
        page.fill("#password", "not this one, sadly")
        with page.expect_navigation():
            page.click("#sign-in")
    page.fill("#password", PASSWORD)
    page.fill("#otp", "123 456")
    with page.expect_navigation():
        page.click("#sign-in")
    screen.look("sign-in-with-a-wrong-code")
    screen.press("#cant-access", "recovery-identify")
    page.fill("#identifier", person.username)
    screen.press("#continue", "recovery-problem")
    screen.look("problem")
    screen.press("button[name=problem][value=locked]", "recovery-method")
    screen.press("button[name=method][value=email]", "recovery-address")
    page.fill("#address", person.email)
    screen.press("#continue", "recovery-code")
    page.fill("#code", code_in(mail_to(regain, person)))
    screen.press("#continue", "recovery-unlock")
    assert "Your account is open again" in page.inner_text("h1")
    screen.look("unlock")
    screen.press("#continue-to-app", "sign-in")
    sign_in(screen, person, PASSWORD, "account")
    page.goto(f"{regain.issuer}/recovery/done/")
    screen.look("kept")
    assert "opened again" in mail_to(regain, person, subject="opened again")["Subject"]


def test_a_forgotten_user_name(screen, regain):
    person, page = regain.somebody(), screen.page
    page.goto(regain.application)
    screen.press("#sign-in", "sign-in")
    screen.press("#cant-access", "recovery-identify")
    screen.look("identify")
    screen.press("#no-identifier", "recovery-username")
    screen.look("username")
    page.fill("#address", "not an address")
    with page.expect_navigation():
        page.click("#continue")
    screen.look("username-error")
    page.fill("#address", person.email)
    screen.press("#continue", "recovery-username-sent")
    screen.look("username-sent")
    letter = mail_to(regain, person, subject="user name").get_body(("plain",)).get_content()
    assert f"    {person.username}\n" in letter.replace("\r", "")
    screen.press("#continue", "recovery-identify")


def test_it_was_not_me(screen, regain):
    """From the letter that says a password was changed, to the freeze, and out of it again by signing in."""
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.issuer}/sign-in")
    walk_to_the_code_page(screen, person)
    walk_on_with_the_code(screen, code_in(mail_to(regain, person)), NEW_PASSWORD)
    letter = mail_to(regain, person, subject="password was changed")
    link = re.search(r"\S+/recovery/stop/\S+", letter.get_body(("plain",)).get_content()).group(0)
    page.goto(f"{link}x")
    screen.at("problem")
    screen.look("stop-not-ours")
    page.goto(link)
    screen.at("freeze")
    screen.look("freeze")
    screen.press("#freeze", "frozen")
    screen.look("frozen")
    screen.press("#sign-in-again", "sign-in")
    sign_in(screen, person, NEW_PASSWORD, "account")
    assert "They are possible again." in page.inner_text("#lifted")
    screen.look("account-lifted")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ('<p style="color: #999">pale</p>', "axe color-contrast"),
        ('<input id="nameless">', "axe label"),
        ('<p style="width: 400px">wide</p>', "at 320 px: "),
        ('<script>console.error("oh")</script>', "console: oh"),
        ("<script>missing()</script>", "script: "),
    ],
    ids=["contrast", "label", "width", "console", "script"],
)
def test_looking_finds_faults(screen, fault, said):
    sound = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>{}</main>'
    screen.page.set_content(sound.format(""))
    screen.look("sound", sizes=())
    screen.page.set_content(sound.format(fault))
    with pytest.raises(AssertionError, match=said):
        screen.look("with-a-fault", sizes=())
