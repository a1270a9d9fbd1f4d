"""Templates: no macro that a page takes in bears the name of something that a layout shows."""

from pathlib import Path

import pytest
from jinja2 import Environment, meta, nodes

FOLDER = Path(__file__).parents[2] / "surveyapp/web/templates"
LANGUAGE = Environment(extensions=["jinja2.ext.i18n"])
PAGES = sorted(FOLDER.rglob("*.html"))
LAYOUTS = [path for path in PAGES if path.name == "layout.html"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_what_a_page_takes_in_hides_nothing_of_its_layout(path: Path):
    """Give the macro another name: the layout would show it in place of its own value, as `<Macro 'said'>`."""
    tree = _read(path)
    shown = {name for layout in _layouts(tree) for name in meta.find_undeclared_variables(_read(layout))}
    assert sorted(_taken_in(tree) & shown) == []


def _layouts(tree: nodes.Template) -> list[Path]:
    """The layout that a page names; all of them where a variable names it."""
    named = [each.template for each in tree.find_all(nodes.Extends)]
    if all(isinstance(name, nodes.Const) for name in named):
        return [FOLDER / name.value for name in named]
    return LAYOUTS


def _taken_in(tree: nodes.Template) -> set[str]:
    names = [name for each in tree.find_all(nodes.FromImport) for name in each.names]
    return {name[1] if isinstance(name, tuple) else name for name in names}


def _read(path: Path) -> nodes.Template:
    return LANGUAGE.parse(path.read_text(encoding="utf-8"))
