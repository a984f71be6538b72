"""Compare the seconds of a few callables, measured alternately.

A machine's speed drifts: calls taken in turn meet the same drift, so each is
compared with the reference's call of the same turn, and the median leaves out
the odd interruption.
"""

from operator import truediv
from statistics import median

from runner import command, format_table, versions


def alternate(candidates, repeats):
    """Call each candidate once to warm up, then in turn.

    Parameters
    ----------
    candidates : dict of str to callable
        Each returns the seconds that it took, as it wants them counted.
    repeats : int
        Measured calls of each.

    Returns
    -------
    seconds : dict of str to list of float
    """
    for candidate in candidates.values():
        candidate()
    seconds = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, candidate in candidates.items():
            seconds[name].append(candidate())
    return seconds


def page(title, seconds, *, unit, notes=()):
    """Lay out medians as a Markdown page; the first name is the reference."""
    reference = next(iter(seconds.values()))
    body = [
        [
            name,
            f"{1e3 * median(values):.1f} ({1e3 * min(values):.1f}-"
            f"{1e3 * max(values):.1f})",
            f"{median(map(truediv, values, reference)):.2f}",
        ]
        for name, values in seconds.items()
    ]
    header = [f"- Command: `{command()}`", f"- Versions: {versions()}"]
    header += [f"- {note}" for note in notes]
    table = format_table(["", f"{unit}, median (min-max)", "median ratio"], body)
    return f"# {title}\n\n" + "\n".join(header) + f"\n\n{table}\n"
