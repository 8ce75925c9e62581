"""What SMS_URL says: gateways in order, separated by blanks, each a URL as Apprise reads it. Asks nobody.

json://host:port/path, jsons://…     one POST with a JSON object
twilio://SID:TOKEN@+15551234567      Twilio, from this number
vonage://KEY:SECRET@+15551234567     Vonage, formerly Nexmo
sns://ACCESS_KEY/SECRET/region/      Amazon SNS
anything://…/{to}                    any other of Apprise's services that sends text messages; {to} is where
                                     the number goes
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from idp.channels.addresses import Unusable, check_options, free_name, is_loopback, split

#: Options of ours in a gateway's URL; Apprise does not see them.
_OURS = ("ca", "clear_text", "endpoint", "signing_key")
#: To find out at start whether a URL makes a gateway: a number that is nobody's (North America, 555-01xx).
_NOBODYS = "+12025550143"
#: Where Apprise has what reads them: module and class.
_CLASSES = {
    "json": ("custom_json", "NotifyJSON"),
    "jsons": ("custom_json", "NotifyJSON"),
    "twilio": ("twilio", "NotifyTwilio"),
    "vonage": ("vonage", "NotifyVonage"),
    "nexmo": ("vonage", "NotifyVonage"),
    "sns": ("sns", "NotifySNS"),
}
_SCHEMES = {"json": "json", "jsons": "json", "twilio": "twilio", "vonage": "vonage", "nexmo": "vonage", "sns": "sns"}


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """One gateway of SMS_URL, read and found usable."""

    name: str
    family: str
    url: str = field(repr=False)
    ca: str = ""
    #: Another address of the same interface.
    endpoint: str = ""
    #: What its receipts are signed with; for Twilio the token of the account.
    signing_key: str = field(default="", repr=False)


def read(urls: str) -> tuple[Gateway, ...]:
    """The gateways of SMS_URL, in order. Raises Unusable."""
    found: list[Gateway] = []
    for url in urls.split():
        found.append(_gateway(url, {each.name for each in found}))
    return tuple(found)


def _gateway(url: str, taken: set[str]) -> Gateway:
    bare, options = _without_ours(url)
    parts = split(bare.replace("{to}", "to"))
    scheme = parts.scheme
    family = "other" if "{to}" in bare else _SCHEMES.get(scheme, "")
    if not family:
        known = ", ".join(f"{each}://" for each in _SCHEMES)
        raise Unusable(
            f"{scheme}:// is not a gateway that is known here ({known}); for another one that Apprise "
            "knows, write {to} where the number goes"
        )
    plugin = plugin_of(bare.replace("{to}", _NOBODYS))
    if plugin is None:
        raise Unusable(f"Apprise cannot read the URL that begins with {scheme}://")
    if not plugin.verify_certificate:
        raise Unusable(f"{scheme}:// says not to check the gateway's certificate; use ca= for one of your own")
    _check_secrecy(scheme, plugin, family, options)
    signing_key = options.get("signing_key", "")
    if family == "twilio" and not signing_key and not plugin.apikey:
        signing_key = plugin.auth_token
    return Gateway(
        name=free_name(scheme if family == "other" else family, taken),
        family=family,
        url=bare,
        ca=options.get("ca", ""),
        endpoint=options.get("endpoint", ""),
        signing_key=signing_key,
    )


def _without_ours(url: str) -> tuple[str, dict[str, str]]:
    parts = split(url.replace("{to}", "%7Bto%7D"))
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    options = {name: value for name, value in pairs if name in _OURS}
    check_options(options)
    if not options:
        return url, {}
    rest = urlencode([pair for pair in pairs if pair[0] not in _OURS])
    return urlunsplit(parts._replace(query=rest)).replace("%7Bto%7D", "{to}"), options


def _check_secrecy(scheme: str, plugin: Any, family: str, options: Mapping[str, str]) -> None:
    """Codes travel encrypted, or stay on this machine, or in a private network if the operator says so."""
    asked = urlsplit(options.get("endpoint", ""))
    in_clear = asked.scheme == "http" if asked.scheme else family == "json" and not plugin.secure
    host = (asked.hostname if asked.scheme else plugin.host) or ""
    if in_clear and not is_loopback(host) and "clear_text" not in options:
        raise Unusable(
            f"{scheme}:// sends codes to {host} in clear text; use https, or add ?clear_text=allowed if it is in "
            "your own private network",
        )


def plugin_of(url: str) -> Any:
    """The URL as Apprise reads it; None if it cannot. Of the families that are ours only the one module is loaded.

    Apprise is large, and most tenants send no text messages: it is loaded when the first gateway is read.
    """
    apprise = import_module("apprise")
    asset = apprise.AppriseAsset(app_id="Regain", app_desc="Regain", app_url="")
    known = _CLASSES.get(url.partition("://")[0])
    if known is None:
        return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    module, name = known
    plugin = getattr(import_module(f"apprise.plugins.{module}"), name)
    try:
        results = plugin.parse_url(url)
        return plugin(**{**results, "asset": asset}) if results else None
    except TypeError:
        return None
