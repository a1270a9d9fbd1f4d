"""Words in an open answer that may say who wrote it, for the check page to point at before anything is sent.

Two sources: the names of the frame, made ready once by `prepare`, and patterns that need no list (addresses,
numbers, a title before a name). It points and never refuses. Whoever is alarmed for nothing stops reading, so a
word that is also ordinary English counts only where it is written as a name.

Nothing is kept, not even a cache, which would hold somebody's words. Every step reads the text a fixed number of
times, whatever it holds. Not found: names of persons without a title, nicknames, initials of a frame's names.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain, pairwise
from typing import Literal, NamedTuple

Kind = Literal[
    "organisation",
    "e-mail address",
    "telephone number",
    "postcode",
    "web address",
    "person",
    "reference number",
]

FEW_NAMES, FEW_PERCENT = 3, 2
"""A word is distinctive if no more names of the frame than this hold it, whichever allows more."""
LEAST_LETTERS = 4
LEAST_DIGITS = 6
MOST_WORDS = 12
"""Of a longer name the first words are enough."""
MOST_TAIL = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """Words that may identify somebody: `text[start:end]`."""

    kind: Kind
    words: str
    start: int
    end: int


class Written(IntEnum):
    """How a name must be written to count, the most forgiving first."""

    ANY_CASE = 1
    CAPITAL = 2  # Camden, or "camden council"
    CAPITALS = 3  # Turning Point, not "a turning point"
    WITHIN = 4  # "people in Reading" or "Reading Council", not "Reading takes time"


Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a frame, ready to be looked up: phrases of folded words, and their lengths by first word."""

    phrases: Mapping[Phrase, Written]
    lengths: Mapping[str, Sequence[int]]


def prepare(units: Iterable[tuple[str, str]], own: str | None = None) -> Names:
    """The names to look for, from pairs of unit id and name; `own` is the respondent's, by its id or its name.

    Found are full names, names without their generic words ("Camden" for "Camden Drug Action Team"), unit ids, and
    words that few names share. The own name also counts in small letters, and however many names share it.
    """
    listed = list(units)
    spelled = _spelled([name for _, name in listed])
    phrases: dict[Phrase, Written] = {}
    _add_parts(phrases, spelled)
    _add_names(phrases, spelled)
    _add_units(phrases, [unit for unit, _ in listed])
    if own is not None:
        _add_own(phrases, dict(listed).get(own, own))
    return Names(phrases, _lengths(phrases))


def identifying(text: str, names: Names) -> list[Finding]:
    """What in `text` may identify somebody, in order of place; of two that overlap the longer."""
    tokens = _Tokens(text)
    spans = [
        *_emails(text),
        *_web_addresses(text),
        *_telephones(text),
        *_postcodes(text),
        *_references(text),
        *_persons(tokens),
        *_organisations(tokens, names),
    ]
    return [Finding(kind, text[start:end], start, end) for kind, start, end in _apart(spans, len(text))]


class _Span(NamedTuple):
    kind: Kind
    start: int
    end: int


def _apart(spans: list[_Span], length: int) -> list[_Span]:
    """Spans that do not overlap, the longest first served; at equal length the kind that is named first above."""
    taken = bytearray(length)
    kept = []
    for span in sorted(spans, key=lambda s: s.start - s.end):
        # Whatever was taken before is no shorter, so if it overlaps it covers the first or the last character.
        if not taken[span.start] and not taken[span.end - 1]:
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


# ── ordinary words ───────────────────────────────────────────────────────────


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_JOINING = _listed("a an and at by for from in of on the to upon with y yr")

