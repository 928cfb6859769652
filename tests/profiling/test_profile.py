"""Profiles as a whole: evidence, languages, sensitive topics, and logs that lack nearly everything."""

import re

import numpy as np
import pandas as pd
import pytest

from crm_analytics.core import MissingDataError, SchemaError
from crm_analytics.datasets import make_city
from crm_analytics.profiling import (
    KINDS,
    Context,
    Population,
    choose_offer,
    profile_household,
    profile_households,
    read_context,
)
from crm_analytics.profiling.profile import FALSE_SHARE, LEAST
from crm_analytics.transactions import read_log

TOPICS = ("health", "religion", "pregnancy")


@pytest.fixture(scope="module")
def city():
    return make_city(14, start="2008-01-01", end="2009-07-01", facts_per_household=6, random_state=42)


@pytest.fixture(scope="module")
def context(city):
    return Context(cards=city.cards, stores=city.stores, calendar=city.calendar, forms=city.forms)


@pytest.fixture(scope="module")
def population(city, context):
    return Population.read(city.log, context)


@pytest.fixture(scope="module")
def profiles(population):
    return [profile_household(population, name, sensitive=TOPICS) for name in population.households]


def test_every_finding_shows_its_own_lines(city, profiles):
    assert sum(len(profile.findings) for profile in profiles) > 50
    for profile in profiles:
        cards = set(city.cards.loc[city.cards["household_id"] == profile.household_id, "customer_id"])
        for finding in profile.findings + profile.hints:
            shown = profile.evidence(finding)
            assert len(shown) == len(set(shown["line_number"])) == len(finding.rows) > 0
            assert set(shown["customer_id"]) <= cards
            source = city.table.iloc[shown["line_number"] - 1]
            np.testing.assert_array_equal(source["amount"], shown["amount"])


def test_what_is_told_is_likely_and_mostly_true_by_its_own_count(profiles):
    for profile in profiles:
        strengths = np.array([finding.strength for finding in profile.findings])
        assert (strengths >= LEAST).all()
        assert strengths.size == 0 or (1 - strengths).mean() <= FALSE_SHARE + 1e-12


@pytest.mark.parametrize("lang", ["en", "tr"])
def test_every_statement_null_and_alternative_is_written_out(profiles, lang):
    for profile in profiles:
        for finding in profile.in_language(lang).findings + profile.in_language(lang).hints:
            for text in (finding.statement, finding.title, finding.null, *finding.alternatives):
                assert text
                assert not re.search(r"[{}]|\bnan\b|None|np\.", text), (finding.kind, text)


def test_languages_tell_the_same_findings(profiles):
    for profile in profiles[:5]:
        other = profile.in_language("tr")
        assert [f.kind for f in profile.findings] == [f.kind for f in other.findings]
        assert [f.strength for f in profile.findings] == [f.strength for f in other.findings]


def test_sensitive_topics_are_told_only_if_asked_for(population, profiles):
    told = 0
    for asked in profiles:
        profile = profile_household(population, asked.household_id)
        assert not any(finding.topic for finding in profile.findings + profile.hints)
        told += sum(bool(finding.topic) for finding in asked.findings)
        health = profile_household(population, asked.household_id, sensitive=["health"])
        assert {finding.topic for finding in health.findings} <= {"", "health"}
    assert told > 0


def test_cards_are_named_only_if_asked_for(city, population):
    name = city.cards["household_id"].iloc[0]
    for lang in ("en", "tr"):
        quiet = profile_household(population, name, sensitive=TOPICS, lang=lang)
        open_ = profile_household(population, name, sensitive=TOPICS, lang=lang, show_cards=True)
        cards = "|".join(city.cards["customer_id"])
        assert not any(re.search(cards, finding.statement) for finding in quiet.findings)
        assert not quiet.form["card"].isin(city.cards["customer_id"]).any()
        assert open_.form["card"].isin(city.cards["customer_id"]).all()


def test_the_table_has_a_row_a_finding(profiles):
    profile = max(profiles, key=lambda p: len(p.findings))
    table = profile.table()
    assert len(table) == len(profile.findings)
    assert len(profile.table(hints=True)) == len(profile.findings) + len(profile.hints)
    assert set(table["kind"]) <= set(KINDS)
    assert table["n_lines"].tolist() == [len(finding.rows) for finding in profile.findings]
    assert sum(len(profile.stage(name)) for name in ("rhythm", "detail", "interpretation")) == len(table)


def test_many_are_profiled_as_one_by_one_and_in_processes_alike(population, profiles):
    one_by_one = pd.concat(
        [p.table().assign(household_id=p.household_id) for p in profiles], ignore_index=True
    )
    seen = []

    def watch(chunks):
        for chunk in chunks:
            seen.append(chunk)
            yield chunk

    together = profile_households(population, sensitive=TOPICS, progress=watch)
    apart = profile_households(population, sensitive=TOPICS, n_jobs=2)
    assert seen == [0]
    pd.testing.assert_frame_equal(together[one_by_one.columns], one_by_one)
    pd.testing.assert_frame_equal(together, apart)
    assert together["lines"].map(len).tolist() == together["n_lines"].tolist()


