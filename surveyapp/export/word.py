"""Writing into a Word document safely: real headings, lists and tables; text stays text; equal bytes.

Everything is Arial on A4. A page number is the only field; no text ever becomes one.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docx import Document
from docx.document import Document as Paper
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.section import Section
from docx.shared import Cm, Pt
from docx.table import Table, _Cell, _Row
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from surveyapp.export.archive import EPOCH, legible, undated

WIDTH, INDENT = 17.0, 0.9
"""Centimetres: of the text, and by which answers stand in from their question."""

_WIDER = 8.7
"""Centimetres: by how much the text of a landscape page is wider."""

_ACCENT, _PALE, _GREY = "0B4553", "E6EEF0", "404040"
_LISTS = {"Bullets": ("•", 21), "Probes": ("•", 19), "Circles": ("○", 34), "Squares": ("□", 32)}
"""Each list with its mark and the size of that in half points."""

_LEFTOVERS = ("thumbnail", "stylesWithEffects", "customXml")


def new_paper(title: str, language: str, footer: str) -> Paper:
    """An empty A4 document: fixed properties (no user, no clock), our styles, page numbers at the foot."""
    paper = Document()
    _remove_leftovers(paper)
    properties = paper.core_properties
    properties.author = properties.last_modified_by = "surveyapp"
    properties.title, properties.comments, properties.language = legible(title)[:255], "", language
    properties.created = properties.modified = EPOCH
    _set_up(paper, language)
    _set_lists(paper)
    _set_styles(paper, language)
    _set_footer(paper.sections[0], footer, WIDTH)
    return paper


def to_bytes(paper: Paper) -> bytes:
    """The file: the same content always gives the same bytes."""
    written = io.BytesIO()
    paper.save(written)
    return undated(written.getvalue())


# ── text ─────────────────────────────────────────────────────────────────────


def write(paper: Paper | _Cell, text: str, style: str, keep: bool = False) -> Paragraph:
    """A paragraph; `keep` holds it on one page with what follows."""
    paragraph: Paragraph = paper.add_paragraph(style=style)
    return _begun(paragraph, text, keep)


def add(paragraph: Paragraph, text: str, italic: bool = False, size: float = 0) -> Run:
    """More text in a paragraph."""
    run = paragraph.add_run(legible(text))
    run.italic = italic or None
    run.font.size = Pt(size) if size else None
    return run


def add_box(paragraph: Paragraph, digits: int) -> None:
    """An empty box in a line, wide enough for so many digits by hand."""
    run = paragraph.add_run("\u00a0" * (digits * 2 + 1))
    run.font.size = Pt(17)
    run._r.get_or_add_rPr().append(_element("w:bdr", val="single", sz="6", space="0", color="404040"))


def add_line_to_write_on(paragraph: Paragraph) -> None:
    """A rule from here to the right margin."""
    stops = paragraph.paragraph_format.tab_stops
    stops.add_tab_stop(Cm(WIDTH), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.LINES)
    paragraph.add_run("\t")


def bookmark(paragraph: Paragraph, name: str, number: int) -> None:
    """A place that `add_link` leads to: `name` is of letters, digits and underscores, `number` its own."""
    paragraph._p.append(_element("w:bookmarkStart", id=str(number), name=name))
    paragraph._p.append(_element("w:bookmarkEnd", id=str(number)))


def set_level(paragraph: Paragraph, level: int) -> None:
    """Show a paragraph that is no heading in the outline, at the level of such a heading."""
    paragraph._p.get_or_add_pPr().append(_element("w:outlineLvl", val=str(level - 1)))


def add_link(paragraph: Paragraph, text: str, name: str) -> None:
    """More text, which leads to a bookmark."""
    link = _element("w:hyperlink", anchor=name, history="1")
    link.append(add(paragraph, text)._r)
    paragraph._p.append(link)


def add_picture(paper: Paper, png: bytes, width: float, words: str) -> None:
    """A picture on a line of its own, `width` centimetres wide, with `words` for those who do not see it."""
    drawn = paper.add_picture(io.BytesIO(png), width=Cm(width))
    drawn._inline.docPr.set("descr", legible(words))


def turn(paper: Paper, landscape: bool) -> float:
    """A new page, upright or landscape. Returns the width of its text in centimetres."""
    section = paper.add_section(WD_SECTION.NEW_PAGE)
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    sides = Cm(21), Cm(29.7)
    section.page_width, section.page_height = sides[::-1] if landscape else sides
    width = WIDTH + _WIDER if landscape else WIDTH
    words = paper.sections[0].footer.paragraphs[0].runs[0].text
    section.footer.is_linked_to_previous = False
    _set_footer(section, words, width)
    return width


def fill_cell(cell: _Cell, text: str, style: str, keep: bool = False) -> Paragraph:
    """The text of a table cell; a cell is born with one empty paragraph."""
    paragraph = cell.paragraphs[0]
    paragraph.style = style
    return _begun(paragraph, text, keep)


def _begun(paragraph: Paragraph, text: str, keep: bool) -> Paragraph:
    if text:
        paragraph.add_run(legible(text))
    if keep:
        paragraph.paragraph_format.keep_with_next = True
    return paragraph


# ── tables ───────────────────────────────────────────────────────────────────


def new_table(
    paper: Paper, header: Sequence[str], rows: int, widths: Sequence[float], style: str = "Answers"
) -> Table:
    """A table with its header, repeated on every page, and `rows` empty rows; widths in centimetres.

    A table of `Answers` has its columns centred, one of `Codes` begins every cell at the top left. What is
    narrower than the page stands in by `INDENT`.
    """
    table: Table = paper.add_table(rows + 1, len(header), style=style)
    table.autofit = False
    if sum(widths) < WIDTH:
        table._tbl.tblPr.find(qn("w:tblW")).addnext(_element("w:tblInd", w=_twips(INDENT), type="dxa"))
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
    for i, row in enumerate(table.rows):
        _row_property(row, "w:cantSplit" if i else "w:tblHeader")
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = Cm(width)
    for i, (cell, label) in enumerate(zip(table.rows[0].cells, header, strict=True)):
        fill_cell(cell, label, "Head of column" if i and style == "Answers" else "Head", keep=True)
    return table


def _row_property(row: _Row, name: str) -> None:
    row._tr.get_or_add_trPr().append(_element(name))


def _element(tag: str, **attributes: str) -> BaseOxmlElement:
    element: BaseOxmlElement = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), value)
    return element


def _twips(centimetres: float) -> str:
    return str(round(centimetres * 567))


# ── the document around them ─────────────────────────────────────────────────


def _remove_leftovers(paper: Paper) -> None:
    """What the library's own template brings along: a picture of a page, a second set of styles."""
    for relations in (paper.part.rels, paper.part.package.rels):
        for key, relation in list(relations.items()):
            if relation.reltype.rpartition("/")[2] in _LEFTOVERS:
                del relations[key]


