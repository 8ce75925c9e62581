"""The administrators' pages in a real browser: in every state, photographed on phone and desk, light and dark."""

import pytest

from examples.demo.seed import APPOINT
from tests.browser.screen import sign_in
from tests.browser.test_second_factors import app_of, in_every_language
from tests.processes import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.processes]

DELIVERY = "/console/delivery/"
RECOVERY = "/console/recovery/"
#: A day on which everything happened that the page can tell of; what is sent is kept from workers.
A_DAY = """
import random
from datetime import timedelta
from uuid import uuid4

from django.db import transaction
from django.utils import timezone
from idp.audit.events import MessagesHeld, Origin
from idp.audit.record import record
from idp.models import Handover, Message, RecoveryAddress

now = timezone.now()
draw = random.Random(7)
kinds = [
    ("otp", "email", "recovery.email_code", 6),
    ("otp", "sms", "recovery.sms_code", 2),
    ("logout", "email", "idp.backchannel_logout", 2),
    ("notice", "email", "idp.password_changed", 3),
    ("notice", "email", "idp.new_device", 1),
]
for hour in range(24):
    for queue, channel, kind, often in kinds:
        for each in range(round(often * (1 + 4 * (6 < (now.hour - hour) % 24 < 20)) * draw.uniform(0.5, 1.5))):
            made = now - timedelta(minutes=60 * hour + draw.uniform(0, 59))
            took = timedelta(seconds=draw.expovariate(1 / (0.4 if queue == "otp" else 2)))
            state = draw.choices(["sent", "failed", "expired"], [60, 2, 1])[0]
            Message.objects.create(
                kind=kind, queue=queue, channel=channel, user=None, reference=uuid4(), state=state, created_at=made,
                due_at=made + timedelta(seconds=30), not_after=made + timedelta(days=1), sent_at=made + took,
            )
address = RecoveryAddress.objects.first()
for provider, outcome, number in (
    ("postmark", "delivered", 40), ("postmark", "bounced", 2), ("postmark", "", 5), ("twilio", "delivered", 12),
):
    for each in range(number):
        Handover.objects.create(
            address=address, provider=provider, reference_hash=uuid4().hex, handed_at=now, outcome=outcome,
        )
with transaction.atomic():
    record(MessagesHeld(user=None, cap="sms-block-hour", channel="sms"), origin=Origin())
    record(MessagesHeld(user=None, cap="email-asked-network", channel="email"), origin=Origin())
"""
#: A message of a queue, promised five minutes ago; `due` says in how many minutes somebody may take it.
WAITING = """
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone
from idp.models import Message

now = timezone.now()
Message.objects.create(
    kind="idp.new_device", queue="{queue}", user=None, reference=uuid4(), created_at=now - timedelta(minutes=5),
    due_at=now + timedelta(minutes={due}), not_after=now + timedelta(minutes=30), attempts=3,
)
"""


#: A week of recoveries, of people there are and are not.
A_WEEK = """
import random
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone
from recovery.models import Challenge, Journey, JourneyProof

now = timezone.now()
draw = random.Random(7)
for each in range(400):
    started = now - timedelta(hours=draw.uniform(1, 160))
    far = draw.choices(range(6), [2, 3, 12, 4, 1, 60])[0]
    ends = ["", "tries", "superseded", "stale"] if far > 1 else ["", "superseded"]
    journey = Journey.objects.create(
        browser_hash=uuid4().hex, counted_as="", started_at=started, expires_at=started + timedelta(minutes=30),
        problem=draw.choice(["forgot", "forgot", "locked", "lost-factor", "intruder"]) if far else "",
        ending="done" if far == 5 else draw.choice(ends),
        enough_at=started if far > 3 else None,
        finished_at=started + timedelta(seconds=draw.expovariate(1 / 150)) if far == 5 else None,
    )
    if far > 1:
        Challenge.objects.create(journey=journey, method="email", nonce=b"", created_at=started)
    if far > 2:
        JourneyProof.objects.create(
            journey=journey, user=uuid4(), thing=uuid4(), thing_version=1, created_at=started, seal="t1.nobody",
        )
"""


@pytest.fixture(autouse=True)
def _some_pages_are_refusals(screen):
    """Chromium reports their status on its console, which is no fault of theirs."""
    screen.expected |= {403, 404}


