"""What a page wears: a wave's own name, contact and colour; and the stylesheet of a colour, without a cookie."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import render_template
from werkzeug.test import TestResponse

from surveyapp import campaigning, collecting
from surveyapp.campaigning import Changes
from surveyapp.problems import WaveNotOpen
from surveyapp.web import brand
from tests.makers import TODAY, make_wave
from tests.web.conftest import MakeSite, Site, Visitor, refused
from tests.web.test_safety import assert_guarded

OWN = {"service": "National drug survey", "contact": "office@example.org", "colour": "#1d70b8"}
SITE = "State of the sector surveys"
SCRIPT = "<script>alert(1)</script>\"'><img src=x>{{ 7 * 7 }}{day}"


def worn(site: Site, *waves: brand.Dressed) -> str:
    """A page that wears what these waves have."""
    with site.app.test_request_context("/"):
        site.app.preprocess_request()
        brand.wear(*waves)
        return render_template("message.html", title="A page", paragraphs=[], home=True)


def header(page: str) -> str:
    found = re.search(r'homepage-link">(.*?)</a>', page)
    assert found
    return found[1]


# ── the page ─────────────────────────────────────────────────────────────────


def test_a_page_wears_the_name_the_contact_and_the_colour_of_its_wave(site: Site):
    page = worn(site, replace(site.wave, **OWN))
    assert header(page) == "National drug survey"
    assert "<title>A page – National drug survey</title>" in page
    assert 'Contact: <a href="mailto:office@example.org"' in page
    assert '<meta name="theme-color" content="#1d70b8">' in page
    sheets = re.findall(r'<link rel="stylesheet" href="([^"?]+)', page)
    assert sheets == ["/static/app.css", "/brand/1d70b8.css"]


def test_a_wave_without_a_look_of_its_own_wears_the_site_s(site: Site):
    page = worn(site, site.wave)
    assert header(page) == SITE
    assert "Contact:" not in page
    assert '<meta name="theme-color" content="#0b5563">' in page
    assert "/brand/" not in page
    assert page == worn(site)


@pytest.mark.parametrize("contact", ["020 7946 0000", "Write to office@example.org", "office@localhost"])
def test_a_contact_that_is_no_address_is_no_link(site: Site, contact):
    page = worn(site, replace(site.wave, contact=contact))
    assert f"<p>Contact: {contact}</p>" in page
    assert "mailto:" not in page


def test_an_address_can_add_nothing_to_the_letter_it_begins(site: Site):
    page = worn(site, replace(site.wave, contact="a&cc=b%0d@example.org"))
    assert 'href="mailto:a%26cc%3Db%250d@example.org"' in page


def test_whatever_name_and_contact_hold_is_shown_as_words(site: Site):
    page = worn(site, replace(site.wave, service=SCRIPT, contact=SCRIPT))
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;&lt;img src=x&gt;{{ 7 * 7 }}{day}") == 3
    assert "<script>alert" not in page
    assert "<img" not in page


def test_of_several_waves_a_page_wears_what_all_share(site: Site):
    one = replace(site.wave, **OWN)
    assert worn(site, one, replace(one, name="another")) == worn(site, one)
    page = worn(site, one, replace(one, service="Police survey", colour=""))
    assert header(page) == SITE
    assert "office@example.org" in page
    assert "/brand/" not in page


def test_a_look_lasts_for_one_request(make_site: MakeSite):
    site = make_site(**OWN)
    worn(site, site.wave)
    assert header(site.visitor().get("/nothing").text) == SITE


# ── the visit ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/", "/answer/start", "/answer/page/p1", "/answer/check", "/answer/saved"])
def test_every_page_of_a_visit_wears_the_wave_s_look(make_site: MakeSite, path):
    page = make_site(**OWN).visitor("U001").get(path)
    assert page.status_code == 200
    assert header(page.text) == "National drug survey"
    assert "/brand/1d70b8.css" in page.text
    assert "mailto:office@example.org" in page.text


def test_the_last_page_wears_it_too(make_site: MakeSite):
    visitor = make_site(**OWN).filled("U001")
    visitor.post("/answer/send")
    assert header(visitor.get("/answer/done").text) == "National drug survey"


def test_the_first_page_of_a_site_with_two_surveys_wears_what_they_share(make_site: MakeSite):
    site = make_site(**OWN)
    make_wave(site.db, "tiny-2", **{**OWN, "service": "Police survey"})
    page = site.visitor().get("/").text
    assert header(page) == SITE
    assert "/brand/1d70b8.css" in page


# ── the stylesheet ───────────────────────────────────────────────────────────


def test_the_stylesheet_sets_the_shades_and_nothing_else(make_site: MakeSite):
    answer = make_site(**OWN).visitor().get("/brand/1d70b8.css")
    assert answer.status_code == 200
    assert answer.content_type == "text/css; charset=utf-8"
    assert answer.text == ":root{--app-brand:#1d70b8;--app-brand-dark:#124572;--app-brand-tint:#f1f6fb}\n"


def test_app_css_is_written_with_the_properties_that_it_sets():
    written = (Path(brand.__file__).parent / "static" / "app.css").read_text()
    for name in ("--app-brand", "--app-brand-dark", "--app-brand-tint"):
        assert f"var({name})" in written


def test_the_stylesheet_is_guarded_and_may_be_kept_by_anybody(make_site: MakeSite):
    answer = make_site(**OWN).visitor("U001").get("/brand/1d70b8.css")
    assert_guarded(answer)
    assert "nonce" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "public, max-age=2592000"
    assert "Vary" not in answer.headers


@pytest.mark.parametrize("secure", [False, True])
def test_no_cookie_goes_with_the_stylesheet_and_the_visit_goes_on(make_site: MakeSite, secure):
    site = make_site(secure=secure, **OWN)
    scheme = {"base_url": "https://localhost"} if secure else {}
    assert "Set-Cookie" not in Visitor(site.app).get("/brand/1d70b8.css", **scheme).headers
    if not secure:
        visitor = site.visitor("U001")
        before = visitor.cookie
        assert "Set-Cookie" not in visitor.get("/brand/1d70b8.css").headers
        assert visitor.cookie == before
        assert visitor.get("/answer/start").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/brand/0b5563.css",
        "/brand/000000.css",
        "/brand/1D70B8.css",
        "/brand/1d70b.css",
        "/brand/1d70b80.css",
        "/brand/%231d70b8.css",
        "/brand/1d70b8",
        "/brand/1d70b8.css/",
        "/brand/;}body{.css",
        "/brand/١١١١١١.css",
        "/brand/",
    ],
)
def test_a_colour_that_no_wave_has_is_not_found(make_site: MakeSite, path):
    answer = make_site(**OWN).visitor().get(path)
    refused(answer, 404, "Page not found")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_new_colour_is_served_at_once(make_site: MakeSite):
    site = make_site(**OWN)
    campaigning.change_settings(site.db, "tiny-1", Changes(colour="#4c2c92"), TODAY)
    assert site.visitor().get("/brand/4c2c92.css").status_code == 200
    assert site.visitor().get("/brand/1d70b8.css").status_code == 404
    assert "/brand/4c2c92.css" in site.visitor("U001").get("/answer/start").text


# ── too late ─────────────────────────────────────────────────────────────────

LAST = date(2012, 2, 17)


def too_late(site: Site) -> TestResponse:
    """The page that a code opens after the last day."""
    visitor = site.visitor()
    visitor.get("/")
    answer = visitor.post("/answer", {"code": site.codes["U001"]})
    refused(answer, 403, "This survey has closed")
    return answer


def test_a_closed_survey_says_on_which_day_it_closed_and_whom_to_ask(make_site: MakeSite):
    site = make_site(**OWN)
    campaigning.close_wave(site.db, "tiny-1", LAST)
    page = too_late(site).text
    assert "It closed on 17 February 2012 and takes no more answers." in page
    assert "Contact: office@example.org" in page
    assert header(page) == "National drug survey"
    assert "/brand/1d70b8.css" in page


def test_without_a_contact_it_says_the_day_alone(site: Site):
    campaigning.close_wave(site.db, "tiny-1", LAST)
    page = too_late(site).text
    assert "It closed on 17 February 2012 and takes no more answers." in page
    assert "Contact" not in page


def test_a_hostile_contact_is_words_there_too(make_site: MakeSite):
    site = make_site(service=SCRIPT, contact=SCRIPT)
    campaigning.close_wave(site.db, "tiny-1", LAST)
    page = too_late(site).text
    assert "<script>alert" not in page
    assert "{{ 7 * 7 }}{day}" in page


def test_a_close_on_a_day_that_nobody_knows_still_has_its_page(site: Site, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise WaveNotOpen("closed")

    monkeypatch.setattr(collecting, "enter", fail)
    assert "It no longer takes answers." in too_late(site).text


def test_a_code_opens_until_the_end_of_the_last_day(make_site: MakeSite):
    site = make_site(closes=LAST, **OWN)
    _set_day(site, LAST)
    site.visitor("U001")
    _set_day(site, LAST + timedelta(days=1))
    page = too_late(site).text
    assert "It closed on 17 February 2012" in page
    assert header(page) == "National drug survey"


def test_a_wave_whose_last_day_is_over_is_not_on_the_first_page(make_site: MakeSite):
    site = make_site(closes=LAST, **OWN)
    _set_day(site, LAST)
    assert "A tiny survey" in site.visitor().get("/").text
    _set_day(site, LAST + timedelta(days=1))
    assert "No survey is running now" in site.visitor().get("/").text


def _set_day(site: Site, day: date) -> None:
    """It is another day now."""
    site.app.extensions["surveyapp"] = replace(site.app.extensions["surveyapp"], today=lambda: day)
