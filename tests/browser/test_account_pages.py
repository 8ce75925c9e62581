"""The owner's pages in a real browser: each photographed on phone and desk, light and dark, and held against axe."""

import json
from pathlib import Path

import pytest

from tests.browser.screen import sign_in
from tests.processes import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.processes]

NEW_PASSWORD = "quiet harbour lantern 7"


@pytest.fixture
def person(screen, regain):
    """Somebody who has just signed in, at their account."""
    someone = regain.somebody()
    screen.page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, someone, PASSWORD, "account")
    return someone


def elsewhere(browser, regain, person):
    """The same person at another browser."""
    from tests.browser.screen import Screen

    other = Screen(browser, "elsewhere")
    other.page.goto(f"{regain.issuer}/sign-in")
    sign_in(other, person, PASSWORD, "account")
    return other


def test_every_page_is_reached_by_the_menu_and_can_be_read(screen, regain, person, browser):
    page = screen.page
    other = elsewhere(browser, regain, person)
    page.reload()
    screen.look("overview")
    screen.press("nav.menu a[href='/account/security/']", "account-security")
    assert page.get_attribute("#readiness", "data-verdict") == "mailbox strands"
    screen.look("security")
    screen.press("#add-address", "account-address-add")
    screen.look("add-address")
    screen.press("nav.menu a[href='/account/sessions/']", "account-sessions")
    screen.look("sessions")
    screen.press("#sessions button:not([value=''])[name=end] >> nth=1", "account-sessions")
    assert page.inner_text("#done").startswith("Done.")
    screen.look("sessions-one-ended")
    other.page.reload()
    other.at("sign-in")
    other.close()
    screen.press("nav.menu a[href='/account/applications/']", "applications")
    screen.look("applications")
    screen.press("nav.menu a[href='/account/activity/']", "account-activity")
    screen.look("activity")
    screen.press("nav.filters a >> nth=4", "account-activity")
    screen.look("activity-nothing")
    screen.press("nav.menu a[href='/account/']", "account")
    screen.press("#language", "account-language")
    screen.look("language")
    screen.press("button[value=fr]", "account-language")
    assert page.get_attribute("html", "lang") == "fr"
    screen.look("language-chosen")
    for name in ("security", "sessions", "activity", "data", "delete"):
        page.goto(f"{regain.issuer}/account/{name}/")
        screen.look(f"{name}-french", album=("light",))
    page.goto(f"{regain.issuer}/account/security/?lang=zh-hans")
    screen.look("security-chinese", album=("light",))


def test_changing_the_password(screen, regain, person, browser):
    page = screen.page
    other = elsewhere(browser, regain, person)
    page.goto(f"{regain.issuer}/account/password/")
    screen.at("account-password")
    screen.look("password")
    page.fill("#current-password", "not this one, sadly")
    page.fill("#new-password", NEW_PASSWORD)
    assert "met" in (page.get_attribute("#password-rules li >> nth=0", "class") or "")
    screen.press("#save-password", "account-password")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    screen.look("password-wrong")
    page.fill("#current-password", PASSWORD)
    page.fill("#new-password", NEW_PASSWORD)
    screen.press("#save-password", "account-password-changed")
    screen.look("password-changed")
    other.page.reload()
    other.at("sign-in")
    other.close()
    screen.press("#continue", "account-security")


def test_taking_ones_data_along_and_leaving(screen, regain, person, tmp_path):
    page = screen.page
    page.goto(f"{regain.issuer}/account/data/")
    screen.look("data")
    with page.expect_download() as coming:
        page.click("#download")
    copy = tmp_path / "copy.json"
    coming.value.save_as(copy)
    assert coming.value.suggested_filename == "account.json"
    found = json.loads(Path(copy).read_text(encoding="utf-8"))
    assert [each["address"] for each in found["addresses"]] == [person.email]
    page.goto(f"{regain.issuer}/account/delete/")
    screen.look("delete")
    page.fill("#confirm-username", "somebody else")
    screen.press("#delete-account", "account-delete")
    screen.look("delete-wrong")
    page.fill("#confirm-username", person.username)
    screen.press("#delete-account", "account-deleted")
    screen.look("deleted")
    page.goto(f"{regain.issuer}/account/")
    screen.at("sign-in")


def test_without_scripts(screen, regain, person):
    """Everything is a link or a form: nothing of it needs a script."""
    page = screen.page
    for name in ("security", "sessions", "activity", "language", "data", "password", "delete"):
        page.goto(f"{regain.issuer}/account/{name}/")
        screen.at(f"account-{name}")
    page.goto(f"{regain.issuer}/account/password/")
    page.fill("#current-password", PASSWORD)
    page.fill("#new-password", NEW_PASSWORD)
    screen.press("#save-password", "account-password-changed")
    screen.press("#sign-out", "signed-out")


def test_by_keyboard_alone(screen, regain, person):
    page = screen.page
    page.goto(f"{regain.issuer}/account/")
    screen.tab_to("a[href='/account/sessions/']")
    screen.enter("account-sessions")
    screen.tab_to("#others")
    screen.enter("account-sessions")
    assert page.is_visible("#done")
