"""A Django project in one file, signed in with mozilla-django-oidc.

ISSUER, CLIENT_ID, CLIENT_SECRET and PORT say where it belongs. The library makes and checks `state`, `nonce` and
the PKCE verifier, and verifies the signature of the ID token. What it leaves to the application is in `Backend`.
"""

import os
import secrets
import sys
from urllib.parse import urlencode

import requests
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.management import call_command, execute_from_command_line
from django.http import JsonResponse
from django.shortcuts import redirect
from django.urls import include, path

ISSUER, PORT = os.environ["ISSUER"], int(os.environ["PORT"])
HERE = f"http://127.0.0.1:{PORT}"
# The library does not do discovery; at least let its settings come from there.
PROVIDER = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()

settings.configure(
    SECRET_KEY=secrets.token_hex(32),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "mozilla_django_oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        # Asks the provider again, with prompt=none, once the sign-in is older than OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS.
        "mozilla_django_oidc.middleware.SessionRefresh",
        # An application with forms of its own has CsrfViewMiddleware here as well.
    ],
    AUTHENTICATION_BACKENDS=[f"{__name__}.Backend"],
    LOGIN_REDIRECT_URL="/",
    LOGOUT_REDIRECT_URL="/",
    LOGIN_REDIRECT_URL_FAILURE="/failed/",
    OIDC_RP_CLIENT_ID=os.environ["CLIENT_ID"],
    OIDC_RP_CLIENT_SECRET=os.environ["CLIENT_SECRET"],
    OIDC_RP_SIGN_ALGO="ES256",  # its default, HS256, is nothing Regain signs with
    OIDC_RP_SCOPES="openid profile email",
    OIDC_OP_AUTHORIZATION_ENDPOINT=PROVIDER["authorization_endpoint"],
    OIDC_OP_TOKEN_ENDPOINT=PROVIDER["token_endpoint"],
    OIDC_OP_USER_ENDPOINT=PROVIDER["userinfo_endpoint"],
    OIDC_OP_JWKS_ENDPOINT=PROVIDER["jwks_uri"],
    OIDC_USE_PKCE=True,  # off by default; Regain insists on it
    OIDC_TOKEN_USE_BASIC_AUTH=True,
    OIDC_STORE_ID_TOKEN=True,  # sign-out is asked with it
    OIDC_OP_LOGOUT_URL_METHOD=f"{__name__}.provider_logout",
    OIDC_TIMEOUT=10,
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
    },
)

import django  # noqa: E402

django.setup()

from mozilla_django_oidc.auth import OIDCAuthenticationBackend  # noqa: E402


class Backend(OIDCAuthenticationBackend):
    """What the library leaves to the application."""

    def verify_token(self, token, **kwargs):
        claims = super().verify_token(token, **kwargs)
        # OpenID Connect Core 3.1.3.7: it has looked at signature, times and nonce, but not at who speaks to whom.
        if claims["iss"] != ISSUER or claims["aud"] != self.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("This ID token is somebody else's.")
        return claims

    def get_userinfo(self, access_token, id_token, payload):
        told = super().get_userinfo(access_token, id_token, payload)
        # Section 5.3.2: userinfo may only be believed if it speaks of the same person.
        if told["sub"] != payload["sub"]:
            raise SuspiciousOperation("Userinfo speaks of somebody else.")
        self.request.session["told"] = {"claims": payload, "userinfo": told}
        return told

    # People are recognised by `sub`. The library would go by e-mail address, which may one day be another person's.

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def get_username(self, claims):
        return claims["sub"]


def provider_logout(request):
    hint = {"id_token_hint": request.session["oidc_id_token"], "post_logout_redirect_uri": f"{HERE}/signed-out/"}
    return f"{PROVIDER['end_session_endpoint']}?{urlencode(hint)}"


def home(request):
    told = request.session.get("told") if request.user.is_authenticated else None
    return JsonResponse(told or {"claims": None})


def ask_again(request):
    """As if the sign-in had grown old: the next page asks the provider whether it still stands."""
    request.session["oidc_id_token_expiration"] = 0
    return redirect("/")


urlpatterns = [
    path("", home),
    path("ask-again/", ask_again),
    path("signed-out/", lambda _request: JsonResponse({"signed_out": True})),
    path("failed/", lambda _request: JsonResponse({"error": "failed"}, status=400)),
    path("oidc/", include("mozilla_django_oidc.urls")),
]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", str(PORT)])
