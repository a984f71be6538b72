"""Files are whole or absent, and only regular ones are read or replaced."""

import os
import threading
from pathlib import Path

import pytest

from skdeepcluster import PPP, load, save
from skdeepcluster.persistence._files import open_regular, whole_or_absent


def test_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(ZeroDivisionError), whole_or_absent(path) as aside:
        aside.write_bytes(b"half" * (1 // 0))
    assert list(tmp_path.iterdir()) == []
    with whole_or_absent(path) as aside:
        aside.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    path.chmod(0o600)
    with whole_or_absent(path) as aside:
        aside.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with whole_or_absent(tmp_path / "link") as aside:
        aside.write_bytes(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def irregular(tmp_path):
    """A directory, a pipe and a device."""
    os.mkfifo(tmp_path / "pipe")
    return [tmp_path, tmp_path / "pipe", Path("/dev/null"), Path("/dev/zero")]


def test_irregular_files_are_neither_read_nor_replaced(tmp_path):
    for path in irregular(tmp_path):
        with pytest.raises(ValueError, match="not a regular file"), open_regular(path):
            pass
        with pytest.raises(ValueError, match="not a regular file"):
            load(path)
        with pytest.raises(ValueError, match="not a regular file"):
            save(PPP(), path)
    assert Path("/dev/null").is_char_device()
    assert (tmp_path / "pipe").is_fifo()


def test_pipe_with_a_writer_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[b"bytes"])
    writer.start()
    writer.join()
    with pytest.raises(ValueError, match="not a regular file"):
        load(tmp_path / "pipe")
    assert os.read(reader, 9) == b"bytes"
    os.close(reader)


def test_two_writers_of_one_file_leave_one_of_two(tmp_path):
    """Whoever reads meanwhile sees what one of them wrote, whole."""
    path = tmp_path / "file"
    contents = [letter * 200_000 for letter in (b"a", b"b")]
    path.write_bytes(contents[0])

    def write(content):
        for _ in range(25):
            with whole_or_absent(path) as aside:
                aside.write_bytes(content)

    writers = [threading.Thread(target=write, args=[content]) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        with open_regular(path) as file:
            assert file.read() in contents
    for writer in writers:
        writer.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
