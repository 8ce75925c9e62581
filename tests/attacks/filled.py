"""Every form of the pages, filled in so that it does what it is for: by the name of its route in the URL table.

`FORMS` says for each route who stands in front of the form and what they send; `NO_FORM` lists the pages that have
none. A route that is in neither fails tests/attacks/test_mass_assignment.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from django.utils import timezone

from idp.models import Credential, Device, RecoveryAddress, SignIn
from idp.stop_links import PATH, StopLink
from recovery.domain.journey import Step
from recovery.models import Journey
from tests.authenticator import Authenticator, options
from tests.conftest import NEW_PASSWORD, PASSWORD, make_client, make_person
from tests.idp.account.conftest import add_address, signed_in
from tests.idp.account.test_addresses import NEW, start_adding
from tests.idp.account.test_factors import app_on
from tests.idp.account.test_phones import TYPED
from tests.idp.factors.people import factor_of, with_app, with_passkey
from tests.idp.login.test_factor import password_step
from tests.idp.login.test_strength import ESSENTIAL
from tests.journeys.test_forgotten_password import authorization_request
from tests.recovery.test_step_skipping import choosing, kept, lost_a_phone, new_password_too, stranded
from tests.recovery.walk import letter, walk_to
from tests.story import Person, code_in, post_office

#: By when an app shows another code than the one with which it was added.
LATER = timedelta(minutes=2)
#: Pages that are looked at and have nothing to send.
NO_FORM = {
    *("account", "account-activity", "account-deleted", "account-password-changed", "account-security"),
    *("continue", "frozen", "recovery-how", "recovery-username-sent", "signed-out"),
}


@dataclass
class Form:
    """Somebody's browser with a form in it that they have filled in."""

    person: Person
    fields: dict[str, object] = field(default_factory=dict)
    #: Where it is sent: to the page itself, unless a script sends it.
    path: str = ""
    #: Whether sending it writes anything; some only lead on.
    writes: bool = True

    def __post_init__(self):
        parts = urlsplit(self.person.page.url)
        self.path = self.path or f"{parts.path}?{parts.query}".rstrip("?")
        carried = {name: values[0] for name, values in self.person.page.parsed.fields.items()}
        self.token = carried.pop("csrfmiddlewaretoken")

    def send(self, more=None, query=None):
        """Send it, with more fields than it has, or with more in its address."""
        path = self.path
        if query:
            path += f"{'&' if '?' in path else '?'}{urlencode(query)}"
        return self.person.post(path, {"csrfmiddlewaretoken": self.token, **self.fields, **(more or {})})


#: (name of the route, what the form is for): how it comes to be filled in.
FORMS: dict[tuple[str, str], Callable[[], Form]] = {}


def form(route, what=""):
    def keep(fill):
        FORMS[route, what] = fill
        return fill

    return keep


# --- Signing in -------------------------------------------------------------------------------------------


def _opened(url, person=None):
    person = person or Person()
    person.open(url)
    return person


@form("sign-in")
def sign_in():
    make_person()
    return Form(_opened("/sign-in"), {"username": "jane", "password": PASSWORD})


@form("sign-in", "with a passkey")
def sign_in_with_passkey():
    authenticator = with_passkey(make_person())
    person = _opened("/sign-in")
    return Form(person, {"passkey": authenticator.get(options(person))})


@form("sign-in", "no, thanks")
def sign_in_cancelled():
    make_client()
    return Form(_opened(authorization_request()), {"cancel": "1"})


@form("sign-in", "after a crowd")
def sign_in_again_after_a_crowd():
    return Form(_opened("/sign-in"), {"username": "jane", "again": "1"}, writes=False)


@form("sign-in-again")
def sign_in_again():
    make_person()
    person = signed_in()
    person.open("/sign-in/again?to=%2Faccount%2Fpassword%2F")
    return Form(person, {"username": "jane", "password": PASSWORD})


def _at_the_second_step():
    app = with_app(make_person(), now=timezone.now() - LATER)
    person = Person()
    password_step(person)
    assert person.page.name == "sign-in-factor"
    return person, app


