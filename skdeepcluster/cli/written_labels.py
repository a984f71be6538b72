"""Labels that a column holds: identifiers, which no reading changes."""

import re

from .messages import CommandError, first_line

WHOLE = re.compile(r"(-?(?:0|[1-9]\d*))(?:\.0)?")
# Integers beyond leave novel classes no number of 64 bits.
LARGEST_LABEL = 2**62


def partial_labels(column, note):
    """Read labels: as numbers where that changes none of them, otherwise as words.

    Integers stay what they are, however long; so do words such as 007 and 1e3.

    Parameters
    ----------
    column : Series of shape (n_samples,)
        The labels; text as it is written in the file.
    note : callable
        Told of words that were taken as marks of absence.

    Returns
    -------
    y : ndarray of shape (n_samples,)
        For ``fit(X, y)``.
    labeled : ndarray of shape (n_samples,), dtype=bool
        Whether a row has a label.
    """
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype

    from .._labels import PartialLabels

    cells = column.astype(object).where(column.notna(), None).tolist()
    if is_float_dtype(column):
        y = column.to_numpy(dtype="float64", na_value=float("nan"))
    elif is_integer_dtype(column) and not is_bool_dtype(column):
        y = within_64_bits(cells)
    else:
        words = [None if cell is None else str(cell) for cell in cells]
        numbers, absent = numbers_by_word(dict.fromkeys(words))
        y = within_64_bits([numbers.get(word) for word in words]) if numbers else words
        if numbers and absent:
            marks = ", ".join(map(repr, absent))
            note(f"marks of absence among the numbers of {column.name}: {marks}")
    y = np.asarray(y, dtype=None if is_float_dtype(column) else object)
    try:
        return y, PartialLabels(y, y).labeled
    except ValueError as error:
        reason = first_line(error).removeprefix("y holds ")
        raise CommandError(f"--label {column.name}: it holds {reason}") from error


def numbers_by_word(words):
    """The number that each word writes, if all but marks of absence write one.

    Returns
    -------
    numbers : dict of str to int or float
        Empty where a word is no number, or two are the same one.
    absent : list of str
        Words that mark an absent number.
    """
    from ..tables._text_forms import MARKS_AMONG_NUMBERS, tidied

    words = [word for word in words if word is not None]
    absent = [word for word in words if tidied(word) in MARKS_AMONG_NUMBERS]
    numbers = {word: written_number(word) for word in {*words}.difference(absent)}
    are_apart = len(set(numbers.values())) == len(numbers)
    if None in numbers.values() or not are_apart:
        return {}, absent
    return numbers, absent


def written_number(word):
    """The number that is written so and not otherwise; None for a word."""
    whole = WHOLE.fullmatch(word)
    if whole:
        return int(whole[1])
    try:
        return float(word) if repr(float(word)) == word else None
    except ValueError:
        return None


def within_64_bits(cells):
    """Make words of all integers where one is too long; -1 still marks a gap."""
    if not any(isinstance(v, int) and v > LARGEST_LABEL for v in {*cells}):
        return cells
    return [cell if cell in (None, -1) else str(cell) for cell in cells]
