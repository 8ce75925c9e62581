"""The demo's settings: what the operator's contract asks for, with keys of its own for this machine.

Keys are made on the first start and kept in `var/dev.env`, because credentials are sealed with them. Whatever
the environment (or `.env`) already says wins, so the demo can also be run on PostgreSQL or with a real Redis.
"""

import base64
import os
import secrets
from pathlib import Path

import environ

from examples.demo.ports import REDIS, SMTP, WEB

ROOT = Path(__file__).resolve().parent.parent.parent
VAR = ROOT / "var"
KEYS = VAR / "dev.env"
SQLITE = VAR / "regain.sqlite3"


def settings() -> dict[str, str]:
    """The whole environment for every process of the demo."""
    environ.Env.read_env(ROOT / ".env")
    keys = kept_keys()
    return {
        "SECRET_KEY": keys["SECRET_KEY"],
        "REGAIN_ROOT_KEYS": keys["REGAIN_ROOT_KEYS"],
        "REGAIN_ISSUER": f"http://localhost:{WEB.port}",
        "REDIS_URL": f"redis://:{keys['REDIS_PASSWORD']}@127.0.0.1:{REDIS.port}/0",
        "EMAIL_URL": f"smtp://127.0.0.1:{SMTP.port}",
        "DATABASE_URL": f"sqlite:///{SQLITE}",
        "TENANT_NAME": "Contoso",
        **os.environ,
        "PYTHONUNBUFFERED": "1",
    }


def kept_keys() -> dict[str, str]:
    """The keys of the first start; made, readable by nobody else, if this is the first."""
    VAR.mkdir(mode=0o700, exist_ok=True)
    if KEYS.exists():
        return dict(line.split("=", 1) for line in KEYS.read_text(encoding="utf-8").splitlines() if line)
    if SQLITE.exists() and "REGAIN_ROOT_KEYS" not in os.environ:
        raise SystemExit(
            "var/regain.sqlite3 is sealed with keys that were in var/dev.env, which is gone: "
            "remove the folder var/ to begin again.",
        )
    keys = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "REGAIN_ROOT_KEYS": "dev1:" + base64.b64encode(secrets.token_bytes(32)).decode("ascii"),
        "REDIS_PASSWORD": secrets.token_urlsafe(32),
    }
    write_privately(KEYS, "".join(f"{name}={value}\n" for name, value in keys.items()))
    return keys


def write_privately(path: Path, text: str) -> None:
    """Whole or not at all, and only for the person who runs this."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
