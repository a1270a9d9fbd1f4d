"""Tests about the code: addresses, forms and templates keep to the rules, and so must those that come later."""

import re
from pathlib import Path

import pytest

import surveyapp.web
from tests.web.conftest import Site

WEB = Path(surveyapp.web.__file__).parent
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
ALWAYS_OPEN = {"/", "/answer", "/open/<slug:wave>", "/health", "/ready", "/brand/<colour:colour>.css"}
"""What answers somebody who has not entered with a code."""


def rules(site: Site):
    return [rule for rule in site.app.url_map.iter_rules() if not rule.build_only]


def filled(rule) -> str:
    return re.sub(r"<[^>]+>", "p1", rule.rule)


def test_every_parameter_of_an_address_has_a_converter(site: Site):
    bare = [rule.rule for rule in rules(site) if re.search(r"<[a-z_]+>", rule.rule)]
    assert not bare, f"write <slug:…> in {bare}: nothing else than a name may reach a view"


def test_addresses_are_small_letters_and_hyphens(site: Site):
    pattern = r"(/|(/([a-z]+(-[a-z]+)*|<slug:[a-z]+>|<colour:[a-z]+>\.css))+)"
    odd = [r.rule for r in rules(site) if not re.fullmatch(pattern, r.rule)]
    assert not odd, f"rename {odd}: small letters, digits and hyphens, no slash at the end"


def test_every_post_without_a_token_is_refused(site: Site):
    posts = [rule for rule in rules(site) if "POST" in rule.methods]
    assert len(posts) >= 5
    for rule in posts:
        answer = site.visitor("U001").client.post(filled(rule), data={"kind": "yes"})
        assert answer.status_code == 400, f"{rule.rule} takes a form without token"


def test_every_post_from_elsewhere_is_refused(site: Site):
    for rule in rules(site):
        if "POST" in rule.methods:
            visitor = site.visitor("U001")
            answer = visitor.post(filled(rule), headers={"Sec-Fetch-Site": "cross-site"})
            assert answer.status_code == 403, f"{rule.rule} takes a form from another site"


def test_every_view_but_the_first_ones_needs_a_visit(site: Site):
    for rule in rules(site):
        if rule.rule not in ALWAYS_OPEN:
            for method in rule.methods - {"OPTIONS"}:
                visitor = site.visitor()
                visitor.get("/")
                answer = visitor.client.open(filled(rule), method=method, data={"csrf_token": visitor.token})
                assert answer.status_code == 403, f"{method} {rule.rule} answers anybody; ask for _visit() first"


def test_only_get_and_post_are_used(site: Site):
    assert {m for rule in rules(site) for m in rule.methods} == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_escapes_everything_and_asks_nobody_else(template: Path):
    text = template.read_text()
    if template.name == "copy_file.html":  # it leaves as a file and is never shown from our address
        text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    for pattern, remedy in {
        r"\|\s*safe\b": "let it be escaped",
        r"autoescape": "leave autoescape on",
        r"\bstyle\s*=": "write a class into app.scss: the policy refuses inline style",
        r"<style": "write a class into app.scss",
        r"<script(?![^>]*\bsrc=)": "put the script into static/app.js",
        r"<script(?![^>]*\bnonce=)": "give the script the page's nonce",
        r"\bon[a-z]+\s*=\s*[\"']": "listen in static/app.js",
        r"https?://": "serve it from here: no page asks another host",
        r"javascript:": "use a real address",
        r"<form(?![^>]*method=\"post\")": "post the form: answers never stand in an address",
        r"maxlength=": "say the limit in words: it cuts pasted text without a word",
    }.items():
        assert not re.search(pattern, text), f"{template.name} matches {pattern}: {remedy}"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_form_of_a_template_has_the_token(template: Path):
    for form in re.findall(r"<form.*?</form>", template.read_text(), re.DOTALL):
        assert 'name="csrf_token" value="{{ csrf_token() }}"' in form, (
            f"{template.name}: add the token to the form"
        )


def test_no_view_makes_markup_or_reads_the_clock():
    for source in WEB.glob("*.py"):
        text = source.read_text()
        assert "Markup(" not in text, f"{source.name}: leave it to the templates"
        assert not re.search(r"render_template_string|datetime\.now|\bprint\(|random\.", text), source.name


def test_the_script_asks_for_nothing_and_keeps_nothing():
    script = (WEB / "static" / "app.js").read_text()
    assert not re.search(r"fetch\(|XMLHttpRequest|localStorage|sessionStorage|cookie|eval|innerHTML", script)
