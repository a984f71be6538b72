"""Forged model files: what thousands of them do to the process that loads them.

Every public estimator is fitted and saved; then its file is changed, by a seeded
generator, in one of the ways of ``FORGERIES``. A child process loads it, and uses
what was loaded. Counted are: refusals (``ValueError`` of ``load``), Python errors
in use, answers; and what must not be: crashes, hangs, calls of a function that
the file names, other errors of ``load``, and too much memory.

Run from the root of the project::

    python benchmarks/bench_forged_models.py --n-files 3000 \\
        --out benchmarks/results/forged_models.md

With ``--bounds-check`` numba compiles every access with a check (in a cache of its
own): an access beyond an array, which may go unnoticed otherwise, is then an
error, and is counted as a crash.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SECONDS = 5.0
# What a load may take beside three times the file: trees, imports.
FREE_BYTES = 20e6
METHODS = ("predict", "predict_proba", "transform", "score_samples", "score")
METHODS += ("query_pairs", "partial_fit")
# For those that take links: what they keep of them indexes rows.
LINKS = {"must_link": [[0, 9], [1, 10]], "cannot_link": [[0, 1], [4, 8]]}
TRAPS = ("os.mkdir", "os.system", "subprocess.Popen", "posix.mkdir")
HOSTILE = ("os.mkdir", "os.system", "subprocess.Popen", "builtins.eval", "sys.exit")


def nodes(schema):
    """All nodes of a tree."""
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and "__loader__" in value:
            yield value
        if isinstance(value, dict | list):
            stack += value.values() if isinstance(value, dict) else value


def pick(rng, schema, loader):
    """A random node of a kind."""
    found = [node for node in nodes(schema) if node["__loader__"] == loader]
    return found[rng.integers(len(found))] if found else schema


def other_array(rng, contents, schema):
    """Another shape, dtype or content of an array."""
    from forgery import npy

    name = str(rng.choice([name for name in contents if name.endswith(".npy")]))
    array = load_array(contents[name])
    how = rng.integers(6)
    if how == 0 and array.ndim:
        axis = int(rng.integers(array.ndim))
        array = np.take(array, range(int(rng.integers(array.shape[axis] + 1))), axis)
    elif how == 1 and array.ndim:
        array = np.concatenate([array] * int(rng.integers(2, 4)), -1)
    elif how == 2:
        array = array[..., None] if rng.integers(2) else array.reshape(-1)
    elif how == 3:
        array = array.astype(rng.choice(["f4", "f8", "i8", "i1", "U5", "c16"]))
    elif how == 4 and array.dtype.kind == "f":
        array = np.full_like(array, rng.choice([np.nan, np.inf, -1.0, 0.0, 1e300]))
    else:
        array = rng.permutation(array.reshape(-1)).reshape(array.shape)
    contents[name] = npy(array)


def load_array(content):
    """An array of its bytes."""
    import io

    return np.load(io.BytesIO(content))


def other_indices(rng, contents, schema):
    """Integers of an array far out of range."""
    from forgery import npy

    arrays = {name: load_array(contents[name]) for name in contents if ".npy" in name}
    names = [name for name, array in arrays.items() if array.dtype.kind in "iu"]
    if not names:
        return other_array(rng, contents, schema)
    name = str(rng.choice(names))
    array = arrays[name].copy().reshape(-1)
    if array.size:
        largest = np.iinfo(array.dtype).max
        array[rng.integers(array.size)] = min(largest, rng.choice([99, 2**30, 2**40]))
    contents[name] = npy(array.reshape(arrays[name].shape))


def other_name(rng, contents, schema):
    """The name of a class or function, or the kind of a node."""
    node = pick(rng, schema, str(rng.choice(["ObjectNode", "TypeNode", "TupleNode"])))
    how = rng.integers(3)
    if how == 0:
        name = str(rng.choice(HOSTILE))
        node["__module__"], _, node["__class__"] = name.rpartition(".")
    elif how == 1:
        other = pick(rng, schema, "ObjectNode")
        node["__module__"], node["__class__"] = other["__module__"], other["__class__"]
    else:
        kinds = ["ConstructorFromReduceNode", "MethodNode", "ListNode", "PartialNode"]
        node["__loader__"] = str(rng.choice(kinds))


def other_value(rng, contents, schema):
    """A plain value: of another type, or out of range."""
    values = ["-1", "0", "1e308", "null", '"x"', "NaN", "99999999999", "true", "[]"]
    pick(rng, schema, "JsonNode")["content"] = str(rng.choice(values))


def exchanged(rng, contents, schema):
    """Two nodes in each other's place."""
    found = list(nodes(schema))
    one, two = (found[i] for i in rng.integers(len(found), size=2))
    copy = json.loads(json.dumps(two))
    one.clear()
    one.update(copy)


