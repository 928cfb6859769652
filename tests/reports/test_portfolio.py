"""The portfolio report: its figures are those of the tables, and it needs nothing from outside."""

import copy
import re
from html.parser import HTMLParser
from importlib import resources

import matplotlib
import numpy as np
import pandas as pd
import pytest

from crm_analytics import read_log
from crm_analytics.clv import GammaGammaModel
from crm_analytics.core import SchemaError
from crm_analytics.datasets import make_purchases
from crm_analytics.evaluation import value_concentration
from crm_analytics.reports import portfolio_report
from crm_analytics.reports.model_card import correlation_in_words
from crm_analytics.reports.trial import hold_trial

QUESTIONS = [
    "What are the customers worth?",
    "Who holds the value?",
    "Can you trust it?",
    "What is the model, and what does it assume?",
    "Which data does this rest on?",
]


class Reader(HTMLParser):
    """Read a page as a person does: headings, text, and tables by their names."""

    def __init__(self, page):
        super().__init__()
        self.headings, self.tables, self.words = [], {}, []
        self.table, self.tag, self.hidden = None, None, False
        self.feed(page)
        self.text = " ".join(" ".join(self.words).replace("\u00a0", " ").split())

    def handle_starttag(self, tag, attrs):
        self.tag = tag
        self.hidden = tag in ("style", "svg") or self.hidden
        if tag == "table":
            self.table = self.tables.setdefault(dict(attrs)["aria-label"].replace("\u00a0", " "), [])
        if tag == "tr":
            self.table.append([])
        if tag in ("th", "td"):
            assert tag == "td" or dict(attrs)["scope"] in ("row", "col")
            self.table[-1].append("")
        if tag == "h2":
            self.headings.append("")

    def handle_endtag(self, tag):
        self.hidden = self.hidden and tag not in ("style", "svg")
        self.table = None if tag == "table" else self.table
        self.tag = None

    def handle_data(self, data):
        if self.hidden:
            return
        self.words.append(data)
        if self.table is not None and self.tag in ("th", "td"):
            self.table[-1][-1] += data.replace("\u00a0", " ")
        if self.tag == "h2":
            self.headings[-1] += data


def report(log, model, scores, **options):
    return Reader(portfolio_report(log, model, scores, title="t", **options))


@pytest.fixture(scope="module")
def cdnow_read(cdnow):
    return Reader(cdnow.page)


@pytest.fixture(scope="module")
def trial(cdnow):
    return hold_trial(cdnow.log, cdnow.model.purchases_, "BG/NBD", "W")


def test_the_questions_are_the_headings(cdnow_read):
    assert cdnow_read.headings == QUESTIONS


def test_headline_figures_are_sums_over_the_scores(cdnow, cdnow_read):
    scores = cdnow.scores
    for figure in [
        f"Customers {len(scores):,} with a purchase before 1 Jul 1998",
        f"Probably active {scores['p_alive'].sum():,.0f} {scores['p_alive'].mean():.1%}".replace("%", " %"),
        f"Expected purchases {scores['expected_purchases'].sum():,.0f} in the next 52 weeks",
        f"Expected value ${scores['clv'].sum():,.0f} over 52 weeks: revenue, discounted at 15 % a year",
        f"Median customer ${scores['clv'].median():,.2f}",
        f"Top customer ${scores['clv'].max():,.2f} customer {scores['clv'].idxmax()}",
    ]:
        assert figure in cdnow_read.text


def test_one_time_buyers_who_count_as_active_are_counted(cdnow, cdnow_read):
    once = (cdnow.scores["frequency"] == 0).sum()
    assert f"{once:,} bought once and count in full" in cdnow_read.text
    assert f"{once:,} customers of 2,357 bought once only and count as active" in cdnow_read.text


def test_value_is_shared_out_as_the_concentration_table_says(cdnow, cdnow_read):
    held = value_concentration(cdnow.scores["clv"]).set_index("customers")["value"]
    sentence = f"The most valuable 20 % of the customers hold {100 * held[0.2]:.1f} % of the expected value"
    assert sentence in cdnow_read.text


