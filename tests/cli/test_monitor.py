"""`crm-analytics monitor` as a job sees it: lines, files, exit codes."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from crm_analytics.cli import main

CHURN = {"label": "silence", "unit": "D", "horizon": 28, "gap": 0, "windows": [28, 91, 182]}


def run(*arguments):
    """Run the command in this process; return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(["monitor", *map(str, arguments)])
    return stopped.value.code


def write_run(folder, snapshot_date, shift=0.0, **told):
    folder.mkdir()
    rng = np.random.default_rng(7)
    scores = pd.DataFrame(
        {"customer_id": map(str, range(300)), "T": 90, "clv": rng.gamma(2, 10, 300) + shift}
    )
    scores = scores.assign(clv_lower=0.0, clv_upper=99.0, p_churn=np.where(np.arange(300) % 4, 0.2, 0.4))
    scores.to_parquet(folder / "scores.parquet")
    (folder / "manifest.json").write_text(json.dumps({"snapshot_date": snapshot_date, "churn": CHURN} | told))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Scores of June and July, of a July gone wrong, and a log in which every fourth customer left in June."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "june", "2024-06-01")
    write_run(tmp_path / "july", "2024-07-01")
    write_run(tmp_path / "moved", "2024-07-01", shift=40)
    lines = [f"{i},2024-05-20,5" for i in range(300)] + [f"{i},2024-06-28,5" for i in range(300) if i % 4]
    (tmp_path / "log.csv").write_text("\n".join(["customer_id,day,amount", *lines]))
    (tmp_path / "log.toml").write_text('[columns]\noccurred_at = "day"\n')
    return tmp_path


def test_calm_runs_are_said_to_be_calm(here, capsys):
    assert run("june", "july", "--fail-on-alarm") == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "300 customers as of 2024-06-01, 300 customers as of 2024-07-01: 2 columns compared, 0 drifted",
        "  not compared, the calendar moves it: T",
        "  not compared, bound of an interval: clv_lower, clv_upper",
        "  No alarm.",
    ]


def test_an_alarm_is_told_and_ends_a_job_only_on_demand(here, capsys):
    assert run("june", "moved") == 0
    assert "  Alarm: clv drifted: PSI " in capsys.readouterr().out
    assert run("june", "moved", "--fail-on-alarm") == 4
    assert run("june", "moved", "--fail-on-alarm", "--exclude", "clv") == 0


def test_table_and_chart_are_written(here, capsys):
    assert run("june", "moved", "--output", "drift.csv", "--chart", "drift.svg", "--fail-on-alarm") == 4
    table = pd.read_csv("drift.csv").set_index("feature")
    assert table["drifted"].to_dict() == {"clv": True, "p_churn": False}
    drawn = ET.parse("drift.svg").getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"  # without its name a browser shows text
    assert "clv" in "".join(drawn.itertext())
    assert {"Written: drift.csv", "Written: drift.svg"} <= set(capsys.readouterr().out.splitlines())


def test_who_left_is_told_when_it_is_known(here, capsys):
    log = ("--realised", "log.csv", "--columns", "log.toml")
    assert run("june", "july", *log, "--fail-on-alarm") == 0
    assert (
        "  realised churn (silence, 2024-06-01 until 2024-06-29): 75 of 300 left, 75 expected (61 to 89); AUC 1.000"
        in capsys.readouterr().out
    )


def test_a_window_that_is_open_is_said_to_be_open(here, capsys):
    (here / "log.csv").write_text((here / "log.csv").read_text().replace("2024-06-28", "2024-06-20"))
    assert run("june", "july", "--realised", "log.csv", "--columns", "log.toml", "--fail-on-alarm") == 0
    assert (
        "not known yet; the label window (silence) runs from 2024-06-01 until 2024-06-29, which the log does not reach"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["july", "june"], 2, "Swap the two"),
        (["june"], 2, "Missing argument 'later'"),
        (["june", "august"], 2, "august/scores.parquet is not there"),
        (["june", "july", "--columns", "log.toml"], 2, "--columns describes a log, and none is given"),
        (["june", "july", "--output", "drift.csv", "--chart", "drift.png"], 2, "must be a file named .svg"),
        (["june", "july", "--exclude", "clw"], 3, "Did you mean 'clv'?"),
        (["june", "july", "--realised", "log.csv"], 3, "required columns missing: occurred_at"),
    ],
)
def test_errors_are_one_line_and_a_code_and_nothing_is_written(here, capsys, arguments, code, message):
    before = {path.name for path in here.iterdir()}
    assert run(*arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert {path.name for path in here.iterdir()} == before
