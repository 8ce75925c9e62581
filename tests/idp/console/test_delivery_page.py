"""The delivery page: the numbers are those of the record, in every language, and nobody is on it."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp import outbox, throttle
from idp.accounts import marks
from idp.audit import export, targets
from idp.audit.events import MessagesHeld, Origin
from idp.audit.record import record
from idp.channels import gateways
from idp.conf import Limit
from idp.console import frame, wording
from idp.models import Handover, Message, RecoveryAddress
from idp.traffic import Fault
from tests.conftest import make_person
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import DELIVERY, appoint, at_a_browser
from tests.idp.factors.people import with_app
from tests.idp.posting import post

State = Message.State
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.fixture
def admin(jane):
    """Jane, an administrator who has just signed in; no message was posted by that."""
    appoint(jane)
    person = at_a_browser(with_app(jane))
    Message.objects.all().delete()
    return person


def look(person, language="en"):
    """The page, as a browser and a screen reader get it."""
    response = person.http.get(f"{DELIVERY}?lang={language}", secure=True)
    assert response.status_code == 200
    return Page(response.content.decode())


def sent(queue, *, minutes_ago=0.0, took=0.5, **fields):
    message = post(queue, minutes_ago=minutes_ago, state=State.SENT, **fields)
    message.sent_at = message.created_at + took * SECOND
    message.due_at = message.sent_at + outbox.LEASE
    message.save()
    return message


def verdict(page):
    return page.by_id("verdict")["data-verdict"]


def words(element):
    return " ".join(element["text"].split())


def table(page, name):
    """The rows of a table, each a list of the words in its cells."""
    begin = page.elements.index(page.by_id(name))
    later = [index for index, each in enumerate(page.elements) if each["tag"] == "table" and index > begin]
    rows = []
    for each in page.elements[begin : later[0] if later else None]:
        if each["tag"] == "tr":
            rows.append([])
        elif each["tag"] in ("th", "td"):
            rows[-1].append(words(each))
    return rows[1:]


def everything_at_once(jane):
    """A day on which everything happened that the page can tell of."""
    for minutes in (1, 2, 130):
        sent("otp", minutes_ago=minutes, kind="recovery.email_code", user=jane)
    sent("otp", minutes_ago=131, kind="recovery.sms_code", channel="sms")
    sent("notice", minutes_ago=3, kind="idp.new_device", took=1.5)
    sent("logout", minutes_ago=4, kind="idp.backchannel_logout", took=2.5)
    post("otp", minutes_ago=300, state=State.FAILED, kind="recovery.email_code")
    post("notice", minutes_ago=600, state=State.EXPIRED, kind="idp.new_device")
    post("notice", minutes_ago=0.1, kind="idp.new_device", attempts=1)
    address = RecoveryAddress.objects.filter(user=jane).first()
    for outcome, number in (("delivered", 3), ("bounced", 1), ("complained", 1), ("failed", 1), ("", 2)):
        for _each in range(number):
            handover(address, outcome)
    with transaction.atomic():
        marks.mark(address.pk, "bounced", provider="postmark", now=timezone.now())
        for _each in range(2):
            record(MessagesHeld(user=None, cap="sms-block-hour", channel="sms"), origin=Origin())
        record(MessagesHeld(user=jane.pk, cap="email-address-hour", channel="email"), origin=Origin())


def handover(address, outcome="", *, provider="postmark", at=None):
    return Handover.objects.create(
        message=None,
        address=address,
        provider=provider,
        reference_hash=uuid.uuid4().hex,
        handed_at=at or timezone.now(),
        outcome=outcome,
    )


# --- The page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_sound_in_every_language(admin, jane, language):
    assert_sound(look(admin, language), language=language, name="console-delivery")
    everything_at_once(jane)
    assert_sound(look(admin, language), language=language, name="console-delivery")


@pytest.mark.parametrize("language", LANGUAGES)
def test_coordinates_are_written_alike_in_every_language(admin, jane, language):
    """A comma in a number would be the end of the drawing."""
    everything_at_once(jane)
    for each in look(admin, language).elements:
        if each["tag"] in ("rect", "line", "text"):
            places = [each[name] for name in ("x", "y", "width", "height", "x1", "y1", "x2", "y2") if name in each]
            assert places
            assert all(place.isdecimal() for place in places), each


def test_every_chart_has_its_words_and_its_table(admin, jane):
    everything_at_once(jane)
    page = look(admin)
    charts = [each for each in page.all("svg") if "chart" in (each.get("class") or "")]
    assert [chart["role"] for chart in charts] == ["img", "img"]
    assert charts[0]["aria-label"] == "9 messages in 24 hours, 2 of them not delivered; " + peak(page)
    assert charts[1]["aria-label"].startswith("Codes: half within 0.5 s, 95 of 100 within 0.5 s. Sign-outs: half ")
    assert page.by_id("by-hour")["tag"] == page.by_id("by-queue")["tag"] == "table"
    for region in [each for each in page.elements if "scroll" in (each.get("class") or "").split()]:
        assert (region["tabindex"], region["role"]) == ("0", "region")
        assert region.get("aria-label") or page.by_id(region["aria-labelledby"])


def peak(page):
    return f"{max(sum(map(int, row[1:])) for row in table(page, 'by-hour'))} in the busiest hour."


def test_nobody_is_on_the_page(admin, jane):
    """No address, no name, no account: but for who is looking, in the frame."""
    make_person("amara", email="amara.okafor@elsewhere.example", phones=("+15555550100",))
    everything_at_once(jane)
    html = look(admin).html
    frame_of_hers = html.split("</form>", 1)[1]
    for secret in ("amara", "okafor", "elsewhere.example", "5550100", "jane", str(jane.pk), str(jane.sub)):
        assert secret not in frame_of_hers.lower(), secret
    for message in Message.objects.all():
        assert str(message.pk) not in html
        assert str(message.reference) not in html
    for handed in Handover.objects.all():
        assert handed.reference_hash not in html


# --- The verdict ------------------------------------------------------------------------------------------


def test_nothing_was_sent_yet(admin):
    page = look(admin)
    assert verdict(page) == "nothing"
    assert "Nothing has been sent yet" in page.text
    assert "No message in the last 24 hours." in page.text
    assert "No message in the last hour." in page.text
    assert not [each for each in page.all("svg") if "chart" in (each.get("class") or "")]


def test_messages_go_out_on_time(admin):
    sent("otp", minutes_ago=1)
    page = look(admin)
    assert (verdict(page), page.by_id("verdict")["class"]) == ("on-time", "note ok")


def test_some_messages_are_late(admin):
    sent("otp", minutes_ago=1)
    post("notice", minutes_ago=9, attempts=3, due_at=timezone.now() + 20 * SECOND)
    page = look(admin)
    assert (verdict(page), page.by_id("verdict")["class"]) == ("late", "note warn")
    assert "Notices: some take 9 min." in page.text
    assert "delivery delayed" in page.text


def test_no_worker_takes_them_and_what_to_do(admin):
    post("otp", minutes_ago=5)
    page = look(admin)
    assert (verdict(page), page.by_id("verdict")["class"]) == ("stuck", "note bad")
    assert "Codes: one has been due for 5 min, and no worker takes it." in page.text
    assert "See that the worker and beat processes run" in page.text


def test_no_provider_takes_them_and_what_to_do(admin):
    post("otp", minutes_ago=2, attempts=4, due_at=timezone.now() + 20 * SECOND)
    page = look(admin)
    assert verdict(page) == "stuck"
    assert "Codes: for a minute no provider has taken any, and some wait." in page.text
    assert "provider away" in page.text


# --- The numbers ------------------------------------------------------------------------------------------


@pytest.fixture
def at_a_quarter_past():
    """Minutes do not fall into another hour by chance, and six seconds are six on a busy machine."""
    with time_machine.travel(timezone.localtime().replace(hour=12, minute=15, second=0, microsecond=0), tick=False):
        yield


def test_the_figures_are_those_of_the_record(at_a_quarter_past, admin, jane):
    everything_at_once(jane)
    page = look(admin)
    assert words(page.by_id("unsent")) == "On their way1the oldest for 6.0 s"
    assert words(page.by_id("codes-within")) == "95 of 100 codes within0.5 sof 2 in the last hour"
    assert words(page.by_id("lost")) == "Not delivered21 refused, 1 out of time"
    assert words(page.by_id("marked")) == "Addresses in doubt11 bounced, 0 unwanted"
    assert page.by_id("total-sent")["text"] == "6"


def test_each_hour_has_its_row_and_its_column(at_a_quarter_past, admin, jane):
    everything_at_once(jane)
    sent("otp", minutes_ago=60 * 25)
    page = look(admin)
    rows = {row[0]: [int(cell) for cell in row[1:]] for row in table(page, "by-hour")}
    assert list(rows)[::24] == ["Yesterday 12:00", "Today 12:00"]
    assert len(rows) == 25
    assert rows["Today 12:00"] == [4, 1, 0, 0]
    assert rows["Today 10:00"] == [2, 0, 0, 0]
    assert rows["Today 07:00"] == [0, 0, 1, 0]
    assert rows["Today 02:00"] == [0, 0, 0, 1]
    assert sum(map(sum, rows.values())) == 9


def test_each_queue_has_its_row(admin, jane):
    everything_at_once(jane)
    assert table(look(admin), "by-queue") == [
        ["Codes", "0", "–", "2", "0.5 s", "0.5 s"],
        ["Sign-outs", "0", "–", "1", "2.5 s", "2.5 s"],
        ["Notices", "1", "6.0 s", "1", "1.5 s", "1.5 s"],
    ]


def test_each_kind_has_its_row_the_most_frequent_first(admin, jane):
    everything_at_once(jane)
    assert table(look(admin), "by-kind") == [
        ["recovery.email_code", "Email", "3", "0", "1", "0"],
        ["recovery.sms_code", "Text message", "1", "0", "0", "0"],
        ["idp.backchannel_logout", "To applications", "1", "0", "0", "0"],
        ["idp.new_device", "Email", "1", "1", "0", "1"],
    ]


def test_each_provider_has_its_row(admin, jane):
    everything_at_once(jane)
    address = RecoveryAddress.objects.filter(user=jane).first()
    handover(address, "delivered", provider="brevo")
    handover(address, "delivered", at=timezone.now() - 25 * HOUR)
    assert table(look(admin), "by-provider") == [
        ["brevo", "1", "1", "0", "0", "0"],
        ["postmark", "8", "3", "1", "1", "1"],
    ]


def test_without_receipts_there_is_a_sentence(admin):
    assert "Mail servers send none." in look(admin).text


def test_the_caps_that_held_today_stand_there(admin, jane):
    with time_machine.travel(timezone.now() - 25 * HOUR), transaction.atomic():
        record(MessagesHeld(user=None, cap="email-budget", channel="email"), origin=Origin())
    assert "No message was held back in the last 24 hours." in look(admin).text
    everything_at_once(jane)
    found = {row[0]: row[1:3] for row in table(look(admin), "by-cap")}
    assert found == {
        "To one block of numbers, in an hoursms-block-hour": ["Text message", "2"],
        "To one address of several accounts, in an houremail-address-hour": ["Email", "1"],
    }


def test_the_tenants_budgets_say_how_much_is_left_and_until_when_none_is(admin, settings):
    settings.EMAIL_HOURLY_CAP = 10
    assert "All email together, in an hour0 of 10 used" in look(admin).text
    assert "All text messages" not in look(admin).text, "where there is no gateway"
    settings.SMS_GATEWAYS = gateways.read("json://127.0.0.1:1/")
    for _each in range(12):
        counted = throttle.count("email-budget", Limit(count=10, per=HOUR), now=timezone.now())
    text = look(admin).text
    assert "10 of 10 used" in text
    assert f"Used up: nobody gets a code this way until {timezone.localtime(counted.resets_at):%H:%M}." in text
    assert f"All text messages together, in a day0 of {settings.SMS_DAILY_BUDGET} used" in text


# --- What it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("messages", [1, 300])
def test_it_asks_the_same_few_questions_however_many_messages_there_are(admin, jane, messages):
    everything_at_once(jane)
    for number in range(messages):
        sent("otp", minutes_ago=number % 50)
    look(admin)
    with CaptureQueriesContext(connection) as asked:
        look(admin)
    statements = [each["sql"] for each in asked]
    assert len(statements) <= 16, "\n".join(statements)
    assert all(statement.startswith("SELECT") for statement in statements)


def test_the_messages_of_a_day_are_found_by_an_index(admin, jane):
    """Two days of messages are kept, of which the older ones are not even looked at."""
    everything_at_once(jane)
    with CaptureQueriesContext(connection) as asked:
        look(admin)
    about = [each["sql"] for each in asked if 'FROM "idp_message"' in each["sql"]]
    assert len(about) >= 5
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if not is_sqlite:  # which of a few rows would read all; what it cannot do otherwise, it still does
            cursor.execute("SET LOCAL enable_seqscan = off")
        for statement in about:
            cursor.execute(f"EXPLAIN {'QUERY PLAN' * is_sqlite} {statement}".replace("%", "%%"))
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
            assert "idp_message_by_queue" in plan, (statement, plan)
            assert "SCAN idp_message" not in plan, (statement, plan)
            assert "Seq Scan" not in plan, (statement, plan)


# --- Words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (0.04, "0.0 s"),
        (0.26, "0.3 s"),
        (9.9, "9.9 s"),
        (10, "10 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
    ],
)
def test_times_are_as_exact_as_anybody_wants_to_know(seconds, said):
    assert wording.duration(seconds * SECOND) == said


@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize("rest", ["asked-network", "asked-hour", "asked-day", "address-hour", "address-day", "budget"])
def test_every_cap_has_its_words(channel, rest):
    assert " in a" in wording.cap(f"{channel}-{rest}")


def test_what_is_new_to_the_page_keeps_its_own_name():
    assert wording.cap("pigeons-week") == "pigeons-week"
    assert wording.queue("pigeons") == "pigeons"
    assert wording.fault(Fault(queue="pigeons", overdue=None)).startswith("pigeons: ")


def test_every_page_of_the_menu_is_there(admin):
    assert [entry.url for entry in frame.menu(DELIVERY) if entry.current] == [DELIVERY]
    for entry in frame.menu(DELIVERY):
        assert admin.http.get(entry.url, secure=True).status_code == 200


def test_that_the_history_does_not_reach_its_second_place_is_said_on_every_page(admin, settings, tmp_path):
    settings.AUDIT_EXPORT = targets.read(f"file://{tmp_path}/nowhere/audit")
    export.export(timezone.now() - timedelta(minutes=10))
    assert "audit-behind" in admin.open(DELIVERY).parsed.ids
    (tmp_path / "nowhere").mkdir()
    export.export(timezone.now())
    assert "audit-behind" not in admin.open(DELIVERY).parsed.ids
