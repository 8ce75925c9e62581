"""Applications in the console, in a real browser: registered, described, and a change that takes two."""

import pytest

from examples.demo.seed import APPOINT
from tests.browser.screen import sign_in
from tests.browser.test_second_factors import app_of, in_every_language
from tests.processes import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.processes]


def test_an_application_from_its_registration_to_a_change(screen, regain):
    page, person = screen.page, regain.somebody()
    regain.manage("shell", "--command", APPOINT.format(username=person.username))
    page.goto(f"{regain.issuer}/account/factors/totp/")
    sign_in(screen, person, PASSWORD, "factors-totp")
    page.fill("#otp", app_of(screen).code())
    screen.press("#save", "factors-done")
    page.goto(f"{regain.issuer}/console/applications/")
    screen.at("console-applications")
    in_every_language(screen, "applications")
    screen.press("#register", "console-application-form")
    page.fill("#client_name", "Shop")
    page.fill("#redirect_uris", "http://shop.contoso.example/callback")
    page.select_option("#reason", "new-colleague")
    page.click("#save")
    page.wait_for_selector(".summary")
    screen.look("refused")
    page.fill("#redirect_uris", "https://shop.contoso.example/callback")
    screen.press("#save", "console-application-secret")
    screen.look("secret")
    screen.press("#to-application", "console-application")
    in_every_language(screen, "application")
    screen.press("#security", "console-application-form")
    in_every_language(screen, "security")
    page.fill("#redirect_uris", "https://shop.contoso.example/other")
    page.select_option("#reason", "security")
    screen.press("#save", "console-application")
    screen.look("proposed")
