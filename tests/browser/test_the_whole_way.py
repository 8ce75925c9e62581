"""The whole way in a real browser: from an application, through recovery, back into it.

Real Chromium, real processes, a real relying party; the code is read from the mail a Celery worker handed to a
mail server. Every page on the way is photographed into build/screenshots/ and held against axe, in both themes.
"""

import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser import leaks
from tests.browser.screen import Screen, sign_in, walk_on_with_the_code, walk_to_the_code_page
from tests.browser.visitor import code_in, mail_to
from tests.processes import PASSWORD, Inhabitant, Regain

pytestmark = [pytest.mark.browser, pytest.mark.processes]

NEW_PASSWORD = "quiet harbour lantern 7"


def test_from_the_application_through_recovery_and_back(screen, regain):
    person, handed = regain.somebody(), {}
    screen.page.on("request", lambda request: note_authorization_code(request.url, handed))
    with leaks.monitor(regain) as capture:
        come_from_the_application(screen, regain, person)
        say_who_and_how(screen, person)
        prove_the_address(screen, regain, person, handed)
        choose_a_new_password(screen)
        go_on_to_the_application(screen, regain, person, handed)
        places = leaks.everything(regain, capture)
    kinds = {name.partition(":")[0] for name in handed}
    assert {"code", "authorization code", "regain-session", "regain-recovery", "regain-browser"} <= kinds
    for name, secret in (handed | {"password": NEW_PASSWORD}).items():
        assert not leaks.sightings(leaks.spellings(secret), places), name


def come_from_the_application(screen: Screen, regain: Regain, person: Inhabitant) -> None:
    page = screen.page
    page.goto(regain.application)
    screen.look("payroll")
    screen.press("#sign-in", "sign-in")
    assert page.url.startswith(f"{regain.issuer}/sign-in?")
    assert "to continue to Payroll" in page.inner_text("main")
    screen.look("sign-in")
    sign_in(screen, person, "not this one, sadly", "sign-in")
    assert page.title().startswith("Error: ")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    screen.look("sign-in-wrong-password")


def say_who_and_how(screen: Screen, person: Inhabitant) -> None:
    page = screen.page
    screen.press("#cant-access", "recovery-identify")
    screen.look("who")
    page.fill("#identifier", person.username)
    screen.press("#continue", "recovery-problem")
    screen.look("problem")
    screen.press("button[name=problem][value=forgot]", "recovery-method")
    screen.look("method")
    screen.press("button[name=method][value=email]", "recovery-address")
    screen.look("address")
    page.fill("#address", "not an address")
    screen.press("#continue", "recovery-address")
    screen.look("address-refused")


def prove_the_address(screen: Screen, regain: Regain, person: Inhabitant, handed: dict[str, str]) -> None:
    page = screen.page
    with regain.without("worker"):
        page.fill("#address", person.email)
        screen.press("#continue", "recovery-code")
        assert page.get_attribute("[data-delivery]", "data-delivery") == "waiting"
        screen.look("code-sending")
        page.fill("#code", "1234")
    letter = mail_to(regain, person, seconds=30)
    page.wait_for_selector("[data-delivery=sent]")
    assert page.input_value("#code") == "1234", "what somebody is typing stays"
    screen.look("code-sent")
    keep_cookies(screen, handed)
    code = code_in(letter)
    handed["code"] = code.replace(" ", "")
    page.fill("#code", f"{(int(handed['code']) + 1) % 10**8:08}")
    screen.press("#continue", "recovery-code")
    assert "4 tries left" in page.inner_text("main")
    screen.look("code-wrong")
    page.fill("#code", f" {code} ")
    screen.press("#continue", "recovery-new-password")
    keep_cookies(screen, handed)


def choose_a_new_password(screen: Screen) -> None:
    page = screen.page
    screen.look("new-password")
    page.fill("#new-password", "short")
    screen.press("#save-password", "recovery-new-password")
    screen.look("new-password-refused")
    page.fill("#new-password", NEW_PASSWORD)
    page.click("[data-reveal]")
    screen.look("new-password-shown")
    screen.press("#save-password", "recovery-done")
    assert page.inner_text("#continue-to-app") == "Continue to Payroll"
    screen.look("done")


