"""Second factors in a real browser: adding an authenticator app, signing in with it, printing recovery codes."""

import re
from base64 import b32decode
from pathlib import Path
from uuid import UUID

import pytest

from tests.browser.screen import Screen, sign_in
from tests.idp.factors.people import App
from tests.processes import PASSWORD, Inhabitant, Regain

pytestmark = [pytest.mark.browser, pytest.mark.processes]

CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}")


@pytest.fixture(autouse=True)
def _some_pages_are_refusals(screen):
    """Chromium reports their status on its console, which is no fault of theirs."""
    screen.expected |= {429}


def app_of(screen: Screen) -> App:
    """The app that has scanned the page; what it is told is what the page's link says."""
    return App(b32decode(re.search(r"secret=([A-Z2-7]{32})&", screen.page.get_attribute("#open-app", "href"))[1]))


def add_an_app(screen: Screen, regain: Regain, person: Inhabitant) -> App:
    screen.page.goto(f"{regain.issuer}/sign-in?to=/account/factors/add/")
    sign_in(screen, person, PASSWORD, "factors-add")
    screen.press("button[name=way][value=totp]", "factors-totp")
    app = app_of(screen)
    screen.page.fill("#otp", app.code())
    screen.page.fill("#name", "My phone")
    screen.press("#save", "factors-done")
    return app


def sign_out(screen: Screen, regain: Regain) -> None:
    screen.page.goto(f"{regain.issuer}/sign-out")
    screen.press("#logout-yes", "signed-out")


def in_every_language(screen: Screen, name: str) -> None:
    """Look at the page in each; the address keeps what else it carries. Colours are the same in all of them."""
    for language in ("fr", "zh-hans", "en"):
        screen.page.click(f".lang a[href*='lang={language}']")
        screen.page.wait_for_load_state()
        if language == "en":
            screen.look(f"{name}-{language}")
        else:
            screen.look(f"{name}-{language}", album=("light",), sizes=("phone",))


def test_an_app_and_recovery_codes(screen, regain):
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.issuer}/sign-in?to=/account/factors/add/")
    sign_in(screen, person, PASSWORD, "factors-add")
    in_every_language(screen, "add")
    screen.press("button[name=way][value=totp]", "factors-totp")
    in_every_language(screen, "app")
    page.click("summary")
    assert page.inner_text("#secret").replace(" ", "").replace("\n", "") in page.get_attribute("#open-app", "href")
    app = app_of(screen)
    page.fill("#otp", app.wrong())
    screen.press("#save", "factors-totp")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    screen.look("app-wrong")
    page.fill("#otp", app.code())
    page.fill("#name", "My phone")
    screen.press("#save", "factors-done")
    screen.look("added")
    screen.press("#get-codes", "factors-recovery-codes")
    in_every_language(screen, "codes-before")
    screen.press("#make", "factors-codes")
    codes = CODE.findall(page.inner_text("#codes"))
    assert len(set(codes)) == 10
    screen.look("codes")
    print_them(screen)
    with page.expect_download() as saving:
        page.click("#download")
    assert CODE.findall(Path(saving.value.path()).read_text(encoding="utf-8")) == codes
    screen.press("#saved", "account-security")
    page.goto(f"{regain.issuer}/account/factors/recovery-codes/")
    screen.at("factors-recovery-codes")
    assert not CODE.findall(page.content())
    screen.look("codes-there")
    sign_out(screen, regain)
    come_from_the_application(screen, regain, person, app, codes)


def print_them(screen: Screen) -> None:
    """On paper there are the codes, whose they are, and no buttons."""
    page = screen.page
    page.evaluate("window.print = () => { window.printed = true }")
    page.click("#print")
    assert page.evaluate("window.printed")
    page.emulate_media(media="print")
    assert page.is_visible("#codes")
    assert page.is_visible(".print-only")
    assert not page.is_visible("#saved")
    screen.page.screenshot(path=screen._picture("codes-on-paper"), full_page=True)
    page.emulate_media(media="screen")


def come_from_the_application(screen: Screen, regain: Regain, person: Inhabitant, app: App, codes: list[str]) -> None:
    page = screen.page
    page.goto(regain.application)
    screen.press("#sign-in", "sign-in")
    sign_in(screen, person, PASSWORD, "sign-in-factor")
    assert "to continue to Payroll" in page.inner_text("main")
    in_every_language(screen, "factor")
    for _try in range(8):
        page.fill("#otp", app.wrong())
        screen.press("#verify", "sign-in-factor")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    screen.look("factor-wrong")
    page.click("#another-way summary")
    screen.look("factor-other-ways")
    page.click("#another-way a.choice")
    page.wait_for_selector("input[value=recovery-codes]", state="attached")
    screen.look("factor-recovery-code")
    page.click("#another-way summary")
    page.click("#another-way a.choice")
    page.wait_for_selector("input[value=totp]", state="attached")
    for _try in range(3):
        page.fill("#otp", app.wrong())
        screen.press("#verify", "sign-in-factor")
    assert not page.is_visible("#otp")
    screen.look("factor-paused")
    page.click("#another-way a.choice")
    page.wait_for_selector("#otp")
    page.fill("#otp", codes[2].lower().replace("-", " "))
    screen.press("#verify", "consent")
    screen.press("#allow", "payroll-home")


def test_removing_it(screen, regain):
    person, page = regain.somebody(), screen.page
    add_an_app(screen, regain, person)
    ((row,),) = regain.rows(
        "SELECT c.id FROM idp_credential c JOIN idp_user u ON u.id = c.user_id "
        "WHERE u.preferred_username = %s AND c.kind = 'totp'",
        person.username,
    )
    page.goto(f"{regain.issuer}/account/factors/{UUID(str(row))}/")
    screen.at("factors-one")
    in_every_language(screen, "one")
    page.fill("#name", "Old phone")
    screen.press("#rename", "factors-one")
    screen.look("one-renamed")
    screen.press("#remove", "factors-done")
    screen.look("removed")


def test_setting_it_up_by_keyboard_because_the_application_wants_it(screen, regain):
    person = regain.somebody()
    wanted = '{"id_token":{"acr":{"essential":true,"value":"https://refeds.org/profile/mfa"}}}'
    screen.page.goto(f"{regain.application}/sign-in?claims={wanted}")
    screen.at("sign-in")
    sign_in(screen, person, PASSWORD, "sign-in-set-up")
    in_every_language(screen, "set-up")
    screen.tab_to("button[value=totp]")
    screen.enter("factors-totp")
    screen.type_into("#otp", app_of(screen).code())
    screen.enter("consent")
    screen.press("#allow", "payroll-home")


def test_without_scripts(screen, regain):
    person, page = regain.somebody(), screen.page
    app = add_an_app(screen, regain, person)
    screen.look("no-scripts-added")
    screen.press("#get-codes", "factors-recovery-codes")
    screen.press("#make", "factors-codes")
    assert not page.is_visible("#print"), "a button that does nothing is not shown"
    codes = CODE.findall(page.inner_text("#codes"))
    with page.expect_download() as saving:
        page.click("#download")
    assert CODE.findall(Path(saving.value.path()).read_text(encoding="utf-8")) == codes
    screen.look("no-scripts-codes")
    screen.press("#saved", "account-security")
    sign_out(screen, regain)
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, person, PASSWORD, "sign-in-factor")
    screen.look("no-scripts-factor")
    page.check("#trust")
    page.fill("#otp", app.code(steps=1))
    screen.press("#verify", "account")
    sign_out(screen, regain)
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, person, PASSWORD, "account")
