"""The demo's application and people, brought in by the commands that operators use."""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher

from examples.demo.environment import ROOT, SQLITE, VAR, write_privately
from examples.demo.ports import APPLICATION

REMEMBERED = VAR / "demo-client.json"
METADATA = Path(__file__).with_name("relying_party.json")
PASSWORD = "correct horse battery staple"
PERSON = {
    "preferred_username": "jane",
    "email": "jane@contoso.example",
    "email_verified": True,
    "name": "Jane Doe",
    "locale": "en",
}
ADMINISTRATOR = PERSON | {"preferred_username": "amara", "email": "amara@contoso.example", "name": "Amara Okafor"}
#: The demo has an administrator whom nobody invited; in earnest `bootstrap_admin` does that.
APPOINT = """
from django.db import transaction
from django.utils import timezone
from idp.accounts import roles
from idp.models import Role, User

user = User.objects.get(preferred_username="{username}")
if not roles.is_administrator(user.pk):
    with transaction.atomic():
        roles.grant(user.pk, Role.Name.ADMINISTRATOR, by=None, now=timezone.now())
"""


@dataclass(frozen=True)
class Credentials:
    """What the demo application shows to the provider."""

    client_id: str
    client_secret: str


def prepare(settings: dict[str, str]) -> Credentials:
    """Migrate, and see that application and people are there. Does each only once for one database."""
    if settings["DATABASE_URL"] == f"sqlite:///{SQLITE}" and not SQLITE.exists():
        REMEMBERED.unlink(missing_ok=True)
    manage(settings, "migrate", "--verbosity", "0")
    here = {
        "database": hashlib.sha256(settings["DATABASE_URL"].encode()).hexdigest(),
        "application": f"http://127.0.0.1:{APPLICATION.port}",
    }
    remembered = json.loads(REMEMBERED.read_text(encoding="utf-8")) if REMEMBERED.exists() else {}
    if remembered.get("database") != here["database"]:
        import_people(settings)
    if {name: remembered.get(name) for name in here} != here:
        remembered = here | register_application(settings)
        write_privately(REMEMBERED, json.dumps(remembered))
    return Credentials(client_id=remembered["client_id"], client_secret=remembered["client_secret"])


def register_application(settings: dict[str, str]) -> dict[str, str]:
    """`register_client`, with the addresses moved to the port the application will listen on."""
    usual = f"http://127.0.0.1:{APPLICATION.usual}"
    metadata = METADATA.read_text(encoding="utf-8").replace(usual, f"http://127.0.0.1:{APPLICATION.port}")
    request = VAR / "relying_party.json"
    request.write_text(metadata, encoding="utf-8")
    try:
        registered = json.loads(manage(settings, "register_client", str(request)).stdout)
    finally:
        request.unlink()
    return {name: registered[name] for name in ("client_id", "client_secret")}


def import_people(settings: dict[str, str]) -> None:
    """`import_users`, which leaves existing accounts alone; and one of them becomes an administrator, if not yet."""
    password_hash = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(PASSWORD)
    people = VAR / "people.jsonl"
    lines = [json.dumps(person | {"password_hash": password_hash}) for person in (PERSON, ADMINISTRATOR)]
    write_privately(people, "\n".join(lines) + "\n")
    try:
        manage(settings, "import_users", str(people))
    finally:
        people.unlink()
    manage(settings, "shell", "--command", APPOINT.format(username=ADMINISTRATOR["preferred_username"]))


def manage(settings: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py; if it fails, say what it said and stop."""
    answer = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=settings,
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise SystemExit(f"manage.py {command[0]} failed:\n{answer.stderr or answer.stdout}")
    return answer
