"""One JSON line a step, to standard error; nothing in it that opens an account.

Line breaks and control characters are escaped by JSON, so nobody writes lines of their own (CVE-2025-48432).
A key that names a secret is masked wherever it comes from.
"""

import logging
import logging.config
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(
    r"pass|secret|token|code(?!_challenge_method)|otp|cookie|authorization|seal|material|address|email|phone",
    re.IGNORECASE,
)
#: Words that look like secrets and are none.
_HARMLESS = {"status_code", "error_code", "recovery_address", "address_version"}


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask values whose key names a secret or personal data."""
    for key, value in event.items():
        if key not in _HARMLESS and isinstance(value, (str, bytes)) and value and _SECRET.search(key):
            event[key] = "[masked]"
    return event


def configure(settings: dict[str, Any]) -> None:
    """Called by Django at start, with `settings.LOGGING`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        redact,
                        # The stack, without the values in it: locals hold what people typed.
                        structlog.processors.format_exc_info,
                        structlog.processors.JSONRenderer(),
                    ],
                },
            },
            # Not to standard output: what a command prints there (register_client) is read by programs.
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"},
            },
            "root": {"handlers": ["stderr"], "level": settings["level"]},
            "loggers": {
                # Without the places that Django brings: mail to ADMINS with a report of the request, and a console.
                "django": {"level": "INFO"},
                "django.server": {"level": "INFO", "propagate": True},
                # Authlib prints tokens at DEBUG; SMTP and SQL would print codes and hashes.
                "authlib": {"level": "INFO"},
                "django.db.backends": {"level": "INFO"},
                "django.template": {"level": "INFO"},
                # They would print numbers, addresses of interfaces and what was sent there.
                "apprise": {"level": "CRITICAL"},
                "urllib3": {"level": "WARNING"},
                "kombu": {"level": "INFO"},
                "amqp": {"level": "INFO"},
                # A line for every beat of the sweeper says nothing; what tasks do, they log themselves.
                "celery.beat": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                # At each loss of Redis: that a setting we have chosen may change its default one day.
                "py.warnings": {"level": "ERROR"},
            },
        },
    )
