"""What EMAIL_URL says: providers in order, separated by blanks. Read when the process starts.

    smtp+tls://user:password@host:587     a mail server; STARTTLS, or nothing is sent
    smtps://user:password@host:465        a mail server; TLS from the first byte
    smtp://host:25                        in clear text: to this machine only, or to a private network if the URL says
                                          `?clear_text=allowed`
    postmark://token@ and others          a provider's own interface, see `APIS`

Whatever has a meaning of its own in a URL is percent-encoded. Nothing here asks anybody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

STARTTLS, TLS, CLEAR = "starttls", "tls", "clear"
_SECURITY = {"smtp+tls": STARTTLS, "smtps": TLS, "smtp+ssl": TLS, "smtp": CLEAR}
_PORTS = {STARTTLS: 587, TLS: 465, CLEAR: 25}


class Unusable(ValueError):  # noqa: N818 -- it says what is wrong
    """The address cannot be used. The reason is a sentence without the secrets in it."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A mail server, and how we get to it."""

    name: str
    security: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    #: Whether the operator allowed clear text to a private network.
    clear_text: bool = False
    #: A file of certificates to believe instead of the system's.
    ca: str = ""


@dataclass(frozen=True, kw_only=True)
class Api:
    """A provider's own interface, as django-anymail speaks it."""

    name: str
    family: str
    #: What the backend of anymail is made with.
    options: Mapping[str, object] = field(repr=False)
    #: What its receipts are signed with.
    signing_key: str = field(default="", repr=False)
    #: By which topic of Amazon SNS they come.
    topic: str = ""
    ca: str = ""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Any backend of Django's, by its dotted name: not in a URL, but in settings of one's own (and of tests)."""

    name: str
    path: str


@dataclass(frozen=True, kw_only=True)
class _Family:
    """How one provider's URL becomes its backend's options."""

    #: The option that takes the secret of the URL; and where the interface is.
    secret: str
    api: str
    #: Names of options that the URL's query may set.
    extra: tuple[str, ...] = ()
    #: The option that takes the URL's path.
    path: str = ""
    #: The option that says by what its receipts are known.
    known_by: str = "signing_key"


APIS = {
    "brevo": _Family(secret="api_key", api="https://api.brevo.com/v3/"),
    "mailgun": _Family(secret="api_key", api="https://api.mailgun.net/v3/", path="sender_domain"),
    "postmark": _Family(secret="server_token", api="https://api.postmarkapp.com/", extra=("message_stream",)),
    "resend": _Family(secret="api_key", api="https://api.resend.com/"),
    "sendgrid": _Family(secret="api_key", api="https://api.sendgrid.com/v3/"),
    # Amazon has no one secret and no one address: see _ses.
    "ses": _Family(secret="", api="", extra=("configuration_set_name",), known_by="topic"),
}
_TOPIC = re.compile(r"arn:(?:aws|aws-cn|aws-us-gov):sns:[a-z]{2}(?:-[a-z]+)+-[0-9]:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_COMMON = ("ca", "clear_text")


def read(urls: str) -> tuple[Server | Api, ...]:
    """The providers of EMAIL_URL, in order. Raises Unusable."""
    found: list[Server | Api] = []
    for url in urls.split():
        found.append(_provider(url, {each.name for each in found}))
    if not found:
        raise Unusable("it names no provider")
    return tuple(found)


def options_of(parts: SplitResult, allowed: tuple[str, ...]) -> dict[str, str]:
    """What stands after the question mark. Raises Unusable for a name that means nothing here."""
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in allowed:
            raise Unusable(f"{parts.scheme}:// has no option {name[:30]!r}; there is {', '.join(sorted(allowed))}")
    check_options(options)
    return options


def check_options(options: Mapping[str, str]) -> None:
    """The options that all schemes share, of e-mail and of text messages. Raises Unusable."""
    if options.get("clear_text", "allowed") != "allowed":
        raise Unusable("clear_text can only be 'allowed'")
    if "topic" in options and not _TOPIC.fullmatch(options["topic"]):
        raise Unusable("topic is no topic of Amazon SNS, as in arn:aws:sns:eu-west-1:123456789012:receipts")
    if "ca" in options and not Path(options["ca"]).is_file():
        raise Unusable(f"ca names no file of certificates: {options['ca']!r}")


def free_name(family: str, taken: set[str]) -> str:
    """`family`, or with a number if there is one already."""
    number = 1
    while (name := family if number == 1 else f"{family}-{number}") in taken:
        number += 1
    return name


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split(url: str) -> SplitResult:
    """The URL taken apart. Raises Unusable; the URL is not repeated, for there is a password in it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Unusable("it is not a URL") from None
    if not parts.scheme or "://" not in url:
        raise Unusable("it is not a URL; it begins with a scheme such as smtp+tls://")
    return parts


