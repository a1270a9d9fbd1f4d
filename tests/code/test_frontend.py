"""The stylesheet is the compiled one, and fetches nothing."""

import hashlib
from pathlib import Path

STATIC = Path(__file__).parents[2] / "surveyapp/web/static"


def test_the_stylesheet_is_the_one_that_was_compiled():
    """Change `surveyapp/web/frontend/app.scss`, run `build.sh` there, and put the new hash here."""
    found = hashlib.sha256((STATIC / "app.css").read_bytes()).hexdigest()
    assert found == "e0f3cee8d1b57e6e242cb8c7d77b608c9cb851d0eb182bcf3c9c2e5f9d9fc874"


def test_no_font_picture_or_crown_is_fetched():
    css = (STATIC / "app.css").read_text(encoding="utf-8")
    assert "url(" not in css
    assert "@font-face" not in css
    assert "GDS Transport" not in css


def test_the_licence_of_what_was_compiled_is_there():
    assert "MIT" in (STATIC / "LICENCE-govuk-frontend.txt").read_text(encoding="utf-8")
