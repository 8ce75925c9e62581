"""Celery: `celery -A config worker -Q otp,notice,logout,sweep`. How tasks travel is in settings, under CELERY_."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("regain")
# By name: read when first used, which is after Django has read its settings.
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**_kwargs: Any) -> None:
    """Django has configured logging, with redaction; Celery's own would print task arguments."""
