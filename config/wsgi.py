"""The web process: `granian --interface wsgi config.wsgi:application`. Serves the few static files as well."""

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, ProgrammingError
from django.utils import timezone
from whitenoise import WhiteNoise

application = get_wsgi_application()

from config import celery_app, tracing  # noqa: E402 -- reads settings
from idp import startup  # noqa: E402 -- its models exist once Django is set up
from idp.keystore.keys import KeysAway  # noqa: E402 -- as above
from idp.seals import tables  # noqa: E402 -- as above

_faults = [str(message.msg) for message in run_checks(tags=["security"]) if message.is_serious()]
try:
    _faults += startup.faults() or tables.unopened(timezone.now())
except (OperationalError, KeysAway):
    pass  # the database or a token is away; /readyz says so, and every page answers 503 until it is back
except ProgrammingError:
    _faults.append("the tables are missing; run `manage.py migrate`")
if _faults:
    raise ImproperlyConfigured(f"This provider is not fit to start: {'; '.join(_faults)}.")

tracing.begin("web")
# Find what speaks to Redis now, instead of while the first person waits for the first code.
celery_app.connection_for_write().transport  # noqa: B018 -- asking makes it
application = WhiteNoise(application, max_age=3600)
for _app in settings.INSTALLED_APPS:
    _static = Path(settings.BASE_DIR) / _app / "static"
    if _static.is_dir():
        application.add_files(str(_static), prefix="static/")
