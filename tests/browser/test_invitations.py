"""An invitation from its letter to the first sign-in, in a real browser."""

import re
from uuid import uuid4

import pytest

from examples.demo.seed import APPOINT
from tests.browser.screen import sign_in
from tests.browser.test_second_factors import app_of, in_every_language
from tests.browser.visitor import mail_to
from tests.processes import PASSWORD as KNOWN
from tests.processes import Inhabitant

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PASSWORD = "quiet harbour lantern 7"
LIST = b"email,username,name\nlee@contoso.example,lee,Lee Ann\nnobody,,Nobody\nmax@contoso.example,,Max\n"


def test_from_the_letter_to_the_first_sign_in(screen, regain):
    email = f"guest-{uuid4().hex[:8]}@contoso.example"
    guest = Inhabitant(username=email, name="Kim Lee", email=email)
    regain.manage("invite", email, "--name", "Kim Lee")
    letter = mail_to(regain, guest)
    link = re.search(r"https?://\S+/recovery/activate/\S+", letter.get_body(("plain",)).get_content()).group(0)
    screen.page.goto(link)
    screen.at("recovery-activate")
    screen.look("letter-opened")
    screen.press("#activate", "recovery-new-password")
    screen.look("first-password")
    screen.page.fill("#new-password", PASSWORD)
    screen.press("#save-password", "recovery-activated")
    screen.look("ready")
    screen.press("#continue-to-app", "sign-in")
    screen.page.fill("#username", email)
    screen.page.fill("#password", PASSWORD)
    screen.press("#sign-in", "account")
    screen.expected = {200, 400}
    screen.page.goto(link)
    screen.page.wait_for_selector("h1")
    screen.look("used-link")


def test_inviting_in_the_console(screen, regain):
    page, person = screen.page, regain.somebody()
    regain.manage("shell", "--command", APPOINT.format(username=person.username))
    page.goto(f"{regain.issuer}/account/factors/totp/")
    sign_in(screen, person, KNOWN, "factors-totp")
    page.fill("#otp", app_of(screen).code())
    screen.press("#save", "factors-done")
    page.goto(f"{regain.issuer}/account/security/")
    page.locator("a[href*='/account/factors/']", has_text="Change").first.click()
    screen.at("factors-one")
    screen.look("trying-an-app")
    page.goto(f"{regain.issuer}/console/invitations/")
    screen.at("console-invitations")
    email = f"guest-{uuid4().hex[:8]}@contoso.example"
    page.fill("#email", email)
    page.fill("#name", "Kim Lee")
    page.click("#invite")
    page.wait_for_selector(".summary")
    screen.look("no-reason", album=("light",))
    page.select_option("#reason", "new-colleague")
    page.click("#invite")
    page.wait_for_selector("#done")
    in_every_language(screen, "invited")
    screen.press("#many", "console-invite-many")
    in_every_language(screen, "many")
    page.set_input_files("#file", files=[{"name": "list.csv", "mimeType": "text/csv", "buffer": LIST}])
    page.select_option("#reason", "new-colleague")
    screen.press("#look", "console-invite-preview")
    screen.look("preview")
    screen.press("#confirm", "console-invited-many")
    screen.look("report")
