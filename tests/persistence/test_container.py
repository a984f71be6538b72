"""The bytes of a model file."""

import numpy as np
import pytest
from forgery import forge
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from skdeepcluster.persistence._container import (
    read_container,
    whole_or_absent,
    write_container,
)

DTYPES = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?"),
    npst.complex_number_dtypes(),
    npst.datetime64_dtypes(),
    npst.timedelta64_dtypes(),
    npst.unicode_string_dtypes(),
    npst.byte_string_dtypes(),
)
ARRAYS = npst.arrays(DTYPES, npst.array_shapes(min_dims=0, min_side=0, max_side=4))


def turned(array, turn):
    """The same numbers, otherwise in memory."""
    if turn == "F":
        return np.asfortranarray(array)
    if turn == "strided":
        wide = np.zeros([2 * n for n in array.shape], array.dtype)
        part = (..., *(slice(None, None, 2) for _ in array.shape))
        wide[part] = array
        return wide[part]
    return array


@given(
    arrays=st.lists(ARRAYS, max_size=3),
    turn=st.sampled_from(["C", "F", "strided"]),
)
def test_arrays_come_back_bit_for_bit(tmp_path_factory, arrays, turn):
    path = tmp_path_factory.getbasetemp() / "arrays.model"
    arrays = [turned(array, turn) for array in arrays]
    write_container(path, {"note": "é"}, arrays)
    header, found = read_container(path)
    assert header["note"] == "é"
    assert len(found) == len(arrays)
    for before, after in zip(arrays, found, strict=True):
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        assert after.tobytes() == before.tobytes()
        assert after.flags.writeable
        assert after.flags.aligned
    content = path.read_bytes()
    write_container(path, {"note": "é"}, found)
    assert path.read_bytes() == content


def test_parts_keep_their_place_in_memory(tmp_path):
    whole = np.arange(12.0).reshape(3, 4)
    arrays = [whole, whole.T, whole[:, :2], whole[:, :2].T, whole[::2], whole[::-1]]
    arrays += [np.broadcast_to(whole[0], (9, 4)), np.zeros((99, 99))[:, :1]]
    write_container(tmp_path / "a", {}, arrays)
    found = read_container(tmp_path / "a")[1]
    for before, after in zip(arrays, found, strict=True):
        np.testing.assert_array_equal(before, after)
    strides = [array.strides for array in found]
    assert strides[:5] == [array.strides for array in arrays[:5]]
    assert strides[5:] == [(32, 8), (32, 8), (8, 8)]


@given(data=st.data())
def test_any_damage_is_an_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.model"
    write_container(path, {"tree": [1, "two"]}, [np.arange(50.0), np.zeros(3, bool)])
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    how = data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
    if how == "flip":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "cut":
        del content[place:]
    elif how == "insert":
        content[place:place] = data.draw(st.binary(min_size=1, max_size=9))
    else:
        content = content * 2
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"not a model file|damaged"):
        read_container(path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('["|O",[2],"C"]', "dtype"),
        ('["<f8",[9000000000000],"C"]', "longer than the file"),
        ('["<f8",[-1],"C"]', "no shape"),
        ('["<f8",[2.0],"C"]', "no shape"),
        ('["<f8",[2],"A"]', "no layout"),
        ('["<f8",[2,2],[8]]', "no layout"),
        ('["<f8",[2,2],[8,8]]', "overlap"),
        ('["<f8",[2,2],[16,12]]', "overlap"),
        ('["<f8",[2,2],[8,9000000000]]', "too wide"),
        ('["<f8",[1],"C"]', "not that of its arrays"),
        ('["|b1",[16],"C"]', "neither true nor false"),
        ('["<f8",[NaN],"C"]', "no number"),
    ],
)
def test_forged_arrays_are_refused(tmp_path, entry, message):
    path = tmp_path / "forged.model"
    write_container(path, {}, [np.full(64, 1.5)])
    path.write_bytes(forge(path.read_bytes(), b'{"arrays":[%s]}' % entry.encode()))
    with pytest.raises(ValueError, match=message):
        read_container(path)


def test_other_formats_are_named(tmp_path):
    path = tmp_path / "newer.model"
    write_container(path, {}, [])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"format 1", b"format 7", 1))
    with pytest.raises(ValueError, match=r"in format '7'.* reads format 1"):
        read_container(path)


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
