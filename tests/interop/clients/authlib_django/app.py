"""A Django project in one file, signed in with Authlib.

ISSUER, CLIENT_ID, CLIENT_SECRET and PORT say where it belongs. Authlib makes and checks `state`, `nonce` and the PKCE
verifier, and verifies the ID token. What it leaves to the application is said where it is done; the same in Flask, with
pages to look at, is examples/relying_party.
"""

import os
import secrets
import sys

import django
from authlib.integrations.django_client import OAuth, OAuthError
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.http import JsonResponse
from django.shortcuts import redirect
from django.urls import path
from joserfc.errors import JoseError

ISSUER, PORT = os.environ["ISSUER"], int(os.environ["PORT"])
HERE = f"http://127.0.0.1:{PORT}"

settings.configure(
    SECRET_KEY=secrets.token_hex(32),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    # Sessions stay on the server: browsers get a random name for them.
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        f"{__name__}.Refusals",
    ],
    AUTHLIB_OAUTH_CLIENTS={
        "provider": {
            "client_id": os.environ["CLIENT_ID"],
            "client_secret": os.environ["CLIENT_SECRET"],
            "server_metadata_url": f"{ISSUER}/.well-known/openid-configuration",
            "client_kwargs": {"scope": "openid profile email offline_access", "code_challenge_method": "S256"},
        },
    },
)

oauth = OAuth()
oauth.register("provider")


def home(request):
    person = request.session.get("person")
    if person is None:
        return JsonResponse({"claims": None})
    return JsonResponse({name: person[name] for name in ("claims", "userinfo", "renewals")})


def sign_in(request):
    return oauth.provider.authorize_redirect(request, f"{HERE}/callback")


def callback(request):
    # RFC 9207 2.4: first see who is answering. A code from another provider must never be sent to ours.
    if request.GET.get("iss") != ISSUER:
        raise OAuthError(error="issuer_mismatch", description="The answer does not come from our provider.")
    token = oauth.provider.authorize_access_token(request)
    claims = dict(token.pop("userinfo"))
    userinfo = ask_userinfo(token, claims["sub"])
    request.session.flush()  # a new name for each sign-in, so that nobody can plant one beforehand
    request.session["person"] = {"token": token, "claims": claims, "userinfo": userinfo, "renewals": 0}
    return redirect("/")


def refresh(request):
    person = request.session["person"]
    token = oauth.provider.fetch_access_token(
        grant_type="refresh_token",
        refresh_token=person["token"]["refresh_token"],
    )
    person["token"] |= token  # a new refresh token takes the place of the one just used
    person["userinfo"] = ask_userinfo(token, person["claims"]["sub"])
    person["renewals"] += 1
    request.session.modified = True
    return redirect("/")


def sign_out(request):
    person = request.session.get("person")
    request.session.flush()  # first here: whatever the provider answers, this application has let go
    if person is None:
        return redirect("/")
    return oauth.provider.logout_redirect(
        request,
        post_logout_redirect_uri=f"{HERE}/signed-out",
        id_token_hint=person["token"]["id_token"],
    )


def signed_out(request):
    oauth.provider.validate_logout_response(request)
    return JsonResponse({"signed_out": True})


def ask_userinfo(token, sub):
    # Without its refresh token: Authlib would use that up unasked when access ends within a minute.
    told = oauth.provider.userinfo(token={name: token[name] for name in ("access_token", "token_type")})
    # OpenID Connect Core 5.3.2: userinfo may only be believed if it speaks of the same person.
    if told["sub"] != sub:
        raise OAuthError(error="subject_mismatch", description="Userinfo speaks of somebody else.")
    return dict(told)


class Refusals:
    """Errors of the protocol as an answer, not as a crash."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, _request, error):
        if isinstance(error, (OAuthError, JoseError)):
            return JsonResponse({"error": error.error}, status=400)
        return None


urlpatterns = [
    path("", home),
    path("sign-in", sign_in),
    path("callback", callback),
    path("refresh", refresh),
    path("sign-out", sign_out),
    path("signed-out", signed_out),
]

if __name__ == "__main__":
    django.setup()
    call_command("migrate", verbosity=0)
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", str(PORT)])
