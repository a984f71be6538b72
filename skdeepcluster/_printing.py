"""Text of users on terminals, pages and pictures: visible, and of bounded length."""

import html


def visible(text):
    """Write anything as one line in which nothing is obeyed or hidden.

    What a terminal would act on (escapes, line breaks, marks that turn the direction
    of writing) is written as Python writes it.

    Examples
    --------
    >>> from skdeepcluster._printing import visible
    >>> print(visible("red\\x1b[2J"))
    red\\x1b[2J
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shortened(text, at_most=60):
    """Write anything as one visible line, the middle of a long one left out.

    Examples
    --------
    >>> from skdeepcluster._printing import shortened
    >>> shortened("a name that nobody wants to read to its end", at_most=16)
    'a name tha…s end'
    """
    text = str(text)
    if len(text) <= at_most:
        return visible(text)
    end = at_most // 3
    return visible(f"{text[: at_most - end - 1]}…{text[-end:]}")


def escape(text):
    """Write anything into a page, line by line: no browser or editor acts on it."""
    return html.escape("\n".join(map(visible, str(text).split("\n"))))