# What an organisation is. Never telling on their own, and dropped from either end of a name.
_GENERIC = _listed(
    """
    academy action addiction addictions advice agency alcohol alliance area association authorities authority bcu
    board borough bureau business bwrdeistref care centre charity cic city clinic college command commissioners
    commissioning committee community company consortium constabulary corporation council county crime cymru cyngor
    daap daat daats dat dats delivery department dinas directorate district division drug drugs education
    enterprise executive federation fire force forum foundation group health heddlu hospital hospitals hostel
    housing hub institute integrated interest joint justice limited llp local ltd mental metropolitan ministry
    misuse national network networks nhs office organisation parish partnership partnerships pcc pct plc police
    prison probation programme project projects public recovery rehab rehabilitation royal safer safety school
    service services sir social society solutions strategic strategy substance support team teams therapeutic town
    treatment trust union unit unitary university voluntary ward welfare youth
    """
)
_AT_ENDS = _GENERIC | _JOINING
# After a place in small letters these make a name of it.
_PUBLIC = _listed("borough constabulary council csp cdrp daat dat heddlu pct police")
# Too wide to say who somebody is, in any combination.
_WIDE = _listed(
    """
    britain central east eastern england greater ireland london midlands north northern scotland south southern
    wales west western
    """
)
# The last word of a name that is pointed at: "Camden drug service" of "Camden drug service users".
_BODIES = _PUBLIC | _listed(
    """
    agency alliance association authority board bureau cic clinic college committee company consortium department
    directorate federation force forum foundation group hospital hospitals hostel limited ltd network office
    partnership project school service services society team trust union unit university
    """
)
# Ordinary English, with whole countries and regions: never telling as a part of a name.
_ORDINARY = _listed(
    """
    ability able about above abuse access across active acute adult adults advance after again against age aged
    ahead all allied also although always among anchor anglia annual another any april aquarius arch are around
    arts assessment assist august autumn available aware back balance base based basis beacon because been before
    begin behind being below best better between beyond black blue both brave breakthrough bridge bridges bright
    britain british brook brown budget build building called came campaign can capacity cash castle catalyst cause
    central chance change changes changing chapter check chief child children choice choices church circle citizen
    citizens clean clear client close club coast common communities compass complete concern connect connections
    cope core corner costs could country course court creative crisis cross crossroads crown cuts daily data dawn
    days december deep demand detox direct direction director discover doctor does done door doors down dream drive
    drop duty each early east eastern economic effect eight emerald employment empower end england english enough
    equal ethnic even ever every evolve experience expert eyes face faith families family fast february federal
    fellowship few field fields financial find first five flag focus following forest forth forward four free
    freedom fresh friday friend friends from front full fund funding funds further future futures game garden
    gardens gate gateway gateways gave general getting give given global goal gold golden gone good government
    grace grand grant grants great greater green grove grow growing growth guide had half hall hand hands harbour
    hard harm has have haven head heading heart help hence her here high higher hill his hold holy home homeless
    homes hope horizon horizons hospice hostels house houses how however human humankind idea impact improve
    incentive include inclusion inclusive income indeed independence independent initiative initiatives inside
    insight inspiration inspirations inspire international into investment involve ireland irish island isle issue
    its january job jobcentre jobs journey july june just keep key kind king kings know land lane large last later
    latest law lead leader league learn learning least left legal less letter level liberty lieutenant life
    lifeline lifestyle lifestyles light lighthouse like line link links live lives living loan local locality
    london long look lord love low made main make making manage manager managing manor many march mark market
    matter matters may mayor means meet member members men met midlands mill mind minds mission mixed monday money
    month months more most motion move moving much multi must name natural near need needs never new news next
    night nine nobody north northern not november now number oak oasis objective october off often old once one
    ones only onward open opportunities opportunity options order other others our out outcome outcomes outlook
    outreach outside over own pact page paper parent parents park part partners past path paths pathway pathways
    pay peer people period person personal phase phoenix pilot place places plan planning plans please plus point
    policy port position positive power practice pressure prevention previous primary prime priority private
    probably problem promise prospect prospects protect provider providers purple purpose quality quarter quay
    queen quite race rainbow raise reach ready real recent red reduction reform regarding region regional release
    renew report reports rescue research residential resource resources response restart result review rise rising
    risk river road rock room roots rough route run safe safeguard saint same sanctuary saturday save scheme
    scotland scottish sea second section secure self senior september serious seven several shared shelter shift
    short should side silver since single six skill skills small sober some someone soon south southern space spare
    special spend spending spirit spring square stable staff stage stand star start state station stay step
    stepping steps still stone stop street strength strong such summer sun sunday sunrise sure sustain swift system
    take talk target targets task tax ten that the their them then there therefore these they thing things think
    this those though three thrive through thursday time times today together tomorrow total touch towards tower
    trade training transform transition tree tuesday turn turning twelve two under unity until update upper upward
    use used user users vale valley value very victim view village villages vision voice voices volunteer wales
    walk water waterside ways wednesday weeks well wellbeing were west western what when whenever where whether
    which while white who whole why will willow winter wise with within without wolf woman women wood word words
    work worker workers working works workshop world would year years yes yet young your
    """
)
_ORDINARY_ENDINGS = ("tion", "tions", "sion", "sions", "ment", "ments", "ally", "ously", "fully")
# Places that are words as well: telling, if written as a place.
_PLACES = _listed(
    """
    ash barking bath battle bolt bow broadway bury chard cheddar clay cork crook date deal derby diss eye flint
    halls hook hull leek mold reading rugby rye sale sandwich settle slough wall ware wash wells wick wing
    """
)