@form("sign-in-factor")
def second_factor():
    person, app = _at_the_second_step()
    return Form(person, {"way": "totp", "otp": app.code(), "trust": "1"})


@form("sign-in-factor", "no, thanks")
def second_factor_cancelled():
    person, _app = _at_the_second_step()
    return Form(person, {"cancel": "1"})


@form("sign-in-passkey-options")
def passkey_options():
    return Form(_opened("/sign-in"), {"purpose": "sign-in"}, "/sign-in/passkey/options")


def _held_up_at(page, *, asking=None, **client):
    """Jane, on her way to an application, at a page between sign-in and it."""
    make_client(**client)
    make_person()
    person = _opened(asking or authorization_request())
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == page
    return person


def _has_to_add_a_factor():
    return _held_up_at("sign-in-set-up", asking=authorization_request(claims=ESSENTIAL), skip_consent=True)


@form("sign-in-set-up")
def set_up():
    return Form(_has_to_add_a_factor(), {"way": "totp"}, writes=False)


@form("sign-in-set-up", "no, thanks")
def set_up_cancelled():
    return Form(_has_to_add_a_factor(), {"cancel": "1"})


@form("consent")
def consent():
    return Form(_held_up_at("consent"), {"decision": "allow", "scope": ["profile", "email"]})


@form("consent", "no")
def consent_denied():
    return Form(_held_up_at("consent"), {"decision": "deny"})


@form("freeze")
def freeze():
    link = StopLink(user=make_person().pk, event=uuid4(), at=timezone.now())
    return Form(_opened(f"{PATH}?{urlencode({'t': link.token})}"))


@form("sign-out")
def sign_out():
    make_person()
    return Form(signed_in(), {"decision": "yes"}, "/sign-out")


# --- The owner's pages ------------------------------------------------------------------------------------


def _at(path):
    """Jane at a page of hers."""
    return _opened(path, signed_in())


@form("account-password")
def password():
    make_person()
    fields = {"username": "jane", "current_password": PASSWORD, "new_password": NEW_PASSWORD}
    return Form(_at("/account/password/"), fields)


@form("address-add")
def address():
    make_person()
    return Form(_at("/account/addresses/add/"), {"address": NEW, "name": "home"})


@form("address-add-phone")
def phone():
    make_person()
    return Form(_at("/account/addresses/add/phone/"), {"address": TYPED, "name": "mine"})


def _typing_the_code():
    make_person()
    person = signed_in()
    start_adding(person, NEW)
    return person, code_in(post_office()[-1])


@form("address-code")
def address_code():
    person, code = _typing_the_code()
    return Form(person, {"code": code})


@form("address-code", "once more")
def address_code_again():
    person, _code = _typing_the_code()
    return Form(person, {"send_again": "1"})


def _at_an_address():
    jane = make_person()
    add_address(jane, NEW, now=timezone.now())
    return _at(f"/account/addresses/{RecoveryAddress.objects.filter(user=jane).first().pk}/")


@form("address", "its name")
def address_name():
    return Form(_at_an_address(), {"act": "name", "name": "home"})


@form("address", "a test")
def address_test():
    return Form(_at_an_address(), {"act": "test"})


@form("address", "its end")
def address_end():
    return Form(_at_an_address(), {"act": "remove"})


@form("factors-add")
def factor():
    make_person()
    return Form(_at("/account/factors/add/"), {"way": "totp"}, writes=False)


@form("factors-passkey")
def passkey():
    make_person()
    person = _at("/account/factors/passkey/")
    asked = options(person, purpose="register", path="/account/factors/passkey/options")
    return Form(person, {"passkey": Authenticator().create(asked), "name": "Laptop"})


@form("factors-passkey-options")
def new_passkey_options():
    make_person()
    return Form(_at("/account/factors/passkey/"), {"purpose": "register"}, "/account/factors/passkey/options")


@form("factors-totp")
def totp():
    make_person()
    person = _at("/account/factors/totp/")
    key = person.page.parsed.fields["key"][0]
    return Form(person, {"key": key, "otp": app_on(person.page).code(), "name": "Phone"})


