"""Wiring: settings, addresses, Celery and WSGI. Imports everybody; nobody imports it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
