"""``cluster`` and ``predict`` on tables that are not in memory at once.

One pass over the files takes a sample of the rows (``tables._table_sample``), which
decides on the columns and on the clusters; a second one labels the rows, and writes
one file for each that it reads. Neither the order of the files nor the size of a
batch changes the result.
"""

import gzip
import hashlib
import json
import sys
from argparse import Namespace
from contextlib import ExitStack, closing
from os import W_OK, access
from os.path import realpath

from .clusters import TAKE_COLUMNS, choice_notes, method_note, number_by_size
from .columns import columns_writer, prepare_table
from .constraints import check_constraints
from .edges import check_edges
from .files import identifiers, only_writer, require, write_whole
from .messages import (
    CommandError,
    first_line,
    keep_quiet,
    listed,
    once,
    print_lines,
    say,
    warnings_as_notes,
)
from .outputs import check_outputs, model_writer, write_outputs
from .source_files import is_table, opaque_names, open_batches, said_files, said_of

MANIFEST = "_skdeepcluster.json"
# Options that need all rows at once.
WHOLE = ("plot", "report", "table_file", "compare", "edges")
WHOLE += ("size_min", "size_max", "must_link", "cannot_link")
CONFIDENCE, UNLIKE = "cluster_confidence", "cluster_unlike"
# Options that change what is read or written, beside the model.
ASKED = ("command", "id", "copy_columns", "sep", "decimal", "thousands", "no_header")
ASKED += ("missing", "numeric", "categorical", "date")
# What a model is fitted by: another version may give other bits.
LIBRARIES = ("skdeepcluster", "numpy", "scipy", "scikit-learn", "numba", "pandas")
LIBRARIES += ("torch", "skorch", "cvxpy")
# Options that change nothing of a model.
PATHS_AND_NOTES = ("run", "table", "out", "save", "columns", "quiet", "memory")


def cluster_parts(args, source):
    """Run ``skdeepcluster cluster`` on files of any size."""
    note = once(keep_quiet if args.quiet else say)
    check_parts(args, source)
    batches = opened_batches(args, source, note)
    with warnings_as_notes(note):
        prepared = learned_table(args, source, batches, note)
        estimator, labels = fitted(args, prepared, note)
    takes_columns = args.method in TAKE_COLUMNS
    writers = {
        "columns": columns_writer(prepared),
        "save": model_writer(prepared, estimator, labels, takes_columns),
    }
    write_outputs(args, note, writers)
    if args.out is None:
        print_lines([f"{len(set(labels.tolist()))} clusters"], sys.stdout)
        return
    from .models import saved_model

    model = saved_model(prepared, estimator, labels, takes_columns).named_steps
    fingerprint = fingerprint_of(learned_from(args, prepared), args)
    label_files(args, source, batches, (*model.values(),), fingerprint, note)


def predict_parts(args, source, columns, estimator):
    """Run ``skdeepcluster predict`` on files of any size."""
    note = keep_quiet if args.quiet else say
    check_parts(args, source)
    if args.out is None:
        raise CommandError(f"--out FOLDER is missing: {args.table} is read in parts")
    names = label_names(estimator)
    batches = opened_batches(args, source, note, names, columns.forms)
    if batches.is_text and args.missing is None:
        known = {c.name: c.sentinels for c in columns.encoder.columns_ if c.sentinels}
        batches.marks.update(known)
    fingerprint = fingerprint_of(args.model.read_bytes(), args)
    label_files(args, source, batches, (columns, estimator), fingerprint, note)


def check_parts(args, source):
    """Refuse what cannot be done or written in parts, before any work."""
    for option in WHOLE:
        if getattr(args, option, None) is not None:
            named = option.removesuffix("_file").replace("_", "-")
            raise CommandError(
                f"--{named} needs all rows in memory: "
                f"{args.table} is read in parts; give it one file and a larger "
                "--memory, or leave the option out"
            )
    if args.command == "cluster":
        check_edges(args)
        check_constraints(args)
        if args.out is None and args.save is None:
            raise CommandError(
                f"{args.table} is read in parts: say --out FOLDER, --save MODEL or both"
            )
    # That --out is a folder here is checked below.
    check_outputs(Namespace(**{**vars(args), "out": None}))
    if args.out is not None:
        check_folder(args, source)
    check_nothing_lost(args, source)


