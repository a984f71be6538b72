"""Faults for `bench_mutants.py`: where they can stand, and how one gets into a process.

A fault is planted in the syntax tree of a file. The changed file is compiled, and
the functions, defaults and constants that differ take the place of those that the
process has imported already, so that a forked child pays for nothing but its tests.
"""

import ast
import gc
import random
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

# Arguments of these may change places.
COMMUTATIVE = ("min", "max", "minimum", "maximum", "array_equal", "isclose", "gcd")
OTHER_COMPARISON = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OTHER_OPERATION = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
DROPPED = ast.AugAssign | ast.Raise | ast.Continue | ast.Break
NO_ORDINARY_CLASS = ("NamedTuple", "Protocol", "TypedDict")


class Fault(NamedTuple):
    """A fault by what stands there, which outlives changes elsewhere in the file."""

    path: str
    function: str
    kind: str
    before: str
    repeat: int


class Planted(NamedTuple):
    """A changed file, the definitions around its fault, and what stands there now."""

    tree: ast.Module
    chain: tuple
    after: str
    line: int


def faults(node):
    """Yield a kind and a function that plants it, for each fault a node can have."""
    if isinstance(node, ast.stmt):
        yield from _faults_of_statement(node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER_COMPARISON:
        other = OTHER_COMPARISON[type(node.ops[0])]
        yield "comparison", lambda: node.ops.__setitem__(0, other())
    if isinstance(node, ast.BinOp) and type(node.op) in OTHER_OPERATION:
        operation = OTHER_OPERATION[type(node.op)]
        yield "sign", lambda: setattr(node, "op", operation())
        if isinstance(node.op, ast.Add | ast.Sub):
            yield "dropped term", lambda: become(node, node.left)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield "sign", lambda: become(node, node.operand)
    if isinstance(node, ast.BoolOp):
        yield "dropped term", lambda: without_last(node)
        turned = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield "boolean", lambda: setattr(node, "op", turned())
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "off by one", lambda: setattr(node, "value", node.value + 1)
        if node.value not in (0, 1):
            yield "constant", lambda: setattr(node, "value", node.value / 2)
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield "constant", lambda: setattr(node, "value", not node.value)
    is_call = isinstance(node, ast.Call) and len(node.args) > 1
    if is_call and ast.unparse(node.func).rpartition(".")[2] not in COMMUTATIVE:
        yield "swapped arguments", lambda: node.args.reverse()


def _faults_of_statement(node):
    """Yield the faults of statements: one that is left out, a turned condition."""
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    is_write = isinstance(node, ast.Assign) and isinstance(
        node.targets[0], ast.Attribute | ast.Subscript
    )
    if is_call or is_write or isinstance(node, DROPPED):
        yield "dropped statement", lambda: become(node, ast.Pass())
    turned = (ast.Compare, ast.BoolOp, ast.Constant, ast.UnaryOp)
    if isinstance(node, ast.If | ast.While) and not isinstance(node.test, turned):
        yield (
            "condition",
            lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test)),
        )


def become(node, other):
    """Put one piece of a tree in the place of another."""
    place = {name: getattr(node, name) for name in node._attributes}
    node.__class__ = other.__class__
    node.__dict__ = dict(other.__dict__) | place


def without_last(node):
    """Leave out the last of the conditions that are joined."""
    *first, _ = node.values
    if len(first) > 1:
        node.values = first
    else:
        become(node, first[0])


