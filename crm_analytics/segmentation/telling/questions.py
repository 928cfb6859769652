"""The handbook's four questions: who brings most, how often they buy, what they prefer, who costs least."""

from typing import NamedTuple

import pandas as pd

from crm_analytics.segmentation.telling.segment_words import number_words, percent_words

_FAVOURITES = 5


class Answer(NamedTuple):
    """A question, its answer in a sentence, and the table that it rests on.

    Attributes
    ----------
    question, sentence : str
    table : DataFrame
        A row a segment, indexed by it, the best first; empty where the data do not tell.
    """

    question: str
    sentence: str
    table: pd.DataFrame


_TEXTS = {
    "en": {
        "revenue": "Which customers bring most revenue?",
        "often": "How often do they buy?",
        "prefer": "What do they prefer?",
        "cost": "Who returns more for less cost?",
        "revenue_answer": "{first}: {revenue} of revenue from {share} of the customers, {each} each.",
        "often_answer": "{first} most often, {most} purchases each; {last} least often, {least}.",
        "often_one": "{first}: {most} purchases each.",
        "every": " Typically {gap} {unit} lie between the purchases of the first.",
        "prefer_answer": "{segment}: {favourites}",
        "nobody": "No segment prefers a category: all spend alike.",
        "cost_answer": "{first}: {most} of revenue for each unit of cost to serve; {last} least, {least}.",
        "cost_one": "{first}: {most} of revenue for each unit of cost to serve.",
        "no_revenue": "Not known: the table has no column of spend. Name it with revenue=.",
        "zero_revenue": "Not known: the revenue of all adds up to 0 or less.",
        "no_often": "Not known: the table has no column purchases_long, purchases or frequency.",
        "no_prefer": "Not known: give what customers bought, categories=category_amounts(log, snapshot_date).",
        "no_cost": "Not known: the table has no column 'cost', what serving each customer costs (currency).",
        "zero_cost": "Not known: no segment has a cost to serve above 0.",
    },
    "tr": {
        "revenue": "En çok geliri hangi müşteriler getiriyor?",
        "often": "Ne sıklıkta alışveriş yapıyorlar?",
        "prefer": "Neleri tercih ediyorlar?",
        "cost": "Kim daha az maliyetle daha çok getiriyor?",
        "revenue_answer": "{first}: müşteri payı {share}, gelir payı {revenue}; müşteri başına {each}.",
        "often_answer": "En sık: {first}, kişi başına {most} alışveriş; en seyrek: {last}, {least}.",
        "often_one": "{first}: kişi başına {most} alışveriş.",
        "every": " İlkinin alışverişleri arasında tipik olarak {gap} {unit} var.",
        "prefer_answer": "{segment}: {favourites}",
        "nobody": "Hiçbir segmentin gözde kategorisi yok: hepsi aynı şeylere harcıyor.",
        "cost_answer": "{first}: bir birim hizmet maliyetine {most} gelir; en az {last}, {least}.",
        "cost_one": "{first}: bir birim hizmet maliyetine {most} gelir.",
        "no_revenue": "Bilinmiyor: tabloda harcama sütunu yok. revenue= ile adını verin.",
        "zero_revenue": "Bilinmiyor: bütün gelirlerin toplamı 0'dan büyük değil.",
        "no_often": "Bilinmiyor: tabloda purchases_long, purchases veya frequency sütunu yok.",
        "no_prefer": "Bilinmiyor: alınanları verin, categories=category_amounts(log, snapshot_date).",
        "no_cost": "Bilinmiyor: tabloda 'cost' sütunu, her müşteriye hizmetin maliyeti (para birimi), yok.",
        "zero_cost": "Bilinmiyor: hiçbir segmentin hizmet maliyeti 0'dan büyük değil.",
    },
}


def answers(numbers: pd.DataFrame, favourites: pd.DataFrame, *, unit: str, lang: str) -> tuple[Answer, ...]:
    """The four answers from the named key numbers and favourites of `describe`; `unit` in words."""
    texts = _TEXTS[lang]
    return (
        _most_revenue(numbers, texts, lang),
        _how_often(numbers, texts, unit, lang),
        _preferences(numbers, favourites, texts),
        _less_cost(numbers, texts, lang),
    )