def _set_up(paper: Paper, language: str) -> None:
    """A4, the language, and the layout of Word 2013 and later in place of that of 2010."""
    for element in paper.settings.element.iter(qn("w:themeFontLang")):
        element.set(qn("w:val"), language)
    for element in paper.settings.element.iter(qn("w:compatSetting")):
        if element.get(qn("w:name")) == "compatibilityMode":
            element.set(qn("w:val"), "15")
    section = paper.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Cm(2)
    section.footer_distance = Cm(1)


def _set_footer(section: Section, words: str, width: float) -> None:
    """Words at the left margin and the number of the page at the right one, which is where the page is wide."""
    paragraph = section.footer.paragraphs[0]
    paragraph.paragraph_format.tab_stops.add_tab_stop(Cm(width), WD_TAB_ALIGNMENT.RIGHT)
    paragraph.add_run(legible(words))
    paragraph.add_run("\tPage ")
    _add_field(paragraph, "PAGE")
    paragraph.add_run(" of ")
    _add_field(paragraph, "NUMPAGES")


def _add_field(paragraph: Paragraph, name: str) -> None:
    field = _element("w:fldSimple", instr=name)
    field.append(paragraph.add_run("1")._r)
    paragraph._p.append(field)


def _set_lists(paper: Paper) -> None:
    """Our lists in place of the template's: number n is the nth of `_LISTS`."""
    lists = paper.part.numbering_part.element
    for child in list(lists):
        lists.remove(child)
    for i, (mark, size) in enumerate(_LISTS.values(), 1):
        look = f'<w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:cs="Arial"/><w:sz w:val="{size}"/></w:rPr>'
        level = f'<w:numFmt w:val="bullet"/><w:lvlText w:val="{mark}"/><w:lvlJc w:val="left"/>{look}'
        lists.append(_parsed("w:abstractNum", f'<w:lvl w:ilvl="0">{level}</w:lvl>', abstractNumId=i))
    for i in range(1, len(_LISTS) + 1):
        lists.append(_parsed("w:num", f'<w:abstractNumId w:val="{i}"/>', numId=i))


