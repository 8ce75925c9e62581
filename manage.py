#!/usr/bin/env python
"""Django's command line for the provider: ``python manage.py help``."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # An operator's mistake deserves its sentence, not a traceback.
        sys.exit(f"Regain cannot start: {error}")


if __name__ == "__main__":
    main()
