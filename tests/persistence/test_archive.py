"""The bytes of a model file: what they may say, and what damage does."""

import struct
import tracemalloc
from contextlib import suppress
from functools import partial
from zipfile import ZIP_DEFLATED

import numpy as np
import pytest
from forgery import forge, members, npy, put_together
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.base import BaseEstimator

from skdeepcluster import load, save
from skdeepcluster.persistence import _archive, _model_files, _schema
from skdeepcluster.persistence._values import values_of

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


class Holder(BaseEstimator):
    """Holds one thing."""

    def __init__(self, thing=None):
        self.thing = thing


@pytest.fixture
def path(tmp_path):
    """A model file with one array of 64 numbers."""
    save(Holder(np.full(64, 1.5)), tmp_path / "a", trusted=[Holder])
    return tmp_path / "a"


# The first save imports all of scikit-learn.
@settings(deadline=None)
@given(arrays=st.lists(ARRAYS, max_size=3), turned=st.booleans())
def test_arrays_come_back_bit_for_bit(tmp_path_factory, arrays, turned):
    path = tmp_path_factory.getbasetemp() / "arrays.model"
    arrays = [np.asfortranarray(array) if turned else array for array in arrays]
    save(Holder(arrays), path, trusted=[Holder])
    found = load(path, trusted=[Holder]).thing
    assert len(found) == len(arrays)
    for before, after in zip(arrays, found, strict=True):
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        assert after.strides == before.strides or not before.size
        assert after.tobytes() == before.tobytes()
        assert after.flags.writeable
        assert after.flags.aligned


@settings(deadline=None)
@given(data=st.data())
def test_damage_is_an_error_or_without_effect(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.model"
    thing = [np.arange(50.0), np.zeros(3, bool), "text", 7]
    save(Holder(thing), path, trusted=[Holder])
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
    # Not every bit of an archive means something, such as its dates.
    found = thing
    with suppress(ValueError):
        found = load(path, trusted=[Holder]).thing
    assert repr(found) == repr(thing)


def header_of(text):
    """An array whose header says something else than its numbers."""
    content = npy(np.full(64, 1.5))
    return content[:10] + text.encode().ljust(117) + b"\n" + content[128:]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (b"", "damaged|magic|EOF"),
        (b"PK\x03\x04", "magic"),
        (npy(np.array([None]), allow_pickle=True), "dtype object"),
        (npy(np.zeros(2, "f8,i4")), "dtype"),
        (npy(np.zeros(2))[:-1], "not as long as it says"),
        (npy(np.zeros(2)) + b"0", "not as long as it says"),
        (
            header_of("{'descr':'<f8','fortran_order':False,'shape':(10**14,)}"),
            "Cannot parse|not as long|malformed",
        ),
        (
            header_of("{'descr':'<f8','fortran_order':False,'shape':(99999999999,)}"),
            "not as long as it says",
        ),
        (
            header_of("{'descr':'<f8','fortran_order':False,'shape':(-64,)}"),
            "not as long as it says",
        ),
        (header_of("{'descr':'|O','fortran_order':False,'shape':(64,)}"), "object"),
        (npy(np.full(512, 7, np.uint8).view(bool)), "neither true nor false"),
    ],
)
def test_forged_arrays_are_refused(path, array, message):
    forge(path, array0=array)
    with pytest.raises(ValueError, match=message):
        load(path, trusted=[Holder])


def test_other_formats_are_named(path):
    header = members(path)["skdeepcluster.json"]
    forge(path, header=header.replace(b'"format":2', b'"format":7'))
    with pytest.raises(ValueError, match=r"in format 7.* reads format 2"):
        load(path, trusted=[Holder])


def test_what_is_no_model_is_said_before_it_is_read(path):
    contents = members(path)
    schema = contents.pop("schema.json")
    put_together(path, {"schema.json": schema} | contents)
    with pytest.raises(ValueError, match="not a model file"):
        load(path, trusted=[Holder])