def check_folder(args, source):
    """Refuse a folder for the results that holds, or is within, something else."""
    out, table = args.out, args.table
    if not out.is_dir() and (out.exists() or is_table(out)):
        raise CommandError(f"--out {out}: {table} is read in parts, name a folder")
    if table.is_dir() and out.resolve().is_relative_to(table.resolve()):
        raise CommandError(f"--out {out} lies within {table}: name another folder")
    above = next(folder for folder in [out, *out.resolve().parents] if folder.exists())
    if not (above.is_dir() and access(above, W_OK)):
        raise CommandError(f"cannot write to {out}: {above} is no writable folder")
    if out.is_dir():
        written = parts_of(out)
        for path in source.files:
            name = source.name_of(path)
            if (out / name).exists() and name not in written:
                raise CommandError(
                    f"{out / name} is there, and no result of this command: name "
                    "another --out"
                )


def check_nothing_lost(args, source):
    """Refuse to write over what is read, through links too, or one file twice."""
    kept = dict.fromkeys(map(realpath, source.files), "read")
    if args.command == "predict":
        kept[realpath(args.model)] = "the model"
    if args.out is not None:
        names = [*map(source.name_of, source.files), MANIFEST]
        targets = {realpath(args.out / name): args.out / name for name in names}
        for target, path in targets.items():
            if target in kept:
                raise CommandError(
                    f"--out {args.out}: {path} is {kept[target]}, and would be lost: "
                    "name another folder"
                )
        kept |= dict.fromkeys(targets, "a file of --out")
    for option in ("save", "columns"):
        path = getattr(args, option, None)
        if path is None:
            continue
        if realpath(path) in kept:
            raise CommandError(
                f"--{option} {path} is {kept[realpath(path)]}, and would be lost: name "
                "another file"
            )
        is_within = path.resolve().is_relative_to(args.table.resolve())
        if args.table.is_dir() and is_within and is_table(path):
            raise CommandError(
                f"--{option} {path} lies within {args.table}, and would be read as a "
                "part of it: name another file"
            )


def opened_batches(args, source, note, names=("cluster",), forms=None):
    """Say how the files are read; the names of the result are free."""
    batches = open_batches(args, source, forms)
    for text in batches.notes:
        note(text)
    kept = batches.names if args.copy_columns else identifiers(args)
    for name in (*names, CONFIDENCE, UNLIKE):
        if name in kept:
            raise CommandError(
                f"{args.table} already has a column {name!r}: rename it, since the "
                "result takes this name"
            )
    return batches


def learned_table(args, source, batches, note):
    """Take a sample of all rows, and decide on its columns."""
    import pyarrow as pa

    from ..streaming._stream_sample import CAPACITY
    from ..tables._frames import frame_of_cells, table_cells
    from ..tables._table_sample import TableSample
    from ..tables.reading import TableFile

    unread = {*args.drop, *identifiers(args), *opaque_names(batches)}
    sample, n_rows = TableSample(CAPACITY), 0
    used = [name for name in batches.names if name not in unread]
    for path in source.files:
        start = 0
        for batch in batches.of_file(path, used):
            with said_of(path, start):
                sample.add(table_cells(batch.frame[used]), None)
            start += len(batch.frame)
        n_rows += start
    if not n_rows:
        raise CommandError(f"cannot read {args.table}: it holds no rows")
    cells, weights, _ = sample.table()
    note(said_files(source, n_rows))
    if sample.is_sample:
        note(
            f"columns and clusters are decided on by a sample of {len(weights):,} "
            "distinct rows"
        )
    if batches.is_text and args.missing is None:
        cells = without_marks(batches, cells, note)
    frame = frame_of_cells(cells, len(weights))
    for name in sorted(unread.intersection(batches.names)):
        frame[name] = None
    frame = frame[[*batches.names]]
    frame.attrs["units"] = batches.units
    if batches.is_text:
        frame.attrs["marks"] = batches.marks
    schema = pa.schema([]) if batches.is_text else batches.schema
    table = TableFile(frame, [], batches.forms, schema.empty_table(), batches.is_text)
    return prepare_table(args, table, note, weights=weights)


