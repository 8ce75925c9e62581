"""Other ways in: addresses, commands, methods, headers and cookies that would be one. None is there.

The pages are crawled from the URL table and from walks through them, so that tomorrow's are looked at too.
"""

from base64 import urlsafe_b64decode
from html.parser import HTMLParser
from http.cookies import SimpleCookie

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.test import Client as Http
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from idp.factors import registry
from idp.models import Credential, SignIn, User
from idp.problems import MACHINE
from recovery.domain.journey import Step
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.journeys.test_forgotten_password import authorization_request
from tests.recovery.walk import WAY, walk_to
from tests.story import HOST, Person


def routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, path)
        else:
            yield "/" + path


#: Every field that somebody can type into: who they are, what only they have or know, what to call it.
ASKED = {
    *("username", "identifier", "address"),
    *("password", "current_password", "new_password", "otp", "code"),
    "name",
}
FORM = "application/x-www-form-urlencoded"
ROUTES = sorted(routes(get_resolver()))

#: AD-01: where other systems have a door for administrators, or a reset by link.
_DOORS = """
admin admin/login admin/password_change admin/idp/user/1/password admin/auth/user/add admin/jsi18n
accounts/login accounts/password_reset accounts/password_change accounts/password/change
accounts/password/set accounts/reset/MQ/set-password accounts/confirm-email/x accounts/signup
accounts/email password_reset password_change password_reset/done reset reset-password
forgot-password forgot resetpassword recovery/reset recovery/link recovery/verify recovery/token
recovery/confirm recovery/skip recovery/cancel recovery/journey recovery/journeys recovery/challenge
recovery/code/show recovery/codes recovery/api api api/users api/users/1/password api/v1/users
api/v1/credentials users users/1 users/1/password user/1/reset-credentials
realms/master/login-actions/reset-credentials auth/realms/master auth/admin account/reset-password
account/email account/addresses account/reset console/users/1/password console/people/1/reset
impersonate hijack su login-as sudo become masquerade debug __debug__ silk django_rq flower rq
signup oauth2/token oauth/authorize o/authorize graphql graphiql swagger openapi.json schema docs
phpmyadmin wp-login.php .env .git/HEAD manage.py settings.py backup.sql db.sqlite3
var/regain.sqlite3 static/regain/../../config/settings.py server-status actuator actuator/env test
tests mail inbox outbox messages codes otp sms
"""
DOORS = _DOORS.split()


def test_there_is_none_of_the_doors_that_others_have(db):
    http = Http(HTTP_HOST=HOST)
    found = {}
    for path in [each for door in DOORS for each in (f"/{door}", f"/{door}/")]:
        for method in ("get", "post", "put", "patch"):
            response = http.generic(method.upper(), path, content_type=FORM, secure=True)
            if response.status_code != 404:
                found[f"{method} {path}"] = response.status_code
    assert not found


def test_no_route_has_the_name_of_a_reset():
    for route in ROUTES:
        assert not {"reset", "admin", "impersonate", "hijack"} & set(route.strip("/").split("/")), route


def test_the_commands_that_set_passwords_refuse(jane):
    before = Credential.objects.values().get()
    for command in ("changepassword", "createsuperuser"):
        with pytest.raises(CommandError) as refusal:
            call_command(command)
        assert str(refusal.value).strip()
    assert Credential.objects.values().get() == before
    assert not {"drf_create_token", "set_fake_passwords", "reset_password", "set_password"} & set(get_commands())


def test_no_method_of_an_account_sets_or_checks_a_password(jane):
    for act in (
        lambda: jane.set_password("x"),
        lambda: jane.check_password(PASSWORD),
        jane.set_unusable_password,
        lambda: User(preferred_username="x").set_password("y"),
    ):
        with pytest.raises(NotImplementedError):
            act()
    assert "password" not in {field.name for field in User._meta.get_fields()}


def test_a_new_installation_has_no_account(db):
    """ASVS 6.3.2: after migrations nobody is there, so nobody by a name or password that everybody knows."""
    assert not User.objects.exists()
    assert not Credential.objects.exists()


def test_a_fixture_does_not_bring_a_credential(jane, tmp_path):
    """`loaddata` writes rows past the one writer; without our seal they open nothing."""
    row = Credential.objects.get(user=jane)
    fixture = tmp_path / "credential.json"
    fixture.write_text(
        f'[{{"model": "idp.credential", "pk": "{row.pk}", "fields": {{"user": "{jane.pk}", "kind": "password", '
        f'"material": "x", "version": 1, "proof": "{row.proof}", "seal": "x", "changed_at": "2026-01-01T00:00Z"}}}}]',
    )
    with pytest.raises(Exception, match="credential"):
        call_command("loaddata", str(fixture), verbosity=0)


# --- Forms ------------------------------------------------------------------------------------------------


