"""`python -m tests.faults.skewed SECONDS …`: celery with a clock that many seconds ahead (or, negative, behind)."""

import sys
from datetime import UTC, datetime, timedelta

import time_machine
from celery.bin.celery import main

if __name__ == "__main__":
    there = datetime.now(UTC) + timedelta(seconds=float(sys.argv[1]))
    sys.argv = ["celery", *sys.argv[2:]]
    with time_machine.travel(there, tick=True):
        sys.exit(main())
