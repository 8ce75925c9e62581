"""Settings, read from the environment from top to bottom; safe by default.

Whatever is missing and would be unsafe to guess stops the process with one sentence that names the variable.
The names are the operator's contract (docs/operate.md); `.env` in the project's folder is read if present.
"""

import re
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config import broker, root_keys
from idp.audit import targets
from idp.channels import addresses, gateways, numbers

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")


def required(name: str, why: str) -> str:
    """The variable's value, or a refusal to start that says why it cannot be guessed."""
    value = env.str(name, default="").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {why}")
    return value


def positive(name: str, *, default: int) -> int:
    """A whole number above nought, or a refusal to start."""
    try:
        value = env.int(name, default=default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error
    if value < 1:
        raise ImproperlyConfigured(f"{name} must be 1 or more.")
    return value


# --- Who we are -------------------------------------------------------------------------------------------

#: The issuer (OpenID Connect Core 2, `iss`): an origin, exactly as relying parties will compare it.
ISSUER = required("REGAIN_ISSUER", "It is the https address people and applications know this provider by.")
_issuer = urlsplit(ISSUER)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if not _issuer.hostname or _issuer.path or _issuer.query or _issuer.fragment or _issuer.username:
    raise ImproperlyConfigured(
        f"REGAIN_ISSUER must be an origin such as https://id.example.org, without a path; it is {ISSUER!r}.",
    )
if _issuer.scheme != "https" and not (_issuer.scheme == "http" and _is_loopback(_issuer.hostname)):
    raise ImproperlyConfigured("REGAIN_ISSUER must begin with https:// (http is for this machine only).")

TENANT_NAME = env.str("TENANT_NAME", default="Regain")
TENANT_BRAND_COLOR = env.str("TENANT_BRAND_COLOR", default="#0b5f52")
TENANT_LOGO = env.str("TENANT_LOGO", default="")
#: People read hours and minutes without a zone; this is the zone they mean.
TENANT_TIME_ZONE = env.str("TENANT_TIME_ZONE", default="UTC")
TENANT_PRIVACY_URL = env.str("TENANT_PRIVACY_URL", default="")
TENANT_HELP_URL = env.str("TENANT_HELP_URL", default="")

# --- Secrets ----------------------------------------------------------------------------------------------

SECRET_KEY = required("SECRET_KEY", "It is Django's own secret. Use 50 random characters or more.")


#: The first seals and encrypts, every one opens; those that are retired only find what they made digests of.
ROOT_KEYS = root_keys.read(
    "REGAIN_ROOT_KEYS",
    required("REGAIN_ROOT_KEYS", "Credentials are sealed with it; losing or guessing it loses every account."),
)
RETIRED_KEYS = root_keys.read("REGAIN_RETIRED_KEYS", env.str("REGAIN_RETIRED_KEYS", default=""), but=ROOT_KEYS)
#: The token that has the keys which the environment has not.
PKCS11_TOKEN = root_keys.token("PKCS11_URI", env.str("PKCS11_URI", default=""), keys=(*ROOT_KEYS, *RETIRED_KEYS))


def _prices(value: str) -> tuple[tuple[str, int], ...]:
    """`+33=7,+1=2`: what a segment costs, by the longest beginning that fits; the longest first."""
    prices = {}
    for entry in filter(None, (each.strip() for each in value.split(","))):
        prefix, _equals, price = entry.partition("=")
        if not (prefix[:1] == "+" and prefix[1:].isdigit() and price.isdigit() and int(price)):
            raise ImproperlyConfigured(f"SMS_PRICES: {entry!r} is not like +33=7, a whole number above nought.")
        prices[prefix] = int(price)
    return tuple(sorted(prices.items(), key=lambda each: -len(each[0])))


# --- Where things are -------------------------------------------------------------------------------------

(BASE_DIR / "var").mkdir(exist_ok=True)
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var/regain.sqlite3'}")}
DATABASE_RUNTIME_ROLE = env.str("DATABASE_RUNTIME_ROLE", default="")  # idp.privileges
DATABASES["default"]["CONN_MAX_AGE"] = 300
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["ENGINE"] = "config.postgresql"
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        # Values travel beside the statement, not in it; and a statement that comes for the sixth time is kept by the
        # server, read and planned. A pooler that hands each transaction another connection must know of that.
        server_side_binding=True,
        prepare_threshold=5 if env.bool("DATABASE_PREPARED", default=True) else None,
    )
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        # A transaction that will write takes the write lock at its start: no upgrade can then fail half-way.
        transaction_mode="IMMEDIATE",
        timeout=10,
        init_command=(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=10000;"
            # Without this, INSERT OR REPLACE deletes a guarded row without its DELETE trigger (idp.guards).
            "PRAGMA recursive_triggers=ON;"
        ),
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