class Fields(HTMLParser):
    def __init__(self):
        super().__init__()
        self.passwords = []
        self.unmasked = []
        self.asked = []
        self.targets = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "input" and (values.get("type") == "password" or "password" in values.get("name", "")):
            self.passwords.append(values.get("name"))
            self.unmasked += [values.get("name")] * (values.get("type") != "password")
        if tag in ("input", "select", "textarea") and values.get("type") not in ("hidden", "checkbox", "radio"):
            self.asked.append(values.get("name"))
        if tag in ("form", "a", "script", "link", "img"):
            self.targets += [values[name] for name in ("action", "href", "src") if values.get(name)]


def every_page():
    """Each page of the table as a stranger gets it, and each page of a recovery, with its address."""
    for path in ROUTES:
        yield path, Http(HTTP_HOST=HOST).get(path, secure=True)
    for step in WAY:
        person = walk_to(step, person=Person())
        yield person.page.url, person.page.response
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=NEW_PASSWORD)
    yield "/account/", person.page.response
    for path in ROUTES:
        if path.startswith("/account/"):
            yield path, person.http.get(path, secure=True)
    yield "/nowhere", person.open("/nowhere").response
    yield "/sign-in", person.http.put("/sign-in", secure=True)
    yield "/sign-in", person.http.post("/sign-in", b"x" * 100_000, content_type="text/plain", secure=True)


def fields_of(response):
    fields = Fields()
    fields.feed(response.content.decode(errors="replace") if "html" in response.headers.get("Content-Type", "") else "")
    return fields


def test_every_field_for_a_password_is_masked(jane):
    """ASVS 6.2.6."""
    found = [(url, fields_of(response)) for url, response in every_page()]
    assert sum(len(fields.passwords) for _url, fields in found) >= 4
    assert not [(url, fields.unmasked) for url, fields in found if fields.unmasked]


def test_nothing_is_asked_that_others_may_know(jane):
    """ASVS 6.4.2: on no page is there a field for a mother's name, a first pet, or a hint."""
    asked = {name for _url, response in every_page() for name in fields_of(response).asked}
    assert asked == ASKED


def test_mail_is_no_factor():
    """ASVS 6.3.6, 6.6.1: what counts beside a password or in its place; neither mail nor SMS."""
    assert {kind.name for kind in registry.KINDS} == {"passkey", "totp", "recovery_codes"}


def test_a_password_is_asked_for_to_sign_in_to_change_it_and_at_the_end_of_a_recovery_and_nowhere_else(jane):
    asking = set()
    for url, response in every_page():
        fields = fields_of(response)
        if fields.passwords:
            asking.add((url.partition("?")[0], *fields.passwords))
        for target in fields.targets:
            if url.startswith("/account/factors/totp/") and target.startswith("otpauth://totp/Contoso%3Ajane"):
                continue  # opens the authenticator app on the same device; a name and a key, and nobody's address
            assert target.startswith(("/", "#", "?", "data:image/")), f"{url} leads to {target}"
            assert not target.startswith("//"), url
    assert asking == {
        ("/sign-in", "password"),
        ("/recovery/password/", "new_password"),
        ("/account/password/", "current_password", "new_password"),
    }


# --- Headers ----------------------------------------------------------------------------------------------


def test_every_answer_carries_the_headers_that_guard_it(jane):
    seen = 0
    for url, response in every_page():
        headers = response.headers
        seen += 1
        cacheable = url.startswith("/.well-known/") or url in ("/jwks", "/brand.css")
        assert cacheable or headers["Cache-Control"] == "no-store", url
        csp = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
        assert csp["default-src"] == "'none'", url
        assert csp["frame-ancestors"] == "'none'", url
        assert csp["base-uri"] == "'none'", url
        assert csp["script-src"] == "'self'", url
        assert csp["style-src"] == "'self'", url
        assert csp["form-action"].startswith("'self'"), url
        assert "unsafe" not in headers["Content-Security-Policy"], url
        assert "*" not in headers["Content-Security-Policy"].split(), url
        assert headers["X-Content-Type-Options"] == "nosniff", url
        assert headers["X-Frame-Options"] == "DENY", url
        assert headers["Referrer-Policy"] == "same-origin", url
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", url
        assert headers["Strict-Transport-Security"].startswith("max-age=63072000"), url
        assert "Server" not in headers, url
        assert "X-Powered-By" not in headers, url
        assert cacheable or "ETag" not in headers, url
        if not url.startswith(MACHINE):
            assert "Access-Control-Allow-Origin" not in headers, url
    assert seen > len(ROUTES) + 8


def test_every_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts(jane):
    found = {}
    for _url, response in every_page():
        for cookie in response.cookies.values():
            found.setdefault(cookie.key, []).append(cookie)
    for response in (walk_to(Step.PROBLEM).http, walk_to(Step.NEW_PASSWORD, person=Person()).http):
        for cookie in response.cookies.values():
            found.setdefault(cookie.key, []).append(cookie)
    person = Person()
    person.open("/sign-in?lang=fr")
    person.submit(username="jane", password=NEW_PASSWORD)
    for cookie in person.http.cookies.values():
        found.setdefault(cookie.key, []).append(cookie)
    names = ("session", "browser", "device", "recovery", "csrf", "language")
    assert set(found) == {f"__Host-regain-{name}" for name in names}
    for name, cookies in found.items():
        for cookie in cookies:
            assert cookie["secure"], name
            assert cookie["httponly"], name
            assert cookie["samesite"] == "Lax", name
            assert cookie["path"] == "/", name
            assert not cookie["domain"], name
            # A sign-in ends with the browser; its row says how long it lasts at most.
            assert bool(cookie["max-age"]) != name.endswith(("-session", "-browser")), name


