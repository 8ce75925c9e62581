"""Wiring: settings, addresses, Celery and WSGI. Imports everybody; nobody imports it."""
