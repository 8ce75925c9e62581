"""What happened to an account, in words: complete, in order, a page at a time, and of nobody else."""

import ast
import inspect
import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone, translation

from idp.account import administration, history, sentences
from idp.account.history import Mark, read_mark
from idp.audit import acts, events
from idp.audit.record import record
from idp.models import AuditEntry, SignIn
from idp.plugins.hooks import About
from tests.conftest import PASSWORD, make_client, make_person, open_the_audit
from tests.idp.account.conftest import signed_in
from tests.story import Person

PATH = "/account/activity/"


def event_classes(*modules):
    """Every event that tells of an account: those that never do have no owner to be told."""
    named = {name: each for module in modules for name, each in vars(module).items()}
    found = [each for each in named.values() if inspect.isclass(each) and hasattr(each, "name")]
    assert found
    return [each for each in found if each.__annotations__["user"] is not None]


def fields_of(event):
    """Plausible fields, by their types."""
    values = {str: "", int: 2, bool: True, UUID: str(uuid4())}
    return {name: values.get(kind, "x") for name, kind in event.__annotations__.items() if name not in ("name", "user")}


def test_every_event_has_a_sentence():
    """Whoever adds an event adds its sentence to `idp.account.sentences`."""
    missing = {each.name for each in event_classes(acts, events)} - set(sentences.tellings())
    assert not missing, f"say in idp/account/sentences.py what these mean to the owner: {sorted(missing)}"


@pytest.mark.parametrize("language", ["en", "fr", "zh-hans"])
def test_every_sentence_can_be_said_in_every_language(language):
    said = set()
    with translation.override(language):
        for event in event_classes(acts, events):
            for version in (1, 2):
                sentence = sentences.of(event.name, fields_of(event) | {"version": version})
                assert sentence.strip()
                assert "%(" not in sentence
                said.add(sentence)
    assert len(said) >= len(event_classes(acts, events))


def test_what_nobody_has_words_for_says_so():
    """Of a plug-in that was taken out, entries stay."""
    assert sentences.of("gone.plugin.did", {}) == "Something happened that this page has no words for"
    assert not sentences.is_alarming("gone.plugin.did")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "password", "version": 1, "earned": "import"}, "Your password came along from another system"),
        ({"kind": "password", "version": 2, "earned": "recovery"}, "A new password was set after a recovery"),
        ({"kind": "password", "version": 2, "earned": "current_credential"}, "You changed your password"),
        (
            {"kind": "password", "version": 2, "earned": "rehash"},
            "Your password was stored anew, in a stronger form; it is the same",
        ),
        ({"kind": "totp", "version": 1}, "A way to sign in was added: authenticator app"),
        ({"kind": "passkey", "version": 2}, "A way to sign in was removed: passkey"),
        ({"kind": "recovery_codes", "version": 1}, "Recovery codes were made"),
        ({"kind": "recovery_codes", "version": 3}, "Recovery codes were replaced or removed"),
        ({"kind": "email", "version": 1}, "A recovery address was added"),
        ({"kind": "sms", "version": 2}, "A recovery address was removed or changed"),
    ],
)
def test_a_written_credential_says_which_and_how(fields, said):
    assert sentences.of("idp.credential.written", fields) == said


@pytest.mark.parametrize(
    ("amr", "said"),
    [
        (["pwd"], "Signed in with your password"),
        (["pwd", "otp", "mfa"], "Signed in with your password and an authenticator app"),
        (["pwd", "mfa"], "Signed in with your password and a recovery code"),
        (["pwd", "pop", "user", "mfa"], "Signed in with your password and a passkey"),
        (["pop", "user", "mfa"], "Signed in with a passkey"),
    ],
)
def test_a_sign_in_says_with_what(amr, said):
    assert history.signed_in(amr) == said


# --- The page ---------------------------------------------------------------------------------------------


def lines(page):
    """The sentences of the list, newest first."""
    return re.findall(r"<li[^>]*>(?:<span.*?</span>)?<b>(.*?)</b>", page.response.content.decode())