def without_marks(batches, cells, note):
    """Make gaps of numbers such as -999, by all rows of the sample, and say so."""
    from ..tables._columns import Column, suspected_marks, without_sentinels
    from ..tables.reading import SAID

    finished = []
    for column in cells:
        marks = suspected_marks(column, Column(column.name, "number", "number"))
        if marks:
            batches.marks[column.name] = marks
        finished.append(without_sentinels(column, marks)[0])
    if batches.marks:
        said = (
            f"{', '.join(f'{mark:g}' for mark in marks)} in {name}"
            for name, marks in batches.marks.items()
        )
        note(f"{SAID['sentinel']}: {listed(said)}")
    return finished


def fitted(args, prepared, note):
    """Fit the method that was asked for to the sample."""
    from sklearn.utils.validation import has_fit_parameter

    from .commands import built, check_method

    settled = args.method is not None
    check_method(args, prepared)
    if not settled:
        note(method_note(args.method, prepared.has_words_or_gaps))
    estimator = built(args, prepared)
    rows = prepared.used if args.method in TAKE_COLUMNS else prepared.X
    weights = {}
    if has_fit_parameter(estimator, "sample_weight"):
        weights = {"sample_weight": prepared.weights}
    elif len(set(prepared.weights.tolist())) > 1:
        note(f"--method {args.method} counts rows that repeat once")
    try:
        estimator.fit(rows, **weights)
    except (ValueError, ImportError) as error:
        raise CommandError(first_line(error)) from error
    if args.method == "kmeans":
        number_by_size(estimator, prepared.weights)
    for text in choice_notes(estimator):
        note(text)
    return estimator, estimator.predict(rows)


def learned_from(args, prepared):
    """What a model is a function of: a sample, options, and who computes.

    Not the model itself: what saves it imports torch, to make no use of it.
    """
    from importlib.metadata import distributions

    from pandas.util import hash_pandas_object

    asked = {k: v for k, v in vars(args).items() if k not in PATHS_AND_NOTES}
    installed = {found.name.lower(): found.version for found in distributions()}
    versions = [installed.get(name) for name in LIBRARIES]
    hashes = hash_pandas_object(prepared.used, index=False).to_numpy()
    said = json.dumps([asked, versions, [*prepared.used]], default=str, sort_keys=True)
    return said.encode() + hashes.tobytes() + prepared.weights.tobytes()


def fingerprint_of(model, args):
    """What the results depend on beside the rows: the model and how files are read."""
    asked = [getattr(args, option, None) for option in ASKED]
    return hashlib.sha256(model + json.dumps(asked).encode()).hexdigest()


def parts_of(out):
    """What the manifest in a folder of results says of its parts."""
    return read_manifest(out).get("parts", {})


def read_manifest(out):
    """What a folder of results says of itself; nothing where there is none."""
    path = out / MANIFEST
    if not path.exists():
        return {}
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise CommandError(f"cannot read {path}: {first_line(error)}") from error
    parts = manifest.get("parts") if isinstance(manifest, dict) else None
    if not isinstance(parts, dict) or not all(map(is_entry, parts.values())):
        raise CommandError(
            f"cannot read {path}: it is damaged; delete it and the results beside it, "
            "or name another --out"
        )
    return manifest


def is_entry(entry):
    """Whether a manifest may say this of a part: not done, or its stamp and counts."""
    if entry is None:
        return True
    if not isinstance(entry, dict) or not isinstance(entry.get("source"), list):
        return False
    counts = entry.get("clusters")
    return isinstance(counts, dict) and all(
        type(count) is int for count in counts.values()
    )


def label_files(args, source, batches, model, fingerprint, note):
    """Label every file that has no label file of this model yet, and say so."""
    names = [source.name_of(path) for path in source.files]
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        with only_writer(args.out):
            parts, n_kept = label_missing(
                args, source, names, batches, model, fingerprint
            )
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise CommandError(f"cannot write to {args.out}: {reason}") from error
    for text in part_notes(args, parts, names, n_kept):
        note(text)
    noun = "class" if hasattr(model[1], "classes_") else "cluster"
    counts = [parts[name]["clusters"] for name in names]
    print_lines(sizes_table(counts, noun), sys.stdout)