@form("factors-recovery-codes")
def recovery_codes():
    make_person()
    return Form(_at("/account/factors/recovery-codes/"), {"replaces": "0"})


@form("factors-done")
def others_signed_out():
    make_person()
    signed_in(address="198.51.100.7")
    return Form(_at("/account/factors/done/?did=added"), {"end": "others"})


def _at_her_app():
    jane = make_person()
    app = with_app(jane, now=timezone.now() - 2 * LATER)
    person = Person()
    password_step(person)
    person.submit(otp=app.code(steps=-1))
    person.open(f"/account/factors/{factor_of(jane, Credential.Kind.TOTP).pk}/")
    return person, app


@form("factors-one", "its name")
def factor_name():
    person, _app = _at_her_app()
    return Form(person, {"do": "rename", "name": "Old phone"})


@form("factors-one", "a try")
def factor_try():
    person, app = _at_her_app()
    return Form(person, {"do": "try", "otp": app.code()})


@form("factors-one", "its end")
def factor_end():
    person, _app = _at_her_app()
    return Form(person, {"do": "remove"})


@form("factors-try-options")
def factor_try_options():
    jane = make_person()
    authenticator = with_passkey(jane)
    person = _opened("/sign-in")
    person.submit(passkey=authenticator.get(options(person)))
    path = f"/account/factors/{factor_of(jane, Credential.Kind.PASSKEY).pk}/"
    return Form(_opened(path, person), {"purpose": "try"}, f"{path}options")


@form("account-sessions", "one")
def session_end():
    make_person()
    signed_in(address="198.51.100.7")
    other = SignIn.objects.get()
    return Form(_at("/account/sessions/"), {"end": str(other.pk)})


@form("account-sessions", "a browser")
def browser_forgotten():
    make_person()
    person = _at("/account/sessions/")
    return Form(person, {"forget": str(Device.objects.get().pk)})


@form("account-sessions", "all")
def sessions_end():
    make_person()
    return Form(_at("/account/sessions/"), {"everywhere": "all"})


@form("applications")
def application():
    person = _held_up_at("consent")
    person.submit(decision="allow")
    person.open("/account/applications/")
    return Form(person, {"withdraw": "payroll"})


@form("account-language")
def language():
    make_person()
    return Form(_at("/account/language/"), {"language": "fr"})


@form("account-data")
def data():
    make_person()
    return Form(_at("/account/data/"))


@form("account-delete")
def delete():
    make_person()
    return Form(_at("/account/delete/"), {"username": "jane"})


# --- Recovery ---------------------------------------------------------------------------------------------


def _walked(step, fields, **how):
    make_person()
    return Form(walk_to(step, **how), fields)


@form("recovery-identify")
def identify():
    return _walked(Step.IDENTIFY, {"identifier": "jane"})


@form("recovery-username")
def username():
    make_person()
    return Form(_opened("/recovery/username/"), {"address": "jane@contoso.example"})


@form("recovery-problem")
def problem():
    return _walked(Step.PROBLEM, {"problem": "forgot"})


@form("recovery-problem", "somebody else is in")
def intruder():
    return _walked(Step.PROBLEM, {"problem": "intruder"})


@form("recovery-method")
def method():
    return _walked(Step.METHOD, {"method": "email"})


@form("recovery-none")
def none_of_these():
    make_person()
    return Form(walk_to(Step.METHOD), path="/recovery/none/", writes=False)


@form("recovery-address")
def recovery_address():
    return _walked(Step.ADDRESS, {"address": "jane@contoso.example"})


@form("recovery-code")
def code():
    filled = _walked(Step.CODE, {})
    filled.fields = {"code": letter()}
    return filled


@form("recovery-code", "once more")
def code_again():
    return _walked(Step.CODE, {"send_again": "1"})


@form("recovery-passkey")
def recovery_passkey():
    authenticator = with_passkey(make_person())
    person = choosing("passkey")
    asked = options(person, purpose="recover", path="/recovery/passkey/options")
    return Form(person, {"passkey": authenticator.get(asked)})


@form("recovery-passkey-options")
def recovery_passkey_options():
    make_person()
    return Form(choosing("passkey"), {"purpose": "recover"}, "/recovery/passkey/options")