def _plain(words: Set[str]) -> Set[str]:
    """Those that are neither ordinary English nor a part of what organisations are called."""
    rest = words - _ORDINARY - _AT_ENDS - _PLACES
    return {word for word in rest if word.isalpha() and not word.endswith(_ORDINARY_ENDINGS)}


# ── words ────────────────────────────────────────────────────────────────────

_MARKS = "\u0300-\u036f"
_WORD = re.compile(rf"[\w{_MARKS}]++(?:['’][\w{_MARKS}]++)*+|&")
_BREAK = re.compile(r"[.!?:;\n\r•]")
_CLOSE = frozenset({"", " ", "-", "\xa0"})
_APOSTROPHES = str.maketrans("", "", "'’")
_SAINT = re.compile(r"\bsaint\b")
_SEPARATING = re.compile(r"[^\w\n ]++")


class _Token(NamedTuple):
    word: str  # folded
    stem: str  # folded, without a possessive "'s"
    written: str
    start: int
    end: int  # before a possessive "'s"
    begins: bool  # a sentence, a line or a clause
    apart: bool  # from the word before, by more than a space or a hyphen

    @property
    def capital(self) -> bool:
        return not self.written[0].islower()

    @property
    def shouted(self) -> bool:
        return len(self.written) > 1 and self.written.isupper()


def _fold(text: str) -> str:
    """Without case, accents and apostrophes: "Ynys Môn" is "ynys mon"."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return text.translate(_APOSTROPHES).casefold()


def _spelled(names: Sequence[str]) -> list[list[str]]:
    """The folded words of each name. All at once: the frame may have thousands."""
    lines = _fold("\n".join(name.replace("\n", " ") for name in names))
    separate = _SEPARATING.sub(" ", lines.replace("_", " ").replace("&", " and "))
    return [line.split() for line in _SAINT.sub("st", separate).split("\n")]


class _Tokens:
    """The words of a text; few are ever looked at closely, so the rest about them is found when asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.closely: dict[int, _Token] = {}
        read = text.replace("_", " ")
        self.spans = [found.span() for found in _WORD.finditer(read)]
        self.words = _WORD.findall(read.lower())
        if not text.isascii():
            self.words = [word if word.isascii() or "’" in word else _fold(word) for word in self.words]

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, at: int) -> _Token:
        if at not in self.closely:
            self.closely[at] = self._look(at)
        return self.closely[at]

    def _look(self, at: int) -> _Token:
        start, end = self.spans[at]
        written = self.text[start:end]
        word = stem = "and" if written == "&" else _fold(written)
        if written.endswith(("'s", "’s", "'S", "’S")):
            stem, end = word[:-1], end - 2
        elif word == "saint":
            word = stem = "st"
        gap = self.text[self.spans[at - 1][1] : start] if at else "\n"
        begins = len(gap) > 3 or _BREAK.search(gap) is not None
        return _Token(word, stem, written, start, end, begins, begins or gap not in _CLOSE)

    def starting(self, wanted: Container[str]) -> Iterator[int]:
        """Where a word stands that is wanted, or that must be looked at closely to know."""
        return (
            at
            for at, word in enumerate(self.words)
            if word in wanted or word == "saint" or "'" in word or "’" in word
        )