#: How long a page waits for Redis to hear the bell; a worker, which lives by it, has more patience (config.celery).
BROKER_SOCKET_TIMEOUT = env.float("BROKER_SOCKET_TIMEOUT", default=1)
if not 0 < BROKER_SOCKET_TIMEOUT <= 5:  # noqa: PLR2004 -- a page that takes longer looks broken
    raise ImproperlyConfigured("BROKER_SOCKET_TIMEOUT must be above 0 and at most 5 seconds.")
_broker_timeouts = {"socket_connect_timeout": min(0.5, BROKER_SOCKET_TIMEOUT), "socket_timeout": BROKER_SOCKET_TIMEOUT}
try:
    _broker = broker.read(
        required("REDIS_URL", "Codes are handed to the worker through it; `make run` brings its own."),
        timeouts=_broker_timeouts,
    )
except broker.Unusable as error:
    raise ImproperlyConfigured(f"REDIS_URL cannot be used: {error}.") from None
#: The same for who asks Redis itself (idp.stuffing).
REDIS_URL, REDIS_TLS, REDIS_SENTINELS = _broker.url, _broker.use_ssl, _broker.options

DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default=f"no-reply@{_issuer.hostname}")
try:
    #: The providers that letters leave by, in order (idp.channels.addresses).
    EMAIL_PROVIDERS = addresses.read(
        required("EMAIL_URL", "Codes and notices leave by it, for example smtp+tls://user:password@mail.example:587."),
    )
except addresses.Unusable as error:
    raise ImproperlyConfigured(f"EMAIL_URL: {error}.") from error
#: Letters in an hour, all together: what somebody can make us send who asks for codes in other people's names.
EMAIL_HOURLY_CAP = positive("EMAIL_HOURLY_CAP", default=10_000)

#: The gateways that text messages leave by, in order; none: there are no text messages.
SMS_GATEWAYS: tuple[object, ...] = ()
SMS_COUNTRIES: list[str] = []
if _sms := env.str("SMS_URL", default="").strip():
    try:
        SMS_GATEWAYS = gateways.read(_sms)
    except addresses.Unusable as error:
        raise ImproperlyConfigured(f"SMS_URL: {error}.") from error
    SMS_COUNTRIES = [
        code.strip().upper()
        for code in required(
            "SMS_COUNTRIES",
            "Text messages go to these countries only (for example FR,BE): others cost you, and earn somebody, money.",
        ).split(",")
    ]
    for _code in SMS_COUNTRIES:
        if not numbers.is_country(_code):
            raise ImproperlyConfigured(f"SMS_COUNTRIES: {_code!r} is not a country's two letters (ISO 3166).")
#: What text messages may cost in a day, and what a segment costs by the beginning of its number (one, if not said).
SMS_DAILY_BUDGET = positive("SMS_DAILY_BUDGET", default=500)
SMS_PRICES = _prices(env.str("SMS_PRICES", default=""))
#: What providers show who tell us what became of a message. Without it, and without a key of theirs, nobody may.
RECEIPTS_SECRET = env.str("RECEIPTS_SECRET", default="")
if RECEIPTS_SECRET and len(RECEIPTS_SECRET) < 32:  # noqa: PLR2004 -- random, it cannot be guessed
    raise ImproperlyConfigured("RECEIPTS_SECRET has fewer than 32 characters; it must be long and random.")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_issuer.hostname])
#: How many proxies stand before us, each appending to X-Forwarded-For. None unless the operator says so.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
#: A larger filter of breached passwords than the one that ships (docs/breached-passwords.md).
BREACH_FILTER = env.str("BREACH_FILTER", default="")

