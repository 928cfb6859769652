"""Who lives there, as a whole: probabilities learnt on households that said it of themselves."""

import numpy as np
import pandas as pd

from crm_analytics.profiling.composition import HouseholdComposition, composition_features, load_composition
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LEAST = 0.8  # probability
MIN_ODDS_RATIO = 2.0  # against the labelled households' base rate
MIN_RECEIPTS = 20
ENOUGH_TO_ADAPT = 50  # households
FARTHEST = 0.8  # share of what the model looks at that may lie outside what it has seen
N_REASONS = 8


def compositions(household: Household) -> list[Claim]:
    """Say which traits of `composition.TRAITS` the household has with a probability of .8 and twice the usual odds.

    The probability is that of `HouseholdComposition`, learnt and calibrated on the labelled households of
    Complete Journey and read against the households of this log (where there are 50 of them). It is
    not told of fewer than 20 receipts, nor where four fifths of what the model looks at are unknown or
    beyond what it has seen (what is unknown draws the probability to the base rate anyway). The lines
    are those of the tags that speak for the trait most; without such tags, all.
    """
    if len(household.receipts) < MIN_RECEIPTS:
        return []
    learnt = household.population.learn(composition_of_all)
    own = int(household.lines.household[0])
    if learnt is None or own not in learnt[1].index:
        return []
    model, features, probabilities, outside = learnt
    place = int(features.index.get_indexer(pd.Index([own]))[0])
    claims = []
    for trait, usual in zip(model.traits_, model.base_rate_.tolist(), strict=True):
        probability = float(probabilities[trait].to_numpy()[place])
        # What most households are is no finding.
        if probability < LEAST or probability * (1 - usual) < MIN_ODDS_RATIO * usual * (1 - probability):
            continue
        if float(outside[f"outside_{trait}"].to_numpy()[place]) > FARTHEST:
            continue
        lines, tags = _speaking(household, model, features.loc[[own]], trait)
        names = household.population.context.tags
        claims.append(
            Claim(
                "composition",
                lines,
                1,
                "usual",
                probability=probability,
                subject=trait,
                values={
                    "probability": probability,
                    "clues_en": [names.name(tag, "en") for tag in tags],
                    "clues_tr": [names.name(tag, "tr") for tag in tags],
                },
                variant=f"{trait}_tags" if tags else trait,
                alternatives=("elsewhere",),
            )
        )
    return claims


def composition_of_all(
    population: Population,
) -> tuple[HouseholdComposition, pd.DataFrame, pd.DataFrame, pd.DataFrame] | None:
    """The model, everybody's features, probabilities and how far outside: for `Population.learn`.

    None where nobody bought groceries.
    """
    lines = population.lines
    groceries = ~population.tagged("fuel", "restaurant", "gift_card")[lines.product] & (lines.amount > 0)
    if not groceries.any():
        return None
    brands = np.array([*population.names["brand"], None], dtype=object)  # code -1 is the last
    table = pd.DataFrame(
        {
            "customer_id": lines.household,
            "transaction_id": lines.receipt,
            "occurred_at": lines.at,
            "amount": lines.amount,
            "quantity": lines.quantity,
            "item_id": lines.product,
            "brand": brands[lines.brand],
        }
    )
    tags = population.tags.set_axis(np.arange(len(population.tags)), axis=0)
    features = composition_features(table, tags)
    model = load_composition()
    if len(features) >= ENOUGH_TO_ADAPT:
        model = model.adapted(features)
    return model, features, model.predict_proba(features), model.outside(features)


def _speaking(
    household: Household, model: HouseholdComposition, features: pd.DataFrame, trait: str
) -> tuple[np.ndarray, list[str]]:
    """The lines with the tags that speak for a trait by being bought, and these tags."""
    reasons = model.reasons(features, trait, n=N_REASONS)
    speaks = reasons["is_tag"] & (reasons["effect"] > 0) & (reasons["level"] > 0)
    known = set(household.population.tags.columns)
    tags = [
        str(tag) for tag in reasons.loc[speaks, "clue"] if tag in known and household.tagged(str(tag)).any()
    ]
    if not tags:
        return np.arange(len(household.lines)), []
    return np.flatnonzero(household.tagged(*tags)), tags


_TRAITS = {
    "children": ("Children probably live there", "Evde büyük olasılıkla çocuk var"),
    "over_65": ("They are probably over 65", "Büyük olasılıkla 65 yaşın üstündeler"),
    "under_35": ("They are probably under 35", "Büyük olasılıkla 35 yaşın altındalar"),
    "single": ("One person probably lives alone", "Büyük olasılıkla tek kişi yaşıyor"),
    "three_or_more": (
        "Three or more people probably live there",
        "Evde büyük olasılıkla üç ya da daha çok kişi yaşıyor",
    ),
    "owner": ("They probably own their home", "Büyük olasılıkla kendi evlerinde oturuyorlar"),
}
_PROBABLY = {"en": " (probability {probability:percent})", "tr": " (olasılık {probability:percent})"}
_CLUES = {"en": "; what speaks for it: {clues_en:words}", "tr": "; buna işaret edenler: {clues_tr:words}"}

KINDS: tuple[Kind, ...] = (
    Kind(
        name="composition",
        stage="interpretation",
        title={"en": "Who lives there", "tr": "Evde kimler yaşıyor"},
        statements={
            variant: {
                lang: words[place] + _PROBABLY[lang] + (_CLUES[lang] if tags else "") + "."
                for place, lang in enumerate(("en", "tr"))
            }
            for trait, words in _TRAITS.items()
            for variant, tags in ((trait, False), (f"{trait}_tags", True))
        },
        nulls={
            "usual": {
                "en": "They are like the average of the households that the probabilities were learnt on.",
                "tr": "Olasılıkların öğrenildiği hanelerin ortalaması gibiler.",
            }
        },
        alternatives={
            "elsewhere": {
                "en": "It was learnt on households of another chain, in the United States.",
                "tr": "Bu bağıntılar ABD'deki başka bir zincirin hanelerinden öğrenildi.",
            }
        },
    ),
)
