"""How each gateway is asked, and what its answers mean.

Apprise reads the gateways' URLs, and speaks for the services that are not named here. It says "sent" or "not sent", and
a code needs to know more: whether it may have been taken; that no such telephone exists; that an answer of 200 says
"error"; what the message is called, for its receipt; and the same key with each attempt, so that nobody is charged
twice. Nor may a text be cut, or go to the sender's own number, which is what Apprise does if there is no other.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from idp.channels import Bounced, Deferred, Refused, Unknown, web
from idp.channels.gateways import Gateway, plugin_of
from idp.channels.segments import size

if TYPE_CHECKING:  # Apprise itself is loaded where a gateway is read
    from apprise.plugins.custom_json import NotifyJSON
    from apprise.plugins.sns import NotifySNS
    from apprise.plugins.twilio import NotifyTwilio
    from apprise.plugins.vonage import NotifyVonage

_TOO_MANY = 429
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
#: The provider judges who asks, or how much, and not what.
_OF_US = frozenset({401, 402, 403, 407, 408, 425, _TOO_MANY})
#: The longest life of a message at the provider, in seconds: a code that comes later opens nothing.
_VALID_FOR = 600


class Dialect(Protocol):
    """How one gateway is asked, and what its answers mean."""

    def origin(self) -> str:
        """Where it is, to knock at."""

    def request(self, text: str, to: str, key: str, receipts: str) -> tuple[str, dict[str, Any]]:
        """The address to post to, and what."""

    def judge(self, answer: web.Answer) -> str:
        """What it calls the message. Raises Bounced, Refused or Deferred."""


def of(gateway: Gateway) -> "Dialect | Other":
    """The gateway's dialect."""
    return _DIALECTS[gateway.family](gateway)


class _Json:
    """The object that Apprise posts to `json://`, with the number as `to` and our key as `id`.

    Any 2xx is "taken", unless the answer is JSON that says otherwise; its `id` (or `message_id`) is what receipts
    will call the message.
    """

    _SAYS_NO = re.compile(r"fail|error|reject|invalid|denied|undeliver", re.IGNORECASE)

    def __init__(self, gateway: Gateway) -> None:
        self._plugin: NotifyJSON = plugin_of(gateway.url)

    def origin(self) -> str:
        scheme = "https" if self._plugin.secure else "http"
        return f"{scheme}://{self._plugin.host}" + (f":{self._plugin.port}" if self._plugin.port else "")

    def request(self, text: str, to: str, key: str, receipts: str) -> tuple[str, dict[str, Any]]:
        plugin = self._plugin
        payload: dict[str, Any] = {"version": plugin.json_version, "title": "", "message": text, "type": "info"}
        payload |= {"to": to, "id": key, **({"receipts": receipts} if receipts else {})}
        for name, value in plugin.payload_extras.items():
            # Apprise's way of renaming: `:message=text` sends the text as "text"; `:title=` leaves it out.
            if name not in payload:
                payload[name] = value
            elif (content := payload.pop(name)) is not None and value:
                payload[value] = content
        request = {
            "json": payload,
            "params": plugin.params,
            "headers": dict(plugin.headers),
            "auth": (plugin.user, plugin.password or "") if plugin.user else None,
        }
        return f"{self.origin()}{plugin.fullpath or '/'}", request

    def judge(self, answer: web.Answer) -> str:
        said = _object(answer)
        if not answer.is_good:
            raise _of_status(answer.status)
        if self._is_refusal(said):
            raise Deferred(f"status {answer.status} with an error")
        return str(said.get("id") or said.get("message_id") or "")[:200]

    def _is_refusal(self, said: Mapping[str, Any]) -> bool:
        if any(said.get(name) for name in ("error", "errors", "error_code", "error_message")):
            return True
        if any(said.get(name) is False for name in ("success", "ok", "accepted")):
            return True
        return self._SAYS_NO.search(str(said.get("status", ""))) is not None


