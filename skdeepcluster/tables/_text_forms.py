"""Text that stands for numbers, dates, times or nothing: how to read it.

    form = find_form(texts, counts)      # None: words, which stay words
    values, odd = parse_texts(texts, form)

A form is found from all different texts of a column at once, since "2.575" alone
may be two and a half or two and a half thousand, but beside "693" and "12.400" it
is not. What a form does not understand is said, never guessed at.
"""

import datetime
import re
from typing import NamedTuple

import numpy as np

# Marks of absence in any column; None and - are words too, so they count among
# numbers only.
MARKS_ANYWHERE = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "<na>", "nat", "?"})
MARKS_AMONG_NUMBERS = MARKS_ANYWHERE | {
    "-",
    "--",
    "---",
    "–",
    "—",
    ".",
    "..",
    "*",
    "none",
    "nil",
    "missing",
    "(missing)",
    "unknown",
    "unk",
    "n.a.",
    "n.d.",
    "nd",
    "k.a.",
    "k. a.",
    "tbd",
    "#div/0!",
    "#value!",
    "#ref!",
    "#null!",
    "not available",
    "no data",
}  # fmt: skip
# Share of the cells that must be numbers for the others to count as gaps.
MOSTLY_NUMBERS, LEAST_NUMBERS = 0.9, 10
# Words are known as such from so many texts.
SAMPLE = 1_000
CURRENCIES = (
    r"(?:US\$|A\$|C\$|R\$|[$€£¥₹₽₩₺]|USD|EUR|GBP|CHF|JPY|CNY|SEK|NOK|DKK|kr|zł)"
)
WORD = r"[µμ]?[A-Za-zµμΩ]{1,10}[²³23]?"
UNIT = rf"(?:%|‰|°[CFK]?|['′″]|{WORD}(?:(?: ?/ ?|·|\*| per )\d{{0,4}} ?{WORD})*\.?)"
NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+−–])?\s*(?P<before>{CURRENCIES})?\s*(?P<sign2>[-+−–])?"
    r"(?P<body>\d[\d.,'’\u00a0\u202f \u2009]*|[.,]\d+)"
    r"(?P<power>[eE][-+]?\d{1,3})?\s*"
    rf"(?P<after>{CURRENCIES}|{UNIT})?\s*(?(open)\))"
)
THIN_SPACES = re.compile("[\u00a0\u202f\u2009 ]")
TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*([AaPp]\.?[Mm]\.?)?")
CLOCK = (
    r"(?:[ T]+(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)"
    r"(?P<zone>Z| ?[-+]\d{2}:?\d{2})?)?"
)
YEAR_FIRST = re.compile(
    r"(?P<y>1[5-9]\d\d|2[01]\d\d)(?:(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"
    r"|[-/](?P<month>\d{1,2}))" + CLOCK
)
YEAR_LAST = re.compile(
    r"(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})" + CLOCK
)
MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
DAY_MONTH = re.compile(
    r"(?:[A-Za-z]{2,9},? )?(?P<d>\d{1,2})[. -]{1,2}(?P<m>[A-Za-z]{3,9})\.?[, -]{1,2}"
    r"(?P<y>\d{4}|\d{2})" + CLOCK
)
MONTH_DAY = re.compile(
    r"(?:[A-Za-z]{2,9},? )?(?P<m>[A-Za-z]{3,9})\.? (?P<d>\d{1,2}),? (?P<y>\d{4})"
    + CLOCK
)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
TRUTHS = {"true": 1.0, "false": 0.0}


class TextForm(NamedTuple):
    """How the texts of a column are read."""

    kind: str  # "number", "date", "time" or "boolean"
    decimal: str = "."
    thousands: str = ""  # marks between groups of three digits
    unit: str = ""
    day_first: bool = False
    marks: tuple = ()  # texts that stand for a gap, in lower case
    note: str = ""  # what is not certain about it


def tidied(text):
    """A text without spaces around it, in lower case: how marks are compared."""
    return text.strip().lower()


def find_form(texts, counts, *, decimal=None, thousands=None, marks=None, date=False):
    """Find how the texts of a column are to be read.

    Parameters
    ----------
    texts : sequence of str
        The different texts.
    counts : ndarray of shape (n_texts,)
        How many rows hold each.
    decimal, thousands : str, default=None
        Marks in numbers; None to find them.
    marks : collection of str, default=None
        Texts that stand for a gap; None for the usual ones.
    date : bool, default=False
        Whether the texts are dates, whatever else they may be.

    Returns
    -------
    TextForm or None
        None for words.
    """
    if len(texts) > SAMPLE:
        form = find_form(
            texts[:SAMPLE],
            counts[:SAMPLE],
            decimal=decimal,
            thousands=thousands,
            marks=marks,
            date=date,
        )
        if form is None:
            return None
    known = MARKS_AMONG_NUMBERS if marks is None else {tidied(m) for m in marks} | {""}
    absent = [tidied(text) in known for text in texts]
    pairs = list(zip(texts, absent, strict=True))
    kept = [text.strip() for text, is_gap in pairs if not is_gap]
    if not kept:
        return None
    weights = np.asarray(counts)[~np.array(absent)]
    found = tuple(sorted({tidied(text) for text, is_gap in pairs if is_gap}))
    if all(text.lower() in TRUTHS for text in kept):
        return TextForm("boolean", marks=found)
    for form in (time_form(kept), date_form(kept, date)):
        if form is not None:
            return form._replace(marks=found)
    form = number_form(kept, weights, decimal, thousands)
    return None if form is None else form._replace(marks=found)