def label_missing(args, source, names, batches, model, fingerprint):
    """Label the files that the manifest does not know; count those that it knows."""
    from .. import __version__

    manifest = read_manifest(args.out)
    before = manifest.get("parts", {})
    if manifest.get("model") != fingerprint:
        before = dict.fromkeys(before)
    parts = {**before, **dict.fromkeys(names)}
    for path, name in zip(source.files, names, strict=True):
        entry = before.get(name)
        is_same = entry and entry["source"] == stamp_of(path)
        if is_same and (args.out / name).is_file():
            parts[name] = entry
    n_kept = sum(parts[name] is not None for name in names)
    manifest = {"model": fingerprint, "version": __version__, "parts": parts}
    write_manifest(args.out, manifest)
    for path, name in zip(source.files, names, strict=True):
        if parts[name] is None:
            stamp = stamp_of(path)
            counts = label_file(args, batches, model, path, args.out / name)
            parts[name] = {"source": stamp, "clusters": counts}
            write_manifest(args.out, manifest)
    return parts, n_kept


def stamp_of(path):
    """What tells that a file has changed."""
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]


def part_notes(args, parts, names, n_kept):
    """Yield what was kept, what was written, and what is there beside."""
    n_new = len(names) - n_kept
    if n_kept:
        yield f"kept, since labelled before: {n_kept:,} of {files_of(len(names))}"
    if n_new:
        yield f"wrote {files_of(n_new)} and {MANIFEST} to {args.out}"
    gone = [name for name in parts if name not in {*names}]
    gone = sorted(name for name in gone if (args.out / name).is_file())
    whole = str(args.out)
    for is_old in (False, True):
        some = [name for name in gone if (parts[name] is None) == is_old]
        if some:
            what = "another model or other options: delete them"
            yield (
                f"{args.out} also holds files of earlier runs, which are not counted, "
                f"by {what if is_old else 'this model'}: {listed(some, where=whole)}"
            )


def files_of(number):
    """A number of files, in words."""
    return f"{number:,} file{'s' * (number != 1)}"


def write_manifest(out, manifest):
    text = json.dumps(manifest, indent=1, sort_keys=True)
    write_whole({out / MANIFEST: lambda path: path.write_text(text, "utf-8")})


def label_file(args, batches, model, path, target):
    """Label the rows of a file, and write them to another; count the clusters."""
    columns, _ = model
    counts = {}
    target.parent.mkdir(parents=True, exist_ok=True)
    needed = None if args.copy_columns else needed_columns(args, columns, batches)

    def write(aside):
        writer, start = None, 0
        with open(aside, "wb") as file, ExitStack() as files:

            def opened(schema):
                return files.enter_context(closing(writer_of(target, file, schema)))

            for batch in batches.of_file(path, needed):
                with said_of(path, start):
                    result, labels = labelled(args, batch, model)
                for label, n_rows in zip(*unique_counts(labels), strict=True):
                    counts[label] = counts.get(label, 0) + n_rows
                writer = writer or opened(result.schema)
                writer.write_table(result)
                start += len(labels)
            if writer is None:
                opened(empty_schema(args, batches, model))

    write_whole({target: write})
    return {str(label): counts[label] for label in sorted(counts, key=str)}


def unique_counts(labels):
    """Different labels, and how often each is there."""
    import numpy as np

    values, counts = np.unique(labels, return_counts=True)
    return values.tolist(), counts.tolist()


def needed_columns(args, columns, batches):
    """Columns of the files that labels or results are made of."""
    names = [name for name in columns.used if name in batches.names]
    if getattr(args, "id", None) is not None and args.id not in names:
        names.append(args.id)
    return names


def labelled(args, batch, model):
    """Labels of a batch, and the rows of the result."""
    from .models import unlike_rows

    columns, estimator = model
    if not len(batch.frame):
        raise ValueError("a batch without rows")
    frame = columns.with_all_names(batch.frame)
    is_new = args.command == "predict"
    X = None
    if is_new or not columns.takes_columns:
        X = columns.encoder.transform(frame)
    rows = frame[columns.used] if columns.takes_columns else X
    labels, confidence = labels_and_confidence(estimator, rows)
    names = label_names(estimator)
    results = {names[0]: labels}
    if len(names) > 1:
        results[names[1]] = estimator.is_novel(rows)
    if confidence is not None:
        results[CONFIDENCE] = confidence
    if is_new:
        results[UNLIKE] = unlike_rows(columns, frame, X, labels)[0]
    return result_rows(args, batch, results), labels


def label_names(estimator):
    """Columns of labels: clusters, or classes, and whether these are new."""
    from .discovering import RESULT_COLUMNS

    if hasattr(estimator, "is_novel"):
        return RESULT_COLUMNS[:2]
    return RESULT_COLUMNS[:1] if hasattr(estimator, "classes_") else ("cluster",)