def go_on_to_the_application(screen: Screen, regain: Regain, person: Inhabitant, handed: dict[str, str]) -> None:
    page = screen.page
    screen.press("#continue-to-app", "sign-in")
    assert "to continue to Payroll" in page.inner_text("main"), "the request has waited"
    sign_in(screen, person, PASSWORD, "sign-in")
    assert page.title().startswith("Error: "), "the forgotten password is no longer one"
    sign_in(screen, person, NEW_PASSWORD, "consent")
    screen.look("consent")
    keep_cookies(screen, handed)
    screen.press("#allow", "payroll-home")
    assert page.url == f"{regain.application}/"
    assert page.inner_text("#name") == person.name
    page.click("summary")
    told = claims(screen, "claims")
    assert told["sub"] == subject(regain, person)
    assert told["iss"] == regain.issuer
    assert claims(screen, "userinfo")["name"] == person.name
    screen.look("payroll-signed-in")


def claims(screen: Screen, what: str) -> dict[str, str]:
    """What Payroll was told, as its page shows it."""
    told: dict[str, str] = screen.page.evaluate(
        "(list) => Object.fromEntries([...document.querySelectorAll(`#${list} dt`)]"
        ".map((term) => [term.textContent, term.nextElementSibling.textContent]))",
        what,
    )
    return told


def subject(regain: Regain, person: Inhabitant) -> str:
    ((sub,),) = regain.rows("SELECT sub FROM idp_user WHERE preferred_username = %s", person.username)
    return sub


def note_authorization_code(url: str, handed: dict[str, str]) -> None:
    parts = urlsplit(url)
    if parts.path == "/callback":
        handed["authorization code"] = parse_qs(parts.query)["code"][0]


def keep_cookies(screen: Screen, handed: dict[str, str]) -> None:
    for cookie in screen.context.cookies():
        if cookie["name"].startswith("regain-") and cookie["name"] != "regain-language":
            handed[f"{cookie['name']}: {cookie['value'][:4]}"] = cookie["value"]


def test_without_scripts(screen, regain):
    person, page = regain.somebody(), screen.page
    page.goto(regain.application)
    screen.press("#sign-in", "sign-in")
    assert page.locator("[data-reveal]:visible").count() == 0, "a button that would do nothing is not shown"
    screen.look("sign-in", album=("light",))
    with regain.without("worker"):
        walk_to_the_code_page(screen, person)
        assert page.get_attribute("[data-delivery]", "data-delivery") == "waiting"
    letter = mail_to(regain, person, seconds=30)
    page.wait_for_selector("[data-delivery=sent]")
    screen.look("code", album=("light",))
    walk_on_with_the_code(screen, code_in(letter), NEW_PASSWORD)
    screen.press("#continue-to-app", "sign-in")
    sign_in(screen, person, NEW_PASSWORD, "consent")
    screen.press("#allow", "payroll-home")
    assert page.inner_text("#name") == person.name
    page.click("#sign-out")
    page.wait_for_selector("#logout-yes, body[data-page=payroll-signed-out]")
    screen.look("after-sign-out", album=("light",))