#: What tells the two halves of the emergency key (idp.accounts.break_glass); empty: there is none.
BREAK_GLASS_VERIFIER = env.str("BREAK_GLASS_VERIFIER", default="").strip().lower()
if BREAK_GLASS_VERIFIER and not re.fullmatch(r"[0-9a-f]{64}", BREAK_GLASS_VERIFIER):
    raise ImproperlyConfigured("BREAK_GLASS_VERIFIER is not what `manage.py make_break_glass_keys` printed.")

#: Second places that the audit goes to each minute.
try:
    AUDIT_EXPORT = targets.read(env.str("AUDIT_EXPORT", default=""))
except targets.Unusable as error:
    raise ImproperlyConfigured(f"AUDIT_EXPORT: {error}.") from error

#: Roughly where a network is: a file of towns or countries in MaxMind's format (idp.places).
GEOIP_DATABASE = env.str("GEOIP_DATABASE", default="")

#: Hosts and networks that are asked although they are not public: the tenant's own (idp.fetch).
OUTBOUND_ALLOW = env.list("OUTBOUND_ALLOW", default=[])
for _entry in OUTBOUND_ALLOW:
    try:
        ip_network(_entry if "/" in _entry else "0.0.0.0/0")
    except ValueError as error:
        raise ImproperlyConfigured(f"OUTBOUND_ALLOW: {_entry!r} is neither a host nor a network.") from error
#: Certificates that are believed besides the system's, when asking: a file of PEM.
OUTBOUND_CA = env.str("OUTBOUND_CA", default="")

# --- The house --------------------------------------------------------------------------------------------

DEBUG = False
# Their work is done by idp.middleware: headers for every answer, HSTS where the issuer is https.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003", "security.W004", "security.W008"]
INSTALLED_APPS = ["idp", "recovery"]
#: Apps that hook into the sign-in screen, through `idp.plugins`. Take the line away and idp works without.
IDP_PLUGINS = ["recovery.plugin.RecoveryPlugin"]
AUTH_USER_MODEL = "idp.User"
AUTHENTICATION_BACKENDS: list[str] = []  # idp.login.entrance is the one way in
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

#: Each does nothing for machine endpoints (`/token`, `/userinfo`, …) except the first two.
MIDDLEWARE = [
    *("idp.middleware.SecurityHeaders", "idp.middleware.RequestGuard"),
    *("idp.middleware.PageKeys", "idp.middleware.PageLanguage", "idp.middleware.PageCsrf"),
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request", "idp.pages.frame"]},
    },
]

IDP = {
    "session_idle": timedelta(hours=1),
    "session_absolute": timedelta(hours=12),
    "interaction_lifetime": timedelta(hours=1),
    "access_token_lifetime": timedelta(minutes=10),
    "second_factor": env.str("SECOND_FACTOR", default="offered"),
    # As the Procfile starts it; how much may be hashed at a time follows from them (idp.hashing).
    "web_processes": env.int("WEB_CONCURRENCY", default=2),
    "web_threads": env.int("WEB_THREADS", default=4),
}
RECOVERY: dict[str, object] = {}

#: The first hashes; the others only verify what accounts brought along, until their next sign-in.
PASSWORD_HASHERS = [
    f"idp.accounts.hashers.{name}"
    for name in (
        "Argon2idHasher",
        "ImportedArgon2Hasher",
        "BcryptHasher",
        "BcryptSha256Hasher",
        "Pbkdf2Sha256Hasher",
        "Pbkdf2Sha1Hasher",
        "ScryptHasher",
        "RawPbkdf2Sha256Hasher",
        "RawPbkdf2Sha512Hasher",
        "RawPbkdf2Sha1Hasher",
    )
]

# --- The web ----------------------------------------------------------------------------------------------

