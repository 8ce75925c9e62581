"""Settings for the tests: the real ones, with an environment of the tests' own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_BUILD = Path(__file__).resolve().parent.parent / "build"
_BUILD.mkdir(exist_ok=True)

os.environ["REGAIN_ISSUER"] = "https://id.contoso.example"
os.environ["SECRET_KEY"] = "a key for tests, which guards nothing at all, but is long enough"
os.environ["REGAIN_ROOT_KEYS"] = (
    "t2:dGVzdCByb290IGtleSBudW1iZXIgdHdvLCAzMiBieXRlcyE=,t1:dGVzdCByb290IGtleSBudW1iZXIgb25lLCAzMiBieXRlcyE="
)
os.environ["REDIS_URL"] = os.environ.get("REGAIN_TEST_REDIS_URL", "redis://127.0.0.1:1/0")
os.environ["EMAIL_URL"] = "smtp://127.0.0.1:1"
os.environ["ALLOWED_HOSTS"] = "id.contoso.example,testserver,localhost"
os.environ["TENANT_NAME"] = "Contoso"
os.environ["METRICS_DIR"] = tempfile.mkdtemp(prefix="regain-metrics-")
atexit.register(shutil.rmtree, os.environ["METRICS_DIR"], ignore_errors=True)
os.environ["DATABASE_URL"] = os.environ.get("REGAIN_TEST_DATABASE_URL", f"sqlite:///{_BUILD / 'tests.sqlite3'}")

from config.settings import *  # noqa: E402, F403 -- the environment comes first
from config.settings import DATABASES, RECOVERY  # noqa: E402
from idp.channels.addresses import Backend  # noqa: E402
from tests.settings_processes import NO_TASKS, NOT_ASKED  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, so that threads and processes of one test see the same database.
    # One for each run: two may go on at the same time.
    DATABASES["default"]["TEST"] = {"NAME": str(_BUILD / f"tests-{os.getpid()}.sqlite3")}
# Stories begin with people who have one address; those about being asked for more say so
# (tests/journeys/test_registration.py).
RECOVERY = {**RECOVERY, **NOT_ASKED, **NO_TASKS}
EMAIL_PROVIDERS = (Backend(name="memory", path="django.core.mail.backends.locmem.EmailBackend"),)
