"""Places and what is known of them: the 81 provinces of Turkey, with region and climate."""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from crm_analytics.core.errors import SchemaError, choice, plain

# Plate code: province, geographic region (of the congress of 1941, by where the province's
# capital lies), and the climate that is taught for it.
_PROVINCES = """
1 Adana|Mediterranean|Mediterranean
2 Adıyaman|Southeastern Anatolia|Mediterranean transition
3 Afyonkarahisar|Aegean|continental
4 Ağrı|Eastern Anatolia|severe continental
5 Amasya|Black Sea|Black Sea transition
6 Ankara|Central Anatolia|semi-arid steppe
7 Antalya|Mediterranean|Mediterranean
8 Artvin|Black Sea|Black Sea
9 Aydın|Aegean|Mediterranean
10 Balıkesir|Marmara|Marmara transition
11 Bilecik|Marmara|Marmara transition
12 Bingöl|Eastern Anatolia|continental
13 Bitlis|Eastern Anatolia|continental
14 Bolu|Black Sea|Black Sea transition
15 Burdur|Mediterranean|Mediterranean transition
16 Bursa|Marmara|Marmara transition
17 Çanakkale|Marmara|Marmara transition
18 Çankırı|Central Anatolia|semi-arid steppe
19 Çorum|Black Sea|Black Sea transition
20 Denizli|Aegean|Mediterranean transition
21 Diyarbakır|Southeastern Anatolia|semi-arid steppe
22 Edirne|Marmara|continental
23 Elazığ|Eastern Anatolia|continental
24 Erzincan|Eastern Anatolia|continental
25 Erzurum|Eastern Anatolia|severe continental
26 Eskişehir|Central Anatolia|semi-arid steppe
27 Gaziantep|Southeastern Anatolia|Mediterranean transition
28 Giresun|Black Sea|Black Sea
29 Gümüşhane|Black Sea|Black Sea transition
30 Hakkâri|Eastern Anatolia|continental
31 Hatay|Mediterranean|Mediterranean
32 Isparta|Mediterranean|Mediterranean transition
33 Mersin|Mediterranean|Mediterranean
34 İstanbul|Marmara|Marmara transition
35 İzmir|Aegean|Mediterranean
36 Kars|Eastern Anatolia|severe continental
37 Kastamonu|Black Sea|Black Sea transition
38 Kayseri|Central Anatolia|semi-arid steppe
39 Kırklareli|Marmara|continental
40 Kırşehir|Central Anatolia|semi-arid steppe
41 Kocaeli|Marmara|Marmara transition
42 Konya|Central Anatolia|semi-arid steppe
43 Kütahya|Aegean|continental
44 Malatya|Eastern Anatolia|continental
45 Manisa|Aegean|Mediterranean
46 Kahramanmaraş|Mediterranean|Mediterranean transition
47 Mardin|Southeastern Anatolia|semi-arid steppe
48 Muğla|Aegean|Mediterranean
49 Muş|Eastern Anatolia|severe continental
50 Nevşehir|Central Anatolia|semi-arid steppe
51 Niğde|Central Anatolia|semi-arid steppe
52 Ordu|Black Sea|Black Sea
53 Rize|Black Sea|Black Sea
54 Sakarya|Marmara|Marmara transition
55 Samsun|Black Sea|Black Sea
56 Siirt|Southeastern Anatolia|semi-arid steppe
57 Sinop|Black Sea|Black Sea
58 Sivas|Central Anatolia|continental
59 Tekirdağ|Marmara|Marmara transition
60 Tokat|Black Sea|Black Sea transition
61 Trabzon|Black Sea|Black Sea
62 Tunceli|Eastern Anatolia|continental
63 Şanlıurfa|Southeastern Anatolia|semi-arid steppe
64 Uşak|Aegean|continental
65 Van|Eastern Anatolia|continental
66 Yozgat|Central Anatolia|continental
67 Zonguldak|Black Sea|Black Sea
68 Aksaray|Central Anatolia|semi-arid steppe
69 Bayburt|Black Sea|Black Sea transition
70 Karaman|Central Anatolia|semi-arid steppe
71 Kırıkkale|Central Anatolia|semi-arid steppe
72 Batman|Southeastern Anatolia|semi-arid steppe
73 Şırnak|Southeastern Anatolia|semi-arid steppe
74 Bartın|Black Sea|Black Sea
75 Ardahan|Eastern Anatolia|severe continental
76 Iğdır|Eastern Anatolia|semi-arid steppe
77 Yalova|Marmara|Marmara transition
78 Karabük|Black Sea|Black Sea transition
79 Kilis|Southeastern Anatolia|Mediterranean transition
80 Osmaniye|Mediterranean|Mediterranean
81 Düzce|Black Sea|Black Sea"""