# ── styles ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Look:
    """How a style looks: sizes and spaces in points, indents in centimetres; `level` is that of a heading."""

    base: str = "Normal"
    size: float = 0
    bold: bool = False
    italic: bool = False
    colour: str = ""
    before: float = 0
    after: float = 0
    exactly: float = 0
    indent: float = 0
    hanging: float = 0
    keep: bool = False
    level: int = 0
    band: bool = False
    ruled: bool = False
    centred: bool = False
    right: bool = False


def _question(level: int) -> _Look:
    return _Look(bold=True, before=14, after=3, indent=INDENT, hanging=INDENT, keep=True, level=level)


_LOOKS = {
    "Title": _Look(size=26, bold=True, colour=_ACCENT, after=4),
    "Subtitle": _Look(size=14, after=18),
    "heading 1": _Look(size=14, bold=True, colour=_ACCENT, before=22, after=8, keep=True, level=1, band=True),
    "heading 2": _Look(size=12, bold=True, colour=_ACCENT, before=16, after=4, keep=True, level=2),
    "heading 3": _Look(bold=True, before=12, after=3, keep=True, level=3),
    "Question": _question(3),
    "Question of section": _question(2),
    "Answer": _Look(before=5, after=5, indent=INDENT),
    "Hint": _Look(after=3, indent=INDENT, keep=True),
    "How": _Look(size=9.5, italic=True, before=2, after=3, indent=INDENT, keep=True),
    "Route": _Look(size=9.5, bold=True, italic=True, colour=_ACCENT, after=4, keep=True),
    "Route of question": _Look("Route", size=9.5, indent=INDENT, after=4, keep=True),
    "Label": _Look(size=9.5, bold=True, before=4, after=2, indent=INDENT, keep=True),
    **dict.fromkeys(("Circles", "Squares"), _Look(indent=INDENT + 0.75, hanging=0.75)),
    "Bullets": _Look(after=3, indent=0.6, hanging=0.6),
    "Probes": _Look(after=1, indent=INDENT + 0.6, hanging=0.6, keep=True),
    "Ruled": _Look(indent=INDENT, exactly=24, ruled=True),
    "Cell": _Look(size=9.5, before=2, after=2),
    "Fact": _Look(after=3, indent=4.5, hanging=4.5),
    "Small": _Look(size=8.5, before=1, after=1),
    "Boxed": _Look(before=3, after=3, centred=True),
    "After rules": _Look(exactly=6),
    "Mark": _Look(size=18, centred=True),
    "Head": _Look(size=9, bold=True, before=2, after=2, keep=True),
    "Head of column": _Look("Head", size=8, before=2, after=2, centred=True),
    "caption": _Look(size=11, bold=True, colour=_ACCENT, before=18, after=3, keep=True),
    "Above table": _Look(size=9.5, after=2, keep=True),
    "Below table": _Look(size=8.5, before=2, after=0),
    "Figure": _Look(size=9, before=1, after=1, right=True),
    "Figure label": _Look(size=9, before=1, after=1),
    "Figure head": _Look("Head", size=8, before=1, after=1, right=True, keep=True),
    "Figure group": _Look("Head", size=8, before=1, after=1, centred=True, keep=True),
    "footer": _Look(size=8.5),
}
_ARIAL = '<w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:eastAsia="Arial" w:cs="Arial"/>'
_TABLE = f"""
<w:name w:val="{{name}}"/><w:basedOn w:val="TableNormal"/><w:tblPr><w:tblBorders>
<w:top w:val="single" w:sz="6" w:color="{_GREY}"/><w:bottom w:val="single" w:sz="6" w:color="{_GREY}"/>
<w:insideH w:val="single" w:sz="4" w:color="B0B0B0"/></w:tblBorders>
<w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/></w:tblCellMar></w:tblPr>
<w:tcPr><w:vAlign w:val="{{place}}"/></w:tcPr><w:tblStylePr w:type="firstRow"><w:tcPr>
<w:shd w:val="clear" w:color="auto" w:fill="{_PALE}"/><w:vAlign w:val="bottom"/></w:tcPr></w:tblStylePr>"""