def test_the_ten_most_valuable_customers_are_listed_in_order(cdnow, cdnow_read):
    header, *rows = cdnow_read.tables["The 10 most valuable customers"]
    top = cdnow.scores.nlargest(10, "clv")
    assert header[:2] == ["Customer", "Value"]
    assert [row[0] for row in rows] == top.index.tolist()
    assert [row[1] for row in rows] == [f"${value:,.2f}" for value in top["clv"]]
    assert header[2] == "90 % of cases"
    bounds = zip(top["clv_lower"], top["clv_upper"], strict=True)
    assert [row[2] for row in rows] == [f"${low:,.2f} – ${high:,.2f}" for low, high in bounds]
    assert [row[5] for row in rows] == [f"{100 * p:.1f} %" for p in top["p_alive"]]
    assert [row[6] for row in rows] == [str(n) for n in top["frequency"]]


def test_the_page_says_how_sure_the_total_is_and_why_this_model(cdnow, cdnow_read):
    found = cdnow.model.total_interval(cdnow.scores)
    low, high = (f"${found[side]['model']:,.0f}" for side in ("lower", "upper"))
    assert (
        f"With 90 % certainty it will be {low} to {high}, by how far off totals were on logs like this one"
        in cdnow_read.text
    )
    assert "chosen by the caller" in cdnow_read.text
    told = cdnow.model.choice_ | {"warnings": ["The log has not seen Christmas."], "log_ratios": [0.1, 0.2]}
    model = copy.copy(cdnow.model)
    model.choice_ = told
    page = portfolio_report(cdnow.log, model, cdnow.scores, title="CDNOW", audit=False)
    assert "The log has not seen Christmas." in page
    assert "at 2 earlier dates of this log" in page.replace("\xa0", " ")


def test_the_trial_is_fitted_to_two_thirds_and_judged_on_the_last(cdnow, trial):
    assert (trial.begin, trial.end) == (pd.Timestamp("1997-12-29"), pd.Timestamp("1998-06-29"))  # Mondays
    assert trial.model.r_ != cdnow.model.purchases_.r_
    assert trial.comparison.index.tolist() == ["BG/NBD", "naive rate", "as last time"]


def test_the_trials_table_is_the_holdout_table(cdnow_read, trial):
    rows = cdnow_read.tables["Forecasts of the 1,110 purchases from 29 Dec 1997 to 28 Jun 1998"][1:]
    assert [row[0] for row in rows] == trial.comparison.index.tolist()
    for row, (_, found) in zip(rows, trial.comparison.iterrows(), strict=True):
        assert row[1] == f"{found['predicted']:,.0f}"
        assert row[2] == f"{100 * found['bias']:+.1f} %".replace("-", "−")
        assert row[3].removeprefix("closest: ") == f"{found['mae']:.3f}"
        assert row[5:] == [f"{found['gini']:.3f}", f"{found['auc_active']:.3f}"]


def test_a_naive_rule_with_a_lower_error_is_named_plainly(cdnow_read, trial):
    errors = trial.comparison["mae"]
    assert errors["as last time"] < errors["BG/NBD"]  # the sentences rest on this
    assert "1,175 purchases and 1,110 happened: 5.9 % too many" in cdnow_read.text
    assert "By this measure the naive rule “as last time” did better, at 0.507" in cdnow_read.text
    closest = [row[0] for table in cdnow_read.tables.values() for row in table if "closest" in "".join(row)]
    assert closest == ["as last time"]


def test_a_model_that_beats_the_naive_rules_is_not_talked_down(score):
    read = report(*score(make_purchases(1500, weeks=78, random_state=4).log(), unit="D", horizon=90))
    assert "No naive rule did better: the best, “" in read.text


def test_model_card_says_what_was_fitted_and_what_it_assumes(cdnow, cdnow_read):
    rows = cdnow_read.tables["Parameters, by maximum likelihood"][1:]
    assert [row[0] for row in rows] == ["r", "alpha", "a", "b", "p", "q", "v"]
    assert float(rows[0][2]) == pytest.approx(cdnow.model.purchases_.r_, rel=1e-3)
    assert float(rows[0][3]) == pytest.approx(cdnow.model.purchases_.standard_errors_["r"], rel=1e-3)
    for part in [
        "BG/NBD for purchases, Gamma-Gamma for spend",
        cdnow.model.purchases_.fit_report_["message"],
        "15 % a year (effective), compounded continuously at the equal 0.268 % per week",
        "Log 1 Jan 1997 to 1 Jul 1998, the first day not seen",
        "100 % of spend: value is revenue",
        "P(alive) is 1 for them",
        "crm_analytics 0.1.0",
    ]:
        assert part in cdnow_read.text