def test_the_future_is_not_seen(city, context):
    early = profile_household(
        city.log, city.cards["household_id"].iloc[1], context=context, as_of="2008-10-01"
    )
    before = city.table[city.table["occurred_at"] < "2008-10-01"]
    same = profile_household(read_log(before), early.household_id, context=context)
    pd.testing.assert_frame_equal(early.table(), same.table())


@pytest.mark.parametrize(
    "columns",
    [
        ["customer_id", "occurred_at", "amount"],
        ["customer_id", "occurred_at", "amount", "category"],
        ["customer_id", "occurred_at", "amount", "description", "quantity"],
        ["customer_id", "transaction_id", "occurred_at", "amount", "store_id", "brand"],
    ],
)
def test_a_log_of_few_columns_is_profiled(city, columns):
    lines = city.table[columns].assign(occurred_at=lambda t: t["occurred_at"].dt.normalize())
    population = Population.read(read_log(lines))
    for name in population.households[:4]:
        profile = profile_household(population, name, sensitive=TOPICS)
        assert len(profile.months) >= 1
        assert choose_offer(profile).statement


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_log_of_few_lines_is_profiled(city, n):
    few = city.table.iloc[:n]
    profile = profile_household(read_log(few), few["customer_id"].iloc[0], sensitive=TOPICS)
    assert profile.totals["lines"] >= 1
    assert not any(finding.level == "strong" for finding in profile.findings)


def test_bad_arguments_are_refused(city, population, tmp_path):
    name = city.cards["household_id"].iloc[0]
    with pytest.raises(ValueError, match="household 'nobody' has no line among the 14 households"):
        profile_household(population, "nobody")
    with pytest.raises(ValueError, match="sensitive must be one of 'health'"):
        profile_household(population, name, sensitive=["politics"])
    with pytest.raises(ValueError, match="sensitive must be a sequence of topics"):
        profile_household(population, name, sensitive="health")
    with pytest.raises(ValueError, match="lang must be one of 'en', 'tr'"):
        profile_household(population, name, lang="de")
    with pytest.raises(ValueError, match="belong to the Population that was read"):
        profile_household(population, name, as_of="2008-10-01")
    with pytest.raises(ValueError, match="kind must be one of"):
        profile_household(population, name).find("brand_swich")
    with pytest.raises(ValueError, match="stage must be one of 'form', 'rhythm'"):
        profile_household(population, name).stage("offer")
    with pytest.raises(ValueError, match="lang must be one of 'en', 'tr'"):
        profile_household(population, name).in_language("de")
    with pytest.raises(MissingDataError, match="is no folder"):
        read_context(tmp_path / "none", city.log)
    with pytest.raises(MissingDataError, match="has none of cards, stores, calendar, forms"):
        read_context(tmp_path, city.log)
    with pytest.raises(SchemaError, match="Context: stores"):
        Context(stores=pd.DataFrame({"shop": [1]}))


def test_what_is_of_another_sort_is_refused_by_name(city, population):
    name = city.cards["household_id"].iloc[0]
    for profile in (profile_household, lambda log, name: profile_households(log, [name])):
        with pytest.raises(
            TypeError, match=r"log must be a TransactionLog .* or a Population\. Got DataFrame"
        ):
            profile(city.table, name)
    with pytest.raises(TypeError, match=r"context must be a Context .* Got dict instead"):
        profile_household(city.log, name, context={})
    for households in (name, 7):
        with pytest.raises(ValueError, match=f"households must be a list .* Got {households!r} instead"):
            profile_households(population, households)
    for table in ("cards", "stores", "calendar", "forms"):
        with pytest.raises(TypeError, match=f"Context: {table} must be a DataFrame. Got list instead"):
            Context(**{table: [{"customer_id": "Z"}]})
    with pytest.raises(TypeError, match=r"Context: tags must be a TagTable\. Got DataFrame instead"):
        Context(tags=pd.DataFrame())


def test_a_date_before_the_log_is_called_as_of(city, context):
    name = city.cards["household_id"].iloc[0]
    with pytest.raises(ValueError, match=r"^as_of must be after .*\. Got 1999-01-01\.$"):
        profile_household(city.log, name, context=context, as_of="1999-01-01")
    with pytest.raises(
        ValueError, match=r"^as_of must be a date as 2025-06-01 .* Got '01\.06\.2009' instead"
    ):
        profile_households(city.log, [name], context=context, as_of="01.06.2009")


def test_another_households_finding_has_no_evidence_here(population, profiles):
    profile, other = [profile for profile in profiles if profile.findings][:2]
    finding = other.findings[0]
    with pytest.raises(ValueError, match=rf"\({finding.kind}.* is not of .* {profile.household_id!r}\. Ask"):
        profile.evidence(finding)
    with pytest.raises(TypeError, match=r"finding must be a Finding, .* Got str instead"):
        profile.evidence("home")
    again = profile_household(population, profile.household_id, sensitive=TOPICS, lang="tr")
    for ours, theirs in zip(profile.findings + profile.hints, again.findings + again.hints, strict=True):
        pd.testing.assert_frame_equal(profile.evidence(theirs), profile.evidence(ours))


