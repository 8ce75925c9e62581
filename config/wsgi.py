"""The web process: `granian --interface wsgi config.wsgi:application`. Serves the few static files as well."""

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.checks import run_checks
from django.core.wsgi import get_wsgi_application
from whitenoise import WhiteNoise

application = get_wsgi_application()

from config import celery_app, fitness, tracing  # noqa: E402 -- reads settings

fitness.check(*(str(message.msg) for message in run_checks(tags=["security"]) if message.is_serious()))

tracing.begin("web")
# Find what speaks to Redis now, instead of while the first person waits for the first code.
celery_app.connection_for_write().transport  # noqa: B018 -- asking makes it
application = WhiteNoise(application, max_age=3600)
for _app in settings.INSTALLED_APPS:
    _static = Path(settings.BASE_DIR) / _app / "static"
    if _static.is_dir():
        application.add_files(str(_static), prefix="static/")
