"""Numbers and shares as people read them; nothing heavy is imported here."""


def three_digits(number):
    """Write a number with three digits, without powers of ten where it can be."""
    return f"{number:,.0f}" if 1e3 <= abs(number) < 1e7 else f"{number:.3g}"


def percent(share):
    """Write a share; 0% means none, and 100% all."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"