def _most_revenue(numbers: pd.DataFrame, texts: dict[str, str], lang: str) -> Answer:
    if "revenue" not in numbers.columns:
        return Answer(texts["revenue"], texts["no_revenue"], _nothing(numbers))
    table = _best_first(
        numbers, "revenue", ["customers", "share", "revenue", "revenue_share", "revenue_per_customer"]
    )
    first = table.iloc[0]
    if pd.isna(first["revenue_share"]):
        return Answer(texts["revenue"], texts["zero_revenue"], table)
    sentence = texts["revenue_answer"].format(
        first=first["name"],
        revenue=percent_words(first["revenue_share"], lang),
        share=percent_words(first["share"], lang),
        each=number_words(first["revenue_per_customer"], lang),
    )
    return Answer(texts["revenue"], sentence, table)


def _how_often(numbers: pd.DataFrame, texts: dict[str, str], unit: str, lang: str) -> Answer:
    if "purchases" not in numbers.columns:
        return Answer(texts["often"], texts["no_often"], _nothing(numbers))
    columns = [
        name for name in ("customers", "purchases", "gap_mean", "since_last") if name in numbers.columns
    ]
    table = _best_first(numbers, "purchases", columns)
    sentence = _first_and_last(table, "purchases", texts["often_answer"], texts["often_one"], lang)
    if "gap_mean" in table.columns and pd.notna(table["gap_mean"].iloc[0]):
        sentence += texts["every"].format(gap=number_words(table["gap_mean"].iloc[0], lang), unit=unit)
    return Answer(texts["often"], sentence, table)


def _preferences(numbers: pd.DataFrame, favourites: pd.DataFrame, texts: dict[str, str]) -> Answer:
    if favourites.empty:
        return Answer(texts["prefer"], texts["no_prefer"], _nothing(numbers))
    liked = favourites[favourites["favourite"]]
    table = liked.groupby("segment", sort=False, observed=True).head(_FAVOURITES).set_index("segment")
    table.insert(0, "name", numbers["name"].reindex(table.index).to_numpy())
    said = [
        texts["prefer_answer"].format(segment=row.name_, favourites=row.favourites)
        for row in numbers.rename(columns={"name": "name_"}).itertuples()
        if row.favourites
    ]
    sentence = "; ".join(said) + "." if said else texts["nobody"]
    return Answer(texts["prefer"], sentence, table.drop(columns="favourite"))


def _less_cost(numbers: pd.DataFrame, texts: dict[str, str], lang: str) -> Answer:
    if "revenue" not in numbers.columns:
        return Answer(texts["cost"], texts["no_revenue"], _nothing(numbers))
    if "cost" not in numbers.columns:
        return Answer(texts["cost"], texts["no_cost"], _nothing(numbers))
    columns = [
        "customers",
        "revenue",
        "cost",
        "revenue_per_customer",
        "cost_per_customer",
        "revenue_per_cost",
    ]
    table = _best_first(numbers, "revenue_per_cost", columns)
    known = table[table["revenue_per_cost"].notna()]
    if known.empty:
        return Answer(texts["cost"], texts["zero_cost"], table)
    sentence = _first_and_last(known, "revenue_per_cost", texts["cost_answer"], texts["cost_one"], lang)
    return Answer(texts["cost"], sentence, table)


def _first_and_last(table: pd.DataFrame, column: str, several: str, one: str, lang: str) -> str:
    return (several if len(table) > 1 else one).format(
        first=table["name"].iloc[0],
        most=number_words(table[column].iloc[0], lang),
        last=table["name"].iloc[-1],
        least=number_words(table[column].iloc[-1], lang),
    )


def _best_first(numbers: pd.DataFrame, column: str, columns: list[str]) -> pd.DataFrame:
    return numbers.sort_values(column, ascending=False, kind="stable")[["name", *columns]]


def _nothing(numbers: pd.DataFrame) -> pd.DataFrame:
    return numbers[["name"]].iloc[:0]
