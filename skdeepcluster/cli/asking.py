"""``skdeepcluster ask``: the pairs of rows worth asking a person about."""

import sys

from .columns import columns_writer, prepare_table
from .constraints import NO, YES, constrained_options, read_pairs, row_labels, said_of
from .files import RESULT_COLUMNS, read, write_whole
from .messages import (
    CommandError,
    counted,
    keep_quiet,
    print_lines,
    say,
    shortened,
    warnings_as_notes,
)
from .outputs import check_outputs, table_writer, write_outputs

ANSWER_COLUMNS = ("row", "other", "together")
UNKNOWN = ("?", "unknown")
# Columns of a table that a question shows.
MOST_COLUMNS = 12


class _StoppedError(Exception):
    """The person has had enough."""


class Answers:
    """Questions and their answers, in a file that is written anew after each.

    Parameters
    ----------
    args : Namespace
        With the options about files and rows.
    prepared : Prepared
        The table of the rows.
    """

    def __init__(self, args, prepared):
        self.path, self.names = args.answers, row_labels(args, prepared)
        self.said, self.waiting = {}, []
        self.columns, self.remarks = ANSWER_COLUMNS, {}
        if not self.path.exists():
            return
        pairs, table = read_pairs(self.path, args, prepared)
        frame, cells = table.frame, table.source.to_pandas().fillna("")
        if frame.shape[1] < 3:
            raise CommandError(f"{self.path} lacks a third column with the answers")
        self.columns = cells.columns.tolist()
        remarks = cells.iloc[:, 3:].itertuples(index=False, name=None)
        for pair, cell, remark in zip(
            pairs.tolist(), frame.iloc[:, 2], remarks, strict=True
        ):
            self._take(tuple(pair), self._parsed(cell))
            self.remarks.setdefault(tuple(pair), remark)

    def _take(self, pair, answer):
        """Take up one line of the file."""
        if answer == "":
            self.waiting.append(pair)
            return
        same = pair if pair in self.said else pair[::-1]
        before = self.said.get(same)
        if before is not None and answer is not None and before != answer:
            i, j = (self.names[row] for row in pair)
            raise CommandError(
                f"{self.path} says both yes and no of rows {i} and {j}: keep one"
            )
        if same not in self.said or before is None:
            self.said.pop(same, None)
            self.said[pair] = answer

    def _parsed(self, cell):
        """True, False, None for "I do not know", or "" where nothing is said."""
        if cell is None or cell != cell:
            return ""
        text = str(cell).strip().lower().removesuffix(".0")
        if text in ("", *YES, *NO, *UNKNOWN):
            known = {"": "", **dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}
            return known.get(text)
        raise CommandError(
            f"{self.path}: {cell!r} is no answer; say yes, no or ? in the third column"
        )

    @property
    def links(self):
        """Pairs that belong together, and apart, as arguments of ``fit``."""
        return {
            "must_link": [pair for pair, said in self.said.items() if said is True],
            "cannot_link": [pair for pair, said in self.said.items() if said is False],
        }

    @property
    def unknown_rows(self):
        """Rows that were asked about in vain."""
        return {pair[0] for pair, said in self.said.items() if said is None}

    def write(self, path):
        """Write all answers, and the questions that wait for one."""
        import pandas as pd

        words = {True: "yes", False: "no", None: "?"}
        rows = [(*pair, words[said]) for pair, said in self.said.items()]
        rows += [(*pair, "") for pair in self.waiting]
        none = ("",) * (len(self.columns) - 3)
        rows = [
            (self.names[i], self.names[j], said, *self.remarks.get((i, j), none))
            for i, j, said in rows
        ]
        pd.DataFrame(rows, columns=self.columns).to_csv(path, index=False)


def ask(args):
    """Run ``skdeepcluster ask``."""
    note = keep_quiet if args.quiet else say
    check_outputs(args)
    table = read(args, RESULT_COLUMNS[:1])
    for text in table.notes:
        note(text)
    prepared = prepare_table(args, table, note)
    answers = Answers(args, prepared)
    note(f"{args.answers}: {counted(len(answers.said), 'answer')} so far")
    lines, writers = [], {"columns": columns_writer(prepared)}
    with warnings_as_notes(note):
        model = fitted(args, prepared, answers)
        if sys.stdin is not None and sys.stdin.isatty():
            model = ask_person(args, prepared, answers)
        else:
            lines = next_questions(args, prepared, answers, model)
            writers["answers"] = answers.write
    writers["out"] = table_writer(args, table, ("cluster",), model.labels_)
    write_outputs(args, note, writers)
    print_lines([*lines, summary(model, answers)], sys.stdout)