def test_the_pages_in_every_state(screen, regain):
    page, person = screen.page, regain.somebody()
    regain.manage("shell", "--command", APPOINT.format(username=person.username))
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, person, PASSWORD, "account")
    screen.look("account-of-an-administrator", album=("light",))
    screen.press("#console", "console-factor-first")
    in_every_language(screen, "factor-first")
    screen.press("#add-factor", "factors-add")
    screen.press("button[name=way][value=totp]", "factors-totp")
    app = app_of(screen)
    page.fill("#otp", app.code())
    page.fill("#name", "My phone")
    screen.press("#save", "factors-done")
    page.goto(f"{regain.issuer}/console/policy/")
    screen.at("console-policy")
    in_every_language(screen, "policy")
    page.goto(regain.issuer + RECOVERY)
    screen.at("console-recovery")
    assert page.is_visible("#few-administrators")
    in_every_language(screen, "nobody-began")
    regain.manage("shell", "--command", A_WEEK)
    screen.press("#look-again", "console-recovery")
    in_every_language(screen, "a-week")
    screen.press(f"a[href='{DELIVERY}']", "console-delivery")
    regain.change("DELETE FROM idp_message")
    screen.press("#look-again", "console-delivery")
    assert page.get_attribute("#verdict", "data-verdict") == "nothing"
    in_every_language(screen, "nothing")
    regain.manage("shell", "--command", A_DAY)
    screen.press("#look-again", "console-delivery")
    assert page.get_attribute("#verdict", "data-verdict") == "on-time"
    in_every_language(screen, "on-time")
    page.click("summary")
    screen.look("the-numbers-of-each-hour")
    regain.manage("shell", "--command", WAITING.format(queue="notice", due=10))
    screen.press("#look-again", "console-delivery")
    assert page.get_attribute("#verdict", "data-verdict") == "late"
    in_every_language(screen, "late")
    with regain.without("worker"):
        regain.manage("shell", "--command", WAITING.format(queue="otp", due=-4))
        screen.press("#look-again", "console-delivery")
        assert page.get_attribute("#verdict", "data-verdict") == "stuck"
        in_every_language(screen, "stuck")


def test_people_and_what_is_done_to_them(screen, regain):
    page, person, somebody = screen.page, regain.somebody(), regain.somebody()
    for each in (person, regain.somebody()):
        regain.manage("shell", "--command", APPOINT.format(username=each.username))
    page.goto(f"{regain.issuer}/account/factors/totp/")
    sign_in(screen, person, PASSWORD, "factors-totp")
    app = app_of(screen)
    page.fill("#otp", app.code())
    page.fill("#name", "My phone")
    screen.press("#save", "factors-done")
    page.goto(f"{regain.issuer}/console/")
    screen.at("console-overview")
    in_every_language(screen, "overview")
    screen.press("a[href='/console/people/']", "console-people")
    in_every_language(screen, "people")
    page.fill("#find", somebody.username)
    page.click("#look")
    page.wait_for_url("**q=**")
    screen.look("found", album=("light",))
    page.click("#people a")
    screen.at("console-person")
    in_every_language(screen, "person")
    screen.press("#suspend", "console-act")
    in_every_language(screen, "suspend")
    page.click("#do")
    page.wait_for_selector(".summary")
    screen.look("no-reason")
    page.select_option("#reason", "security")
    screen.press("#do", "console-person")
    screen.look("suspended")
    screen.press("#lift", "console-act")
    page.select_option("#reason", "mistake")
    screen.press("#do", "console-person")
    screen.press("#propose", "console-act")
    page.select_option("#reason", "new-colleague")
    screen.press("#do", "console-person")
    in_every_language(screen, "proposed")
    screen.press("#to-decisions", "console-decisions")
    in_every_language(screen, "decisions")
    screen.press("a[href='/console/audit/']", "console-audit")
    in_every_language(screen, "history")
    screen.press("#export", "console-audit-export")
    in_every_language(screen, "copy")


def test_without_scripts(screen, regain):
    """The charts are drawn by the server; and to somebody who is no administrator there is no such page."""
    page, person = screen.page, regain.somebody()
    page.goto(f"{regain.issuer}/sign-in?to={DELIVERY}")
    sign_in(screen, person, PASSWORD, "problem")
    assert "There is no such page" in page.inner_text("main")
