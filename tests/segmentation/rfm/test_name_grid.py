"""Grids name every cell once, or say which they do not; presets are what is taught, less the overlaps."""

import copy
import pickle
import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.segmentation import NameGrid, NameRule, preset_grid
from crm_analytics.segmentation.rfm.name_grid import mean_score
from crm_analytics.segmentation.rfm.presets import LANGUAGES, PRESETS, TURKISH

SCORE = st.integers(1, 5)

# The ten names as courses write them: a regular expression of r, then f.
TAUGHT = {
    "[1-2][1-2]": "hibernating",
    "[1-2][3-4]": "at_Risk",
    "[1-2]5": "cant_loose",
    "3[1-2]": "about_to_sleep",
    "33": "need_attention",
    "[3-4][4-5]": "loyal_customers",
    "41": "promising",
    "51": "new_customers",
    "[4-5][2-3]": "potential_loyalists",
    "5[4-5]": "champions",
}
# The eleven names as handed on, overlaps and all: lowest and highest r, lowest and highest fm.
HANDED_ON = {
    "Champions": (4, 5, 4, 5),
    "Loyal Customers": (2, 5, 3, 5),
    "Potential Loyalists": (3, 5, 1, 3),
    "New Customers": (4, 5, 0, 1),
    "Promising": (3, 4, 0, 1),
    "Needs Attention": (2, 3, 2, 3),
    "About To Sleep": (2, 3, 0, 2),
    "At Risk": (0, 2, 2, 5),
    "Can't Lose Them": (0, 1, 4, 5),
    "Hibernating": (1, 2, 1, 2),
    "Lost": (0, 2, 0, 2),
}


def holds(rule, r, f, m):
    """The rule, spelled out for one cell."""
    for span, score in ((rule.r, r), (rule.f, f), (rule.m, m), (rule.fm, int((f + m) / 2 + 0.5))):
        low, high = span if isinstance(span, tuple) else (span or 1, span or 5)
        if not low <= score <= high:
            return False
    return True


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_names_each_of_the_125_cells_exactly_once(preset, lang):
    grid = preset_grid(preset, lang)
    for cell in product(range(1, 6), repeat=3):
        (name,) = [rule.name for rule in grid if holds(rule, *cell)]
        assert grid.name_of(*cell) == name


@given(r=SCORE, f=SCORE, m=SCORE)
def test_the_course_grid_is_its_regular_expressions(r, f, m):
    (right,) = [name for pattern, name in TAUGHT.items() if re.fullmatch(pattern, f"{r}{f}")]
    assert preset_grid("course").name_of(r, f, m) == right


@given(r=SCORE, f=SCORE, m=SCORE)
def test_each_of_the_eleven_names_stays_within_the_box_it_was_handed_on_with(r, f, m):
    low_r, high_r, low_fm, high_fm = HANDED_ON[preset_grid().name_of(r, f, m)]
    assert low_r <= r <= high_r
    assert low_fm <= mean_score(f, m) <= high_fm


def test_presets_have_the_names_that_are_taught_and_no_others():
    assert set(preset_grid("marketing").names) == set(HANDED_ON)
    assert set(preset_grid("course").names) == set(TAUGHT.values())
    assert preset_grid("marketing", "tr").names == tuple(TURKISH.values())
    assert set(preset_grid("course", "tr").names) == set(TURKISH.values()) - {"Kaybedilenler"}
    for preset, lang in product(PRESETS, LANGUAGES):
        assert "".join(preset_grid(preset, lang).name_of(5, 5, 5)).casefold() in ("champions", "şampiyonlar")


@pytest.mark.parametrize("preset", PRESETS)
def test_both_languages_cut_the_cells_alike(preset):
    np.testing.assert_array_equal(preset_grid(preset, "en").codes, preset_grid(preset, "tr").codes)


@settings(max_examples=40)
@given(data=st.data())
def test_a_preset_less_a_rule_or_with_one_twice_is_refused_with_the_cells(data):
    rules = list(preset_grid(data.draw(st.sampled_from(list(PRESETS)))))
    one = data.draw(st.sampled_from(rules))
    cells = [cell for cell in product(range(1, 6), repeat=3) if holds(one, *cell)]
    first = "".join(map(str, cells[0]))
    left = [rule for rule in rules if rule is not one]
    with pytest.raises(ValueError, match=rf"NameGrid: {len(cells)} of 125 cells .* have no name \({first}"):
        NameGrid(left)
    with pytest.raises(ValueError, match=rf"NameGrid: {len(cells)} of 125 cells .* have two \({first}"):
        NameGrid([*rules, one])


def test_a_grid_of_ones_own_is_a_list_of_readable_rules():
    rules = [("Stars", (4, 5), (4, 5)), NameRule("Fading", r=(1, 3), f=(4, 5)), NameRule("Small", f=(1, 3))]
    grid = NameGrid(rules)
    assert (grid.names, grid.plane) == (("Stars", "Fading", "Small"), "f")
    assert grid.name_of(4, 5, 1) == "Stars"
    assert [rule.describe() for rule in grid] == ["r 4-5, f 4-5", "r 1-3, f 4-5", "f 1-3"]
    assert NameGrid([NameRule("All")], n_bins=3).codes.shape == (3, 3, 3)


def test_a_grid_survives_copies_and_its_own_repr():
    grid = NameGrid([NameRule("Low", r=(1, 2)), NameRule("High", r=3)], n_bins=3)
    for again in (copy.deepcopy(grid), pickle.loads(pickle.dumps(grid)), eval(repr(grid))):
        assert (again, again.n_bins, again.names) == (grid, 3, grid.names)
        np.testing.assert_array_equal(again.codes, grid.codes)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([], r"125 of 125 cells \(r, f, m\) have no name \(111, 112, 113, 114, 115, 121, \.\.\.\)"),
        (
            [NameRule("A", r=(1, 4)), NameRule("B", r=5, f=(2, 5))],
            r"5 of 125 .* no name \(511, 512, 513, 514, 515\)\.",
        ),
        ([NameRule("A"), NameRule("B", r=5, fm=5)], r"3 of 125 .* have two \(545, 554, 555; A and B\)"),
        ([NameRule("A", r=(0, 5))], r"r of 'A' must be a score from 1 to 5, .* Got \(0, 5\) instead"),
        ([NameRule("A", m=(4, 2))], r"m of 'A' must be a score .* Got \(4, 2\) instead"),
        ([NameRule("A", m=1.5)], r"m of 'A' must be a score .* Got 1\.5 instead"),
        ([NameRule("A", f=1, m=1, fm=5)], r"'A' takes no cell"),
        (["Champions"], r"must be NameRule\(name, .* Got 'Champions' instead"),
    ],
)
def test_a_grid_that_is_wrong_says_where(rules, message):
    with pytest.raises(ValueError, match=message):
        NameGrid(rules)


def test_unknown_words_and_cells_are_refused():
    with pytest.raises(ValueError, match="grid must be one of 'marketing', 'course'"):
        preset_grid("default")
    with pytest.raises(ValueError, match="lang must be one of 'en', 'tr'"):
        preset_grid(lang="de")
    with pytest.raises(ValueError, match=r"scores must be from 1 to 5\. Got \(0, 5, 5\)"):
        preset_grid().name_of(0, 5, 5)
    with pytest.raises(ValueError, match=r"n_bins must be a whole number from 2 to 9\. Got 10"):
        NameGrid([NameRule("All")], n_bins=10)
