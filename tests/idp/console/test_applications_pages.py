"""Applications in the console: what one administrator may do, what takes two, and what nobody can."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone, translation

from idp import decisions
from idp.accounts import proposals
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import AuditEntry, Client, Grant, Proposal
from idp.oidc import client_changes, client_seals, clients, faults, redirect_uris, registration
from tests.conftest import CLIENT_SECRET, make_client, make_person
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import APPLICATIONS, DECISIONS, appoint, at_a_browser
from tests.idp.factors.people import with_app
from tests.journeys.test_forgotten_password import authorization_request
from tests.story import Person

DELAY = policy().decision_delay
ELSEWHERE = "https://mallory.example/callback"
NEW = {
    "client_name": "Shop",
    "redirect_uris": "https://shop.contoso.example/callback\nhttps://shop.contoso.example/other",
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_authorization_code": "1",
    "grant_refresh_token": "1",
    "scope_profile": "1",
    "require_pkce": "1",
    "reason": "new-colleague",
}


@pytest.fixture
def ben(db):
    ben = make_person("ben", email="ben@contoso.example")
    appoint(ben)
    return ben


@pytest.fixture
def admin(jane, ben):
    appoint(jane)
    return at_a_browser(with_app(jane))


@pytest.fixture
def shop(db):
    return make_client("shop", client_name="Shop")


def page_of(client, below=""):
    return f"{APPLICATIONS}{client.client_id}/{below}"


def guarded(client, **changes):
    """The form about what is guarded, as it was and as it is to be."""
    return {
        "redirect_uris": "\n".join(client.redirect_uris),
        "post_logout_redirect_uris": "\n".join(client.post_logout_redirect_uris),
        **{f"grant_{each}": "1" for each in client.grant_types},
        **{f"scope_{each}": "1" for each in client.scope.split() if each != "openid"},
        "require_pkce": "1" if client.require_pkce else "",
        "reason": "security",
        **changes,
    }


def send(admin, path, **fields):
    """One of the forms of a page that has two."""
    token = admin.open(APPLICATIONS + "register/").parsed.fields["csrfmiddlewaretoken"][0]
    return admin.post(path, {"csrfmiddlewaretoken": token, **fields})


def later(by=DELAY + timedelta(minutes=1)):
    return decisions.carry_out_due(timezone.now() + by)


def check_secret(client, secret):
    clients.forget()
    return clients.find(client.client_id).check_client_secret(secret)


# --- Registering ------------------------------------------------------------------------------------------


def test_an_application_is_registered_and_its_secret_shown_once(admin, jane):
    admin.open(f"{APPLICATIONS}register/")
    page = admin.submit(**NEW)
    assert page.name == "console-application-secret"
    shop = Client.objects.get(client_name="Shop")
    secret = re.search(r'id="client-secret">([^<]+)<', page.response.content.decode()).group(1)
    assert check_secret(shop, secret)
    assert client_seals.is_intact(shop)
    assert not shop.skip_consent
    assert shop.redirect_uris == NEW["redirect_uris"].splitlines()
    for path in (page_of(shop), APPLICATIONS, "/console/audit/"):
        assert secret not in admin.http.get(path, secure=True).content.decode()
    entry = AuditEntry.objects.get(name="idp.client.registered")
    assert (entry.details["by"], entry.details["reason"]) == (str(jane.pk), "new-colleague")
    assert secret not in str(entry.details)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"redirect_uris": "https://*.contoso.example/callback"}, "redirect_uris"),
        ({"redirect_uris": "http://shop.contoso.example/callback"}, "redirect_uris"),
        ({"redirect_uris": "javascript:alert(1)"}, "redirect_uris"),
        ({"redirect_uris": ""}, "redirect_uris"),
        ({"client_name": ""}, "client_name"),
        ({"token_endpoint_auth_method": "none", "jwks": "{"}, "jwks"),
        ({"backchannel_logout_uri": "http://shop.contoso.example/out"}, "backchannel_logout_uri"),
        ({"reason": ""}, "Choose a reason"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_words_and_nothing_is_lost(admin, changes, says):
    admin.open(f"{APPLICATIONS}register/")
    page = admin.submit(**NEW | changes)
    assert page.name == "console-application-form"
    assert says in page
    assert "Shop" in page.response.content.decode() or "client_name" in changes
    assert not Client.objects.exists()


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange"])
def test_grants_that_act_for_anybody_are_no_fields(admin, grant):
    """AD-09: the form has no such box, and a form that has one is refused."""
    admin.open(f"{APPLICATIONS}register/")
    assert admin.submit(**NEW, **{f"grant_{grant}": "1"}).status == 400
    assert admin.submit(**NEW, skip_consent="1").status == 400 if admin.page.parsed.fields else True
    assert not Client.objects.exists()


# --- What one may do --------------------------------------------------------------------------------------


def test_what_people_read_is_changed_at_once(admin, shop):
    admin.open(page_of(shop, "description/"))
    assert "Saved" in admin.submit(client_name="The Shop", client_uri="https://shop.contoso.example", reason="mistake")
    shop.refresh_from_db()
    assert (shop.client_name, client_seals.is_intact(shop)) == ("The Shop", True)
    assert AuditEntry.objects.get(name="idp.client.described").details["members"] == ["client_name", "client_uri"]


@pytest.mark.parametrize("overlap", ["", "1"])
def test_another_secret_is_shown_once_and_the_former_dies_as_was_chosen(admin, shop, overlap):
    fields = {"reason": "security", "version": client_changes.secret_version(shop), "overlap": overlap}
    answer = send(admin, page_of(shop, "secret/"), **fields)
    secret = re.search(r'id="client-secret">([^<]+)<', answer.content.decode()).group(1)
    assert check_secret(shop, secret)
    assert check_secret(shop, CLIENT_SECRET) is bool(overlap)
    with time_machine.travel(timezone.now() + policy().secret_overlap + timedelta(seconds=1)):
        assert check_secret(shop, secret)
        assert not check_secret(shop, CLIENT_SECRET)
    # The same form again, by a second press or an old tab, makes no third one.
    assert send(admin, page_of(shop, "secret/"), **fields).status_code == 303
    assert check_secret(shop, secret)


def test_disabling_ends_what_it_was_given_and_enabling_gives_nothing_back(admin, shop, jane):
    now = timezone.now()
    grant = Grant.objects.create(client=shop, user=jane, scope="openid", sub=jane.sub, created_at=now)
    assert send(admin, page_of(shop, "state/"), state="disabled", reason="security").status_code == 303
    assert "Disabled" in admin.open(page_of(shop))
    grant.refresh_from_db()
    assert grant.ended_at is not None
    clients.forget()
    person = Person()
    assert person.open(authorization_request(client_id="shop")).status == 400
    assert send(admin, page_of(shop, "state/"), state="enabled", reason="mistake").status_code == 303
    grant.refresh_from_db()
    assert grant.ended_at is not None
    assert AuditEntry.objects.get(name="idp.client.disabled").details["grants"] == 1


# --- What takes two ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "column", "value"),
    [
        ({"redirect_uris": ELSEWHERE}, "redirect_uris", [ELSEWHERE]),
        ({"skip_consent": "1"}, "skip_consent", True),
        ({"post_logout_redirect_uris": ELSEWHERE}, "post_logout_redirect_uris", [ELSEWHERE]),
        ({"require_pkce": ""}, "require_pkce", False),
    ],
)
def test_what_is_guarded_takes_another_administrator_and_a_delay(admin, ben, shop, changes, column, value):
    before = getattr(shop, column)
    admin.open(page_of(shop, "security/"))
    page = admin.submit(**guarded(shop, **changes))
    assert "Proposed. All administrators are told." in page
    row = Proposal.objects.get()
    assert list(row.change) == [column]
    later()
    shop.refresh_from_db()
    assert getattr(shop, column) == before, "nobody has agreed"
    assert proposals.agree(row.pk, by=ben, policy=policy(), origin=Origin(), now=timezone.now())
    later(DELAY - timedelta(minutes=1))
    shop.refresh_from_db()
    assert getattr(shop, column) == before, "the delay is not over"
    later()
    shop.refresh_from_db()
    assert getattr(shop, column) == value
    assert client_seals.is_intact(shop)
    assert AuditEntry.objects.get(name="idp.client.changed").details["members"] == [column]


def test_whoever_decides_sees_what_is_to_become_of_what(admin, shop):
    admin.open(page_of(shop, "security/"))
    page = admin.submit(**guarded(shop, redirect_uris=ELSEWHERE))
    assert ELSEWHERE in page
    assert shop.redirect_uris[0] in page
    assert "A change waits" in admin.open(APPLICATIONS)
    page = admin.open(DECISIONS)
    assert f'href="{page_of(shop)}"' in page.response.content.decode()
    assert "agree" not in page.parsed.buttons.get("act", []), "nobody agrees to their own"
    admin.open(page_of(shop, "security/"))
    assert "another change waits already" in admin.submit(**guarded(shop, redirect_uris=f"{ELSEWHERE}/2"))


def test_what_says_the_same_is_no_proposal(admin, shop):
    admin.open(page_of(shop, "security/"))
    admin.submit(**guarded(shop))
    assert not Proposal.objects.exists()


@pytest.mark.parametrize("how", ["the row", "the proposal", "the base", "unfit"])
def test_what_was_written_past_the_program_is_never_carried_out(admin, ben, shop, how):
    admin.open(page_of(shop, "security/"))
    admin.submit(**guarded(shop, post_logout_redirect_uris="https://shop.contoso.example/bye"))
    row = Proposal.objects.get()
    proposals.agree(row.pk, by=ben, policy=policy(), origin=Origin(), now=timezone.now())
    if how == "the proposal":
        Proposal.objects.update(change={"redirect_uris": [ELSEWHERE]})
    elif how == "the row":
        Client.objects.update(redirect_uris=[ELSEWHERE])
    elif how == "the base":
        shop.refresh_from_db()
        shop.scope = "openid"
        shop.save()
    else:
        Proposal.objects.update(change={"client_secret_hash": "x"})
    assert later()["lapsed"] == 1
    shop.refresh_from_db()
    assert "https://shop.contoso.example/bye" not in shop.post_logout_redirect_uris
    assert not AuditEntry.objects.filter(name="idp.client.changed").exists()


def test_an_application_that_was_written_past_the_program_has_no_page(admin, shop):
    Client.objects.update(redirect_uris=[ELSEWHERE])
    assert "Written past this program" in admin.open(APPLICATIONS)
    for below in ("", "description/", "security/", "secret/", "state/"):
        assert admin.open(page_of(shop, below)).status == 404


@pytest.mark.parametrize("below", ["description/", "security/"])
@pytest.mark.parametrize("field", ["client_secret_hash", "seal", "client_id", "subject_type", "disabled_at", "id"])
def test_a_column_that_the_form_does_not_have_is_refused(admin, shop, below, field):
    admin.open(page_of(shop, below))
    before = Client.objects.values().get()
    assert admin.submit(**{field: "1"}, reason="security").status == 400
    assert Client.objects.values().get() == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_are_sound_in_every_language(admin, shop, language):
    admin.open(page_of(shop, "security/"))
    admin.submit(**guarded(shop, redirect_uris=ELSEWHERE))
    pages = {
        APPLICATIONS: "console-applications",
        f"{APPLICATIONS}register/": "console-application-form",
        page_of(shop): "console-application",
        page_of(shop, "description/"): "console-application-form",
        page_of(shop, "security/"): "console-application-form",
    }
    for path, name in pages.items():
        response = admin.http.get(f"{path}?lang={language}", secure=True)
        assert_sound(Page(response.content.decode()), language=language, name=name)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            "redirect_uris: 'http://shop.contoso.example/' must begin with https:// (http is for this machine only).",
        ),
        (
            "fr",
            "redirect_uris : 'http://shop.contoso.example/' doit commencer par https:// (http",
        ),
        ("zh-hans", "redirect_uris：'http://shop.contoso.example/' 必须以 https:// 开头（http 只用于本机）。"),
    ],
)
def test_what_is_wrong_is_said_in_the_language_of_the_page(admin, language, said):
    admin.open(f"{APPLICATIONS}register/?lang={language}")
    page = admin.submit(**NEW | {"redirect_uris": "http://shop.contoso.example/"})
    assert said in page


def test_programs_read_english_whatever_the_page_speaks():
    with translation.override("fr"):
        (said,) = registration.faults({"client_name": "Shop", "redirect_uris": ["http://shop.contoso.example/"]})
        assert f"{said}" == (
            "redirect_uris: 'http://shop.contoso.example/' must begin with https:// (http is for this machine only)."
        )
        assert faults.in_words([said])[0].startswith("redirect_uris\N{NO-BREAK SPACE}: ")


def test_every_reason_is_marked_for_who_translates():
    """Those of modules that know no language are written down once more where they are marked."""
    reasons = {why for _refused, why in redirect_uris._FAULTS} | {"is not a URI", "is not an absolute URI"}
    assert reasons <= set(faults.REASONS)
    for source in ("fetch", "oidc/jose"):
        text = (Path(settings.BASE_DIR) / "idp" / f"{source}.py").read_text(encoding="utf-8")
        about_keys = text[text.find("def public_key") :] if source == "oidc/jose" else text
        raised = set(re.findall(r'raise (?:Failed|Unreadable)\("([^"]+)"\)', about_keys))
        assert raised - {"the key is not of the algorithm's kind"} <= set(faults.REASONS)
