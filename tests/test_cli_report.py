"""The HTML report of the command line."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import skdeepcluster
from skdeepcluster import MixedMixture
from skdeepcluster.cli import main
from skdeepcluster.cli.mixtures import coarser_levels


class Reader(HTMLParser):
    """Collects what a page says, and checks that its elements are closed."""

    VOID = {"meta", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.said = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], 30)
    table = pd.DataFrame(
        {
            "weight": (1000.0 * kind + rng.normal(size=90)).round(2),
            "<script>alert(1)</script>": rng.normal(size=90).round(2),
            "colour": np.array(["red", "red", "blue & green"])[kind],
        }
    )
    table.loc[3, "weight"] = np.nan
    path = tmp_path / "a <b> table.csv"
    table.to_csv(path, index=False)
    return path


def report_of(source, path, *options):
    options = ("--n-clusters", "3", "--quiet", "--report", str(path), *options)
    assert main(["cluster", str(source), *options]) == 0
    return path.read_text(encoding="utf-8")


def test_page_says_what_was_found(source, tmp_path):
    text = report_of(source, tmp_path / "report.html")
    page = Reader(text)
    said = "\n".join(page.said)
    assert page.said.count("a <b> table.csv") == 2
    assert "3 clusters of 90 rows" in said
    assert re.search(r"cluster \d: .*colour.*% of the cluster", said)
    assert "colour = blue & green" in said
    assert "missing values: weight (1)" in said
    assert "weight (89 cells)" not in said  # in the picture
    assert "how many of 6 samples of the rows show the cluster" in said
    assert f"skdeepcluster {skdeepcluster.__version__}" in said
    assert "MixedMixture(" in said


def test_pictures_are_inside_and_nothing_is_loaded(source, tmp_path):
    page = Reader(report_of(source, tmp_path / "report.html"))
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    # Profiles; evidence and merges of the mixture.
    assert len(pictures) == 3
    assert sum(tag == "svg" for tag, _ in page.tags) == 1
    for picture in pictures:
        kind, data = picture["src"].split(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data)[:8] == b"\x89PNG\r\n\x1a\n"
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe")
        assert "href" not in attributes


def gappy_table():
    """Four groups in two pairs; in one of each pair the cells of `mark` lack."""
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2, 3], [60, 50, 40, 30])
    table = pd.DataFrame(
        {
            "weight": (100.0 * (group // 2) + rng.normal(size=180)).round(3),
            "height": (9.0 * (group % 2) + rng.normal(size=180)).round(3),
            "mark": rng.choice(["a", "b"], 180).astype(object),
            "noise": rng.choice(["x", "y", "z"], 180),
        }
    )
    table.loc[group % 2 == 1, "mark"] = None
    return table


def test_page_tells_columns_gaps_and_levels_of_a_mixture(tmp_path, capsys):
    source = tmp_path / "gappy.csv"
    table = gappy_table()
    table.to_csv(source, index=False)
    assert main(["cluster", str(source), "--report", str(tmp_path / "page.html")]) == 0
    out, err = capsys.readouterr()
    assert "method: mixed, since there are categories or missing cells; --method" in err
    model = MixedMixture().fit(table)
    told = model.column_evidence_
    assert told["noise"] < 0 < told["height"] < told["weight"]
    assert (
        "evidence that the clusters differ in a column, in nats (logarithms of odds: "
        f"5 is strong): weight ({told['weight']:,.0f}), "
        f"height ({told['height']:,.0f})\n"
    ) in out
    assert re.search(r"differ in the values of: (mark, noise|noise, mark)\n", out)
    assert "helps to tell the clusters apart in: mark\n" in out
    said = "\n".join(Reader((tmp_path / "page.html").read_text("utf-8")).said)
    assert f"weight\n{told['weight']:.4g}\n" in said
    assert re.search(r"mark\n-?[\d.]+\ntell clusters apart", said)
    objective = {level["n_clusters"]: level["objective"] for level in model.path_}
    coarser = [k for k in sorted(objective, reverse=True) if 1 < k < 4]
    assert [k for k, *_ in coarser_levels(model)] == coarser == [3, 2]
    lost = objective[4] - objective[2]
    assert f"2\n{lost:.4g}\n0 + 1; 2 + 3" in said
    np.testing.assert_array_equal(model.labels_at(2), model.labels_ // 2)


def test_numbers_only_are_for_ppp(tmp_path, capsys):
    source = tmp_path / "numbers.csv"
    gappy_table()[["weight", "height"]].to_csv(source, index=False)
    assert main(["cluster", str(source)]) == 0
    out, err = capsys.readouterr()
    assert "method: ppp, since there are only numbers; --method takes another" in err
    assert "in nats" not in out


def test_same_seed_same_page(source, tmp_path):
    first = report_of(source, tmp_path / "first.html")
    assert report_of(source, tmp_path / "second.html") == first


@pytest.mark.parametrize(("k", "n_pictures"), [("1", 1), ("2", 2)])
def test_rows_that_were_clustered_have_silhouettes(source, k, n_pictures, tmp_path):
    options = ("--method", "kmeans", "--n-clusters", k)
    page = Reader(report_of(source, tmp_path / "report.html", *options))
    assert sum(tag == "img" for tag, _ in page.tags) == n_pictures


def test_one_cluster(source, tmp_path):
    text = report_of(source, tmp_path / "report.html", "--n-clusters", "1")
    page = Reader(text)
    assert "1 cluster of 90 rows" in "\n".join(page.said)


def test_many_clusters_have_rules_and_a_wide_picture(tmp_path):
    rng = np.random.default_rng(0)
    places = np.array([[x, y] for x in range(4) for y in range(5)]) * 100.0
    rows = np.repeat(places, 20, axis=0) + rng.normal(size=(400, 2))
    source = tmp_path / "grid.csv"
    pd.DataFrame(rows, columns=["x", "y"]).to_csv(source, index=False)
    text = report_of(source, tmp_path / "report.html", "--n-clusters", "20")
    page = Reader(text)
    said = "\n".join(page.said)
    described = {int(k) for k in re.findall(r"^cluster (\d+): ", said, re.MULTILINE)}
    # Three conditions do not enclose a place that has neighbours on all sides.
    without = re.search(r"right in 80% for: (.*)\.", said)
    without = {int(k) for k in without[1].split(", ")}
    assert described | without == set(range(20))
    assert len(described) == 14
    assert [a["class"] for tag, a in page.tags if tag == "img" and "class" in a] == [
        "wide"
    ]


def test_bad_name(source, tmp_path, capsys):
    path = tmp_path / "report.pdf"
    assert main(["cluster", str(source), "--report", str(path)]) == 2
    assert "the name must end in .html" in capsys.readouterr().err
    assert not path.exists()


def test_every_row_says_what_it_is(source, tmp_path):
    out = tmp_path / "out.csv"
    page = Reader(report_of(source, tmp_path / "report.html", "--out", str(out)))
    table = pd.read_csv(out)
    tips = [said for said in page.said if re.match(r"row \d+: cluster", said)]
    assert len(tips) == len(table)
    for tip in tips:
        head, *cells = tip.splitlines()
        number, cluster = map(int, re.findall(r"\d+", head))
        row = table.iloc[number - 1]
        assert row["cluster"] == cluster
        assert f"colour: {row['colour']}" in cells
    assert sum("weight: missing" in tip for tip in tips) == 1


def test_typical_rows_and_averages_are_of_the_table(source, tmp_path):
    out = tmp_path / "out.csv"
    text = report_of(source, tmp_path / "report.html", "--out", str(out))
    table = pd.read_csv(out)
    typical = text.split("<h2>Typical rows</h2>")[1].split("<h2>")[0]
    found = re.findall(r"<td>(\d)</td><td>row (\d+)</td>", typical)
    assert len(found) == 9
    for cluster, row in found:
        assert table["cluster"][int(row) - 1] == int(cluster)
    averages = text.split("<h2>Every column in every cluster</h2>")[1]
    (cells,) = re.findall(r"<td>cells that are there</td>(.*?)</tr>", averages)
    counts = [int(n) for n in re.findall(r"<td>(\d+)</td>", cells)]
    seen = table.dropna(subset="weight").groupby("cluster").size().tolist()
    assert counts == [89, *seen]


def test_compared_with_a_column(source, tmp_path):
    options = ("--compare", "colour", "--method", "kmeans")
    text = report_of(source, tmp_path / "report.html", *options)
    Reader(text)
    section = text.split("<h2>Compared with colour</h2>")[1].split("<h2>")[0]
    assert "adjusted Rand index" in section
    rows = re.findall(r"<td>cluster \d</td><td>(\d+)</td><td>(\d+)</td>", section)
    assert np.array(rows, dtype=int).sum(axis=0).tolist() == [30, 60]


def test_options_about_columns_reach_the_mixture(tmp_path, capsys):
    table = gappy_table()
    rng = np.random.default_rng(1)
    table["grade"] = rng.integers(1, 6, 180)
    table["zip"] = 1000 * rng.integers(1, 90, 180)
    source, model = tmp_path / "table.csv", tmp_path / "model.skdc"
    table.to_csv(source, index=False)
    options = ("--categorical", "grade", "--numeric", "zip", "--log", "zip")
    assert main(["cluster", str(source), *options, "--save", str(model)]) == 0
    mixture = skdeepcluster.load(model)[-1]
    assert sorted(mixture.category_probabilities_["grade"]) == [*"12345"]
    assert set(mixture.means_) == {"weight", "height", "zip"}
    told = skdeepcluster.load(model)[0].encoder.columns_
    logs = {c.name: c.log_shift is not None for c in told if c.role == "number"}
    assert logs == {"weight": False, "height": False, "zip": True}
    numbers = mixture._fitted.observations.numbers
    assert {c.name: c.log_shift is not None for c in numbers} == logs
    said = capsys.readouterr().err
    assert "logarithms taken, as asked: zip" in said
    assert "leading zeros" not in said
    assert main(["cluster", str(source), "--weights", "weight=2"]) != 0
    assert "--method mixed has none: name another" in capsys.readouterr().err
