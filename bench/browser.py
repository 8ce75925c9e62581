"""As little of a browser as a flow needs: connections that stay open, cookies, redirects, one form on a page.

The load comes from the machine that is measured, so this has to cost little; `requests` costs more than a provider.
"""

import re
from html import unescape
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urljoin, urlsplit

_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL | re.IGNORECASE)
_FIELD = re.compile(r"<(?:input|button)\b([^>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


class WrongError(Exception):
    """The other side did not do what the flow expects. One of these makes a measurement worthless."""


class Answer:
    def __init__(self, response: HTTPResponse, url: str) -> None:
        self.status = response.status
        self.location = response.headers.get("Location", "")
        self.cookies = response.headers.get_all("Set-Cookie") or []
        self.body = response.read()
        self.url = url

    @property
    def text(self) -> str:
        return self.body.decode()


class Browser:
    """Of one person, at one provider."""

    def __init__(self, base: str) -> None:
        self._base = base
        place = urlsplit(base)
        self._host = place.netloc
        self._connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
        self.cookies: dict[str, str] = {}

    def get(self, url: str, **headers: str) -> Answer:
        return self._ask("GET", url, None, headers)

    def post(self, url: str, fields: dict[str, str], **headers: str) -> Answer:
        body = urlencode(fields)
        return self._ask("POST", url, body, {"Content-Type": "application/x-www-form-urlencoded", **headers})

    def follow(self, answer: Answer, *, until: str) -> Answer:
        """As far as redirects lead inside this provider; the one that leads to `until` is not followed."""
        for _hop in range(8):
            if answer.status not in (302, 303) or answer.location.startswith(until):
                return answer
            answer = self.get(urljoin(answer.url, answer.location))
        raise WrongError(f"redirects without end at {answer.url}")

    def fill_in(self, page: Answer, **typed: str) -> Answer:
        """Send the first form of the page that has a field for each of what is typed."""
        for attributes, inside in _FORM.findall(page.text):
            fields = {}
            for found in _FIELD.findall(inside):
                said = {name: unescape(value) for name, value in _ATTRIBUTE.findall(found)}
                if said.get("type") == "hidden" and "name" in said:
                    fields[said["name"]] = said.get("value", "")
                elif "name" in said:
                    fields.setdefault(said["name"], "")
            if typed.keys() <= fields.keys():
                hidden = {name: value for name, value in fields.items() if value}
                action = dict(_ATTRIBUTE.findall(attributes)).get("action", "")
                return self.post(urljoin(page.url, unescape(action)), hidden | typed, Referer=page.url)
        raise WrongError(f"{page.status} at {page.url} has no form for {sorted(typed)}: {page.text[:300]}")

    def _ask(self, method: str, url: str, body: str | None, headers: dict[str, str]) -> Answer:
        full = urljoin(self._base, url)
        parts = urlsplit(full)
        if parts.netloc != self._host:
            raise WrongError(f"led away to {full}")
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._connection.request(method, path, body=body, headers=headers)
        answer = Answer(self._connection.getresponse(), full)
        for cookie in answer.cookies:
            name, _equals, rest = cookie.partition("=")
            value = rest.partition(";")[0]
            if value.strip('"'):
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer
