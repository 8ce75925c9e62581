"""The web process: `granian --interface wsgi config.wsgi:application`. Serves the few static files as well."""

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError
from whitenoise import WhiteNoise

application = get_wsgi_application()

from idp import startup  # noqa: E402 -- its models exist once Django is set up

try:
    _faults = startup.faults()
except OperationalError:
    _faults = []  # the database is away; /readyz says so, and every page answers 503 until it is back
if _faults:
    raise ImproperlyConfigured(f"Run `manage.py migrate`: {'; '.join(_faults)}.")

application = WhiteNoise(application, max_age=3600)
for _app in settings.INSTALLED_APPS:
    _static = Path(settings.BASE_DIR) / _app / "static"
    if _static.is_dir():
        application.add_files(str(_static), prefix="static/")