# ── organisations ────────────────────────────────────────────────────────────


def _add_parts(phrases: dict[Phrase, Written], names: Sequence[Sequence[str]]) -> None:
    """The words that few names share, and that say more than what kind of organisation it is."""
    often = Counter(chain.from_iterable(map(frozenset, names)))
    few = max(FEW_NAMES, len(names) * FEW_PERCENT // 100)
    telling = {word for word, times in often.items() if times <= few and len(word) >= LEAST_LETTERS}
    phrases |= {(word,): Written.CAPITAL for word in _plain(telling)}
    phrases |= {(word,): Written.WITHIN for word in telling & _PLACES}


def _add_names(phrases: dict[Phrase, Written], names: Sequence[Sequence[str]]) -> None:
    plain = _plain(set(chain.from_iterable(names)))
    for words in names:
        core = _core(words)
        telling = not plain.isdisjoint(core)
        if len(words) > 1:
            _allow(phrases, words, Written.ANY_CASE if _is_local(words, core, telling) else Written.CAPITALS)
        if len(core) == 1:
            _add_word(phrases, core[0], telling)
        elif core and len(core) < len(words):
            _allow(phrases, core, Written.ANY_CASE if telling else Written.CAPITALS)


def _add_word(phrases: dict[Phrase, Written], word: str, telling: bool) -> None:
    """A name of one word; short ones (Ely, CRI) need as much care as ordinary words."""
    if len(word) >= LEAST_LETTERS - 1 and word.isalpha():
        _allow(phrases, [word], Written.CAPITAL if telling and len(word) >= LEAST_LETTERS else Written.WITHIN)


def _core(words: Sequence[str]) -> Sequence[str]:
    """A name without the generic words at its ends: "London Borough of Camden", "Camden DAT" are "camden"."""
    first, last = 0, len(words)
    while last > first and words[last - 1] in _AT_ENDS:
        last -= 1
    if tuple(words[:2]) == ("london", "borough"):
        first = min(2, last)
    while first < last and words[first] in _AT_ENDS:
        first += 1
    return [] if _WIDE.issuperset(words[first:last]) else words[first:last]


def _is_local(words: Sequence[str], core: Sequence[str], telling: bool) -> bool:
    """Whether a full name may stand in small letters: "camden council", but no phrase of ordinary English."""
    if len(core) == len(words):
        return False
    return telling or (len(words) > 2 and not _PLACES.isdisjoint(core))


def _add_units(phrases: dict[Phrase, Written], units: Sequence[str]) -> None:
    """A unit id counts if it cannot be a year or a number of something; one of letters alone is a name."""
    for words in _spelled(units):
        joined = "".join(words)
        if len(joined) < LEAST_LETTERS or (joined.isdecimal() and (len(joined) < LEAST_DIGITS or len(words) > 1)):
            continue
        if joined.isalpha():
            _add_names(phrases, [words])
        else:
            phrases[joined,] = phrases[tuple(words[:MOST_WORDS])] = Written.ANY_CASE


def _add_own(phrases: dict[Phrase, Written], name: str) -> None:
    [words] = _spelled([name])
    _add_names(phrases, [words])
    for word in _plain(set(words)):
        if len(word) >= LEAST_LETTERS:
            phrases[word,] = Written.ANY_CASE


def _allow(phrases: dict[Phrase, Written], words: Sequence[str], written: Written) -> None:
    phrase = tuple(words[:MOST_WORDS])
    if phrase not in phrases or phrases[phrase] > written:
        phrases[phrase] = written


def _lengths(phrases: Iterable[Phrase]) -> dict[str, Sequence[int]]:
    """By first word, how many words the phrases have, the longest first."""
    masks: dict[str, int] = {}
    for phrase in phrases:
        masks[phrase[0]] = masks.get(phrase[0], 0) | 1 << len(phrase)
    spread = {mask: [n for n in range(MOST_WORDS, 0, -1) if mask >> n & 1] for mask in set(masks.values())}
    return {word: spread[mask] for word, mask in masks.items()}


def _organisations(tokens: _Tokens, names: Names) -> Iterator[_Span]:
    after = 0
    for at in tokens.starting(names.lengths):
        if at >= after and (end := _name_end(tokens, at, names)):
            after = _tail_end(tokens, end)
            yield _Span("organisation", tokens[at].start, tokens[after - 1].end)


def _name_end(tokens: _Tokens, at: int, names: Names) -> int:
    """Where the longest name that begins at `at` ends, or 0."""
    first = tokens[at]
    for length in names.lengths.get(first.word) or names.lengths.get(first.stem, ()):
        piece = [tokens[n] for n in range(at, min(at + length, len(tokens)))]
        if len(piece) < length or any(_is_break(*pair) for pair in pairwise(piece)):
            continue
        start = tuple(token.word for token in piece[:-1])
        written = names.phrases.get((*start, piece[-1].word)) or names.phrases.get((*start, piece[-1].stem))
        if written and _is_written(written, tokens, at, piece):
            return at + length
    return 0


def _is_break(before: _Token, token: _Token) -> bool:
    """A sentence ends here; the stop of "St. Helens" ends none."""
    return token.begins and before.word != "st"


def _is_written(written: Written, tokens: _Tokens, at: int, piece: Sequence[_Token]) -> bool:
    after = at + len(piece)
    match written:
        case Written.ANY_CASE:
            return True
        case Written.CAPITAL:
            return piece[0].capital or _follows(tokens, after, lambda token: token.word in _PUBLIC)
        case Written.CAPITALS:
            return all(token.capital for token in piece if token.word not in _JOINING)
        case Written.WITHIN:
            return piece[0].capital and (_is_name_here(tokens, at) or _follows(tokens, after, _names_a_body))


def _follows(tokens: _Tokens, at: int, wanted: Callable[[_Token], bool]) -> bool:
    return at < len(tokens) and not tokens[at].apart and wanted(tokens[at])


def _names_a_body(token: _Token) -> bool:
    return token.word in _PUBLIC or (token.word in _GENERIC and token.capital)


def _is_name_here(tokens: _Tokens, at: int) -> bool:
    """Whether the capital of an ordinary word says "name": neither starting a sentence nor among shouted words."""
    if not tokens[at].shouted:
        return not tokens[at].begins
    return not any(tokens[n].shouted for n in (at - 1, at + 1) if 0 <= n < len(tokens))


def _tail_end(tokens: _Tokens, at: int) -> int:
    """Where the generic words after a name end: "Camden" becomes "Camden Drug and Alcohol Team"."""
    end = at
    for next_ in range(at, min(at + MOST_TAIL, len(tokens))):
        token = tokens[next_]
        if token.apart or token.word not in _AT_ENDS:
            break
        end = next_ + 1 if token.word in _BODIES else end
    return end


# ── persons ──────────────────────────────────────────────────────────────────

_TITLES = _listed("mr mrs ms mx dr prof cllr sgt insp supt revd cyng")
# These are also words, initials or ranks without a name: the name after them must be no ordinary word.
_RANKS = _listed(
    """
    athro constable councillor cynghorydd dame dc dci dcs di doctor ds fr inspector lady lord miss parch pc pcso
    professor rev sergeant sir superintendent wpc
    """
)
# Surnames that are ordinary words: after a title or a first name they are none.
_SURNAMES = _listed(
    """
    black brook brown castle church cross day east english field fields forest friend grace grant green grove hall
    hill hope king kings land law long love march mill north page park price stone tower tree vale walk ward water
    west white will wise wolf wood word young
    """
)
_PARTICLES = _listed("ab al ap bin da de del della den der di du el ferch la le ten ter van von")
_MOST_NAMES = 7


def _persons(tokens: _Tokens) -> Iterator[_Span]:
    after = 0
    for at in tokens.starting(_TITLES | _RANKS):
        if at >= after and (end := _person_end(tokens, at)):
            after = end
            yield _Span("person", tokens[at].start, tokens[end - 1].end)


def _person_end(tokens: _Tokens, at: int) -> int:
    """Where the name after the title at `at` ends, or 0 if no name follows."""
    title = tokens[at]
    if not _is_title(title) or (title.word in _RANKS and not title.capital):
        return 0
    after, end = at + 1, 0
    while after < len(tokens) and after - at <= _MOST_NAMES:
        token, before = tokens[after], tokens[after - 1]
        any_word = not end and title.word in _TITLES and not title.shouted and not token.begins
        if not _is_name_part(before, token, any_word):
            break
        after += 1
        end = after if len(token.stem) > 1 and token.capital and not _is_title(token) else end
    return end


def _is_name_part(before: _Token, token: _Token, any_word: bool) -> bool:
    """A capitalised word, an initial, a further title or a particle, close to the word before."""
    short = len(before.word) == 1 or _is_title(before)
    if before.stem != before.word or (token.begins and not (short and token.start - before.end <= 2)):
        return False
    if token.word in _PARTICLES or _is_title(token):
        return True
    known = any_word or (token.stem in _SURNAMES and not token.begins)
    ordinary = token.stem in _ORDINARY or token.stem in _GENERIC
    return token.written[0].isupper() and token.word not in _JOINING and (known or not ordinary)


def _is_title(token: _Token) -> bool:
    return token.word in _TITLES or token.word in _RANKS


# ── addresses and numbers ────────────────────────────────────────────────────
# Possessive quantifiers (`++`) never give back what they took, so that no text makes these slow.

_EMAIL = re.compile(r"(?<![\w.%+'-])[\w.%+'-]++@[\w-]++(?:\.[\w-]++)++")
_WEB = re.compile(r"https?://[^\s<>\"]++|(?<![\w.@-])[a-z0-9-]++(?:\.[a-z0-9-]++)++(?:/[^\s<>\"]*+)?", re.I | re.A)
_BRITISH = tuple(f".{kind}.uk" for kind in ("ac", "co", "gov", "ltd", "me", "nhs", "org", "plc", "police", "sch"))
_WORLDWIDE = (".com", ".cymru", ".eu", ".net", ".org", ".uk", ".wales")
_PUBLIC_SITES = frozenset({"gov.uk", "www.gov.uk", "nhs.uk", "www.nhs.uk"})
_AFTER_ADDRESS = ".,;:!?'\"’”)]}"

_TELEPHONE = re.compile(
    r"(?<![\w£$€.,/])(?:(?:\+|00)44[ -]?(?:\(0\)[ -]?)?\d++|\(?0\d{2,}+)(?:(?:\) ?|[ .-]| - )\(?\d{2,}+){0,6}"
)
_DIGITS = re.compile(r"\d++")
_UK_NUMBER = re.compile(r"0(?:[1-37-9]\d{9}|1\d{8}|[58]00\d{6}|5[56]\d{8})")

_AREAS = (
    "AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|FK|FY|GL|GU|GY"
    "|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|ME|MK|ML|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL"
    "|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE"
    "|[BEGLMNSW]"
)
_POSTCODE = re.compile(
    rf"(?<!\w)(?=[A-Z]{{1,2}}\d|GIR)(?:GIR[ ]?0AA|(?:{_AREAS})(?:\d[\dA-HJKMNPR-Y]?)"
    r"[ \xa0]{0,2}\d[ABD-HJLNP-UW-Z]{2})(?!\w)",
    re.I | re.A,
)
_ORDINAL = re.compile("1st|2nd|3rd|[04-9]th")

_NHS_NUMBER = re.compile(r"(?<![\w-])\d{3}[ -]\d{3}[ -]\d{4}(?![\w-])", re.A)
_NATIONAL_INSURANCE = re.compile(
    r"(?<!\w)(?=[A-Z]{2} ?\d)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r" ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)",
    re.I | re.A,
)


