"""A token of PKCS#11: its keys are used there, and never come out.

All are made in the token, sensitive and not extractable; one that is not kept like that is not used.

One session for each process, and one at a time: the library is initialised without locks of its own. A PIN that was
refused is not shown again: tokens lock after a few.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any

import pkcs11
from pkcs11 import exceptions
from pkcs11.constants import Attribute, MechanismFlag, ObjectClass
from pkcs11.mechanisms import KeyType, Mechanism

from idp.breaker import Breaker
from idp.keystore import mechanisms
from idp.keystore.keys import KeysAway, KeysUnfit, PublicKey
from idp.keystore.uri import TokenUri

_KEY_BITS = 256
_SIGNING = "regain-signing"
#: Whom waiting does not help. The rest may be over in a moment.
_LASTING = ("PinExpired", "PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked", "UserPinNotInitialized")

_Template = dict[Attribute, Any]


class Token:
    """One token, as one process speaks to it."""

    def __init__(self, uri: TokenUri) -> None:
        self._uri = uri
        self._lock = RLock()
        self._breaker = Breaker(pause=1.0)
        self._process = 0
        self._session: Any = None
        #: The keys of this session, by their names; those of signing keys are random, and nobody else's.
        self._found: dict[str, Any] = {}
        #: Whether the PIN was.
        self._refused = False
        #: Why it could not be asked the last time.
        self._trouble = KeysAway("")

    def mac(self, name: str, message: bytes) -> bytes:
        """HMAC-SHA256 with the secret key called `name`. Raises KeysAway."""
        return self._used(_secret(name), name, lambda key: key.sign(message, mechanism=Mechanism.SHA256_HMAC))

    def sign(self, name: str, alg: str, message: bytes) -> bytes:
        """With the signing key called `name`; as idp.keystore.keys.SigningKeys says. Raises KeysAway."""
        private = {**_signing(name), Attribute.CLASS: ObjectClass.PRIVATE_KEY}
        return self._used(private, name, lambda key: mechanisms.sign(key, alg, message))

    def make_secret_keys(self, *names: str) -> None:
        """Make a secret key of each name. Raises KeysAway; KeysUnfit if there is one of these names."""
        with self._asked() as session:
            for name in names:
                if list(session.get_objects(_secret(name))):
                    raise KeysUnfit(f"the token has a key {name} already; it was left as it is")
        with self._writing() as session:
            for name in names:
                session.generate_key(
                    KeyType.GENERIC_SECRET,
                    _KEY_BITS,
                    label=name,
                    store=True,
                    capabilities=MechanismFlag.SIGN,
                    template=mechanisms.KEPT,
                )

    def make_signing_key(self, alg: str) -> tuple[str, PublicKey]:
        """As idp.keystore.keys.SigningKeys says. Raises KeysAway."""
        name = token_hex(16)
        with self._writing() as session:
            return name, mechanisms.make(session, alg, label=_SIGNING, id=bytes.fromhex(name))

    def destroy_signing_key(self, name: str) -> None:
        """As idp.keystore.keys.SigningKeys says. Raises KeysAway."""
        with self._writing() as session:
            for half in list(session.get_objects(_signing(name))):
                half.destroy()
        self._found.pop(name, None)

    def _used(self, template: _Template, name: str, use: Callable[[Any], bytes]) -> bytes:
        """What `use` makes of the key; asked a second time in a new session, as tokens end sessions by themselves."""

        def once() -> bytes:
            with self._asked() as session:
                return bytes(use(self._key(session, template, name)))

        with self._lock:
            was_open = self._session is not None and self._process == os.getpid()
            try:
                return once()
            except KeysAway:
                if not was_open or self._refused:
                    raise
            self._breaker.succeeded()
            return once()

    def _key(self, session: Any, template: _Template, name: str) -> Any:
        """The one key that the template finds, looked for once in a session."""
        if name not in self._found:
            keys = list(session.get_objects(template))
            if len(keys) != 1:
                raise KeysUnfit(f"the token has {'two keys' if keys else 'no key'} {name}")
            if keys[0][Attribute.EXTRACTABLE] or not keys[0][Attribute.SENSITIVE]:
                raise KeysUnfit(f"the key {name} is kept in such a way that it can be copied out of the token")
            self._found[name] = keys[0]
        return self._found[name]

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """The session, for one thing at a time. What goes wrong becomes KeysAway, and ends it."""
        with self._lock:
            if self._refused or not self._breaker.lets_through():
                raise self._trouble
            try:
                if self._session is None or self._process != os.getpid():
                    self._open()
                yield self._session
            except (KeysUnfit, exceptions.PKCS11Error, OSError) as error:
                self._end()
                self._breaker.failed()
                self._trouble = self._worded(error)
                raise self._trouble from None  # what a library says may hold what it was given
            else:
                self._breaker.succeeded()

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A session that may make keys. The user is logged in: that is the whole process's (PKCS#11 2.40, 6.7.4)."""
        with self._asked() as session, session.token.open(rw=True) as writing:
            yield writing

    def _open(self) -> None:
        library = _library(self._uri.module)
        if self._process:
            _begin_anew(library)
        self._process, self._found = os.getpid(), {}
        token = library.get_token(token_label=self._uri.label or None, token_serial=_serial(self._uri))
        try:
            self._session = token.open(user_pin=self._uri.pin())
        except exceptions.UserAlreadyLoggedIn:
            self._session = token.open()

    def _end(self) -> None:
        session, self._session, self._found = self._session, None, {}
        with suppress(exceptions.PKCS11Error):  # it is gone, which is what was wanted
            if session is not None:
                session.close()

    def _worded(self, error: Exception) -> KeysAway:
        what = type(error).__name__
        if isinstance(error, KeysAway):
            return error
        if what in _LASTING:
            self._refused = True
            return KeysUnfit(f"the token refused the PIN ({what}); it is not tried again before a restart")
        if isinstance(error, OSError):
            return KeysUnfit(f"the PIN cannot be read: {error.strerror}")
        return KeysAway(f"the token does not answer as it should ({what})")


@lru_cache(maxsize=4)
def of(uri: TokenUri) -> Token:
    """The token of this process, by its address. Nothing is opened before it is asked."""
    return Token(uri)


def _secret(name: str) -> _Template:
    """What finds a secret key."""
    return {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: name}


def _signing(name: str) -> _Template:
    """What finds both halves of a signing key."""
    return {Attribute.LABEL: _SIGNING, Attribute.ID: bytes.fromhex(name)}


def _library(module: str) -> Any:
    if not Path(module).is_file():
        raise KeysUnfit(f"there is no library {module} to speak to the token with")
    try:
        return pkcs11.lib(module)
    except exceptions.PKCS11Error as error:
        if type(error) is not exceptions.PKCS11Error:
            raise  # what a token says has a name of its own
        raise KeysUnfit(f"{module} is not a library that speaks to tokens") from None


def _begin_anew(library: Any) -> None:
    """After a fork, or a token that was away: libraries keep what they knew of both (PKCS#11 2.40, 6.6.1)."""
    with suppress(exceptions.PKCS11Error):  # nothing of a child's was initialised, some say
        library.finalize()
    library.initialize()


def _serial(uri: TokenUri) -> bytes | None:
    return uri.serial.encode() if uri.serial else None