def nested(rng, contents, schema):
    """Lists in lists, by repeats or in full."""
    node = pick(rng, schema, "JsonNode")
    depth = int(rng.integers(10, 3000))
    value = {"__loader__": "JsonNode", "__module__": "builtins", "__class__": "str"}
    value["content"] = "1"
    kind = str(rng.choice(["list", "tuple", "set"]))
    head = {"__module__": "builtins", "__class__": kind}
    head["__loader__"] = f"{kind.capitalize()}Node"
    repeats = rng.integers(2) and depth < 100
    for number in range(depth if repeats else min(depth, 300)):
        again = [{"__id__": 10**6 + number - 1} | head] if repeats and number else []
        value = head | {"__id__": 10**6 + number, "content": [value, *again]}
    node.clear()
    node.update(value)


def removed(rng, contents, schema):
    """An attribute less."""
    node = pick(rng, schema, "DictNode")
    content = node.get("content")
    if isinstance(content, dict) and content:
        number = int(rng.integers(len(content)))
        content.pop(list(content)[number])
        node["key_types"]["content"].pop(number)


FORGERIES = {
    "array replaced": other_array,
    "index out of range": other_indices,
    "name replaced": other_name,
    "value replaced": other_value,
    "nodes exchanged": exchanged,
    "nested": nested,
    "attribute removed": removed,
    "bits and cuts": None,
}


def forged(kind, rng, path, target):
    """Write a forged copy of a model file."""
    from forgery import members, put_together

    if kind == "bits and cuts":
        content = bytearray(path.read_bytes())
        if rng.integers(2):
            content = content[: rng.integers(len(content))]
        for place in rng.integers(max(1, len(content)), size=rng.integers(1, 5)):
            if content:
                content[place] ^= 1 << int(rng.integers(8))
        target.write_bytes(content)
        return
    contents = members(path)
    schema = json.loads(contents["schema.json"])
    FORGERIES[kind](rng, contents, schema)
    contents["schema.json"] = json.dumps(schema).encode()
    put_together(target, contents)


def watch_calls():
    """Count calls of what a hostile file would name."""
    called = []
    sys.addaudithook(
        lambda event, args: called.append(event) if event in TRAPS else None
    )
    return called


def use(path, X, called, measured):
    """Load a file and use what it holds; say what happened."""
    from estimators import Rotation

    from skdeepcluster import load

    del called[:]
    peak = 0
    if measured:
        tracemalloc.start()
    try:
        model = load(path, trusted=[Rotation])
    except ValueError as error:
        model = None
        outcome = "refused" if "cannot be loaded" in str(error) else "other error"
    except Exception as error:
        model, outcome = None, f"other error: {error!r}"
    if measured:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    if called:
        return f"called: {called}"
    if peak > 3 * path.stat().st_size + FREE_BYTES:
        return f"memory: {peak}"
    return outcome if model is None else answer(model, X)


def answer(model, X):
    """Use a model; say whether it answers."""
    outcome = "answered"
    for method in METHODS:
        if hasattr(model, method):
            try:
                getattr(model, method)(X)
            except Exception as error:
                outcome = "error in use"
                if type(error) is IndexError and str(error) == "index is out of bounds":
                    return f"crash: {method}"
    return outcome


def work(files, X, connection):
    """Use files one after the other; say which is begun and how it ended."""
    warnings.simplefilter("ignore")
    called = watch_calls()
    for number, path in files:
        connection.send((number, "begun"))
        start = time.process_time()
        outcome = use(path, X, called, number % 4 == 0)
        # The processor's time: others may be at work on the machine.
        is_slow = time.process_time() - start > SECONDS
        connection.send((number, "hang" if is_slow else outcome))
    connection.close()


