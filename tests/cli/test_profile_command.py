"""`crm-analytics profile` as a shell sees it: what it writes, what it says, how it exits."""

import re

import numpy as np
import pandas as pd
import pytest

from crm_analytics.cli import main


def lines_of(cards, n):
    """Lines of some cards at three stores, drawn at random."""
    rng = np.random.default_rng(6)
    receipt = np.sort(rng.integers(0, n // 3, n))
    start = pd.Timestamp("2008-01-05 09:12")
    return pd.DataFrame(
        {
            "customer_id": np.array(cards)[receipt * 7 % len(cards)],
            "transaction_id": receipt + 1_000_000,
            "item_id": rng.integers(0, 30, n),
            "occurred_at": start + pd.to_timedelta(receipt * 29, unit="h"),
            "quantity": rng.integers(1, 4, n),
            "amount": rng.integers(50, 9000, n) / 100,
            "store_id": np.array(["s1", "s2", "s3"])[receipt % 17 // 7],
            "description": [f"Çınar Süt {i} L" for i in rng.integers(1, 4, n)],
            "category": "milk",
        }
    )


STORES = pd.DataFrame(
    {
        "store_id": ["s1", "s2", "s3"],
        "name": ["Suadiye", "Maslak", "Marmaris"],
        "kind": ["supermarket", "restaurant", "marina"],
        "town": ["Istanbul", "Istanbul", "Marmaris"],
        "district": ["Suadiye", "Maslak", "Marmaris"],
        "latitude": [40.961, 41.112, 36.855],
        "longitude": [29.083, 29.020, 28.274],
    }
)


def run(*arguments):
    """Run the command in this process; return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code


HOUSEHOLD, CARDS = "HSHD700", ["CARD711", "CARD722"]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Three households in files: the log, and a folder with the tables beside it."""
    folder = tmp_path_factory.mktemp("city")
    others = ["CARD733", "CARD744"]
    lines_of([*CARDS, *others], 600).to_parquet(folder / "log.parquet")
    cards = pd.DataFrame(
        {"customer_id": [*CARDS, *others], "household_id": [HOUSEHOLD, HOUSEHOLD, "HSHD701", "HSHD702"]}
    )
    forms = pd.DataFrame({"customer_id": CARDS, "sex": ["f", "m"], "may_contact": True})
    for name in ("context", "forms", "empty"):
        (folder / name).mkdir()
    cards.to_csv(folder / "context" / "cards.csv", index=False)
    STORES.to_parquet(folder / "context" / "stores.parquet")
    forms.to_parquet(folder / "context" / "forms.parquet")
    forms.to_csv(folder / "forms" / "forms.csv", index=False)
    return folder


def test_a_page_is_written_and_said(city, capsys, tmp_path):
    page = tmp_path / "page.html"
    told = ["--country", "TR", "--lang", "tr", "--sensitive", "health", "--sensitive", "religion"]
    log, context = city / "log.parquet", ["--context", city / "context"]
    assert run("profile", log, "--household", HOUSEHOLD, "--output", page, *context, *told) == 0
    captured = capsys.readouterr()
    said = captured.out.splitlines()
    assert re.search(r"^[\d.]+ satırdan \d+ bulgu\. Öneri", said[0])
    assert said[1:] == [f"Yazıldı: {page}"]
    assert captured.err == ""
    text = page.read_text("utf-8")
    assert '<html lang="tr">' in text
    assert "sağlık, din" in text
    assert not any(name in text for name in (HOUSEHOLD, *CARDS))


@pytest.fixture(scope="module")
def short_log(tmp_path_factory):
    """Three lines, of which two cannot be read."""
    log = tmp_path_factory.mktemp("short") / "log.csv"
    log.write_text(
        "customer_id,transaction_id,item_id,occurred_at,amount\n"
        "7,1,a,2008-08-27,2.5\n,2,a,2008-08-28,2.5\n7,3,a,nonsense,2.5\n"
    )
    return log


@pytest.mark.parametrize(
    ("lang", "told", "aside", "written"),
    [
        ("en", "0 findings from 1 line. Make no offer", "2 of 3 lines set aside (1 missing_customer, 1 ", "Written"),
        ("tr", "1 satırdan 0 bulgu. Öneri", "3 satırdan 2 tanesi ayrıldı (1 missing_customer, 1 ", "Yazıldı"),
    ],
)  # fmt: skip
def test_lines_set_aside_are_counted_in_the_language(short_log, capsys, tmp_path, lang, told, aside, written):
    page = tmp_path / "page.html"
    assert run("profile", short_log, "--household", "7", "--output", page, "--lang", lang) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(told)
    assert said[1].startswith(aside)
    assert said[1].endswith("`crm-analytics audit`.")
    assert said[2] == f"{written}: {page}"


def test_cards_are_named_where_that_is_asked_for(city, tmp_path):
    page, card = tmp_path / "page.html", CARDS[0]  # without cards, every customer is a household
    arguments = ["--household", card, "--output", page, "--context", city / "forms", "--show-cards"]
    arguments += ["--title", "Üç kişi"]
    assert run("profile", city / "log.parquet", *arguments) == 0
    text = page.read_text("utf-8")
    assert card in text
    assert "<h1>Üç kişi</h1>" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--household", "H77777"], 2, "household 'H77777' has no line among the 3 households before 2008-09-0"),
        (["--context", "CITY/nowhere"], 2, "nowhere is no folder"),
        (["--context", "CITY/empty"], 2, "has none of cards, stores, calendar, forms"),
        (["--sensitive", "money"], 2, "sensitive must be one of 'health', 'religion', 'pregnancy'"),
        (["--lang", "de"], 2, "lang must be one of 'en', 'tr'. Got 'de' instead."),
        (["--margin", "7"], 2, "margin must be"),
        (["--country", "Atlantis"], 2, "country"),
        (["--as-of", "1999-01-01"], 2, "1999-01-01"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(city, capsys, tmp_path, arguments, code, message):
    page = tmp_path / "page.html"
    given = [str(argument).replace("CITY", str(city)) for argument in arguments]
    household = [] if "--household" in given else ["--household", HOUSEHOLD]
    context = [] if "--context" in given or "--country" in given else ["--context", city / "context"]
    if "--country" in given or "--context" in given:
        household = ["--household", CARDS[0]]
    assert run("profile", city / "log.parquet", "--output", page, *household, *context, *given) == code
    said = capsys.readouterr().err
    assert said.startswith("crm-analytics: ")
    assert said.count("\n") == 1
    assert message in said
    assert not page.exists()


def test_what_a_profile_needs_is_asked_for(city, capsys):
    assert run("profile", city / "log.parquet", "--household", HOUSEHOLD) == 2
    assert "Missing option '--output'" in capsys.readouterr().err


def test_cards_that_miss_a_customer_are_an_error_of_the_data(city, capsys, tmp_path):
    pd.read_csv(city / "context" / "cards.csv").iloc[1:].to_csv(tmp_path / "cards.csv", index=False)
    arguments = ["--household", HOUSEHOLD, "--context", tmp_path, "--output", tmp_path / "page.html"]
    assert run("profile", city / "log.parquet", *arguments) == 3
    assert "cards has no household for 1 of" in capsys.readouterr().err


def test_help_lists_the_command(capsys):
    assert run("--help") == 0
    assert re.search(r"profile\s+Write one page on who a household of LOG is", capsys.readouterr().out)