def parse_texts(texts, form):
    """Read texts by a form.

    Returns
    -------
    values : ndarray of shape (n_texts,)
        Numbers; seconds since 1970 for dates, of the day for times. NaN for a gap.
    odd : ndarray of shape (n_texts,), dtype=bool
        Mask of texts that are neither a mark of absence nor understood.
    """
    read = {
        "number": read_number,
        "boolean": lambda text, form: TRUTHS.get(text.lower()),
        "time": lambda text, form: seconds_of_day(text),
        "date": seconds_of_date,
    }[form.kind]
    values = np.full(len(texts), np.nan)
    odd = np.zeros(len(texts), dtype=bool)
    for i, text in enumerate(texts):
        if tidied(text) in form.marks or not text.strip():
            continue
        value = read(text.strip(), form)
        odd[i] = value is None
        values[i] = np.nan if value is None else value
    return values, odd


# Numbers --------------------------------------------------------------------


def number_form(texts, weights, decimal, thousands):
    """Find the marks and the unit of texts that are numbers for the most part."""
    matches = [NUMBER.fullmatch(text) for text in texts]
    fits = np.array([match is not None for match in matches])
    share = weights[fits].sum() / weights.sum()
    if share < 1 and (share < MOSTLY_NUMBERS or weights[fits].sum() < LEAST_NUMBERS):
        return None
    matches = [match for match in matches if match]
    units = {m["before"] or m["after"] or "" for m in matches}
    n_bare = sum(not (m["before"] or m["after"]) for m in matches)
    # A unit on a few cells is a word, such as that of "5 or more".
    if len(units - {""}) > 1 or (len(units) == 2 and 2 * n_bare > len(matches)):
        return None
    bodies = [m["body"].strip() for m in matches]
    if are_codes(bodies):
        return None
    marks = number_marks(bodies, decimal, thousands)
    if marks is None:
        return None
    form = TextForm("number", *marks[:2], unit=max(units), note=marks[2])
    values = [read_number(m[0], form) for m in matches]
    if any(value is None for value in values):
        return None
    # A float could not tell such whole numbers from their neighbours.
    whole = [abs(v) for v, m in zip(values, matches, strict=True) if is_whole(m)]
    return None if max(whole, default=0) > 2.0**53 else form


def is_whole(match):
    """Whether a number is written with nothing but digits."""
    return match["body"].strip().isdigit() and not match["power"]


def are_codes(bodies):
    """Whether digits are a code, such as 00123, rather than a quantity."""
    return any(
        len(body) > 1 and body[0] == "0" and body[1] not in ".," for body in bodies
    )


def number_marks(bodies, decimal, thousands):
    """Decimal mark and thousands mark of digits with marks, and what is unsure.

    Returns
    -------
    tuple of (str, str, str) or None
        None where no marks make numbers of all.
    """
    if decimal is not None:
        return decimal, thousands or "", ""
    spaced = {mark for body in bodies for mark in re.findall(r"[^\d.,]", body)}
    if any(THIN_SPACES.match(mark) for mark in spaced):
        spaced = {mark for mark in spaced if not THIN_SPACES.match(mark)} | {" "}
    if len(spaced) > 1:
        return None
    bare = [re.sub(r"[^\d.,]", "", body) for body in bodies]
    both = [body for body in bare if "." in body and "," in body]
    if both:
        decimals = {body[max(body.rfind("."), body.rfind(","))] for body in both}
        if len(decimals) > 1 or spaced:
            return None
        point = decimals.pop()
        return point, "," if point == "." else ".", ""
    marks = {mark for body in bare for mark in body if mark in ".,"}
    if spaced:
        if len(marks) > 1:
            return None
        return (marks.pop() if marks else "."), spaced.pop(), ""
    if len(marks) > 1:
        return mixed_marks(bare, thousands)
    if not marks:
        return ".", thousands or "", ""
    return single_mark(bare, marks.pop(), thousands)


def mixed_marks(bodies, thousands):
    """Marks where points and commas stand in different cells: one is of thousands."""
    for point, group in ((".", ","), (",", ".")):
        grouped = [body for body in bodies if group in body]
        if all(is_grouped(body, group) for body in grouped) and any(
            not is_grouped(body, point) for body in bodies if point in body
        ):
            return point, group, ""
    return None