def test_members_are_plain_and_known(path):
    contents = members(path)
    put_together(path, contents, ZIP_DEFLATED)
    with pytest.raises(ValueError, match="compressed"):
        load(path, trusted=[Holder])
    put_together(path, contents | {"../evil": b""})
    with pytest.raises(ValueError, match="member called"):
        load(path, trusted=[Holder])
    put_together(path, contents | {"skdeepcluster.json": b" " * 9999})
    with pytest.raises(ValueError, match="header is too long"):
        load(path, trusted=[Holder])


def test_members_that_share_their_bytes_are_refused(path):
    """A short file may list one long member many times."""
    contents = members(path) | {"1.npy": npy(np.zeros(10_000)), "2.npy": b"2"}
    put_together(path, contents)
    content = path.read_bytes()
    # The directory's entry of the last member comes to mean the one before.
    place = [content.rindex(name) - 46 for name in (b"1.npy", b"2.npy")]
    first, last = (bytearray(content[at : at + 46]) for at in place)
    last[14:28], last[42:46] = first[14:28], first[42:46]
    path.write_bytes(content[: place[1]] + last + content[place[1] + 46 :])
    with pytest.raises(ValueError, match="cannot be loaded"):
        load(path, trusted=[Holder])


def test_long_list_of_members_is_not_read(path):
    content = path.read_bytes()
    entry = bytearray(content[content.index(b"PK\x01\x02") :][:46])
    entry[28:34] = bytes(6)
    entries = bytes(entry) * 400_000
    end = bytearray(content[-22:])
    end[12:20] = struct.pack("<II", len(entries), len(content) - 22)
    path.write_bytes(content[:-22] + entries + end)
    tracemalloc.start()
    with pytest.raises(ValueError, match="too many members"):
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def sizes_of(path):
    """Bytes of the header and of the list of members."""
    content = path.read_bytes()
    return len(members(path)["skdeepcluster.json"]), int.from_bytes(
        content[-10:-6], "little"
    )


def test_limits_are_the_most_that_is_read(path, monkeypatch):
    header, directory = sizes_of(path)
    schema = members(path)["schema.json"]
    n_values = schema.count(b",") + schema.count(b"[")
    for module, name, most, message in (
        (_archive, "MOST_HEADER", header, "header is too long"),
        (_archive, "MOST_DIRECTORY", directory, "too many members"),
        (_model_files, "MOST_BYTES", len(schema), "tree is too large"),
        (_schema, "MOST_VALUES", n_values, "tree is too large"),
    ):
        with monkeypatch.context() as limits:
            limits.setattr(module, name, most)
            assert load(path, trusted=[Holder]).thing.sum() == 96
            limits.setattr(module, name, most - 1)
            with pytest.raises(ValueError, match=message):
                load(path, trusted=[Holder])


def test_braces_are_counted_before_a_tree_is_parsed(monkeypatch):
    monkeypatch.setattr(_schema, "MOST_NODES", 1)
    assert _schema.parse_schema(b"[{},{}]") == [{}, {}]
    with pytest.raises(ValueError, match="tree is too large"):
        _schema.parse_schema(b"[{},{},{}]")


def test_long_list_of_members_in_the_large_form_is_not_read(path):
    """Its length then stands in a record of its own before the end."""
    content = path.read_bytes()
    end = content[-22:]
    large = b"PK\x06\x06" + struct.pack("<QHHIIQQ", 44, 45, 45, 0, 0, 2, 2)
    large += struct.pack("<QQ", 9 << 20, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(content) - 22, 1)
    path.write_bytes(content[:-22] + large + locator + end)
    with pytest.raises(ValueError, match="too many members"):
        load(path)


def test_what_follows_the_end_is_damage(path):
    content = path.read_bytes()
    for wrong in (
        content + b"0",
        content[:-2] + b"\x01\x000",
        content[:-22] + bytes(22),
    ):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match="does not end as it should"):
            load(path)


def test_damage_is_called_so(path):
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02")] = 0
    path.write_bytes(content)
    with pytest.raises(ValueError, match="it was damaged: "):
        load(path)


def test_what_a_partial_function_holds_is_looked_at(tmp_path):
    """A position that crashes numpy is found wherever it is."""
    generator = np.random.RandomState(0)
    for bound in (partial(np.clip, generator), partial(np.clip, a_min=[generator])):
        assert any(value is generator for value in values_of(Holder(bound)))
