"""Looking for a secret in everything a Regain keeps or says, however it is written."""

import base64
import hashlib
import html
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from urllib.parse import quote, quote_plus

import psycopg
import redis as redis_client

from tests.processes import Regain, connection

_ESCAPED = re.compile(rb'\\(?:x([0-9a-f]{2})|(["\\nrtab]))')
_ONE_LETTER = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def spellings(secret: str) -> dict[str, bytes]:
    """The secret as it may be written down, by the name of the way. Each names it and nothing else."""
    raw = secret.encode()
    half = len(secret) // 2
    found = {
        "as it is": raw,
        "UTF-16": secret.encode("utf-16-le"),
        "hexadecimal": raw.hex().encode(),
        "HEXADECIMAL": raw.hex().upper().encode(),
        "backwards": secret[::-1].encode(),
        "in an address": quote(secret, safe="").encode(),
        "in a form": quote_plus(secret).encode(),
        "in HTML": html.escape(secret).encode(),
        "in JSON": json.dumps(secret)[1:-1].encode(),
        "in JSON, in UTF-8": json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        "in JSON in JSON": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
        "in Python": repr(secret)[1:-1].encode(),
    }
    for name, between in {"space": " ", "hyphen": "-", "%20": "%20", "no-break space": "\u00a0"}.items():
        found[f"in two halves with {name}"] = between.join((secret[:half], secret[half:])).encode()
    for alphabet, encode in {"base64": base64.b64encode, "base64 for addresses": base64.urlsafe_b64encode}.items():
        for before in range(3):
            found[f"{alphabet}, {before} before it"] = _within_base64(encode, raw, before)
    return found


def digests(secret: str) -> dict[str, bytes]:
    """Fingerprints, which for what people choose or type are as good as the thing itself: it can be guessed."""
    found = {}
    for name in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(name, secret.encode(), usedforsecurity=False).digest()
        found |= {name: digest, f"{name} in hexadecimal": digest.hex().encode()}
        found[f"{name} in base64"] = base64.b64encode(digest).rstrip(b"=")
    return found


def _within_base64(encode, raw: bytes, before: int) -> bytes:
    """The letters that `raw` makes when it stands after `before` (modulo 3) other bytes and before any."""
    encoded = encode(b"\0" * before + raw).rstrip(b"=")
    first = -(-before * 8 // 6)
    last = (before + len(raw)) * 8 // 6
    return encoded[first:last]


def sightings(ways: dict[str, bytes], places: dict[str, bytes]) -> list[str]:
    """Where it was seen, and how it was written there."""
    return [f"{place}: {way}" for place, content in places.items() for way, text in ways.items() if text in content]


def everything(regain: Regain, capture: "Capture") -> dict[str, bytes]:
    """Everything that was kept or said: Redis as it was used and as it is, the database, every log."""
    return {
        "Redis, all that was sent": capture.text,
        "Redis, what is in it": redis_contents(regain),
        **database_contents(regain),
        **{f"log {name}": content for name, content in regain.logs().items()},
    }


class Capture:
    """What Redis was sent, as MONITOR tells it; once more with its escapes resolved, which cut words apart."""

    def __init__(self) -> None:
        self._heard = bytearray()

    def hear(self, listening: socket.socket) -> None:
        try:
            while heard := listening.recv(65536):
                self._heard += heard
        except OSError:
            return

    @property
    def text(self) -> bytes:
        heard = bytes(self._heard)
        return heard + b"\n" + _ESCAPED.sub(_resolved, heard)


def _resolved(escape: re.Match[bytes]) -> bytes:
    if escape[1]:
        return bytes.fromhex(escape[1].decode())
    return _ONE_LETTER.get(escape[2], escape[2])


@contextmanager
def monitor(regain: Regain) -> Iterator[Capture]:
    """Listen to everything Redis is sent during the block."""
    capture = Capture()
    with socket.create_connection(("127.0.0.1", regain.redis.port)) as listening:
        listening.sendall(f"AUTH {regain.redis.password}\r\nMONITOR\r\n".encode())
        answers = listening.makefile("rb")
        assert [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+OK\r\n"]
        thread = Thread(target=capture.hear, args=(listening,), daemon=True)
        thread.start()
        try:
            yield capture
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def redis_contents(regain: Regain) -> bytes:
    """Every key with its whole value, and what DUMP makes of it."""
    parts: list[bytes] = []
    with redis_client.Redis.from_url(regain.redis.url) as redis:
        read = {
            b"string": redis.get,
            b"list": lambda key: redis.lrange(key, 0, -1),
            b"set": redis.smembers,
            b"hash": redis.hgetall,
            b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        }
        for key in redis.scan_iter(count=1000):
            parts += [key, redis.dump(key) or b"", *_flat(read[redis.type(key)](key))]
    return b"\n".join(parts)


def _flat(value) -> Iterator[bytes]:
    match value:
        case bytes():
            yield value
        case dict():
            yield from _flat(list(value.items()))
        case list() | set() | tuple():
            for each in value:
                yield from _flat(each)


def database_contents(regain: Regain) -> dict[str, bytes]:
    """The bytes of a SQLite file, its log and its index, and every value of every table of either database."""
    contents = {f"file {path.name}": path.read_bytes() for path in regain.database_files}
    with connection(regain.database_url) as database:
        if isinstance(database, sqlite3.Connection):
            contents["database, as SQL"] = "\n".join(database.iterdump()).encode()
        else:
            contents |= {f"table {name}": text for name, text in _tables(database)}
    return contents


def _tables(database: "psycopg.Connection") -> Iterator[tuple[str, bytes]]:
    names = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    for (name,) in names:
        rows = database.execute(f'SELECT "{name}"::text FROM "{name}"').fetchall()
        yield name, "\n".join(row for (row,) in rows).encode()