def single_mark(bodies, mark, thousands):
    """Whether the only mark of a column is of decimals or of thousands."""
    other = "." if mark == "," else ","
    marked = [body for body in bodies if mark in body]
    if thousands == mark:
        return other, mark, ""
    if not all(is_grouped(body, mark) for body in marked):
        many = any(body.count(mark) > 1 for body in marked)
        return None if many else (mark, "", "")
    if any(body.count(mark) > 1 for body in marked):
        return other, mark, ""
    plain = [int(body) for body in bodies if mark not in body]
    # With thousands marked, no number of four digits goes without the mark.
    if max(plain, default=0) >= 1000:
        return mark, "", ""
    if plain and len(marked) > 1:
        return other, mark, ""
    if mark == ",":
        return other, mark, f"{marked[0]!r} is read with a mark of thousands"
    return mark, "", f"{marked[0]!r} is read with a decimal mark"


def is_grouped(body, mark):
    """Whether marks stand before groups of three digits, or two as in India."""
    mark = re.escape(mark)
    return bool(re.fullmatch(rf"[1-9]\d{{0,2}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}", body))


def read_number(text, form):
    """Read one number by a form; None where it is not of the form."""
    match = NUMBER.fullmatch(text)
    if match is None:
        return None
    unit = match["before"] or match["after"] or ""
    if unit not in ("", form.unit):
        return None
    body = match["body"].strip()
    if form.thousands:
        is_space = form.thousands == " "
        mark = THIN_SPACES.pattern if is_space else re.escape(form.thousands)
        whole = re.split(re.escape(form.decimal), body)[0]
        if re.search(mark, whole) and not re.fullmatch(
            rf"\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}", whole
        ):
            return None
        body = re.sub(mark, "", body)
    body = body.replace(form.decimal, ".") if form.decimal != "." else body
    try:
        value = float(body + (match["power"] or ""))
    except ValueError:
        return None
    minus = (match["sign"] or match["sign2"] or "+") in "-−–"
    return -value if minus or match["open"] else value


# Times and dates ------------------------------------------------------------


def time_form(texts):
    """The form of times of day, if all texts are such."""
    is_time = all(seconds_of_day(text) is not None for text in texts)
    return TextForm("time") if is_time else None


def seconds_of_day(text):
    """Seconds since midnight; None for what is no time of day."""
    match = TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), float(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * match[4].lower().startswith("p")
    if hour > 23 or minute > 59 or second >= 60:
        return None
    return 3600.0 * hour + 60.0 * minute + second


def date_form(texts, asked):
    """The form of dates, if all texts are such; the order of day and month with it."""
    matches = [YEAR_LAST.fullmatch(text) for text in texts]
    known = [match for match in matches if match]
    first = max((int(match["a"]) for match in known), default=0)
    second = max((int(match["b"]) for match in known), default=0)
    day_first = first > 12 or (second <= 12 and any(m["s"] == "." for m in known))
    form = TextForm("date", day_first=day_first)
    texts = texts if asked else [text for text in texts if not text.isdigit()] or [""]
    if any(seconds_of_date(text, form) is None for text in texts):
        return None
    if known and first <= 12 and second <= 12:
        order = "day first" if day_first else "month first"
        form = form._replace(note=f"{known[0][0]!r} is read with the {order}")
    return form


def seconds_of_date(text, form):
    """Seconds since 1970; None for what is no date of the form."""
    parts = date_parts(text, form.day_first)
    if parts is None:
        return None
    year, month, day, match = parts
    try:
        date = datetime.datetime(year, month, day, tzinfo=datetime.UTC)
    except ValueError:
        return None
    seconds = (date - EPOCH).total_seconds()
    if match["clock"]:
        clock = seconds_of_day(match["clock"])
        if clock is None:
            return None
        seconds += clock - zone_seconds(match["zone"])
    return seconds


def zone_seconds(zone):
    """Seconds that a zone such as +02:00 is ahead."""
    digits = re.sub(r"[^\d]", "", zone or "")
    if not digits:
        return 0.0
    ahead = 3600.0 * int(digits[:2]) + 60.0 * int(digits[2:])
    return -ahead if "-" in zone else ahead


def date_parts(text, day_first):
    """Year, month, day of a date and the match of its clock; None for no date."""
    match = YEAR_FIRST.fullmatch(text)
    if match:
        month = int(match["m"] or match["month"])
        return int(match["y"]), month, int(match["d"] or 1), match
    match = YEAR_LAST.fullmatch(text)
    if match:
        day, month = (match["a"], match["b"]) if day_first else (match["b"], match["a"])
        return full_year(match["y"]), int(month), int(day), match
    match = DAY_MONTH.fullmatch(text) or MONTH_DAY.fullmatch(text)
    place = MONTHS.find(match["m"][:3].lower()) if match else -1
    if place % 3:
        return None
    return full_year(match["y"]), place // 3 + 1, int(match["d"]), match


def full_year(text):
    """A year of two digits is one of the hundred around the millennium."""
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year > 68 else 2000)
