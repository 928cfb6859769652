"""The commands as a shell sees them: what they write, what they say, how they exit."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from crm_analytics import batch, read_log
from crm_analytics.cli import main
from crm_analytics.datasets import make_purchases


def run(*arguments):
    """Run the command in this process; return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code


def comma(amount):
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


@pytest.fixture(scope="module")
def turkish(tmp_path_factory):
    """A log as a Turkish till exports it, with a broken line, and the TOML that describes it."""
    folder = tmp_path_factory.mktemp("till")
    frame = make_purchases(400, random_state=5).log().to_frame()
    lines = ["Müşteri No;Tarih;Tutar"]
    lines += [
        f"{row.customer_id:06d};{row.occurred_at:%d.%m.%Y %H:%M};{comma(row.amount)}"
        for row in frame.itertuples()
    ]
    lines += ["000001;31.12.2024 10:00;yok", ";31.12.2024 10:00;5,00"]
    (folder / "fisler.csv").write_bytes("\r\n".join(lines).encode("cp1254"))
    (folder / "log.toml").write_text(
        '[columns]\ncustomer_id = "Müşteri No"\noccurred_at = "Tarih"\namount = "Tutar"\n'
        '[reading]\nrefunds = "net"\nnot_after = "2025-01-01"\n',
        "utf-8",
    )
    return folder


def test_audit_names_each_kind_of_dirt_with_its_line(turkish, capsys, tmp_path):
    code = run(
        "audit", turkish / "fisler.csv", "--columns", turkish / "log.toml", "--output", tmp_path / "a.csv"
    )
    said = capsys.readouterr().out
    assert code == 0
    assert "2 set aside" in said
    assert "missing_customer" in said
    assert "unreadable_amount" in said
    assert "yok" in said
    assert {"missing_customer", "unreadable_amount"} <= set(pd.read_csv(tmp_path / "a.csv")["check"])


def test_fit_score_and_report_write_what_they_say(turkish, capsys, tmp_path):
    log, columns = turkish / "fisler.csv", ("--columns", turkish / "log.toml")
    assert run("fit", log, *columns, "--models", tmp_path / "models", "--unit", "W", "--margin", "0.2") == 0
    said = capsys.readouterr().out
    assert "400 customers, " in said
    assert "its root mean squared error per customer was" in said  # which model, and why
    assert "it has not seen the season" in said  # and what to beware of
    assert run("score", log, *columns, "--models", tmp_path / "models", "--output", tmp_path / "scores") == 0
    captured = capsys.readouterr()
    assert "400 customers scored, 2 lines set aside" in captured.out
    assert captured.err == ""  # no progress bar where nobody watches
    model = batch.load_models(tmp_path / "models")
    assert (model.unit, model.horizon, model.margin) == ("W", 52, 0.2)
    told = json.loads((tmp_path / "scores" / "manifest.json").read_text())
    assert told["model"]["horizon"] == 52
    assert told["model"]["chosen"]["reason"] == model.choice_["reason"] != ""
    scored = batch.read_scores(tmp_path / "scores")
    assert (scored["clv_lower"] <= scored["clv_upper"]).all()
    page = tmp_path / "page.html"
    arguments = ["--models", tmp_path / "models", "--scores", tmp_path / "scores", "--output", page]
    assert run("report", log, *columns, *arguments, "--title", "Müşteriler", "--currency", "₺") == 0
    assert "Müşteriler" in page.read_text("utf-8")


def test_a_refit_keeps_segments_and_replaces_a_broken_model(turkish, capsys, tmp_path):
    log, models = turkish / "fisler.csv", tmp_path / "models"
    again = ["fit", log, "--columns", turkish / "log.toml", "--models", models, "--churn-horizon", "0"]
    assert run(*again) == 0
    names = batch.load_segments(models).behaviour_names_
    assert run(*again) == 0
    assert batch.load_segments(models).behaviour_names_ == names
    assert "numbered anew" not in capsys.readouterr().out
    assert run(*again, "--unit", "W") == 0
    assert "count in D, not in W" in capsys.readouterr().out
    (models / "segments" / "model.json").write_text("{}", "utf-8")
    assert run(*again, "--lang", "tr") == 0
    assert "Segments are numbered anew" in capsys.readouterr().out
    assert batch.load_segments(models).value_.names_[0] == "Hareketsiz"


def test_score_without_models_fits_first(turkish, tmp_path):
    log = turkish / "fisler.csv"
    assert (
        run("score", log, "--columns", turkish / "log.toml", "--output", tmp_path / "s", "--horizon", "90")
        == 0
    )
    opened = read_log(log, columns=turkish / "log.toml", not_after="2025-01-01")
    expected = batch.fit(opened, horizon=90).predict_table(
        batch.read_scores(tmp_path / "s")[["frequency", "recency", "T", "monetary_value"]]
    )
    pd.testing.assert_series_equal(batch.read_scores(tmp_path / "s")["clv"], expected["clv"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["score", "LOG"], 2, "Missing option '--output'"),
        (["scoore"], 2, "No such command 'scoore'"),
        (["audit", "nowhere.csv"], 2, "no CSV or Parquet file at 'nowhere.csv'"),
        (["fit", "LOG", "--columns", "TOML", "--models", "OUT", "--unit", "Y"], 2, "unit must be one of"),
        (["fit", "LOG", "--columns", "TOML", "--models", "OUT", "--horizon", "-3"], 2, "horizon must be > 0"),
        (["audit", "LOG"], 3, "'customer_id': 'Müşteri No'"),
        (["audit", "LOG", "--columns", "TYPO"], 3, r"Did you mean 'refunds'?"),
        (
            ["score", "LOG", "--columns", "TOML", "--models", "OUT", "--output", "OUT2"],
            1,
            "holds no model.json",
        ),
    ],
)
def test_errors_are_one_line_on_stderr_and_a_code(turkish, tmp_path, capsys, arguments, code, message):
    (tmp_path / "typo.toml").write_text('[reading]\nrefund = "net"\n')
    places = {
        "LOG": turkish / "fisler.csv",
        "TOML": turkish / "log.toml",
        "TYPO": tmp_path / "typo.toml",
        "OUT": tmp_path / "out",
        "OUT2": tmp_path / "out2",
    }
    assert run(*(places.get(word, word) for word in arguments)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("crm-analytics: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err


def test_failed_commands_write_nothing(turkish, tmp_path):
    assert run("score", turkish / "fisler.csv", "--output", tmp_path / "out") == 3
    assert list(tmp_path.iterdir()) == []


def test_unexpected_errors_say_their_kind_and_how_to_see_more(turkish, capsys, monkeypatch):
    monkeypatch.setattr("crm_analytics.cli.app.open_log", lambda *_: 1 / 0)
    assert run("audit", turkish / "fisler.csv") == 1
    assert "ZeroDivisionError: division by zero. Set CRM_ANALYTICS_TRACEBACK=1" in capsys.readouterr().err
    monkeypatch.setenv("CRM_ANALYTICS_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError, match="division"):
        main(["audit", "x"])


def test_the_installed_command_shows_its_help():
    shown = subprocess.run(
        [sys.executable, "-c", "from crm_analytics.cli import main; main()", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    for command in ("audit", "fit", "score", "report", "demo"):
        assert command in shown