def judge(files, X):
    """Outcomes of files, in children that may crash or hang."""
    outcomes, files = {}, dict(files)
    context = multiprocessing.get_context("fork")
    while set(files) - set(outcomes):
        left = [item for item in files.items() if item[0] not in outcomes]
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=work, args=(left, X, theirs))
        child.start()
        theirs.close()
        number = left[0][0]
        while True:
            if not ours.poll(20 * SECONDS):
                outcomes[number] = "hang"
                child.kill()
                break
            try:
                number, outcome = ours.recv()
            except EOFError:
                child.join()
                if child.exitcode:
                    outcomes[number] = f"crash: signal {-child.exitcode}"
                break
            if outcome != "begun":
                outcomes[number] = outcome
        child.join()
    return outcomes


def main():
    """Forge, judge, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-files", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--bounds-check", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.bounds_check and "NUMBA_BOUNDSCHECK" not in os.environ:
        os.environ |= {"NUMBA_BOUNDSCHECK": "1"}
        os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.mkdtemp())
        os.execv(sys.executable, [sys.executable, *sys.argv])
    from estimators import Rotation, classifiers, estimators
    from test_common import seeded, table

    from skdeepcluster import save

    warnings.simplefilter("ignore")
    X = table(seed=5)
    every = [*estimators(), *classifiers()]
    models = [e for e in every if args.only in type(e).__name__]
    # Classes for those that need some; the others find theirs.
    classes = np.arange(len(table())) % 3
    counts, bad = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for which, model in enumerate(models):
            rng = np.random.default_rng([args.seed, which])
            path = Path(folder, "sound.model")
            needs_classes = get_tags(model).target_tags.required
            links = LINKS if has_fit_parameter(model, "must_link") else {}
            target = [classes] * needs_classes
            fitted = seeded(model).fit(table(), *target, **links)
            save(fitted, path, trusted=[Rotation])
            # Compiled before the clock runs.
            for method in METHODS:
                if hasattr(fitted, method):
                    getattr(fitted, method)(X)
                    getattr(fitted, method)(X.astype(np.float32))
            files, kinds = [], list(FORGERIES)
            for number in range(-(-args.n_files // len(models))):
                target = Path(folder, f"{number}.model")
                forged(kinds[number % len(kinds)], rng, path, target)
                files.append((number, target))
            for number, outcome in judge(files, X).items():
                kind = kinds[number % len(kinds)]
                short = outcome.partition(":")[0]
                counts.setdefault(kind, Counter())[short] += 1
                if short not in ("refused", "error in use", "answered"):
                    bad.append(f"{model!r:.50} {number} {kind}: {outcome}")
                    print(bad[-1], flush=True)
                    if args.keep:
                        target = args.keep / f"{type(model).__name__}-{number}.model"
                        target.write_bytes(Path(folder, f"{number}.model").read_bytes())
            print(type(model).__name__, len(files), flush=True)
    page = written(counts, args)
    print(page)
    if args.out:
        args.out.write_text(page)
    return 1 if bad else 0


def written(counts, args):
    """The page of results."""
    columns = ["refused", "error in use", "answered"]
    columns += ["crash", "hang", "called", "memory", "other error"]
    lines = [
        "# Forged model files",
        "",
        f"`{Path(sys.argv[0]).name} --n-files {args.n_files} --seed {args.seed}"
        f"{f' --only {args.only}' * bool(args.only)}"
        f"{' --bounds-check' * args.bounds_check}`, "
        f"Python {platform.python_version()}. A hang is a file that takes more than "
        f"{SECONDS:.0f} s of the processor, or {20 * SECONDS:.0f} s in all. Memory is "
        "the peak of `load`, traced for every fourth file, beyond three times the "
        f"file and {FREE_BYTES / 1e6:.0f} MB.",
        "",
        f"| forgery | files | {' | '.join(columns)} |",
        f"| --- {'| ---: ' * (len(columns) + 1)}|",
    ]
    total = sum(counts.values(), Counter())
    for kind, found in [*counts.items(), ("all", total)]:
        cells = [str(found[column]) for column in columns]
        lines.append(f"| {kind} | {sum(found.values())} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
