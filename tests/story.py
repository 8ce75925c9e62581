"""A person at a browser, for stories over HTTP: opens pages, fills in forms, follows links, reads mail.

Only what a browser without scripts would do: hidden fields are sent back, links come from the page, CSRF is
enforced, and a code is read from the mail.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from django.core import mail
from django.test import Client as Http
from django.utils import timezone

from idp import delivery
from idp.models import Message

HOST = "id.contoso.example"


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.page = ""
        self.title = ""
        self.fields: dict[str, list[str]] = {}
        self.ids: dict[str, dict[str, str | None]] = {}
        #: The values of buttons, and of boxes that are ticked, by name.
        self.buttons: dict[str, list[str]] = {}
        self.ticked: dict[str, list[str]] = {}
        self.text: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if "id" in values:
            self.ids[values["id"]] = {"tag": tag, **values}
        if tag == "button" and "name" in values:
            self.buttons.setdefault(values["name"], []).append(values.get("value", ""))
        if tag == "input" and values.get("type") == "checkbox" and "checked" in values:
            self.ticked.setdefault(values["name"], []).append(values.get("value", ""))
        if tag == "body":
            self.page = values.get("data-page", "")
        if tag == "title":
            self._in_title = True
        if tag == "input" and values.get("type") == "hidden":
            self.fields.setdefault(values["name"], []).append(values.get("value", ""))

    def handle_endtag(self, tag):
        if tag == "title":
            self._in_title = False

    def handle_data(self, data):
        if self._in_title:
            self.title += data
        elif data.strip():
            self.text.append(" ".join(data.split()))


@dataclass
class Page:
    """What came back: the response, and what a person sees of it."""

    response: object
    url: str
    parsed: _Parser = field(default_factory=_Parser)

    def __post_init__(self):
        if "html" in self.response.headers.get("Content-Type", ""):
            self.parsed.feed(self.response.content.decode())

    @property
    def name(self):
        return self.parsed.page

    @property
    def status(self):
        return self.response.status_code

    @property
    def text(self):
        return " ".join(self.parsed.text)

    def href(self, element_id):
        return self.parsed.ids[element_id]["href"]

    def __contains__(self, words):
        return words in self.text


class Person:
    """Somebody at one browser. Another browser is another Person."""

    def __init__(
        self, *, device="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", address="192.0.2.10"
    ):
        self.http = Http(enforce_csrf_checks=True, HTTP_USER_AGENT=device, REMOTE_ADDR=address, HTTP_HOST=HOST)
        self.page = None

    def open(self, url):
        """Open an address and follow redirects as far as they stay with the provider."""
        return self._arrive(self.http.get(self._local(url), secure=True), url)

    def click(self, element_id):
        return self.open(urljoin(self.page.url, self.page.href(element_id)))

    def submit(self, **fields):
        """Send the form of the page, with what was typed and what it carried along."""
        data = {**self.page.parsed.fields, **fields}
        # A page with two forms carries the same token in both.
        data["csrfmiddlewaretoken"] = data["csrfmiddlewaretoken"][0]
        action = self.page.url
        response = self.post(self._local(action), data)
        return self._arrive(response, action)

    def post(self, path, data):
        """Send a form as a browser does, without looking at a page first."""
        return self.http.post(
            path,
            urlencode(data, doseq=True),
            content_type="application/x-www-form-urlencoded",
            headers={"origin": f"https://{HOST}"},
            secure=True,
        )

    def _arrive(self, response, url):
        for _hop in range(8):
            if response.status_code not in (301, 302, 303):
                break
            url = urljoin(url, response["Location"])
            if urlsplit(url).netloc not in ("", HOST):
                break
            response = self.http.get(self._local(url), secure=True)
        self.page = Page(response, url)
        return self.page

    @staticmethod
    def _local(url):
        parts = urlsplit(url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def landed(self):
        """Where the browser was sent outside the provider, and with what."""
        assert self.page.status in (302, 303), f"still at {self.page.url}: {self.page.text[:300]}"
        parts = urlsplit(self.page.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return f"{parts.scheme}://{parts.netloc}{parts.path}", query


def post_office():
    """Deliver what waits in the outbox, as a worker would. Returns the mails sent now."""
    before = len(mail.outbox)
    for message in Message.objects.filter(state=Message.State.WAITING).order_by("created_at"):
        delivery.deliver(message.pk, now=timezone.now())
    return mail.outbox[before:]


def code_in(message):
    """The code in a mail, as its reader types it."""
    return re.search(r"\b(\d{4}) (\d{4})\b", message.body).group(0)
