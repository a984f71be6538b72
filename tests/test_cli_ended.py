"""Commands that end by a signal, on a full disk, or beside another of their kind."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from skdeepcluster.cli import main, termination
from skdeepcluster.cli.files import only_writer, write_whole
from skdeepcluster.cli.messages import CommandError
from skdeepcluster.cli.termination import Terminated, held_back, signals_raise
from skdeepcluster.persistence import _files

OLD = b"what was there before\n"
IDS = ("--id", "row", "--drop", "label")
PLAIN = ("--drop", "row", "label")
# Name of a command -> its arguments, and a second output beside --out.
COMMANDS = {
    "cluster": (("cluster", "TABLE", "--n-clusters", "3", *PLAIN), "--save"),
    "linked": (("cluster", "TABLE", "--edges", "PAIRS", *IDS), "--table"),
    "tied": (("cluster", "TABLE", "--must-link", "PAIRS", *IDS), "--columns"),
    "predict": (("predict", "MODEL", "TABLE"), None),
    "discover": (("discover", "TABLE", "--label", "label", *PLAIN[:2]), "--save"),
    "classify": (("classify", "TABLE", "--label", "label", *PLAIN[:2]), "--report"),
    "sample": (("sample", "TABLE", "--n", "9", *PLAIN), "--columns"),
    "ask": (("ask", "TABLE", "--n-clusters", "3", *IDS), "--answers"),
}
IN_PARTS = {
    "cluster": ("cluster", "PARTS", "--n-clusters", "3", *PLAIN),
    "predict": ("predict", "MODEL", "PARTS"),
}
SUFFIXES = {"--report": ".html", "--save": ".model"}


def table(n_rows, seed):
    rng = np.random.default_rng(seed)
    place = np.arange(n_rows) % 3
    frame = pd.DataFrame(9 * place[:, None] + rng.normal(size=(n_rows, 2)))
    frame = frame.set_axis(["a", "b"], axis=1)
    label = np.where(np.arange(n_rows) % 2, np.array(["x", "y", "z"])[place], "")
    return frame.assign(row=[f"r{k}" for k in range(n_rows)], label=label)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with what the commands read, which is the current one."""
    monkeypatch.chdir(tmp_path)
    table(60, 0).to_csv("TABLE", index=False)
    shutil.move("TABLE", "TABLE.csv")
    table(60, 1).to_csv("OTHER.csv", index=False)
    pd.DataFrame([("r0", "r3"), ("r1", "r4")]).to_csv("PAIRS.csv", index=False)
    for parts in ("PARTS", "OTHER"):
        os.mkdir(parts)
        for k in range(2):
            seed = k + 2 * (parts == "OTHER")
            table(40, seed).to_csv(f"{parts}/{k}.csv", index=False)
    return tmp_path


def named(arguments, other=False):
    """The arguments with the names of the files, by default of the first table."""
    one = {"TABLE": "TABLE.csv", "PAIRS": "PAIRS.csv", "MODEL": "3.model"}
    if other:
        one |= {"TABLE": "OTHER.csv", "PARTS": "OTHER"}
    command = [one.get(argument, argument) for argument in arguments]
    if "PAIRS" in arguments and "--must-link" in arguments:
        command += ["--n-clusters", "3"]
    return [*command, "--quiet"]


def need_model(arguments):
    if "MODEL" in arguments:
        command = ["cluster", "TABLE.csv", "--n-clusters", "3", *PLAIN, "--quiet"]
        assert main([*command, "--save", "3.model"]) == 0


class Outputs:
    """The files that a command writes, beside a table that it reads."""

    def __init__(self, folder, name):
        self.arguments, second = COMMANDS[name]
        need_model(self.arguments)
        self.options = {"--out": folder / "out.csv"}
        if second is not None:
            path = folder / f"second{SUFFIXES.get(second, '.csv')}"
            self.options[second] = path
        self.before = dict.fromkeys(self.options.values(), OLD)
        if second == "--answers":
            self.before[path] = b"row,other,together\nr0,r3,yes\n"
        self.folder = folder
        self.there = {*folder.iterdir(), *self.before}

    def run(self, other=False):
        said = [part for option in self.options.items() for part in map(str, option)]
        return main([*named(self.arguments, other), *said])

    def reset(self):
        for path, content in self.before.items():
            path.write_bytes(content)

    @property
    def content(self):
        """Bytes of all outputs; there is nothing beside them."""
        assert {*self.folder.iterdir()} == self.there
        return {path: path.read_bytes() for path in self.before}

    def written(self, other=False):
        self.reset()
        assert self.run(other) == 0
        content = self.content
        self.reset()
        return content