def _estimator(args):
    from .. import ConstrainedKMeans

    return ConstrainedKMeans(
        args.n_clusters, random_state=args.random_state, **constrained_options(args)
    )


def fitted(args, prepared, answers):
    """Cluster the rows with the answers so far."""
    links = {kind: pairs or None for kind, pairs in answers.links.items()}
    try:
        return _estimator(args).fit(prepared.X, **links)
    except ValueError as error:
        raise CommandError(said_of(error, answers.names)) from error


def ask_person(args, prepared, answers):
    """Ask in the terminal, one question after the other; each answer is kept."""
    from ..model_selection import ask_pairs

    n_asked = 0

    def answer(i, j):
        nonlocal n_asked
        n_asked += 1
        lines = [f"question {n_asked} of {args.n}", *question(prepared, answers, i, j)]
        print_lines(lines, sys.stdout)
        said = prompted()
        answers.said[i, j] = said
        answers.waiting = []
        write_whole({answers.path: answers.write})
        return said

    try:
        model, *_ = ask_pairs(
            _estimator(args),
            prepared.X,
            answer,
            args.n,
            **answers.links,
            skip_rows=sorted(answers.unknown_rows),
        )
    except _StoppedError:
        return fitted(args, prepared, answers)
    except ValueError as error:
        raise CommandError(said_of(error, answers.names)) from error
    if n_asked < args.n:
        print_lines(["nothing more is to be asked"], sys.stdout)
    return model


def prompted():
    """Ask until there is an answer."""
    while True:
        try:
            text = input("together? yes, no, ? (unknown) or q (quit): ")
        except EOFError as error:
            raise _StoppedError from error
        text = text.strip().lower()
        if text in ("q", "quit"):
            raise _StoppedError
        if text in (*YES, *NO, *UNKNOWN):
            return None if text in UNKNOWN else text in YES


def next_questions(args, prepared, answers, model):
    """Add the next questions to the answers; return them as lines."""
    unknown = answers.unknown_rows
    pairs = model.query_pairs(prepared.X, args.n + len(unknown)).tolist()
    answers.waiting = [tuple(pair) for pair in pairs if pair[0] not in unknown]
    answers.waiting = answers.waiting[: args.n]
    lines = []
    for pair in answers.waiting:
        lines += [*question(prepared, answers, *pair), ""]
    n = len(answers.waiting)
    lines.append(
        f"{counted(n, 'question')}: write yes, no or ? beside each in "
        f"{args.answers}, and run the command again"
        if n
        else "nothing more is to be asked"
    )
    return lines


def question(prepared, answers, i, j):
    """Two rows side by side: the columns in use, those that differ first."""
    frame = prepared.used.iloc[[i, j]]
    names = [str(answers.names[row]) for row in (i, j)]
    cells = [(str(name), *map(_cell_text, frame[name])) for name in frame.columns]
    cells.sort(key=lambda row: row[1] == row[2])
    lines = [("", *(f"row {name}" for name in names)), *cells[:MOST_COLUMNS]]
    widths = [max(len(line[part]) for line in lines) for part in range(3)]
    shown = [
        "  " + "  ".join(f"{cell:<{widths[part]}}" for part, cell in enumerate(line))
        for line in lines
    ]
    more = len(cells) - MOST_COLUMNS
    return [line.rstrip() for line in shown] + [f"  and {more} more"] * (more > 0)


def _cell_text(value):
    """A cell as a person reads it; a gap is a dash."""
    if value is None or value != value:
        return "-"
    return shortened(f"{value:g}" if isinstance(value, float) else str(value))


def summary(model, answers):
    """Say what the groups are like, in one line."""
    sizes = ", ".join(f"{size:,.0f}" for size in model.sizes_)
    links = answers.links
    n = len(links["must_link"]) + len(links["cannot_link"])
    broken = f", {model.n_violated_:,} of them not kept" * (model.n_violated_ > 0)
    by = counted(n, "answer")
    clusters = counted(model.n_clusters_, "cluster")
    return f"{clusters} of {sizes} rows, by {by}{broken}"