@pytest.mark.parametrize(
    ("tag", "link", "onwards"),
    [
        ("fr", "Vous ne pouvez pas accéder à votre compte ?", "Continuer vers Payroll"),
        ("zh-Hans", "无法访问你的帐户?", "Payroll"),
    ],
    ids=["fr", "zh-hans"],
)
def test_in_another_language(screen, regain, tag, link, onwards):
    person, page = regain.somebody(), screen.page

    def look(name: str) -> None:
        assert page.get_attribute("html", "lang") == tag
        screen.look(name, album=("light",), sizes=("phone",))

    page.goto(regain.application)
    screen.press("#sign-in", "sign-in")
    page.click(f"nav.lang a[hreflang={tag}]")
    page.wait_for_selector(f"html[lang={tag}]")
    assert page.inner_text("#cant-access") == link
    look("sign-in")
    screen.press("#cant-access", "recovery-identify")
    look("who")
    page.fill("#identifier", person.username)
    screen.press("#continue", "recovery-problem")
    look("problem")
    screen.press("button[name=problem][value=forgot]", "recovery-method")
    look("method")
    screen.press("button[name=method][value=email]", "recovery-address")
    look("address")
    page.fill("#address", person.email)
    screen.press("#continue", "recovery-code")
    letter = mail_to(regain, person)
    assert letter.get_body(("html",)).get_content().count(f'lang="{tag}"') >= 1
    page.wait_for_selector("[data-delivery=sent]")
    look("code")
    page.fill("#code", code_in(letter))
    screen.press("#continue", "recovery-new-password")
    look("new-password")
    page.fill("#new-password", "short")
    screen.press("#save-password", "recovery-new-password")
    look("new-password-refused")
    page.fill("#new-password", NEW_PASSWORD)
    screen.press("#save-password", "recovery-done")
    assert onwards in page.inner_text("#continue-to-app")
    look("done")
    screen.press("#continue-to-app", "sign-in")
    sign_in(screen, person, NEW_PASSWORD, "consent")
    look("consent")
    screen.press("#allow", "payroll-home")
    assert page.inner_text("#name") == person.name


def test_by_keyboard_alone(screen, regain):
    person, page = regain.somebody(), screen.page
    page.goto(regain.application)
    screen.tab_to("#sign-in")
    screen.enter("sign-in")
    screen.tab_to(".skip")
    page.keyboard.press("Enter")
    screen.type_into("#username", person.username)
    screen.type_into("#password", "not this one, sadly")
    screen.enter("sign-in")
    assert page.title().startswith("Error: ")
    screen.tab_to(".summary a")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "password", "the summary leads to the field"
    screen.tab_to("#cant-access")
    screen.enter("recovery-identify")
    screen.type_into("#identifier", person.username)
    screen.enter("recovery-problem")
    screen.tab_to("button[name=problem][value=forgot]")
    screen.enter("recovery-method")
    screen.tab_to("button[name=method][value=email]")
    screen.enter("recovery-address")
    screen.type_into("#address", person.email)
    screen.enter("recovery-code")
    letter = mail_to(regain, person)
    screen.type_into("#code", code_in(letter))
    screen.enter("recovery-new-password")
    screen.type_into("#new-password", NEW_PASSWORD)
    screen.tab_to("[data-reveal]")
    page.keyboard.press("Space")
    assert page.get_attribute("#new-password", "type") == "text"
    screen.tab_to("#save-password")
    screen.enter("recovery-done")
    screen.tab_to("#continue-to-app")
    screen.enter("sign-in")
    screen.type_into("#username", person.username)
    screen.type_into("#password", NEW_PASSWORD)
    screen.enter("consent")
    screen.tab_to("#allow")
    screen.enter("payroll-home")
    assert page.inner_text("#name") == person.name


def test_a_pasted_code_with_the_spaces_of_the_mail_is_read(screen, regain):
    person, page = regain.somebody(), screen.page
    page.goto(f"{regain.issuer}/sign-in")
    walk_to_the_code_page(screen, person)
    code = code_in(mail_to(regain, person))
    page.focus("#code")
    page.keyboard.insert_text(f"\u00a0{code} ")
    screen.press("#continue", "recovery-new-password")


def test_two_browsers_do_not_share_a_recovery(browser, screen, regain):
    person, other = regain.somebody(), Screen(browser, "elsewhere")
    screen.page.goto(f"{regain.issuer}/sign-in")
    walk_to_the_code_page(screen, person)
    code_in(mail_to(regain, person))
    other.page.goto(f"{regain.issuer}/recovery/code/")
    other.at("recovery-identify")
    other.context.add_cookies(
        [{"name": "regain-recovery", "value": secrets.token_urlsafe(32), "url": regain.issuer}],
    )
    other.page.goto(f"{regain.issuer}/recovery/password/")
    other.at("recovery-identify")
    other.close()
