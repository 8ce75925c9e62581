"""The least that carries a letter by Celery: a task that does nothing, and one transaction with the mail server."""

import os
import smtplib
from email.message import EmailMessage

from celery import Celery

app = Celery("raw", broker=os.environ["REDIS_URL"], set_as_current=False)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_default_queue="raw",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"priority_steps": [0], "visibility_timeout": 30},
)


@app.task(name="raw.nothing")
def nothing() -> None:
    """What carrying a task costs by itself."""


@app.task(name="raw.letter")
def letter(number: int) -> None:
    """As large as a code's letter is, and known again by its number."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "no-reply@localhost", "raw@contoso.example", "Your code"
    message.set_content(f"{number:08d}"[:4] + " " + f"{number:08d}"[4:] + "\n" + "x" * 3000)
    with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP_PORT"]), timeout=10) as server:
        server.send_message(message)