def at_call(monkeypatch, place, name, number, do):
    """Do something before the n-th call of a function."""
    function, n_calls = getattr(place, name), 0

    def call(*args, **options):
        nonlocal n_calls
        n_calls += 1
        if n_calls == number:
            do()
        return function(*args, **options)

    monkeypatch.setattr(place, name, call)


def terminate():
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("name", COMMANDS)
def test_sigterm_leaves_all_old_or_all_new(name, folder, monkeypatch, capsys):
    outputs = Outputs(folder, name)
    new = outputs.written()
    for number in range(1, len(new) + 1):
        with monkeypatch.context() as patch:
            at_call(patch, _files, "bring_to_disk", number, terminate)
            assert outputs.run() == 143
        assert outputs.content == outputs.before
        with monkeypatch.context() as patch:
            at_call(patch, os, "replace", number, terminate)
            assert outputs.run() == 143
        # A model has been renamed within what lies aside.
        saved = "--save" in outputs.options and number == 1
        assert outputs.content == (outputs.before if saved else new)
        outputs.reset()
    assert capsys.readouterr().err == "skdeepcluster: ended by SIGTERM\n" * 2 * len(new)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full_at_last_changes_nothing(name, folder, monkeypatch, capsys):
    def full():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    outputs = Outputs(folder, name)
    outputs.reset()
    at_call(monkeypatch, _files, "bring_to_disk", len(outputs.before), full)
    assert outputs.run() == 2
    assert "No space left on device" in capsys.readouterr().err
    assert outputs.content == outputs.before


@pytest.mark.parametrize("name", COMMANDS)
def test_of_two_commands_at_once_one_is_there(name, folder, monkeypatch):
    outputs = Outputs(folder, name)
    new, other = outputs.written(), outputs.written(other=True)
    assert new != other
    status = []
    last = len(new) + ("--save" in outputs.options)
    for number in (1, last):
        with monkeypatch.context() as patch:
            second = lambda: status.append(outputs.run(other=True))  # noqa: E731
            at_call(patch, os, "replace", number, second)
            assert outputs.run() == 0
        content = outputs.content
        assert all(content[path] in (new[path], other[path]) for path in new)
        # The one that renamed last has all, where it had not begun before.
        assert number > 1 or content == new
        outputs.reset()
    assert status == [0, 0]


def labels(out):
    """Bytes of the files of a folder, where there is one."""
    return {path.name: path.read_bytes() for path in sorted(out.glob("*"))}


@pytest.mark.parametrize("name", IN_PARTS)
def test_a_folder_of_results_is_completed_after_sigterm(name, folder, monkeypatch):
    need_model(IN_PARTS[name])
    command = [*named(IN_PARTS[name]), "--out", "labels"]
    assert main(command) == 0
    new = labels(folder / "labels")
    assert [*new] == ["0.csv", "1.csv", "_skdeepcluster.json"]
    # The manifest, a file, and the manifest; in cluster a model before.
    for number in (1, 2, 3):
        for place, function in [(_files, "bring_to_disk"), (os, "replace")]:
            shutil.rmtree("labels", ignore_errors=True)
            with monkeypatch.context() as patch:
                at_call(patch, place, function, number, terminate)
                assert main(command) == 143
            found = labels(folder / "labels")
            assert all(
                content == new[path]
                for path, content in found.items()
                if path.endswith(".csv")
            )
            assert main(command) == 0
            assert labels(folder / "labels") == new


@pytest.mark.parametrize("name", IN_PARTS)
def test_two_commands_do_not_write_to_one_folder(name, folder, monkeypatch, capsys):
    need_model(IN_PARTS[name])
    command = [*named(IN_PARTS[name]), "--out", "labels"]
    assert main(command) == 0
    new = labels(folder / "labels")
    shutil.rmtree("labels")
    other = [*named(IN_PARTS[name], other=True), "--out", "labels"]
    status = []
    at_call(monkeypatch, os, "replace", 3, lambda: status.append(main(other)))
    capsys.readouterr()
    assert main(command) == 0
    assert status == [2]
    assert "another command writes to labels: wait for it" in capsys.readouterr().err
    assert labels(folder / "labels") == new


