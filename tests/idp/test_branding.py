"""A tenant's colour: readable in both themes, or refused in one sentence."""

import re
from pathlib import Path

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from idp import branding

SURFACES = {"light": branding.WHITE, "dark": branding.NIGHT}
hex_colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_that_of_wcag():
    black, white = branding.parse("#000000"), branding.WHITE
    assert branding.contrast(black, white) == pytest.approx(21)
    assert branding.contrast(white, white) == 1
    assert branding.contrast(branding.parse("#767676"), white) == pytest.approx(4.54, abs=0.01)


@given(hex_colours)
def test_every_colour_is_readable_in_both_themes_or_refused(colour):
    brand = branding.parse(colour)
    try:
        themes = {"light": branding.light(brand), "dark": branding.dark(brand)}
    except ValueError:
        assert branding.contrast(brand, branding.WHITE) < branding.READABLE
        return
    for theme, tokens in themes.items():
        assert branding.contrast(tokens.brand, SURFACES[theme]) >= branding.READABLE
        assert branding.contrast(tokens.brand, tokens.brand_soft) >= branding.READABLE
        assert branding.contrast(tokens.on_brand, tokens.brand) >= branding.READABLE


def test_the_surfaces_are_those_of_the_style_sheet():
    sheet = (Path(branding.__file__).parent / "static/regain/components.css").read_text(encoding="utf-8")
    assert re.findall(r"--surface:(#\w+)", sheet) == ["#fff", str(branding.NIGHT)]


def test_the_tenants_own_colour_is_used_as_it_is_in_light():
    assert branding.style_sheet("#0B5F52").startswith(":root{--brand:#0b5f52;--on-brand:#ffffff;")


def test_a_light_colour_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"TENANT_BRAND_COLOR #ffcc00 is too light: .* choose a darker shade"):
        branding.style_sheet("#ffcc00")


@pytest.mark.parametrize("text", ["", "teal", "#0b5", "#0b5f52;}*{display:none", "#0b5f5g", "#0b5f52\n"])
def test_only_six_digits_reach_the_style_sheet(text):
    with pytest.raises(ValueError, match="TENANT_BRAND_COLOR must be # and six hexadecimal digits"):
        branding.style_sheet(text)


def test_the_style_sheet_is_cached_and_answers_an_etag(settings):
    settings.TENANT_BRAND_COLOR = "#1b50d6"
    first = branding.brand_css_view(RequestFactory().get("/brand.css"))
    assert first.content.decode() == branding.brand_css()
    assert first["Content-Type"] == "text/css; charset=utf-8"
    assert first["Cache-Control"] == "public, max-age=3600"
    again = RequestFactory().get("/brand.css", headers={"If-None-Match": first["ETag"]})
    assert branding.brand_css_view(again).status_code == 304
    settings.TENANT_BRAND_COLOR = "#0b5f52"
    assert branding.brand_css_view(again).status_code == 200
