"""What a request says about its browser: from where it comes, and which of our cookies it carries."""

from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from secrets import token_urlsafe
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from ua_parser import parse

from idp import keyring, places
from idp.audit.events import Origin

SESSION = "regain-session"
#: Binds a waiting authorization request to the browser that brought it.
BROWSER = "regain-browser"
#: Holds the key of a sign-in that waits for its second factor.
PENDING = "regain-pending"
#: By which a browser is known to the accounts that signed in there before.
DEVICE = "regain-device"
#: What was shown in a recovery a moment ago (`idp.factors.excused`).
SHOWN = "regain-shown"
LANGUAGE_LIFETIME = timedelta(days=365)


class SeeOther(HttpResponseRedirect):
    """303: go there with GET, whatever this request was (RFC 9700 4.12)."""

    status_code = 303


def cookie(request: HttpRequest, name: str) -> str:
    """The value of our cookie `name`, or nothing. An absurdly long one is nothing too."""
    value = request.COOKIES.get(settings.COOKIE_PREFIX + name, "")
    return value if len(value) <= 200 else ""  # noqa: PLR2004 -- ours are 43 characters


def set_cookie(
    response: HttpResponseBase,
    name: str,
    value: str,
    *,
    lifetime: timedelta | None = None,
) -> None:
    """A cookie for this host alone, out of reach of scripts, not sent along from other sites' forms."""
    response.set_cookie(
        settings.COOKIE_PREFIX + name,
        value,
        max_age=lifetime,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )


def drop_cookie(response: HttpResponseBase, name: str) -> None:
    # Not delete_cookie(): a `__Host-` cookie is only replaced by one that has its attributes.
    set_cookie(response, name, "", lifetime=timedelta(0))


def browser_key(request: HttpRequest) -> str:
    """This browser's key: its cookie's, or a new one that the response must set (`remember`)."""
    key = getattr(request, "browser_key", "") or cookie(request, BROWSER) or token_urlsafe(32)
    request.browser_key = key  # type: ignore[attr-defined]
    return key


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the browser cookie if the browser did not bring it."""
    if cookie(request, BROWSER) != browser_key(request):
        set_cookie(response, BROWSER, browser_key(request))


def browser_hash(request: HttpRequest) -> str:
    """What is stored to recognise this browser by."""
    return keyring.fingerprint(browser_key(request))


def device_key(request: HttpRequest) -> str:
    """The key by which accounts know this browser: its cookie's, or a new one that the response must set."""
    key = getattr(request, "device_key", "") or cookie(request, DEVICE) or token_urlsafe(32)
    request.device_key = key  # type: ignore[attr-defined]
    return key


def origin(request: HttpRequest) -> Origin:
    """From where: browser and system in words, the network's prefix, roughly where that is, the request's own id."""
    where = network(request)
    return Origin(
        device=device(request.headers.get("User-Agent", "")[:500]),
        network=where,
        request_id=request_id(request),
        place=places.of(where),
    )


def request_id(request: HttpRequest) -> str:
    """A reference that a person can read to somebody and an operator can find in the log."""
    if not hasattr(request, "request_id"):
        request.request_id = uuid4().hex[:12]  # type: ignore[attr-defined]
    return request.request_id  # type: ignore[attr-defined, no-any-return]


@lru_cache(maxsize=1024)
def device(user_agent: str) -> str:
    """Browser and system, as in "Chrome, Windows", for a person to recognise; empty if the browser does not say."""
    if not user_agent:
        return ""
    parsed = parse(user_agent)
    family = parsed.user_agent.family if parsed.user_agent else ""
    system = parsed.os.family if parsed.os else ""
    return ", ".join(part for part in (family, system) if part and part != "Other")[:80]


def network(request: HttpRequest) -> str:
    """The caller's network: /24 of IPv4, /56 of IPv6, which is about what one customer is given."""
    try:
        address = ip_address(_caller(request))
    except ValueError:
        return "unknown"
    if address.version == 6 and address.ipv4_mapped:  # noqa: PLR2004 -- the protocol's number
        address = address.ipv4_mapped
    return str(ip_network((address, 24 if address.version == 4 else 56), strict=False))  # noqa: PLR2004


def _caller(request: HttpRequest) -> str:
    """The address our outermost trusted proxy saw. What lies to the left of it in the header anybody may write."""
    proxies: int = settings.TRUSTED_PROXIES
    if proxies:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(hops) >= proxies:
            return hops[-proxies]
    return str(request.META.get("REMOTE_ADDR", ""))
