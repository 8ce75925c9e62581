"""The administrators' pages of invitations. Here, because somebody has to be there who lets invited people in."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from idp.accounts import guest_lists, invitations
from idp.accounts.guest_lists import Unreadable
from idp.accounts.invitations import Guest, Refusal
from idp.conf import policy
from idp.models import AuditEntry, Invitation, User
from tests.conftest import make_person
from tests.hosted import LANGUAGES, Page, assert_says_what_to_mend, assert_sound
from tests.idp.console.people import appoint, at_a_browser
from tests.idp.factors.people import with_app
from tests.photographs import changed, photograph
from tests.story import HOST, post_office

PAGE, MANY = "/console/invitations/", "/console/invitations/many/"
KIM = {"email": "kim@contoso.example", "username": "", "name": "Kim Lee", "reason": "new-colleague"}


@pytest.fixture
def admin(jane):
    appoint(jane)
    return at_a_browser(with_app(jane))


def invite(admin, **changes):
    admin.open(PAGE)
    return admin.submit(**KIM | changes)


def token(admin):
    return admin.open(PAGE).parsed.fields["csrfmiddlewaretoken"][0]


# --- One --------------------------------------------------------------------------------------------------


def test_one_is_invited_and_stands_in_the_list(admin, jane):
    page = invite(admin)
    assert "The letter is on its way" in page
    assert "kim@contoso.example" in page
    assert "invited by Jane Doe" in page
    (letter,) = [each for each in post_office() if each.to == ["kim@contoso.example"]]
    assert "/recovery/activate/" in letter.body
    entry = AuditEntry.objects.get(name="idp.account.invited")
    assert (entry.details["by"], entry.details["reason"]) == (str(jane.pk), "new-colleague")


def test_no_page_shows_the_link(admin):
    """AD-12: whoever invites reads no link."""
    invite(admin)
    (letter,) = [each for each in post_office() if each.to == ["kim@contoso.example"]]
    secret = letter.body.split("?t=")[1].split()[0]
    row = Invitation.objects.get()
    for path in (
        PAGE,
        MANY,
        f"{PAGE}{row.pk}/send-again/",
        f"{PAGE}{row.pk}/cancel/",
        f"/console/people/{row.user_id}/",
    ):
        shown = admin.http.get(path, secure=True).content.decode()
        assert secret not in shown
        assert "activate" not in shown


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"email": "nobody"}, "not an email address"),
        ({"email": "jane@contoso.example"}, "has an account"),
        ({"username": "JANE"}, "has an account"),
        ({"name": "x" * 300}, "too long"),
        ({"reason": ""}, "Choose a reason"),
        ({"reason": "because"}, "Choose a reason"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(admin, changes, says):
    page = invite(admin, **changes)
    assert says in page
    assert KIM["name"] in page.response.content.decode() or "name" in changes
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("field", ["status", "role", "password", "sub", "email_verified", "is_superuser", "groups"])
def test_a_field_that_the_form_does_not_have_is_refused(admin, field):
    sent = KIM | {field: "administrator", "csrfmiddlewaretoken": token(admin)}
    before = photograph()
    assert admin.post(PAGE, sent).status_code == 400
    assert changed(before, photograph()) == {"idp_auditentry", "idp_audithead"}, "that it was tried is remembered"


def test_another_letter_and_cancelling(admin):
    invite(admin)
    row = Invitation.objects.get()
    admin.open(f"{PAGE}{row.pk}/send-again/")
    assert "Choose a reason" in admin.submit(reason="").text
    assert "Another letter is on its way" in admin.submit(reason="they-asked")
    admin.open(f"{PAGE}{row.pk}/cancel/")
    assert "is cancelled" in admin.submit(reason="mistake")
    assert "Nobody is waiting" in admin.open(PAGE)
    assert admin.open(f"{PAGE}{row.pk}/cancel/").status == 404
    names = AuditEntry.objects.filter(name__contains="invit").values_list("name", flat=True).order_by("pk")
    assert list(names) == ["idp.account.invited", "idp.invitation.sent", "idp.invitation.cancelled"]


def test_one_that_was_taken_up_cannot_be_sent_again(admin):
    invite(admin)
    row = Invitation.objects.get()
    admin.open(f"{PAGE}{row.pk}/send-again/")
    Invitation.objects.update(activated_at=timezone.now())
    User.objects.filter(pk=row.user_id).update(status=User.Status.ACTIVE)
    assert admin.submit(reason="they-asked").status == 404


def test_without_a_page_for_invited_people_there_are_no_such_pages(admin, settings):
    assert "Invitations" in admin.open("/console/policy/")
    settings.IDP_PLUGINS = []
    assert "Invitations" not in admin.open("/console/policy/")
    for path in (PAGE, MANY):
        assert admin.open(path).status == 404


# --- Many -------------------------------------------------------------------------------------------------

LIST = """email,username,name
kim@contoso.example,kim,Kim Lee
JANE@contoso.example,,Jane
,,
nobody,,Nobody
kim@contoso.example,other,Kim again
=cmd|' /C calc'!A0@contoso.example,,Formula
lee@contoso.example,,"Lee, Ann"
"""


def look_at(admin, text=LIST, **changes):
    admin.open(MANY)
    return admin.submit(csv=text, reason="new-colleague", **changes)


def test_a_list_is_looked_at_first_and_nothing_is_done(admin):
    before = photograph()
    page = look_at(admin)
    assert page.name == "console-invite-preview"
    assert "2 people will be invited. Nothing has been sent yet. 4 lines are left out." in page
    assert not changed(before, photograph())


def test_then_each_line_says_what_came_of_it(admin):
    page = look_at(admin)
    text = LIST
    page = admin.submit(csv=text, confirm="1")
    assert page.name == "console-invited-many"
    assert "2 people were invited. 4 lines are left out." in page
    said = page.text
    assert said.index("has an account") < said.index("not an email address") < said.index("An earlier line")
    assert set(Invitation.objects.values_list("user__preferred_username", flat=True)) == {"kim", "lee@contoso.example"}
    assert User.objects.get(preferred_username="lee@contoso.example").name == "Lee, Ann"
    again = admin.submit(csv=text, confirm="1", reason="new-colleague") if "reason" in page.parsed.fields else None
    assert again is None, "the report has no form"


def test_sent_twice_they_are_invited_once(admin):
    sent = {"csv": LIST, "reason": "new-colleague", "confirm": "1", "csrfmiddlewaretoken": token(admin)}
    assert admin.post(MANY, sent).status_code == 200
    second = admin.post(MANY, sent)
    assert "invited already" in second.content.decode()
    assert Invitation.objects.count() == 2


def upload(admin, content, **fields):
    return admin.http.post(
        MANY,
        {
            "csrfmiddlewaretoken": token(admin),
            "csv": "email,username,name",
            "reason": "new-colleague",
            "file": SimpleUploadedFile("list.csv", content),
            **fields,
        },
        headers={"origin": f"https://{HOST}"},
        secure=True,
    )


@pytest.mark.parametrize(
    "content",
    [LIST.encode(), LIST.encode("utf-8-sig"), LIST.replace(",", ";").encode(), LIST.replace("\n", "\r\n").encode()],
)
def test_a_file_is_read_as_spreadsheets_write_it(admin, content):
    answer = upload(admin, content)
    assert answer.status_code == 200
    assert "will be invited. Nothing has been sent yet." in answer.content.decode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "nobody in the list"),
        (b"email\n", "nobody in the list"),
        (b"mail\nkim@contoso.example\n", "one of them “email”"),
        (b"email,password\nkim@contoso.example,secret\n", "a column “password”"),
        ("email\nküm@contoso.example\n".encode("latin-1"), "not UTF-8"),
        (b"email\n" + b"".join(b"p%d@x.example\n" % n for n in range(201)), "more than 200"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_words(admin, content, says):
    answer = upload(admin, content)
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not Invitation.objects.exists()


def test_files_come_to_this_page_and_no_other(admin):
    for path in (PAGE, "/console/decisions/", "/sign-in", "/recovery/"):
        fields = {"csrfmiddlewaretoken": token(admin), "file": BytesIO(b"x")}
        assert admin.http.post(path, fields, headers={"origin": f"https://{HOST}"}, secure=True).status_code == 400
    answer = upload(admin, LIST.encode(), other=SimpleUploadedFile("other.csv", b"x"))
    assert answer.status_code == 400
    assert upload(admin, b"email\n" + b"x" * 70_000).status_code == 413


def test_two_queries_judge_a_whole_list(db, django_assert_num_queries):
    text = "email\n" + "".join(f"p{n}@contoso.example\n" for n in range(100))
    with django_assert_num_queries(2):
        assert len(guest_lists.read(text)) == 100


def test_a_list_knows_deleted_and_invited_people(jane):
    invitations.invite(Guest(email="kim@contoso.example"), by=None, policy=policy(), now=timezone.now())
    lines = guest_lists.read("name,email\n,kim@contoso.example\n,jane@contoso.example\n,new@contoso.example\n")
    assert [line.refusal for line in lines] == [Refusal.INVITED, Refusal.TAKEN, None]
    with pytest.raises(Unreadable):
        guest_lists.read("")


# --- As pages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_are_sound_in_every_language(admin, language):
    invite(admin)
    row = Invitation.objects.get()
    pages = {
        PAGE: "console-invitations",
        MANY: "console-invite-many",
        f"{PAGE}{row.pk}/send-again/": "console-act",
        f"{PAGE}{row.pk}/cancel/": "console-act",
    }
    for path, name in pages.items():
        response = admin.http.get(f"{path}?lang={language}", secure=True)
        assert_sound(Page(response.content.decode()), language=language, name=name)


def test_a_fault_is_said_first(admin):
    make_person("someone", email="someone@contoso.example")
    invite(admin, email="someone@contoso.example")
    page = Page(admin.page.response.content.decode())
    assert_says_what_to_mend(page, field="email", message="Somebody has an account with this address or user name")