@form("recovery-current-password")
def current_password():
    make_person()
    return Form(choosing("password", problem="lost-factor"), {"password": PASSWORD})


@form("recovery-stranded")
def stranded_form():
    make_person()
    return Form(_with_token(stranded()), writes=False)


@form("recovery-new-password")
def new_password():
    return _walked(Step.NEW_PASSWORD, {"username": "jane", "new_password": NEW_PASSWORD})


@form("recovery-new-password", "after the account was opened")
def new_password_after_all():
    make_person()
    return Form(new_password_too(), {"username": "jane", "new_password": NEW_PASSWORD})


def _at_a_passkey_instead():
    make_person()
    person = walk_to(Step.NEW_PASSWORD)
    return _opened("/recovery/password/passkey/", person)


@form("recovery-passkey-instead")
def passkey_instead():
    person = _at_a_passkey_instead()
    asked = options(person, purpose="register", path="/recovery/password/passkey/options")
    return Form(person, {"passkey": Authenticator().create(asked), "name": "Laptop"})


@form("recovery-passkey-instead-options")
def passkey_instead_options():
    return Form(_at_a_passkey_instead(), {"purpose": "register"}, "/recovery/password/passkey/options")


@form("recovery-unlock", "finished")
def unlock():
    return _walked(Step.UNLOCK, {"finish": "1"})


@form("recovery-unlock", "a new password too")
def unlock_and_more():
    return _walked(Step.UNLOCK, {"new_password_too": "1"})


def _replacing(path):
    jane = make_person()
    with_app(jane, now=timezone.now() - 2 * LATER)
    return jane, _opened(path, lost_a_phone())


@form("recovery-factor")
def recovery_factor():
    make_person()
    return Form(_with_token(lost_a_phone()), path="/recovery/factor/", writes=False)


@form("recovery-new-app")
def new_app():
    jane = make_person()
    with_app(jane, now=timezone.now() - 2 * LATER)
    with_passkey(jane)
    person = _opened("/recovery/factor/app/", lost_a_phone())
    key = person.page.parsed.fields["key"][0]
    lost = person.page.parsed.ticked["lost"]
    assert len(lost) == 2
    return Form(person, {"key": key, "otp": app_on(person.page).code(), "name": "New", "lost": lost})


@form("recovery-new-passkey")
def new_passkey():
    _jane, person = _replacing("/recovery/factor/passkey/")
    asked = options(person, purpose="register", path="/recovery/factor/passkey/options")
    lost = person.page.parsed.ticked["lost"]
    return Form(person, {"passkey": Authenticator().create(asked), "name": "Laptop", "lost": lost})


@form("recovery-new-passkey-options")
def recovery_new_passkey_options():
    _jane, person = _replacing("/recovery/factor/passkey/")
    return Form(person, {"purpose": "register"}, "/recovery/factor/passkey/options")


def _with_token(person):
    """Pages without a form carry no token; this browser has a good one all the same."""
    if "csrfmiddlewaretoken" not in person.page.parsed.fields:
        here = person.page
        there = Person()
        there.http.cookies = person.http.cookies
        here.parsed.fields |= {"csrfmiddlewaretoken": there.open("/sign-in").parsed.fields["csrfmiddlewaretoken"]}
    return person


@form("recovery-done")
def done():
    make_person()
    return Form(_with_token(walk_to(Step.DONE)), writes=False)


@form("recovery-done", "kept")
def done_kept():
    make_person()
    return Form(_with_token(kept()), path="/recovery/done/", writes=False)


@form("recovery-ended")
def ended():
    make_person()
    person = walk_to(Step.CODE)
    Journey.objects.update(expires_at=timezone.now())
    person.open("/recovery/ended/")
    return Form(_with_token(person), path="/recovery/ended/", writes=False)


@form("recovery-register")
def register():
    return Form(_held_up_at("register-way-back", skip_consent=True), {"way": "later"})


@form("recovery-register", "a way")
def register_a_way():
    return Form(_held_up_at("register-way-back", skip_consent=True), {"way": "totp"}, writes=False)