def test_a_folder_that_cannot_be_locked_is_written_to(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        with only_writer(tmp_path):
            pass
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with only_writer(tmp_path), only_writer(tmp_path):
        pass


def test_what_a_killed_command_left_disturbs_no_other(folder, capsys):
    need_model(("MODEL",))
    command = [*named(IN_PARTS["predict"]), "--out", "labels"]
    assert main(command) == 0
    new = labels(folder / "labels")
    for place in ("labels", "PARTS"):
        aside = folder / place / ".skdeepcluster-killed1"
        aside.mkdir()
        (aside / "0.csv").write_text("half of a li")
    (folder / "labels/1.csv").unlink()
    capsys.readouterr()
    assert main(command) == 0
    assert not capsys.readouterr().err
    # Nor does it count as a part of a table that is clustered.
    assert main(["cluster", "labels", "--n-clusters", "2", "--save", "m"]) == 0
    assert "read 80 rows of 2 files, 0.csv to 1.csv" in capsys.readouterr().err
    shutil.rmtree("labels/.skdeepcluster-killed1")
    assert labels(folder / "labels") == new


NUMBERS = [signal.SIGINT, *termination.ENDING]


@pytest.fixture
def usual_ctrl_c():
    """Python's own handler, which a run in the background has not."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("usual_ctrl_c")
@pytest.mark.parametrize("number", NUMBERS)
def test_signals_wait_and_come_through(number):
    before = [*map(signal.getsignal, NUMBERS)]
    steps = []

    def waits():
        with held_back():
            signal.raise_signal(number)
            steps.append("held")

    def comes_through():
        with held_back() as released:
            signal.raise_signal(number)
            with released():
                steps.append("never")

    def comes_twice():
        with held_back() as released:
            try:
                with released():
                    signal.raise_signal(number)
            finally:
                # Nor does a second one disturb what is put away after the first.
                signal.raise_signal(number)
                steps.append("put away")

    for call in (waits, comes_through, comes_twice):
        with pytest.raises((KeyboardInterrupt, Terminated)), signals_raise():
            call()
    assert steps == ["held", "put away"]
    assert [*map(signal.getsignal, NUMBERS)] == before


def test_a_caller_who_handles_a_signal_goes_on_to_do_so():
    came = []
    before = signal.signal(signal.SIGTERM, lambda *args: came.append("SIGTERM"))
    try:
        with signals_raise():
            terminate()
            with held_back():
                terminate()
                assert came == ["SIGTERM"]
        assert came == ["SIGTERM", "SIGTERM"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_that_became_another_exception_is_still_one():
    def changed():
        try:
            terminate()
        except Terminated as error:
            raise SystemError("an exception was set") from error

    with pytest.raises(Terminated), signals_raise():
        changed()
    with pytest.raises(ZeroDivisionError), signals_raise():
        _ = 1 // 0


def test_what_was_not_installed_by_python_stays(monkeypatch):
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    assert not termination.handlers_of(NUMBERS)


def test_a_command_runs_in_a_thread(folder):
    status = []
    command = [*named(COMMANDS["sample"][0]), "--out", "out.csv"]
    thread = threading.Thread(target=lambda: status.append(main(command)))
    thread.start()
    thread.join()
    assert status == [0]
    assert (folder / "out.csv").is_file()


def test_all_files_are_renamed_after_all_are_written(tmp_path):
    paths = tmp_path / "a", tmp_path / "b"
    for path in paths:
        path.write_bytes(OLD)

    def fails(aside):
        raise OSError(errno.ENOSPC, "no space")

    with pytest.raises(CommandError, match=r"cannot write .*b: no space"):
        write_whole({paths[0]: lambda aside: aside.write_text("new"), paths[1]: fails})
    assert [path.read_bytes() for path in paths] == [OLD, OLD]
    assert {*tmp_path.iterdir()} == {*paths}


PROGRAM = """
import os, signal, sys
from skdeepcluster.cli import main, sampling
def ended(*args):
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    open(args[1], "w").write("half")
sampling.write_table = ended
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("number", termination.ENDING)
def test_the_shell_is_told_which_signal_it_was(number, folder):
    command = [*named(COMMANDS["sample"][0]), "--out", "out.csv"]
    there = {*folder.iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, number.name, *command],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 128 + number
    assert done.stderr == f"skdeepcluster: ended by {number.name}\n"
    assert {*folder.iterdir()} == there