def test_the_page_tells_it_in_order_with_when_and_from_where(hers, jane):
    hers.open("/account/language/")
    hers.submit(language="en")
    page = hers.open(PATH)
    assert lines(page) == [
        "You chose the language of messages",
        "Signed in with your password",
        "A recovery address was added",
        "Your password came along from another system",
    ]
    assert "Today " in page
    assert "Firefox, Linux · 192.0.2.0/24" in page


def test_neither_addresses_nor_keys_are_on_it(hers, jane):
    source = hers.open(PATH).response.content.decode().replace("<span>jane@contoso.example</span>", "")
    assert "jane@" not in source
    for entry in AuditEntry.objects.all():
        for value in entry.details.values():
            if isinstance(value, str) and len(value) > 30:
                assert value not in source


def test_an_application_is_called_by_its_name(hers, jane):
    from idp.login import consents

    shop = make_client("a7Xk", client_name="Shop <i>")
    consents.remember(jane, shop, ["openid"], now=timezone.now(), origin=events.Origin())
    page = hers.open(PATH)
    assert "You allowed Shop &lt;i&gt; to use your account" in page.response.content.decode()
    assert "a7Xk" not in page.response.content.decode()


def test_nothing_of_anybody_else_is_on_it(hers):
    john = make_person("john", email="john@contoso.example")
    with transaction.atomic():
        record(events.AccountFrozen(user=john.pk, reason="seal_invalid"))
    signed_in("john")
    assert "was stopped" not in hers.open(PATH)
    assert lines(hers.page).count("Signed in with your password") == 1


def test_what_should_be_looked_at_stands_out(hers, jane):
    with transaction.atomic():
        record(events.SealInvalid(user=jane.pk, table="credential", row=uuid4()))
    source = hers.open(PATH).response.content.decode()
    assert source.count('class="is-bad"') == 1
    assert "Look at this:" in hers.page


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("signing-in", ["Signed in with your password"]),
        ("security", ["A recovery address was added", "Your password came along from another system"]),
        ("account", ["You chose the language of messages"]),
        ("applications", []),
    ],
)
def test_one_kind_can_be_looked_at_alone(hers, kind, shown):
    hers.open("/account/language/")
    hers.submit(language="en")
    page = hers.open(f"{PATH}?kind={kind}")
    assert lines(page) == shown
    assert shown or "Nothing of this kind has happened yet." in page


def test_every_kind_has_its_link(hers):
    source = hers.open(PATH).response.content.decode()
    for about in About:
        assert f"{PATH}?kind={about}" in source


# --- Paging -----------------------------------------------------------------------------------------------