def test_correlation_is_put_into_words_by_size_and_sign():
    assert "next to none" in correlation_in_words(-0.05)
    assert "a weak one" in correlation_in_words(0.2)
    assert "rare buyers tend to be too high" in correlation_in_words(0.2)
    assert "not a weak one" in correlation_in_words(-0.4)
    assert "rare buyers tend to be too low" in correlation_in_words(-0.4)
    assert "not defined" in correlation_in_words(float("nan"))


def test_counts_refunds_and_audit_are_those_of_the_log(evil):
    read, counts = Reader(evil.page), evil.log.counts
    assert read.tables["Where every line went"][1:] == [
        ["In the source", f"{counts.source:,}", "100.0 %"],
        ["Kept", f"{counts.kept:,}", f"{100 * counts.kept / counts.source:.1f} %"],
        ["Set aside: no customer", "1", f"{100 / counts.source:.1f} %"],
    ]
    assert "1 line is a refund" in read.text
    assert "policy “net”" in read.text
    assert "1 line cancelled in full, 0 reduced" in read.text
    found = evil.log.audit()
    assert [row[0] for row in read.tables["What was looked for and found"][1:]] == found["what"].tolist()


def test_audit_can_be_left_out(evil):
    read = report(evil.log, evil.model, evil.scores, audit=False)
    assert "What was looked for and found" not in read.tables
    assert "The search for odd lines was left out of this page." in read.text


def test_words_from_the_data_are_text_and_never_html(evil):
    assert "<script" not in evil.page
    assert "<img" not in evil.page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in evil.page
    read = Reader(evil.page)
    assert "<script>alert(1)</script> & sons" in read.text
    top = read.tables["The 10 most valuable customers"][1]
    assert top[0] == evil.scores["clv"].idxmax()
    assert top[1].endswith("<b>")
    examples = "".join(row[3] for row in read.tables["What was looked for and found"][1:])
    assert "{{ 7 * 7 }}<script>alert(1)</script>" in examples


@pytest.mark.parametrize("which", ["cdnow", "evil"])
def test_the_page_needs_nothing_from_outside(which, request):
    page = request.getfixturevalue(which).page
    assert not re.findall(r"https?://|//[a-z]+\.|@import|<script|<iframe|<object|<base", page)
    targets = re.findall(r"(?:href|src|action|data|poster)\s*=\s*[\"']?([^\"'>\s]*)", page)
    assert targets
    assert all(target.startswith("#") or target == "data:," for target in targets)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert "default-src 'none'" in page


def test_ids_are_unique_and_links_lead_somewhere(cdnow):
    ids = re.findall(r'\sid="([^"]*)"', cdnow.page)
    assert len(ids) == len(set(ids))
    references = re.findall(r'href="#([^"]*)"', cdnow.page) + re.findall(r"url\(#([^)]*)\)", cdnow.page)
    assert set(references) <= set(ids)


def test_four_charts_say_what_they_show(cdnow):
    labels = re.findall(r'<svg [^>]*aria-label="([^"]*)"', cdnow.page)
    assert len(labels) == cdnow.page.count("<svg") == 4
    assert all(len(label) > 40 for label in labels)


def test_the_same_inputs_give_the_same_bytes(cdnow):
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red"}):
        again = portfolio_report(cdnow.log, cdnow.model, cdnow.scores, title="CDNOW", currency="$")
    assert again.encode() == cdnow.page.encode()


def test_the_callers_scores_are_left_alone(cdnow):
    before = cdnow.scores.copy()
    portfolio_report(cdnow.log, cdnow.model, cdnow.scores, title="t", audit=False)
    pd.testing.assert_frame_equal(cdnow.scores, before)


# Where there can be no trial, the page says why. Spend of so few customers needs a penalty to be fitted.

FEW = {"unit": "D", "horizon": 30, "spend": GammaGammaModel(l2_penalty=0.01)}


def test_a_short_log_says_so(score):
    lines = make_purchases(200, weeks=8, joining_weeks=2, random_state=1).log()
    read = report(*score(lines, **FEW))
    assert "There is no trial to go by. The log covers" in read.text
    assert "which is too short: its last third must be at least 28 days" in read.text
    assert "how far to trust these figures is not known" in read.text


def test_a_log_shorter_than_a_month_in_months_says_so(score):
    days = pd.to_datetime(["2024-02-05", "2024-02-20", "2024-03-01", "2024-02-06"])
    lines = pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "occurred_at": days, "amount": 5.0})
    log = read_log(lines, not_after="2024-04-01")
    trial = hold_trial(log, None, "m", "M")
    assert "too short" in trial


