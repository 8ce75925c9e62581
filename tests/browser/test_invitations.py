"""An invitation from its letter to the first sign-in, in a real browser."""

import re
from uuid import uuid4

import pytest

from tests.browser.visitor import mail_to
from tests.processes import Inhabitant

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PASSWORD = "quiet harbour lantern 7"


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