def _emails(text: str) -> Iterator[_Span]:
    for found in _EMAIL.finditer(text) if "@" in text else ():
        start = found.start() + len(found[0]) - len(found[0].lstrip(".-'"))
        if found[0].rpartition(".")[2].isalpha() and text[start] != "@":
            yield _Span("e-mail address", start, found.end())


def _web_addresses(text: str) -> Iterator[_Span]:
    for found in _WEB.finditer(text):
        address = found[0].rstrip(_AFTER_ADDRESS)
        if _is_site(address) and address.lower() not in _PUBLIC_SITES:
            yield _Span("web address", found.start(), found.start() + len(address))


def _is_site(address: str) -> bool:
    """Not "etc.and": it says http or www, or it ends as British or, in small letters, other addresses do."""
    scheme, _, rest = address.rpartition("://")
    site = rest.partition("/")[0]
    if scheme:
        return any(map(str.isalnum, site))
    named = site.lower().startswith("www.") and site.count(".") > 1
    return named or site.lower().endswith(_BRITISH) or site.endswith(_WORLDWIDE)


def _telephones(text: str) -> Iterator[_Span]:
    at = 0
    while found := _TELEPHONE.search(text, at):
        end = _telephone_end(text, found.start(), found.end())
        if end:
            opened = text[found.start()] == "(" and ")" not in text[found.start() : end]
            yield _Span("telephone number", found.start() + opened, end)
        at = end or found.end()