def fill(user, *, entries, ties=3):
    """Many entries, `ties` of them at each moment, with sign-ins of the same moments in between."""
    start = timezone.now() - timedelta(days=2)
    with transaction.atomic():
        for _each in range(entries):
            record(events.DataDownloaded(user=user.pk))
    rows = list(AuditEntry.objects.filter(name="idp.account.data_downloaded").order_by("sequence"))
    for number, row in enumerate(rows):
        row.at = start + timedelta(minutes=number // ties)
    open_the_audit()
    AuditEntry.objects.bulk_update(rows, ["at"])
    for number in range(entries // ties):
        SignIn.objects.create(
            key_hash=f"{number:064}",
            user=user,
            authenticated_at=start + timedelta(minutes=number),
            amr=["pwd"],
            last_seen_at=start,
            expires_at=start,
            seal="",
        )


def walk(user, **first):
    """Every mark from the newest to the oldest, and back again."""
    down, page = [], history.page(user.pk, size=7, **first)
    down += page.lines
    while page.older:
        page = history.page(user.pk, size=7, before=page.older, **first)
        down += page.lines
    up = list(reversed(page.lines))
    while page.newer:
        page = history.page(user.pk, size=7, after=page.newer, **first)
        up += reversed(page.lines)
    return [line.mark for line in down], [line.mark for line in up]


def test_every_line_is_on_exactly_one_page_in_either_direction(jane):
    fill(jane, entries=45)
    down, up = walk(jane)
    assert len(down) == 45 + 15 + 2
    assert len(set(down)) == len(down)
    assert down == sorted(down, reverse=True)
    assert up == list(reversed(down))


def test_so_it_is_of_one_kind(jane):
    fill(jane, entries=30)
    down, up = walk(jane, about=About.ACCOUNT)
    assert len(down) == 30
    assert up == list(reversed(down))
    down, up = walk(jane, about=About.SIGNING_IN)
    assert len(down) == 10
    assert up == list(reversed(down))


def test_a_page_leads_to_its_neighbours(hers, jane):
    fill(jane, entries=45)
    page = hers.open(PATH)
    newest = lines(page)
    assert len(newest) == 20
    assert "newer" not in page.parsed.ids
    page = hers.click("older")
    assert "newer" in page.parsed.ids
    hers.click("older")
    last = hers.click("older")
    assert "older" not in last.parsed.ids
    hers.click("newer")
    hers.click("newer")
    page = hers.click("newer")
    assert lines(page) == newest
    assert "newer" not in page.parsed.ids


def test_a_kind_stays_chosen_from_page_to_page(hers, jane):
    fill(jane, entries=45)
    hers.open(f"{PATH}?kind=account")
    page = hers.click("older")
    assert set(lines(page)) == {"A copy of your data was downloaded"}


def test_a_page_costs_the_same_however_far_back(hers, jane, django_assert_max_num_queries):
    fill(jane, entries=60)
    old = AuditEntry.objects.filter(name="idp.account.data_downloaded").earliest("sequence")
    with django_assert_max_num_queries(4):
        hers.open(f"{PATH}?before={history.mark_of(old)}")


@pytest.mark.parametrize(
    "mark",
    ["", "x", "1", "1-2", "1-0-x", "1-1-", "9" * 17 + "-1-1", "99999999999999999-1-1", "-1-1-1", "1-1-1;", "٣-1-1"],
)
def test_a_mark_that_is_none_is_the_beginning(hers, mark):
    for name in ("before", "after"):
        page = hers.open(f"{PATH}?{name}={mark}")
        assert page.status == 200
        assert "Signed in with your password" in page


@pytest.mark.parametrize("mark", ["0-1-1", "0-0-" + "0" * 32, "253402300799000000-1-1"])
def test_a_mark_beyond_either_end_is_the_beginning(hers, mark):
    for name in ("before", "after"):
        assert "Signed in with your password" in hers.open(f"{PATH}?{name}={mark}")


def test_a_mark_is_read_as_it_was_written(jane):
    now = timezone.now()
    for mark in (Mark(at=now, source=1, sequence=12), Mark(at=now, source=0, sign_in=uuid4().hex)):
        assert read_mark(str(mark)) == mark


def test_a_mark_of_somebody_elses_history_shows_ones_own(hers):
    make_person("john", email="john@contoso.example")
    his = AuditEntry.objects.latest("sequence")
    page = hers.open(f"{PATH}?before={history.mark_of(his)}")
    assert set(lines(page)) <= {
        "Signed in with your password",
        "A recovery address was added",
        "Your password came along from another system",
    }
    assert len(lines(page)) == 3


def test_a_failed_try_is_no_entry(jane):
    """Anybody could fill an owner's history with tries; they are counted, not told."""
    stranger = Person()
    for _try in range(3):
        stranger.open("/sign-in")
        stranger.submit(username="jane", password="wrong")
    page = signed_in().open(PATH)
    assert len(lines(page)) == 3
    assert PASSWORD not in page.response.content.decode()


def test_the_sentences_are_written_once():
    """No two events are told in the same words by mistake: only kinds of one event share them."""
    said = [
        node.args[0].value
        for module in (sentences, administration)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_" and isinstance(node.args[0], ast.Constant)
    ]
    assert len(said) == len(set(said))