def _provider(url: str, taken: set[str]) -> Server | Api:
    parts = split(url)
    if parts.scheme in _SECURITY:
        return _server(parts, taken)
    if parts.scheme in APIS:
        return _api(parts, taken)
    known = ", ".join(f"{scheme}://" for scheme in sorted([*_SECURITY, *APIS]))
    raise Unusable(f"{parts.scheme}:// is not a provider that is known here; there is {known}")


def _server(parts: SplitResult, taken: set[str]) -> Server:
    security = _SECURITY[parts.scheme]
    options = options_of(parts, _COMMON)
    host = parts.hostname or ""
    if not host:
        raise Unusable(f"{parts.scheme}:// needs the name of a mail server")
    clear_text = "clear_text" in options
    if security == CLEAR and not clear_text and not is_loopback(host):
        raise Unusable(
            f"smtp:// sends passwords and codes to {host} in clear text; use smtp+tls:// or smtps://, "
            "or add ?clear_text=allowed if it is in your own private network",
        )
    return Server(
        name=free_name("smtp", taken),
        security=security,
        host=host,
        port=parts.port or _PORTS[security],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        clear_text=clear_text,
        ca=options.get("ca", ""),
    )


def _api(parts: SplitResult, taken: set[str]) -> Api:
    family = APIS[parts.scheme]
    options = options_of(parts, (*_COMMON, *family.extra, family.known_by))
    backend: dict[str, object] = {name: options[name] for name in family.extra if name in options}
    if parts.scheme == "ses":
        backend |= _ses(parts)
    else:
        if not parts.username:
            raise Unusable(f"{parts.scheme}:// needs the provider's key, as in {parts.scheme}://KEY@")
        backend[family.secret] = unquote(parts.username)
        backend["api_url"] = _api_url(parts, family, clear_text="clear_text" in options)
    if family.path and parts.path.strip("/"):
        backend[family.path] = parts.path.strip("/")
    return Api(
        name=free_name(parts.scheme, taken),
        family=parts.scheme,
        options=backend,
        signing_key=options.get("signing_key", ""),
        topic=options.get("topic", ""),
        ca=options.get("ca", ""),
    )


def _api_url(parts: SplitResult, family: _Family, *, clear_text: bool) -> str:
    """The provider's usual address; or, at another host (of another region, or a proxy of yours), the same path."""
    if not parts.hostname:
        return family.api
    usual = urlsplit(family.api)
    scheme = "http" if clear_text else "https"
    if clear_text and not is_loopback(parts.hostname):
        raise Unusable(f"{parts.scheme}:// in clear text is for this machine only")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{host}{f':{parts.port}' if parts.port else ''}{usual.path}"


def _ses(parts: SplitResult) -> dict[str, object]:
    """`ses://access-key:secret@region`, or `ses://region` where the machine itself has the right."""
    if find_spec("boto3") is None:
        raise Unusable("ses:// needs the package boto3, which is not installed; Amazon SES also takes smtp+tls://")
    if not parts.hostname:
        raise Unusable("ses:// needs the region, as in ses://ACCESS_KEY:SECRET@eu-west-1")
    session: dict[str, str] = {"region_name": parts.hostname}
    if parts.username:
        session["aws_access_key_id"] = unquote(parts.username)
        session["aws_secret_access_key"] = unquote(parts.password or "")
    # Its library would wait for a minute, and then again.
    patience = {"connect_timeout": 3, "read_timeout": 7, "retries": {"total_max_attempts": 1}}
    return {"session_params": session, "client_params": {"config": patience}}
