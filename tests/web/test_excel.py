"""The Excel form: downloaded, filled in elsewhere, uploaded."""

import io
import re

from openpyxl import load_workbook
from werkzeug.test import TestResponse

from tests.makers import make_answers
from tests.web.conftest import Site, Visitor, fault_at, refused, title

FORM, UPLOAD = "/answer/form", "/answer/upload"


def filled_in(content: bytes, **answers: str) -> bytes:
    """The form as somebody saves it who has typed answers, by field."""
    book = load_workbook(io.BytesIO(content))
    for kind, sheet, cell, name, code, *_ in book["surveyapp key"].iter_rows(min_row=2, values_only=True):
        field = f"{name}_{code}" if code else str(name)
        if kind == "cell" and field.replace(".", "_") in answers:
            book[sheet][cell].value = answers[field.replace(".", "_")]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def upload(visitor: Visitor, content: bytes, name: str = "form.xlsx") -> TestResponse:
    """Choose a file and press the button."""
    visitor.get(UPLOAD)
    parts = [
        b'Content-Disposition: form-data; name="csrf_token"\r\n\r\n' + visitor.token.encode(),
        f'Content-Disposition: form-data; name="form"; filename="{name}"\r\n\r\n'.encode() + content,
    ]
    body = b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"
    return visitor.client.post(UPLOAD, data=body, content_type="multipart/form-data; boundary=edge")


def words(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_a_form_goes_out_and_comes_back(site: Site):
    visitor = site.visitor("U001")
    out = visitor.get(FORM)
    assert out.headers["Content-Disposition"] == 'attachment; filename="tiny-1.xlsx"'
    assert out.headers["Cache-Control"] == "no-store"
    back = upload(
        visitor, filled_in(out.data, kind="Yes", sources_a="Yes", partners_police="More", issues="Words")
    )
    assert (back.status_code, title(back)) == (200, "Your form was read")
    assert "Everything in it is saved." in back.text
    assert site.draft("U001") == {"kind": "yes", "sources": ["a"], "partners.police": "more", "issues": "Words"}


def test_it_holds_the_answers_so_far(site: Site):
    book = load_workbook(io.BytesIO(site.filled("U001").get(FORM).data))
    cells = {str(cell.value) for sheet in book.worksheets for row in sheet.iter_rows() for cell in row}
    assert make_answers()["issues"] in cells


def test_what_could_not_be_read_is_listed_with_its_cell(site: Site):
    visitor = site.visitor("U001")
    back = upload(visitor, filled_in(visitor.get(FORM).data, kind="Perhaps", issues="w" * 200))
    assert back.status_code == 200
    assert "1 Section 1!B" in words(back)
    assert "100 characters too long" in words(back)
    assert site.draft("U001") == {}


def test_what_changed_here_in_the_meantime_stays_and_both_are_shown(site: Site):
    visitor = site.visitor("U001")
    content = filled_in(visitor.get(FORM).data, issues="From the form", partners_police="More")
    visitor.save("p2", {"issues": "From the site"})
    back = upload(visitor, content)
    assert "What is saved From the site" in words(back)
    assert "In the form From the form" in words(back)
    assert site.draft("U001") == {"issues": "From the site", "partners.police": "more"}


def test_other_files_are_refused_with_the_remedy(site: Site):
    visitor = site.filled("U001")
    before = site.db.path.read_bytes()
    for content, name in (
        (b"", "form.xlsx"),
        (b"%PDF-1.7", "form.xlsx"),
        (b"a,b", "form.csv"),
        (b"PK\x03\x04", "x"),
    ):
        again = upload(visitor, content, name)
        assert again.status_code == 422
        fault_at(again, "form")
    assert site.db.path.read_bytes() == before


def test_no_file_is_asked_for(site: Site):
    visitor = site.visitor("U001")
    visitor.get(UPLOAD)
    again = visitor.post(UPLOAD, {}, content_type="multipart/form-data")
    assert again.status_code == 422
    assert fault_at(again, "form") == "Error: Select the form that you have filled in"


def test_a_file_that_is_too_large_is_refused_before_it_is_read(site: Site):
    answer = upload(site.visitor("U001"), b"x" * 5_100_000)
    refused(answer, 413, "That is too long")


def test_without_a_visit_or_a_token_it_is_refused(site: Site):
    for path in (FORM, UPLOAD):
        refused(site.visitor().get(path), 403, "Your visit has ended")
    visitor = site.visitor("U001")
    answer = visitor.client.post(UPLOAD, data=b"", content_type="multipart/form-data; boundary=edge")
    refused(answer, 400, "Your visit has timed out")
