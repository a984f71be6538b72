"""One BLAS thread within a block, and as many as before after it."""

from threading import Thread

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skdeepcluster._threads import one_blas_thread


def blas_threads():
    np.ones((2, 2)) @ np.ones((2, 2))
    return [
        library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def test_the_number_is_restored():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with one_blas_thread():
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


def test_the_number_is_restored_after_an_error():
    before = blas_threads()
    with pytest.raises(ValueError, match="on purpose"), one_blas_thread():
        raise ValueError("on purpose")
    assert blas_threads() == before


def test_threads_pass_one_after_the_other():
    seen, inside = [], []

    def work():
        for _ in range(20):
            with one_blas_thread():
                inside.append(None)
                seen.append((len(inside), *blas_threads()))
                inside.pop()

    before = blas_threads()
    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 60
    assert set(seen) == {(1, *[1] * len(before))}
    assert blas_threads() == before