def _places(node, chain):
    """Yield each node that can have a fault, and the definitions around it."""
    # What an error says, what a type is and what numba is told is nobody's result.
    left_out = ("annotation", "returns", "decorator_list", "msg")
    if isinstance(node, ast.JoinedStr | ast.Assert) or _is_no_ordinary_class(node):
        return
    for name, value in ast.iter_fields(node):
        if name in left_out or (isinstance(node, ast.Raise) and name == "exc"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                inner = chain
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    inner = (*chain, (node, name, child))
                yield child, inner
                yield from _places(child, inner)


def _is_no_ordinary_class(node):
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    return any(ast.unparse(base) in NO_ORDINARY_CLASS for base in bases)


def _is_reached(chain):
    """Whether a fault at a place can be put into a running process."""
    if any(isinstance(node, ast.FunctionDef) for node, _, _ in chain):
        return True
    statement = chain[-1][2]
    if chain[-1][1] != "body" or not isinstance(statement, ast.Assign | ast.AnnAssign):
        return False
    targets = getattr(statement, "targets", None) or [statement.target]
    return isinstance(targets[0], ast.Name) and targets[0].id != "__all__"


def _every_fault(tree):
    """Yield the faults of a file with what plants each, in the order of the source."""
    seen = Counter()
    for node, chain in _places(tree, ()):
        if not _is_reached(chain):
            continue
        function = ".".join(part.name for part, _, _ in chain if hasattr(part, "name"))
        for kind, change in faults(node):
            key = (function, kind, _shown(node))
            yield (*key, seen[key]), node, chain, change
            seen[key] += 1


def faults_of(path):
    """List the faults that a file can have."""
    tree = ast.parse(Path(path).read_text())
    return [Fault(str(path), *key) for key, *_ in _every_fault(tree)]


def chosen_faults(files, n_faults, seed):
    """Draw faults of files, in proportion to how many each can have."""
    every = [fault for path in files for fault in faults_of(path)]
    random.Random(seed).shuffle(every)
    return every[:n_faults]


def planted(fault):
    """Plant a fault; None where the source no longer has it."""
    tree = ast.parse(Path(fault.path).read_text())
    for key, node, chain, change in _every_fault(tree):
        if key == fault[1:]:
            line = node.lineno
            change()
            ast.fix_missing_locations(tree)
            return Planted(tree, chain, _shown(node), line)
    return None


def _shown(node):
    """One line of a piece of a tree."""
    return ast.unparse(node).partition("\n")[0]


def functions_by_file():
    """Every function that lives in this process, by the file it came from."""
    found = {}
    for thing in gc.get_objects():
        # Not isinstance: some objects warn when they are asked for their class.
        if type(thing) is FunctionType:
            found.setdefault(thing.__code__.co_filename, []).append(thing)
    return found


def put_in_place(fault, changed, functions):
    """Give a process the changed file: its functions, defaults and constants.

    Parameters
    ----------
    functions : list
        Those of the file that live in this process.
    """
    module = _module_of(fault.path)
    code = compile(changed.tree, str(Path(fault.path).resolve()), "exec")
    new = {_place_of(part): part for part in _codes(code)}
    for function in functions:
        part = new.get(_place_of(function.__code__))
        if part is not None and part != function.__code__:
            function.__code__ = part
    for thing in gc.get_objects():
        if type(thing) is type(lru_cache(_place_of)):
            thing.cache_clear()
    outer = [part for part in changed.chain if isinstance(part[0], ast.FunctionDef)]
    if not outer:
        _set_constant(module, changed.chain)
    elif outer[0][1] == "args":
        definition = outer[0][0]
        for function in functions:
            if function.__qualname__ == fault.function:
                _set_defaults(function, definition.args)


def _place_of(code):
    return code.co_qualname, code.co_firstlineno


def _codes(code):
    """Codes nested in a code."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from _codes(part)


def _module_of(path):
    return sys.modules.get(".".join(Path(path).with_suffix("").parts))


def _set_defaults(function, arguments):
    """Evaluate the defaults of a definition again."""
    known = function.__globals__
    values = [eval(ast.unparse(part), known) for part in arguments.defaults]
    function.__defaults__ = tuple(values) or None
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    function.__kwdefaults__ = {
        name.arg: eval(ast.unparse(part), known)
        for name, part in pairs
        if part is not None
    } or None


def _set_constant(module, chain):
    """Run an assignment of a module or class again, and what depends on it."""
    owner, _, statement = chain[-1]
    if isinstance(owner, ast.ClassDef):
        target = vars(module)[owner.name]
        values = dict(vars(target))
        exec(ast.unparse(statement), vars(module), values)
        for name in _targets(statement):
            setattr(target, name, values[name])
        return
    names, body = set(_targets(statement)), owner.body
    for following in body[body.index(statement) :]:
        is_assignment = isinstance(following, ast.Assign | ast.AnnAssign)
        if following is statement or (is_assignment and names & _read(following)):
            names |= set(_targets(following))
            before = dict(vars(module))
            exec(ast.unparse(following), vars(module))
            for name in _targets(following):
                _hand_on(name, before[name], vars(module)[name])


def _targets(statement):
    targets = getattr(statement, "targets", None) or [statement.target]
    return [n.id for part in targets for n in ast.walk(part) if isinstance(n, ast.Name)]


def _read(statement):
    nodes = ast.walk(statement.value) if statement.value else ()
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _hand_on(name, old, new):
    """Give the modules that imported a constant its new value."""
    for known in [
        vars(m) for m in list(sys.modules.values()) if hasattr(m, "__dict__")
    ]:
        package = str(known.get("__name__", "")).partition(".")[0]
        if package == "skdeepcluster" and known.get(name) is old:
            known[name] = new