def test_findings_are_found_by_kind_subject_or_both(profiles):
    for profile in profiles:
        assert profile.find() == profile.findings
        assert profile.find(subject="no such thing") == ()
        for finding in profile.findings:
            about = profile.find(subject=finding.subject)
            assert finding in about
            assert {f.subject for f in about} == {finding.subject}
            assert len(about) == (profile.table()["subject"] == finding.subject).sum()
            both = profile.find(finding.kind, finding.subject)
            assert both == tuple(f for f in about if f.kind == finding.kind)


def test_no_finding_shows_itself_as_certain(profiles):
    shown = [repr(finding) for profile in profiles for finding in profile.findings]
    assert any(", > .99; " in text for text in shown)
    assert not any(", 1.00; " in text for text in shown)


def test_a_context_shows_its_sizes_and_not_its_rows(city, context):
    calendar = f"calendar {len(city.calendar)} rows"
    sizes = f"cards {len(city.cards)}, stores {len(city.stores)}, {calendar}, forms {len(city.forms)}"
    assert repr(context) == f"Context: {sizes}"
    assert repr(Context(calendar=city.calendar)) == f"Context: no cards, no stores, {calendar}, no forms"


def test_a_folder_of_tables_is_a_context(city, context, tmp_path):
    city.cards.to_csv(tmp_path / "cards.csv", index=False)
    city.stores.to_parquet(tmp_path / "stores.parquet")
    (tmp_path / "tags.csv").write_text("tag,word,field\nhouse_wine,öküzgözü,description\n", "utf-8")
    found = read_context(tmp_path, city.log, country="TR")
    assert len(found.cards) == len(context.cards)
    assert found.forms is None
    assert "new_year" in set(found.calendar["occasion"])
    assert "house_wine" in found.tags.names.index
    name = city.cards["household_id"].iloc[0]
    assert profile_household(city.log, name, context=found).find("home")


def test_tables_as_a_turkish_office_saves_them_are_read(city, tmp_path):
    stores = [["store_id", "name", "latitude"], ["007", "Şişli", "41,06"], ["8", "Çeşme", ""]]
    tables = {
        "stores": stores,
        "cards": [["customer_id", "household_id"], ["007", "ev"]],
        "calendar": [["occasion", "kind", "start", "end"], ["şölen", "public", "2008-06-01", "2008-06-03"]],
        "forms": [["customer_id", "district"], ["007", "Göztepe"]],
        "tags": [["tag", "word"], ["house_wine", "öküzgözü"]],
    }
    for name, rows in tables.items():
        text = "\r\n".join(";".join(row) for row in rows)
        (tmp_path / f"{name}.csv").write_bytes(text.encode("cp1254"))
    found = read_context(tmp_path, city.log)
    assert found.stores["store_id"].tolist() == ["007", "8"]
    assert found.stores["name"].tolist() == ["Şişli", "Çeşme"]
    np.testing.assert_array_equal(found.stores["latitude"], [41.06, np.nan])
    assert found.cards["customer_id"].tolist() == ["007"]
    assert found.calendar["occasion"].tolist() == ["şölen"]
    assert found.calendar["start"].tolist() == [pd.Timestamp("2008-06-01")]
    assert found.forms["district"].tolist() == ["Göztepe"]
    assert "öküzgözü" in set(found.tags.words["word"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cards", "customer_id;household\nZ;home\n", "1 of 2 columns missing: household_id"),
        ("cards", "customer_id;household_id\nZ;a\nZ;b\n", "one row for each customer_id, but 1 of them"),
        ("cards", "", "is empty"),
        ("stores", "store_id;latitude\n1;north\n", "latitude must be degrees, .* 1 of 1 rows .* 'north'"),
        ("forms", "customer_id;cinsiyet\nZ;K\n", "found beside customer_id: cinsiyet"),
        ("tags", "tag;wrod\na;b\n", "Is 'wrod' meant as 'word'"),
        (
            "calendar",
            "occasion;kind;start;end\nx;public;2025-06-01;2025-06-02\ny;public;2025-07-01;02.07.2025\n",
            r"end must be a date as 2025-06-01 .* 1 of 2 rows are not \(first at row 1: '02\.07\.2025'\)",
        ),
    ],
)
def test_a_bad_table_of_a_folder_is_named(city, tmp_path, name, content, message):
    (tmp_path / f"{name}.csv").write_text(content, "utf-8")
    with pytest.raises(SchemaError, match=rf"^read_context: .*{name}\.csv.*{message}"):
        read_context(tmp_path, city.log)


def test_a_calendar_whose_days_nobody_can_tell_is_refused():
    spans = pd.DataFrame(
        {"occasion": ["x"], "kind": ["public"], "start": ["01.06.2025"], "end": ["2025-06-02"]}
    )
    with pytest.raises(SchemaError, match=r"Context: calendar: start must be a date .* '01\.06\.2025'"):
        Context(calendar=spans)