def _telephone_end(text: str, start: int, end: int) -> int:
    """After how many of the groups of digits there is a British number; 0 if after none."""
    digits, best = "", 0
    for group in _DIGITS.finditer(text, start, end):
        digits += group[0]
        national = re.sub("^(?:0044|44)0?", "0", digits) if digits.startswith(("0044", "44")) else digits
        if _UK_NUMBER.fullmatch(national):
            best = group.end()
    return best


def _postcodes(text: str) -> Iterator[_Span]:
    for found in _POSTCODE.finditer(text):
        spaced = not found[0].isalnum()
        if (spaced or found[0].isupper()) and not _ORDINAL.fullmatch(found[0][-3:]):
            yield _Span("postcode", found.start(), found.end())


def _references(text: str) -> Iterator[_Span]:
    for found in _NHS_NUMBER.finditer(text):
        if _is_nhs_number([int(c) for c in found[0] if c.isdecimal()]):
            yield _Span("reference number", found.start(), found.end())
    for found in _NATIONAL_INSURANCE.finditer(text):
        yield _Span("reference number", found.start(), found.end())


def _is_nhs_number(digits: Sequence[int]) -> bool:
    """The last digit makes the sum, weighted 10 to 1, a multiple of 11."""
    weighted = sum(weight * digit for weight, digit in zip(range(10, 0, -1), digits, strict=True))
    return weighted % 11 == 0 and len(set(digits)) > 1