# Names still in use for a province: former ones, short ones, and its capital where it has another name.
_ALSO = {
    "Afyon": 3,
    "Adapazarı": 54,
    "Antakya": 31,
    "Antep": 27,
    "Hakkari": 30,
    "İçel": 33,
    "İzmit": 41,
    "Maraş": 46,
    "Urfa": 63,
}

_NUMBER = re.compile(r"\d{1,9}(\.0*)?")

# Place tables that go by a name, so that a model that uses one can be saved.
TABLES = ("turkish_provinces",)


def turkish_provinces() -> pd.DataFrame:
    """The 81 provinces of Turkey by plate code: name, geographic region and climate.

    A province that lies in two regions or climates has those of its capital. Climates are
    the kinds taught at school (Mediterranean, Black Sea, Marmara transition, continental,
    severe continental, semi-arid steppe, and the two transitions from the coasts inland):
    good for telling markets apart, too coarse for weather.

    Returns
    -------
    DataFrame indexed by `plate` (1 to 81): `province`, `region` (7 words), `climate`.

    Examples
    --------
    >>> turkish_provinces().loc[[6, 35, 61]]
          province            region           climate
    plate
    6       Ankara  Central Anatolia  semi-arid steppe
    35       İzmir            Aegean     Mediterranean
    61     Trabzon         Black Sea         Black Sea
    """
    rows = [line.split("|") for line in _PROVINCES.strip().splitlines()]
    plates, names = zip(*(first.split(" ", 1) for first, *_ in rows), strict=True)
    return pd.DataFrame(
        {
            "province": names,
            "region": [region for _, region, _ in rows],
            "climate": [climate for *_, climate in rows],
        },
        index=pd.Index([int(plate) for plate in plates], name="plate"),
    )


def locate(
    places: pd.Series, table: str | Mapping[str, Mapping[str, str]] = "turkish_provinces"
) -> pd.DataFrame:
    """What a place table says of each customer's place.

    Names are found whatever their case, accents and signs (`İZMİR`, `izmir`, `Izmir`);
    provinces by plate code, too (35, "35", "TR-35"), and by names still in use (Afyon, Urfa,
    İçel, Antakya). Towns are not: a place that the table does not have is missing.

    Parameters
    ----------
    places : Series of str or int
    table : "turkish_provinces" or dict
        What is known of each place, such as {"Leeds": {"region": "North", "climate": "wet"}};
        of a DataFrame `frame.to_dict("index")`.

    Returns
    -------
    DataFrame on the index of `places`, a column of text for each thing known; missing
    where a place is not in the table.

    Examples
    --------
    >>> locate(pd.Series(["IZMIR", "şanlıurfa", "06", "Paris"]))[["province", "region"]]
        province                 region
    0      İzmir                 Aegean
    1  Şanlıurfa  Southeastern Anatolia
    2     Ankara       Central Anatolia
    3        NaN                    NaN
    """
    known = place_words(table)
    things = things_known(table)
    codes, found = pd.factorize(places.astype(object))
    rows = [known.get(_spelled(place), {}) for place in found] + [{}]  # -1, a missing place, is the last
    return pd.DataFrame(
        {thing: pd.array([row.get(thing) for row in rows], dtype=object)[codes] for thing in things},
        index=places.index,
    )


def things_known(table: str | Mapping[str, Mapping[str, str]]) -> list[str]:
    """What a place table tells, in the order in which it is first told."""
    return list(dict.fromkeys(thing for words in place_words(table).values() for thing in words))


def place_words(table: str | Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """What is known of each place, by its name in plain letters."""
    if isinstance(table, str):
        choice(table, name="a place table", allowed=TABLES)
        return _turkish_names()
    known: dict[str, dict[str, str]] = {}
    for place, words in table.items():
        if _spelled(place) in known:
            raise SchemaError(
                f"locate: the place table has two places spelled like {place!r}. Drop or rename one."
            )
        known[_spelled(place)] = {str(thing): str(word) for thing, word in words.items()}
    return known


def _turkish_names() -> dict[str, dict[str, str]]:
    rows: dict[Hashable, dict[str, Any]] = turkish_provinces().to_dict("index")  # type: ignore[assignment]
    known = {plain(row["province"]): row for row in rows.values()}
    for plate, row in rows.items():
        known |= {str(plate): row, f"tr{plate:02d}": row}
    return known | {plain(name): rows[plate] for name, plate in _ALSO.items()}


def _spelled(place: Any) -> str:
    """A place as it is looked up: a number without zeros before or behind it, a name in plain letters."""
    text = str(place).strip()
    if _NUMBER.fullmatch(text):
        return str(int(float(text)))
    return text if text[:1].isdecimal() else plain(text)  # plain letters would make 65 of 6.5
