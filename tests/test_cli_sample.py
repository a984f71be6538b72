"""The command ``sample``, and ``cluster --method vote``."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from skdeepcluster.cli import main

TRUTH = np.repeat([0, 1, 2], [60, 40, 20])


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "code": [f"{row:03}" for row in range(120)],
            "weight": np.array([10.0, 3000.0, 6000.0])[TRUTH] + rng.normal(size=120),
            "height": np.array([1.0, 8.0, 2.0])[TRUTH] + rng.normal(size=120) / 10,
        }
    )
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def run(capsys):
    def run(*args):
        status = main([str(arg) for arg in args])
        return status, *capsys.readouterr()

    return run


def read(path):
    return pd.read_csv(path, dtype={"code": str})


def test_rows_of_every_group_are_written_as_they_are(source, tmp_path, run):
    out = tmp_path / "few.csv"
    status, said, _ = run("sample", source, "--n", 6, "--id", "code", "--out", out)
    assert status == 0
    assert said.splitlines()[0] == "6 of 120 rows, from 6 clusters"
    few, table = read(out), read(source)
    assert [*few] == [*table, "sample_row", "sample_stands_for"]
    rows = few["sample_row"].to_numpy() - 1
    pd.testing.assert_frame_equal(
        few[[*table]], table.iloc[rows].reset_index(drop=True)
    )
    assert set(TRUTH[rows]) == {0, 1, 2}
    assert few["sample_stands_for"].sum() == 120
    sizes = few["sample_stands_for"]
    assert (
        said.splitlines()[1] == f"each stands for {sizes.min()} to {sizes.max()} rows"
    )


def test_more_rows_than_there_are(source, tmp_path, run):
    out = tmp_path / "few.parquet"
    status, said, _ = run("sample", source, "--id", "code", "--n", 500, "--out", out)
    assert status == 0
    assert said.startswith("120 of 120 rows")
    assert len(pd.read_parquet(out)) == 120
    twice = tmp_path / "twice.csv"
    pd.concat([read(source).drop(columns="code").iloc[:3]] * 5).to_csv(
        twice, index=False
    )
    status, said, _ = run("sample", twice, "--n", 10, "--out", tmp_path / "x.csv")
    assert status == 0
    assert said.startswith("3 of 15 rows")
    assert "equal rows are chosen once" in said


def test_same_seed_same_file(source, tmp_path, run):
    outs = [tmp_path / f"{name}.csv" for name in "abc"]
    for out, seed in zip(outs, (0, 0, 1), strict=True):
        run("sample", source, "--n", 9, "--random-state", seed, "--out", out)
    first, second, third = (out.read_bytes() for out in outs)
    assert first == second != third


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "0"], "'0' is not a positive integer"),
        (["--n", "5"], "--out"),
        (["--n", "5", "--out", "table.txt"], "must end in .csv"),
    ],
)
def test_wrong_input_ends_with_one_line(source, run, arguments, message):
    status, out, err = run("sample", source, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_vote_says_on_how_many_rows_the_methods_agree(source, tmp_path, run):
    out = tmp_path / "out.csv"
    status, said, _ = run(
        "cluster", source, "--method", "vote", "--id", "code", "--out", out
    )
    assert status == 0
    assert said.startswith("3 clusters of 120 rows")
    result = read(out)
    assert [*result][-3:] == ["cluster", "cluster_stability", "cluster_agreement"]
    assert adjusted_rand_score(TRUTH, result["cluster"]) == 1
    share = (result["cluster_agreement"] == 1).mean()
    assert (
        f"all of kmeans, tied, full, ward, spectral agree on {share:.0%}"
        in " ".join(said.split())
    )