SECURE_COOKIES = _issuer.scheme == "https"
#: A `__Host-` cookie cannot be planted by a sub-domain (RFC 6265bis 4.1.3.2); it needs https.
COOKIE_PREFIX = "__Host-" if SECURE_COOKIES else ""
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}regain-csrf"
CSRF_COOKIE_SECURE = SECURE_COOKIES
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "idp.problems.csrf_failure"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}regain-language"
LANGUAGE_COOKIE_SECURE = SECURE_COOKIES
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
# A proxy that ends TLS is one the operator has counted; nobody else's header is believed.
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SIGNED_COOKIE_LEGACY_SALT_FALLBACK = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 50
#: A file comes with one form (idp.middleware), is small, and is never written anywhere.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("zh-hans", "中文")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = TENANT_TIME_ZONE
STATIC_URL = "/static/"

# --- Delivery ---------------------------------------------------------------------------------------------

# Redis carries ids and nothing of record: losing it costs a delay, never a message (idp.outbox).
CELERY_BROKER_URL = _broker.url
CELERY_BROKER_USE_SSL = _broker.use_ssl
# JSON only: a pickle from somebody who can write to Redis would be code.
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
# No answer is kept, so none can be read.
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
# A worker that dies gives its task back at once; one that hangs, after the visibility timeout.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Redis goes away in the middle of a letter: let it be finished. The row says that it was sent, so the bell that
# comes back finds nothing to do; a letter cut short would have to wait for its lease, and might go out twice.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_CONSUMER = "config.celery:Consumer"
# One attempt ends by itself, then by force, then may be made by somebody else: in this order (see also LEASE).
CELERY_TASK_SOFT_TIME_LIMIT = 20
CELERY_TASK_TIME_LIMIT = 25
_VISIBILITY_TIMEOUT = 30
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# However long Redis is away: giving up after a hundred tries would end worker and beat within the hour.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **_broker.options,
    **_broker_timeouts,
    "visibility_timeout": _VISIBILITY_TIMEOUT,
    # Look every second, not every hundred, for what a dead worker held.
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
    # A server that vanishes without a word (a host that is gone, a firewall) is missed after twice as long.
    "health_check_interval": 10,
    "max_retries": 0,
    # Four lists for each queue, of which we use one, make Redis look into sixteen for each message.
    "priority_steps": [0],
    "queue_order_strategy": "config.celery:UrgentFirst",
}
CELERY_TASK_DEFAULT_QUEUE = "sweep"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    # Without an end: it would be one of beat's clock, and a worker whose own is ahead would skip every one.
    "ring for forgotten messages": {"task": "idp.ring_forgotten", "schedule": 5.0},
    "rotate signing keys": {
        "task": "idp.rotate_signing_keys",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "carry out decisions": {"task": "idp.carry_out_decisions", "schedule": 300.0, "options": {"expires": 300}},
    "plug-ins": {"task": "idp.every_minute", "schedule": 60.0, "options": {"expires": 60}},
    "export the audit": {"task": "idp.export_audit", "schedule": 60.0, "options": {"expires": 60}},
    "check seals": {"task": "idp.check_seals", "schedule": 120.0, "options": {"expires": 120}},
    "tidy": {"task": "idp.tidy", "schedule": 3600.0, "options": {"expires": 3600}},
}

# --- What we say about ourselves --------------------------------------------------------------------------

#: Whoever reads /metrics shows this; without one nobody does.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 16:  # noqa: PLR2004 -- as many characters as nobody guesses
    raise ImproperlyConfigured("METRICS_TOKEN must have 16 characters or more, at random.")
#: Where the processes of this machine keep what they counted.
METRICS_DIR = env.str("METRICS_DIR", default=str(BASE_DIR / "var" / "metrics"))
#: host:port where a worker answers /metrics as well, for machines without a web process.
METRICS_LISTEN = env.str("METRICS_LISTEN", default="")
if METRICS_LISTEN and not (METRICS_TOKEN and re.fullmatch(r"[^:]+:\d{1,5}", METRICS_LISTEN)):
    raise ImproperlyConfigured("METRICS_LISTEN must be host:port, and METRICS_TOKEN must be set.")
#: Where traces go (config.tracing); OpenTelemetry reads this variable and its others itself.
TRACING = bool(env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default=""))
if TRACING:
    MIDDLEWARE.insert(0, "config.tracing.Requests")

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING_CONFIG = "idp.logs.configure"
LOGGING = {"level": LOG_LEVEL}
