"""django-oauth-toolkit as its documentation sets it up: settings, addresses and the program, in one file.

Configured to do what Regain does: PKCE, rotation of refresh tokens, consent granted already, the same cost of a
password hash. Client secrets are kept in clear, which is not its default: with it, each request for a token costs one
slow hash, and nothing else would be measured.
"""

import os
import sys
from pathlib import Path

import django
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application


class Hasher(Argon2PasswordHasher):
    """What Regain uses."""

    time_cost, memory_cost, parallelism = 2, 19456, 1


def signing_key() -> str:
    """Made once, kept beside the program's other state."""
    file = Path(os.environ["STATE"]) / "signing.pem"
    if not file.exists():
        key = generate_private_key(public_exponent=65537, key_size=2048)
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file.read_text()


settings.configure(
    SECRET_KEY=os.environ["SECRET"],
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [Path(__file__).parent / "templates"],
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        },
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["DATABASE_NAME"],
            "USER": os.environ["DATABASE_USER"],
            "PASSWORD": os.environ["DATABASE_PASSWORD"],
            "HOST": "127.0.0.1",
            "PORT": os.environ["DATABASE_PORT"],
            "CONN_MAX_AGE": 300,
            "CONN_HEALTH_CHECKS": True,
        },
    },
    PASSWORD_HASHERS=[f"{__name__}.Hasher"],
    LOGIN_URL="/accounts/login/",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": signing_key(),
        "PKCE_REQUIRED": True,
        "ROTATE_REFRESH_TOKEN": True,
        "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
        "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
        "SCOPES": {"openid": "Who you are", "profile": "Your name"},
    },
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 -- models exist only now
from django.contrib.auth.views import LoginView  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.models import get_application_model  # noqa: E402

urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("accounts/login/", LoginView.as_view(template_name="sign_in.html")),
]
application = get_wsgi_application()


def fill() -> None:
    """The people and the applications."""
    password = get_user_model()(username="x")
    password.set_password(os.environ["PASSWORD"])
    for name in os.environ["PEOPLE"].split():
        get_user_model().objects.create(username=name, password=password.password, first_name=name)
    model = get_application_model()
    for name, kind in (
        ("web", "authorization-code"),
        ("offline", "authorization-code"),
        ("machine", "client-credentials"),
    ):
        model.objects.create(
            name=name,
            client_id=name,
            client_secret=os.environ["SECRET"],
            hash_client_secret=False,
            client_type="confidential",
            authorization_grant_type=kind,
            redirect_uris=os.environ["CALLBACK"],
            skip_authorization=True,
            algorithm="RS256" if kind == "authorization-code" else "",
        )


if __name__ == "__main__":
    execute_from_command_line(["peer", "migrate", "--verbosity", "0"])
    fill()
    sys.exit(0)
