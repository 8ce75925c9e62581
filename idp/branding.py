"""One colour of the tenant's, made into the tokens that pages are painted with.

A tenant names one colour. From it come three tokens, for light and for dark: the colour, what is written on
it, and a soft ground on which it stands. Every pair has 4.5:1 (WCAG 2.2, 1.4.3) or the colour is refused at
start: a button that some people cannot read is a door that some people cannot open.
"""

import colorsys
import hashlib
import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

#: WCAG 2.2, 1.4.3: text of any size against its ground.
READABLE = 4.5
#: In the dark, a colour that only just passes looks dull beside the text.
CLEAR = 9.0
#: How much of the colour a soft ground takes, in hundredths, at the most.
SOFT = {"light": 10, "dark": 14}


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour in sRGB, each part from 0 to 1."""

    red: float
    green: float
    blue: float

    def __str__(self) -> str:
        return "#" + "".join(f"{round(part * 255):02x}" for part in (self.red, self.green, self.blue))

    @property
    def luminance(self) -> float:
        """Relative luminance, as WCAG 2.2 defines it."""
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 -- sRGB
            for part in (self.red, self.green, self.blue)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one theme takes from the colour: `on_brand` is written on `brand`, and `brand` on `brand_soft`."""

    brand: Colour
    on_brand: Colour
    brand_soft: Colour

    @property
    def declarations(self) -> str:
        """The custom properties of components.css."""
        return f"--brand:{self.brand};--on-brand:{self.on_brand};--brand-soft:{self.brand_soft}"


@require_safe
@condition(etag_func=lambda _request: _etag(brand_css()))
@cache_control(public=True, max_age=3600)
def brand_css_view(_request: HttpRequest) -> HttpResponse:
    """`/brand.css`: the tokens, so that pages need no inline style."""
    return HttpResponse(brand_css(), content_type="text/css; charset=utf-8")


def brand_css() -> str:
    """The tenant's style sheet. Raises ValueError, in one sentence, if the colour cannot be used."""
    return style_sheet(settings.TENANT_BRAND_COLOR)


@cache
def style_sheet(colour: str) -> str:
    """The style sheet for a colour written `#rrggbb`."""
    brand = parse(colour)
    return (
        f":root{{{light(brand).declarations}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{dark(brand).declarations}}}}}\n"
    )


def parse(text: str) -> Colour:
    """A colour from `#rrggbb`, and from nothing else: what we print goes into a style sheet."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(f"TENANT_BRAND_COLOR must be # and six hexadecimal digits, as in #0b5f52, not {text!r}.")
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return Colour(red, green, blue)


def light(brand: Colour) -> Tokens:
    """The colour as it is. Raises ValueError if it cannot be read on white, where links are written in it."""
    found = contrast(brand, WHITE)
    if found < READABLE:
        raise ValueError(
            f"TENANT_BRAND_COLOR {brand} is too light: on white it has a contrast of {found:.1f}:1, "
            f"and people need {READABLE}:1 to read; choose a darker shade of it.",
        )
    return Tokens(brand=brand, on_brand=WHITE, brand_soft=_soft(brand, on=WHITE, hundredths=SOFT["light"]))


def dark(brand: Colour) -> Tokens:
    """The same hue, lifted until it stands out on the dark ground, and calmed so that it does not glare."""
    hue, lightness, saturation = colorsys.rgb_to_hls(brand.red, brand.green, brand.blue)
    saturation = min(saturation, 0.5)
    lifted = brand
    while contrast(lifted, NIGHT) < CLEAR:
        lightness = min(1.0, lightness + 0.01)
        lifted = _rounded(Colour(*colorsys.hls_to_rgb(hue, lightness, saturation)))
    return Tokens(
        brand=lifted,
        on_brand=_rounded(Colour(*colorsys.hls_to_rgb(hue, 0.07, saturation))),
        brand_soft=_soft(lifted, on=NIGHT, hundredths=SOFT["dark"]),
    )


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    darker, lighter = sorted((one.luminance, other.luminance))
    return (lighter + 0.05) / (darker + 0.05)


def _soft(brand: Colour, *, on: Colour, hundredths: int) -> Colour:
    """The ground tinted with the colour, as far as the colour can still be read on it; perhaps not at all."""
    for share in range(hundredths, 0, -1):
        tinted = _mix(brand, on, share / 100)
        if contrast(brand, tinted) >= READABLE:
            return tinted
    return on


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the one in the other."""
    pairs = ((one.red, other.red), (one.green, other.green), (one.blue, other.blue))
    return _rounded(Colour(*(part * share + ground * (1 - share) for part, ground in pairs)))


def _rounded(colour: Colour) -> Colour:
    """The colour as it will be printed, so that what is checked is what is seen."""
    return parse(str(colour))


def _etag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


#: `--surface` of components.css, in light and in dark.
WHITE = parse("#ffffff")
NIGHT = parse("#161b1d")