class _Twilio:
    """https://api.twilio.com/2010-04-01/Accounts/…/Messages.json."""

    #: Error codes of a 400: no such telephone, or none that takes messages; and: its owner wants none from us.
    _NO_TELEPHONE = frozenset({21211, 21214, 21217, 21401, 21407, 21421, 21614, 30005, 30006})

    def __init__(self, gateway: Gateway) -> None:
        self._plugin: NotifyTwilio = plugin_of(gateway.url)
        self._endpoint = gateway.endpoint or "https://api.twilio.com"

    def origin(self) -> str:
        return self._endpoint

    def request(self, text: str, to: str, key: str, receipts: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002 -- its interface takes no key
        fields = {"To": to, "From": self._plugin.source, "Body": text, "ValidityPeriod": str(_VALID_FOR)}
        if receipts:
            fields["StatusCallback"] = receipts
        sid = self._plugin.account_sid
        url = f"{self._endpoint.rstrip('/')}/2010-04-01/Accounts/{sid}/Messages.json"
        return url, {"data": fields, "auth": (self._plugin.apikey or sid, self._plugin.auth_token)}

    def judge(self, answer: web.Answer) -> str:
        said = _object(answer)
        code = said.get("code") or said.get("error_code")
        if code in self._NO_TELEPHONE:
            raise Bounced(f"code {code}")
        if not answer.is_good:
            raise _of_status(answer.status)
        if said.get("status") in ("failed", "undelivered") or code:
            raise Refused(f"code {code}")
        return str(said.get("sid") or "")


class _Vonage:
    """https://rest.nexmo.com/sms/json, which says 200 to everything and the truth in the body."""

    #: Statuses: throttled, unreachable inside, no credit, credentials … : later, or by somebody else.
    _LATER = frozenset({"1", "4", "5", "8", "9", "10", "11", "14", "15"})

    def __init__(self, gateway: Gateway) -> None:
        self._plugin: NotifyVonage = plugin_of(gateway.url)
        self._endpoint = gateway.endpoint or "https://rest.nexmo.com"

    def origin(self) -> str:
        return self._endpoint

    def request(self, text: str, to: str, key: str, receipts: str) -> tuple[str, dict[str, Any]]:
        fields = {
            "api_key": self._plugin.apikey,
            "api_secret": self._plugin.secret,
            "from": self._plugin.source,
            "to": to.lstrip("+"),
            "text": text,
            # Without it, Chinese arrives as question marks.
            "type": "unicode" if size(text).alphabet == "UCS-2" else "text",
            "ttl": str(_VALID_FOR * 1000),
            "client-ref": key,
        }
        if receipts:
            fields["callback"] = receipts
        return f"{self._endpoint.rstrip('/')}/sms/json", {"data": fields}

    def judge(self, answer: web.Answer) -> str:
        if not answer.is_good:
            raise _of_status(answer.status)
        messages = _object(answer).get("messages")
        first = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {}
        status = str(first.get("status", ""))
        if status != "0":
            raise (Deferred if status in self._LATER or not status else Refused)(f"status {status or 'missing'}")
        return str(first.get("message-id") or "")


class _Sns:
    """Amazon SNS: `Publish` to a number. Its receipts go to CloudWatch and not to us."""

    _MESSAGE = re.compile(rb"<MessageId>([0-9A-Za-z-]{1,100})</MessageId>")
    _CODE = re.compile(rb"<Code>([A-Za-z.]{1,60})</Code>")
    _NEVER = frozenset({b"InvalidParameter", b"InvalidParameterValue", b"OptedOut"})

    def __init__(self, gateway: Gateway) -> None:
        self._plugin: NotifySNS = plugin_of(gateway.url)
        self._endpoint = gateway.endpoint or self._plugin.notify_url

    def origin(self) -> str:
        return self._endpoint

    def request(self, text: str, to: str, key: str, receipts: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002 -- its interface takes neither
        fields = {
            "Action": "Publish",
            "Message": text,
            "Version": "2010-03-31",
            "PhoneNumber": to,
            "MessageAttributes.entry.1.Name": "AWS.SNS.SMS.SMSType",
            "MessageAttributes.entry.1.Value.DataType": "String",
            "MessageAttributes.entry.1.Value.StringValue": "Transactional",
        }
        body = urlencode(fields)
        headers = {name: str(value) for name, value in self._plugin.aws_prepare_request(body).items()}
        return self._endpoint, {"data": body, "headers": headers}

    def judge(self, answer: web.Answer) -> str:
        code = self._CODE.search(answer.body)
        if code and code[1] in self._NEVER:
            raise Refused(code[1].decode())
        if not answer.is_good or code:
            # Its "400" is also "too fast" and "not you".
            raise Deferred(code[1].decode() if code else f"status {answer.status}")
        found = self._MESSAGE.search(answer.body)
        return found[1].decode() if found else ""


class Other:
    """Any other of Apprise's services. It says "sent" or "not sent", so what went wrong is never final."""

    def __init__(self, gateway: Gateway) -> None:
        self._url = gateway.url

    def notify(self, text: str, to: str) -> None:
        """Have Apprise send it. Raises Refused or Unknown."""
        plugin = plugin_of(self._url.replace("{to}", to))
        targets = getattr(plugin, "targets", None)
        if plugin is None or (targets is not None and len(targets) != 1):
            raise Refused("not a number for this service")
        if not plugin.notify(body=text, body_format="text"):
            raise Unknown("not sent")


_DIALECTS: dict[str, Callable[[Gateway], Dialect | Other]] = {
    "json": _Json,
    "twilio": _Twilio,
    "vonage": _Vonage,
    "sns": _Sns,
    "other": Other,
}


def _of_status(status: int) -> Refused | Deferred:
    """What an answer means by its status alone."""
    if status in _OF_US or status >= _SERVER_ERROR or status < _CLIENT_ERROR:
        return Deferred(f"status {status}")
    return Refused(f"status {status}")


def _object(answer: web.Answer) -> dict[str, Any]:
    """The JSON object of the answer; an empty one if there is none."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