def labels_and_confidence(estimator, rows):
    """Labels as predict gives them, and the probabilities that they are right."""
    import numpy as np

    if not hasattr(estimator, "predict_proba") or hasattr(estimator, "classes_"):
        return estimator.predict(rows), None
    shares = estimator.predict_proba(rows)
    labels = shares.argmax(axis=1)
    largest = shares[np.arange(len(shares)), labels]
    # Two of the largest are no more than a half each, but for rounding.
    tied = np.flatnonzero(largest < 0.51)
    tied = tied[(shares[tied] == largest[tied, np.newaxis]).sum(axis=1) > 1]
    if len(tied):
        some = rows[tied] if isinstance(rows, np.ndarray) else rows.iloc[tied]
        labels[tied] = estimator.predict(some)
    return labels, largest.astype(np.float32)


def result_rows(args, batch, results):
    """The columns that were asked for beside the labels, and these."""
    kept = batch.source
    if not args.copy_columns:
        asked = getattr(args, "id", None)
        places = [] if asked is None else [[*batch.frame].index(asked)]
        # By place: two columns may be written under one name.
        kept = kept.select(places)
    for name, values in results.items():
        kept = kept.append_column(name, label_array(values))
    return kept


def label_array(values):
    """Array of Arrow, of short integers where there are integers."""
    import numpy as np

    values = np.asarray(values)
    if values.dtype.kind == "i":
        values = values.astype(np.int32)
    return require("pyarrow").array(values)


def empty_schema(args, batches, model):
    """Columns of the result of a file without rows."""
    import pyarrow as pa

    _, estimator = model
    asked = getattr(args, "id", None)
    fields = [*batches.schema]
    if not args.copy_columns:
        fields = [fields[batches.names.index(asked)]] if asked is not None else []
    names = label_names(estimator)
    kinds = [pa.int32(), pa.bool_()]
    if hasattr(estimator, "classes_"):
        kinds[0] = label_array(estimator.classes_).type
    fields += map(pa.field, names, kinds)
    if hasattr(estimator, "predict_proba") and not hasattr(estimator, "classes_"):
        fields.append(pa.field(CONFIDENCE, pa.float32()))
    if args.command == "predict":
        fields.append(pa.field(UNLIKE, pa.bool_()))
    return pa.schema(fields)


def writer_of(target, file, schema):
    """Writer of tables into an open file, of the kind that a name ends in."""
    name = target.name.lower()
    if name.endswith(".parquet"):
        parquet = require("pyarrow.parquet")
        return parquet.ParquetWriter(file, schema, compression="zstd")
    mark = "\t" if name.endswith(".tsv") else ","
    return TextWriter(file, mark, name.endswith(".gz"), schema)


class TextWriter:
    """Writer of CSV, with the names of the columns in the first line."""

    def __init__(self, file, mark, is_packed, schema):
        # gzip would note name and time in its header.
        self._file = gzip.GzipFile("", "wb", 9, file, 0) if is_packed else file
        self._options = {"index": False, "sep": mark, "mode": "wb"}
        schema.empty_table().to_pandas().to_csv(self._file, **self._options)

    def write_table(self, table):
        """Write rows."""
        table.to_pandas().to_csv(self._file, header=False, **self._options)

    def close(self):
        """End the text."""
        if isinstance(self._file, gzip.GzipFile):
            self._file.close()


def sizes_table(parts, noun="cluster"):
    """How many rows each cluster or class has, line by line."""
    totals = {}
    for counts in parts:
        for cluster, n_rows in counts.items():
            totals[cluster] = totals.get(cluster, 0) + n_rows
    n_all = sum(totals.values())
    order = sorted(totals, key=lambda c: (not c.isdecimal(), c.zfill(12), c))
    plural = ("es" if noun.endswith("s") else "s") * (len(totals) != 1)
    width = max(map(len, [noun, *totals]))
    lines = [f"{len(totals)} {noun}{plural} of {n_all:,} rows", ""]
    lines.append(f"{noun:>{width}}{'rows':>16}   share")
    lines += [
        f"{cluster:>{width}}{totals[cluster]:>16,}{totals[cluster] / n_all:>8.1%}"
        for cluster in order
    ]
    return lines