# --- Cookies that were planted ----------------------------------------------------------------------------


def planted(person, **cookies):
    for name, value in cookies.items():
        person.http.cookies[f"__Host-regain-{name}"] = value


def test_a_session_planted_before_sign_in_is_worth_nothing_after_it(jane):
    """SE-01: the attacker signs in for themselves and leaves their cookie, or one they made up."""
    make_person("mallory", email="mallory@evil.example")
    mallory = Person(address="203.0.113.9")
    mallory.open("/sign-in")
    mallory.submit(username="mallory", password=PASSWORD)
    theirs = mallory.http.cookies["__Host-regain-session"].value
    for value in (theirs, "a session key that the attacker made up, 43 ch"):
        victim = Person()
        planted(victim, session=value)
        victim.open("/sign-in")
        victim.submit(username="jane", password=PASSWORD)
        assert victim.page.name == "account"
        assert "jane@contoso.example" in victim.page
        fresh = victim.http.cookies["__Host-regain-session"].value
        assert fresh not in ("", value)
        thief = Person(address="203.0.113.9")
        planted(thief, session=value)
        thief.open("/account/")
        assert "jane" not in thief.page.text
    assert SignIn.objects.filter(user=jane).count() == 2


def test_each_sign_in_has_a_key_of_its_own(jane):
    person, keys = Person(), set()
    for _again in range(3):
        person.open("/sign-in")
        person.submit(username="jane", password=PASSWORD)
        keys.add(person.http.cookies["__Host-regain-session"].value)
    assert len(keys) == 3


def test_every_key_that_a_browser_holds_is_too_long_to_guess(jane, payroll):
    """ASVS 7.2.3: 128 bits at least; what a browser holds is the key of its own row and of no other's."""
    held = {}
    for _again in range(2):
        person = walk_to(Step.CODE, person=Person())
        person.open(authorization_request())
        person.submit(username="jane", password=PASSWORD)
        for name in ("session", "browser", "device", "recovery"):
            held.setdefault(name, []).append(person.http.cookies[f"__Host-regain-{name}"].value)
    for name, keys in held.items():
        assert len(set(keys)) == 2, name
        assert all(len(urlsafe_b64decode(key + "=" * (-len(key) % 4))) >= 16 for key in keys), name


def test_a_browser_key_planted_before_sign_in_gives_no_way_to_the_account(jane, payroll):
    """The attacker's own waiting request, in the victim's browser: the answer goes to the browser that signed in."""
    mallory = Person(address="203.0.113.9")
    mallory.open(authorization_request())
    interaction = mallory.page.url.partition("i=")[2]
    victim = Person()
    planted(victim, browser=mallory.http.cookies["__Host-regain-browser"].value)
    victim.open(f"/sign-in?i={interaction}")
    victim.submit(username="jane", password=PASSWORD)
    response = mallory.http.get(f"/continue?i={interaction}", secure=True)
    assert "code=" not in response.headers.get("Location", "")


def test_sessions_of_before_a_recovery_are_dead_after_it(jane):
    elsewhere = Person(address="203.0.113.9")
    elsewhere.open("/sign-in")
    elsewhere.submit(username="jane", password=PASSWORD)
    assert elsewhere.page.name == "account"
    person = Person()
    planted(person, session=elsewhere.http.cookies["__Host-regain-session"].value)
    walk_to(Step.DONE, person=person)
    assert elsewhere.open("/account/").name == "sign-in"
    assert person.open("/account/").name == "sign-in"
    assert not SignIn.objects.filter(ended_at=None).exists()


def test_the_database_does_not_hold_a_key_that_opens_a_session(jane):
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    stored = SignIn.objects.get()
    for value in (stored.key_hash, str(stored.pk), stored.seal):
        thief = Person(address="203.0.113.9")
        planted(thief, session=value)
        assert thief.open("/account/").name == "sign-in"


def test_no_key_stands_in_an_address_or_on_a_page(jane):
    person = Person()
    shown = []
    get = person.http.get

    def watching(path, *arguments, **options):
        response = get(path, *arguments, **options)
        shown.extend([path, response.headers.get("Location", ""), response.content.decode(errors="replace")])
        return response

    person.http.get = watching
    walk_to(Step.DONE, person=person)
    person.open("/sign-in")
    person.submit(username="jane", password=NEW_PASSWORD)
    keys = [cookie.value for cookie in SimpleCookie(person.http.cookies).values() if "csrf" not in cookie.key]
    assert len(keys) >= 3
    for key in keys:
        assert not [each for each in shown if key in each]
