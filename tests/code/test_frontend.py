"""The stylesheet is the compiled one, and fetches nothing."""

import hashlib
from pathlib import Path

STATIC = Path(__file__).parents[2] / "surveyapp/web/static"


def test_the_stylesheet_is_the_one_that_was_compiled():
    """Change `surveyapp/web/frontend/app.scss`, run `build.sh` there, and put the new hash here."""
    found = hashlib.sha256((STATIC / "app.css").read_bytes()).hexdigest()
    assert found == "2fdad0e7e3416739bf855861a3a1daddaaef6b9a6ea0794cd46a42f87b3c514a"


def test_no_font_picture_or_crown_is_fetched():
    css = (STATIC / "app.css").read_text(encoding="utf-8")
    assert "url(" not in css
    assert "@font-face" not in css
    assert "GDS Transport" not in css


def test_the_licence_of_what_was_compiled_is_there():
    assert "MIT" in (STATIC / "LICENCE-govuk-frontend.txt").read_text(encoding="utf-8")


def test_every_use_of_the_brand_s_colours_can_be_set_again():
    """Another stylesheet sets `--app-brand` and its two shades on :root; no rule may name the colours."""
    source = (STATIC.parent / "frontend/app.scss").read_text(encoding="utf-8")
    rules = source[source.index(":root {") :].partition("\n}")[2]
    for name in ("$brand", "#0b5563", "#063540", "#eff5f6"):
        assert name not in rules


def test_the_stylesheet_of_staff_is_the_one_that_was_compiled():
    """Change `surveyapp/web/frontend/staff.scss`, run `build.sh` there, and put the new hash here."""
    found = hashlib.sha256((STATIC / "staff.css").read_bytes()).hexdigest()
    assert found == "e7f7a502f3b0026f653069c03ded0288ec2425a0201f1585b661a4537ac6ca12"


def test_the_stylesheet_of_staff_fetches_nothing():
    css = (STATIC / "staff.css").read_text(encoding="utf-8")
    assert "url(" not in css
    assert "@font-face" not in css