def test_a_holdout_in_which_nobody_came_back_says_so(score):
    old = make_purchases(200, weeks=40, end="2024-06-01", random_state=2).log().to_frame()
    new = pd.DataFrame({"customer_id": [-1], "occurred_at": [pd.Timestamp("2024-12-31")], "amount": [5.0]})
    read = report(*score(read_log(pd.concat([old, new]), not_after="2025-01-01"), **FEW))
    assert "None of the customers of the first two thirds bought anything in the last." in read.text


def test_a_fit_that_is_refused_says_why(score):
    # In the first two thirds everybody bought once; some came back, and often enough, in the last.
    first = pd.date_range("2024-01-01", periods=100, freq="2D")
    lines = pd.DataFrame({"customer_id": range(100), "occurred_at": first, "amount": 5.0})
    later = pd.DataFrame(
        {
            "customer_id": np.repeat(range(20), 3),
            "occurred_at": [pd.Timestamp("2024-11-01") + pd.Timedelta(days=n) for n in range(60)],
            "amount": [float(10 + n % 7) for n in range(60)],
        }
    ).drop(index=[2, 4, 5])
    read = report(*score(read_log(pd.concat([lines, later]), not_after="2025-01-01"), **FEW))
    assert "The model cannot be fitted to the first two thirds alone." in read.text
    assert "has a repeat purchase, so there is no rate to learn" in read.text


def test_customers_who_all_bought_equally_often_have_no_order_to_judge():
    days = ["2024-01-01", "2024-02-01", "2024-07-01"]
    lines = pd.DataFrame({"customer_id": ["a"] * 3, "occurred_at": pd.to_datetime(days), "amount": 5.0})
    assert "equally often" in hold_trial(read_log(lines, not_after="2024-08-01"), None, "m", "D")


def test_a_log_without_lines_says_so(cdnow):
    lines = pd.DataFrame(
        {"customer_id": [None], "occurred_at": pd.to_datetime(["2024-01-01"]), "amount": 5.0}
    )
    read = report(read_log(lines), cdnow.model, cdnow.scores)
    assert "The log holds no lines, so there is nothing to judge by." in read.text
    assert "None: all 1 line of the source were set aside." in read.text


def test_regular_buyers_are_grouped_evenly(score):
    daily = make_purchases(
        400, weeks=70, params={"r": 6.0, "alpha": 8.0, "a": 0.1, "b": 40.0}, random_state=6
    )
    log, model, _ = score(daily.log(), unit="D", horizon=30)
    groups = hold_trial(log, model.purchases_, "m", "D").by_frequency
    assert len(groups) == 8
    assert groups["customers"].sum() > 390
    assert groups["customers"].min() > 25
    assert groups.index[-1].endswith("+")
    assert "–" in groups.index[1]


def test_value_without_a_positive_total_is_not_shared_out(cdnow):
    read = report(cdnow.log, cdnow.model, cdnow.scores.assign(clv=0.0), audit=False)
    assert "There is no positive value that could be shared out." in read.text


@pytest.mark.parametrize(
    ("mend", "error", "message"),
    [
        (
            lambda s: s.rename(columns={"clv": "CLV"}),
            SchemaError,
            "1 of 5 columns missing: clv. Is 'CLV' meant",
        ),
        (lambda s: s.assign(p_alive=np.nan), SchemaError, "p_alive must be a finite number, but 2,357 of"),
        (lambda s: s.head(0), ValueError, "scores must have at least one row. Score the customers first"),
    ],
)
def test_scores_that_are_none_are_refused(cdnow, mend, error, message):
    with pytest.raises(error, match=message):
        portfolio_report(cdnow.log, cdnow.model, mend(cdnow.scores), title="t")


# Colours


def contrast(first, second):
    """Contrast ratio of WCAG 2.2: 4.5 and more is readable text, 3 and more a visible line."""

    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted([luminance(first), luminance(second)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_from_their_ground(scheme):
    css = resources.files("crm_analytics.reports").joinpath("portfolio.css").read_text("utf-8")
    light, dark = css.split("prefers-color-scheme: dark")[:2]
    colours = dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6})", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6})", dark.split("}")[0]))
    for name in ("--ink", "--soft", "--accent"):
        assert min(contrast(colours[name], colours[ground]) for ground in ("--surface", "--ground")) >= 4.5
    assert contrast(colours["--chart-muted"], colours["--surface"]) >= 4.5  # it is text in charts
    for name in ("actual", "expected", "second", "third", "fourth", "fifth", "sixth"):
        assert contrast(colours[f"--chart-{name}"], colours["--surface"]) >= 3