def _set_styles(paper: Paper, language: str) -> None:
    """Our styles in place of the template's two hundred."""
    sheet = paper.styles.element
    for style in sheet.findall(qn("w:style")):
        if not style.get(qn("w:default")):
            sheet.remove(style)
    sheet.remove(sheet.find(qn("w:docDefaults")))
    words = f'{_ARIAL}<w:sz w:val="21"/><w:szCs w:val="21"/><w:lang w:val="{language}" w:eastAsia="en-GB"/>'
    defaults = f"<w:rPrDefault><w:rPr>{words}</w:rPr></w:rPrDefault><w:pPrDefault><w:pPr>{_space(_Look(after=5))}"
    sheet.insert(0, _parsed("w:docDefaults", f"{defaults}</w:pPr></w:pPrDefault>"))
    for name, look in _LOOKS.items():
        sheet.append(_parsed("w:style", _described(name, look), type="paragraph", styleId=_id(name)))
    for name, place in (("Answers", "center"), ("Codes", "top"), ("Figures", "bottom")):
        sheet.append(_parsed("w:style", _TABLE.format(name=name, place=place), type="table", styleId=name))


def _described(name: str, look: _Look) -> str:
    """The inside of a `w:style`, in the order that the schema of Word wants."""
    following = '<w:next w:val="Normal"/>' if look.level else ""
    rest = f'<w:uiPriority w:val="9"/><w:qFormat/><w:pPr>{"".join(_paragraph(name, look))}</w:pPr>'
    return (
        f'<w:name w:val="{name}"/><w:basedOn w:val="{_id(look.base)}"/>{following}{rest}'
        f"<w:rPr>{''.join(_letters(look))}</w:rPr>"
    )


def _paragraph(name: str, look: _Look) -> Iterator[str]:
    if look.keep:
        yield "<w:keepNext/><w:keepLines/>"
    if name in _LISTS:
        yield f'<w:numPr><w:numId w:val="{list(_LISTS).index(name) + 1}"/></w:numPr>'
    if look.ruled:
        rule = f'w:val="single" w:sz="4" w:space="0" w:color="{_GREY}"'
        yield f"<w:pBdr><w:bottom {rule}/><w:between {rule}/></w:pBdr>"
    if look.band:
        yield f'<w:pBdr><w:top w:val="single" w:sz="12" w:space="3" w:color="{_ACCENT}"/></w:pBdr>'
        yield f'<w:shd w:val="clear" w:color="auto" w:fill="{_PALE}"/>'
    yield _space(look)
    yield f'<w:ind w:left="{_twips(look.indent)}" w:hanging="{_twips(look.hanging)}"/>'
    if look.centred:
        yield '<w:jc w:val="center"/>'
    if look.right:
        yield '<w:jc w:val="right"/>'
    if look.level:
        yield f'<w:outlineLvl w:val="{look.level - 1}"/>'


def _letters(look: _Look) -> Iterator[str]:
    if look.bold:
        yield "<w:b/>"
    if look.italic:
        yield "<w:i/>"
    if look.colour:
        yield f'<w:color w:val="{look.colour}"/>'
    if look.size:
        yield f'<w:sz w:val="{round(look.size * 2)}"/>'


def _space(look: _Look) -> str:
    line = (
        f'w:line="{round(look.exactly * 20)}" w:lineRule="exact"'
        if look.exactly
        else 'w:line="250" w:lineRule="auto"'
    )
    return f'<w:spacing w:before="{round(look.before * 20)}" w:after="{round(look.after * 20)}" {line}/>'


def _id(name: str) -> str:
    return name.title().replace(" ", "") if name.islower() else name.replace(" ", "")


def _parsed(tag: str, inside: str, **attributes: object) -> BaseOxmlElement:
    named = "".join(f' w:{name}="{value}"' for name, value in attributes.items())
    element: BaseOxmlElement = parse_xml(f"<{tag} {nsdecls('w')}{named}>{inside}</{tag}>")
    return element
