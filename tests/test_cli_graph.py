"""The command ``cluster --edges``: a table whose rows are linked."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import triu
from sklearn.metrics import adjusted_rand_score

from skdeepcluster.cli import main
from skdeepcluster.datasets import make_attributed_graph

LINKED = make_attributed_graph(150, n_clusters=3, p_within=0.2, random_state=0)


@pytest.fixture
def files(tmp_path):
    """A table of accounts, and one of transfers between them."""
    frame = pd.DataFrame(LINKED.data.round(3), columns=[f"c{j}" for j in range(10)])
    frame.insert(0, "account", [f"A{i}" for i in range(150)])
    frame.to_csv(tmp_path / "accounts.csv", index=False)
    upper = triu(LINKED.graph).tocoo()
    transfers = pd.DataFrame(
        {
            "day": np.arange(upper.nnz) % 30,
            "from": frame["account"].to_numpy()[upper.row],
            "to": frame["account"].to_numpy()[upper.col],
            "amount": 1.5,
        }
    )
    transfers.to_csv(tmp_path / "transfers.csv", index=False)
    return tmp_path


@pytest.fixture
def run(capsys, files):
    """Run the command in the folder of the files."""

    def call(*options):
        status = main(["cluster", str(files / "accounts.csv"), *map(str, options)])
        return status, *capsys.readouterr()

    return call


def edges(files, *columns):
    columns = columns or ("from", "to", "amount")
    return "--edges", files / "transfers.csv", "--edge-columns", *columns


def test_edges_help_and_new_rows_are_labeled(run, files, capsys):
    out, model = files / "out.csv", files / "accounts.model"
    status, said, notes = run(
        *edges(files), "--id", "account", "--out", out, "--save", model
    )
    assert status == 0
    found = pd.read_csv(out)["cluster"]
    assert adjusted_rand_score(LINKED.target, found) > 0.9
    assert said.startswith("3 clusters of 150 rows")
    n_edges = LINKED.graph.nnz // 2
    assert f"edges: {n_edges:,} pairs of rows are linked" in notes
    assert "only a quarter of the edges" in said
    assert main(["predict", str(model), str(files / "accounts.csv")]) == 0
    assert capsys.readouterr().out.startswith("3 clusters of 150 rows")


def test_number_of_clusters_and_other_columns(run, files):
    status, said, _ = run(
        *edges(files, "to", "from"), "--id", "account", "--n-clusters", 2
    )
    assert status == 0
    assert said.startswith("2 clusters of 150 rows")


def test_edges_of_strangers_are_said(run, files):
    with (files / "transfers.csv").open("a") as file:
        file.write("1,A1,B1,2\n1,B2,A1,2\n1,A1,A1,2\n")
    status, _, notes = run(*edges(files), "--id", "account")
    assert status == 0
    assert "; 2 edges name rows that are not there" in notes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--edges", "F"), "--edges needs --id"),
        (("--edges", "F", "--id", "account", "--method", "ppp"), "not for ppp"),
        (("--edge-columns", "from", "to"), "needs --edges"),
        (("--method", "graph"), "--method graph needs --edges"),
        (("--edges", "F", "--id", "account"), "no edge of"),
        (("--edges", "F", "--id", "c1"), "--id c1"),
        (("--edges", "none.csv", "--id", "account"), "there is no file none.csv"),
        (("--edges", "F", "--id", "account", "--edge-columns", "from"), "takes two"),
        (
            ("--edges", "F", "--id", "account", "--edge-columns", "from", "where"),
            "no column 'where'",
        ),
        (
            ("--edges", "F", "--id", "account", "--edge-columns", "from", "to", "to"),
            "are no numbers",
        ),
    ],
)
def test_what_does_not_go_together(run, files, options, message):
    options = [files / "transfers.csv" if word == "F" else word for word in options]
    status, _, notes = run(*options)
    assert status == 1 or status == 2
    assert message in notes


@pytest.mark.parametrize("weight", ["-1", ""])
def test_bad_weights(run, files, weight):
    with (files / "transfers.csv").open("a") as file:
        file.write(f"1,A1,A2,{weight}\n")
    status, _, notes = run(*edges(files), "--id", "account")
    assert status != 0
    assert f"of edge {LINKED.graph.nnz // 2} is missing or negative" in notes
