"""The words for what sets a segment apart: what columns tell of, and how it is said in each language."""

from typing import NamedTuple

LANGUAGES = ("en", "tr")


class Meaning(NamedTuple):
    """What a column tells of a customer.

    Attributes
    ----------
    trait : str
        Columns of one trait say the same thing; a name uses the one that says it loudest.
    sign : {1, -1}
        -1 if high values mean little of the trait.
    weight : float in (0, 1]
        How well it serves as a name; less where it follows from other traits (who buys often, buys
        of many categories).
    """

    trait: str
    sign: int = 1
    weight: float = 1.0


MEANINGS = {
    "since_last": Meaning("absence"),
    "days_since_last": Meaning("absence"),
    "since_last_ratio": Meaning("absence", 1, 0.8),
    "since_first": Meaning("tenure", 1, 0.95),
    "T": Meaning("tenure", 1, 0.95),
    "purchases_short": Meaning("frequency", 1, 0.5),
    "purchases_middle": Meaning("frequency", 1, 0.8),
    "purchases_long": Meaning("frequency"),
    "frequency": Meaning("frequency"),
    "gap_mean": Meaning("frequency", -1, 0.9),
    "gap_longest": Meaning("frequency", -1, 0.7),
    "gap_spread": Meaning("regularity", -1, 0.5),
    "amount_short": Meaning("spend", 1, 0.5),
    "amount_middle": Meaning("spend", 1, 0.8),
    "amount_long": Meaning("spend"),
    "amount_total": Meaning("spend"),
    "revenue": Meaning("spend"),
    "spend": Meaning("spend"),
    "monetary_value": Meaning("basket"),
    "amount_mean": Meaning("basket"),
    "amount_largest": Meaning("basket", 1, 0.8),
    "amount_last": Meaning("basket", 1, 0.8),
    "amount_first": Meaning("basket", 1, 0.6),
    "lines_mean": Meaning("basket", 1, 0.9),
    "trend": Meaning("trend", 1, 0.85),
    "amount_trend": Meaning("trend", 1, 0.85),
    "promotion_share": Meaning("bargains"),
    "return_share": Meaning("returns", 1, 0.9),
    "items": Meaning("variety", 1, 0.75),
    "categories": Meaning("variety", 1, 0.75),
    "categories_middle": Meaning("variety", 1, 0.7),
    "stores": Meaning("stores", 1, 0.9),
    "basket_stability": Meaning("habit", 1, 0.9),
    "p_churn": Meaning("risk", 1, 0.8),
    "p_alive": Meaning("risk", -1, 0.8),
    "cost": Meaning("cost", 1, 0.5),
    "age": Meaning("age"),
    "income": Meaning("income"),
    "household_size": Meaning("household"),
}

# Columns whose own name misleads: `recency` of a summary is an age of the customer, high for the best.
MUTE = ("recency",)

# What follows from one trait is not said of a segment that has it: newcomers rise, the lapsed fall.
IMPLIED = {
    ("tenure", -1): {("trend", 1)},
    ("absence", 1): {("trend", -1), ("risk", 1)},
    ("absence", -1): {("risk", -1)},
    ("frequency", -1): {("variety", -1), ("risk", 1)},
    ("frequency", 1): {("risk", -1), ("variety", 1)},
    ("spend", 1): {("variety", 1)},
    ("spend", -1): {("variety", -1)},
}

# Of two traits, the first of these is the noun, the other its adjective.
NOUNS = (
    "bargains",
    "spend",
    "basket",
    "habit",
    "stores",
    "returns",
    "variety",
    "tenure",
    "frequency",
    "regularity",
    "household",
    "cost",
    "trend",
    "absence",
    "risk",
    "income",
    "age",
)

# trait: ((adjective, noun) of much, (adjective, noun) of little)
ENGLISH = {
    "absence": (("lapsing", "lapsing customers"), ("active", "active customers")),
    "tenure": (("long-standing", "long-standing customers"), ("new", "newcomers")),
    "frequency": (("frequent", "frequent shoppers"), ("occasional", "occasional shoppers")),
    "regularity": (("regular", "regular shoppers"), ("irregular", "irregular shoppers")),
    "spend": (("high-spending", "big spenders"), ("low-spending", "low spenders")),
    "basket": (("large-basket", "large-basket shoppers"), ("small-basket", "small-basket shoppers")),
    "trend": (("growing", "growing customers"), ("fading", "fading customers")),
    "bargains": (("bargain-hunting", "bargain hunters"), ("full-price", "full-price buyers")),
    "returns": (("often-returning", "frequent returners"), ("no-returns", "no-returns shoppers")),
    "variety": (("broad-range", "broad-range shoppers"), ("narrow-range", "narrow-range shoppers")),
    "stores": (("multi-store", "multi-store shoppers"), ("one-store", "one-store shoppers")),
    "habit": (("habitual", "habitual shoppers"), ("exploring", "explorers")),
    "risk": (("at-risk", "at-risk customers"), ("secure", "secure customers")),
    "age": (("older", "older customers"), ("younger", "younger customers")),
    "income": (("higher-income", "higher-income customers"), ("lower-income", "lower-income customers")),
    "household": (("large-household", "large households"), ("small-household", "small households")),
    "cost": (("costly", "costly-to-serve customers"), ("low-cost", "low-cost customers")),
}
TURKISH = {
    "absence": (("uzaklaşan", "uzaklaşan müşteriler"), ("aktif", "aktif müşteriler")),
    "tenure": (("eski", "eski müşteriler"), ("yeni", "yeni müşteriler")),
    "frequency": (("sık gelen", "sık gelen müşteriler"), ("seyrek gelen", "seyrek gelen müşteriler")),
    "regularity": (("düzenli", "düzenli gelen müşteriler"), ("düzensiz", "düzensiz gelen müşteriler")),
    "spend": (("çok harcayan", "çok harcayanlar"), ("az harcayan", "az harcayanlar")),
    "basket": (("büyük sepetli", "büyük sepetli müşteriler"), ("küçük sepetli", "küçük sepetli müşteriler")),
    "trend": (("yükselişteki", "yükselişteki müşteriler"), ("düşüşteki", "düşüşteki müşteriler")),
    "bargains": (("indirim kovalayan", "indirim avcıları"), ("tam fiyata alan", "tam fiyata alanlar")),
    "returns": (("çok iade eden", "çok iade edenler"), ("az iade eden", "az iade edenler")),
    "variety": (("çok çeşit alan", "çok çeşit alanlar"), ("az çeşit alan", "az çeşit alanlar")),
    "stores": (("çok mağazalı", "çok mağazalı müşteriler"), ("tek mağazalı", "tek mağazalı müşteriler")),
    "habit": (
        ("alışkanlığına bağlı", "alışkanlığına bağlı müşteriler"),
        ("yenilik arayan", "yenilik arayanlar"),
    ),
    "risk": (("kayıp riski yüksek", "kayıp riski yüksek müşteriler"), ("sağlam", "sağlam müşteriler")),
    "age": (("yaşça büyük", "yaşça büyük müşteriler"), ("genç", "genç müşteriler")),
    "income": (
        ("yüksek gelirli", "yüksek gelirli müşteriler"),
        ("düşük gelirli", "düşük gelirli müşteriler"),
    ),
    "household": (("kalabalık haneli", "kalabalık haneler"), ("küçük haneli", "küçük haneler")),
    "cost": (
        ("maliyeti yüksek", "maliyeti yüksek müşteriler"),
        ("maliyeti düşük", "maliyeti düşük müşteriler"),
    ),
}
TRAITS = {"en": ENGLISH, "tr": TURKISH}

# Nouns for a segment's place among all customers: its mean rank, from which on each holds.
GRADES = {
    "en": {
        "spend": (
            (0.94, "top spenders"),
            (0.80, "big spenders"),
            (0.62, "solid spenders"),
            (0.45, "average spenders"),
            (0.25, "modest spenders"),
            (0.0, "low spenders"),
        ),
    },
    "tr": {
        "spend": (
            (0.94, "en çok harcayanlar"),
            (0.80, "çok harcayanlar"),
            (0.62, "iyi harcayanlar"),
            (0.45, "orta düzeyde harcayanlar"),
            (0.25, "ölçülü harcayanlar"),
            (0.0, "az harcayanlar"),
        ),
    },
}

AVERAGE = {"en": "average customers", "tr": "ortalama müşteriler"}
HIGH_LOW = {"en": ("high", "low"), "tr": ("yüksek", "düşük")}
NOT = {"en": "not", "tr": "değil:"}

# {short}, {middle}, {long}, {units} are filled in; the value comes after it.
LABELS = {
    "en": {
        "since_last": "{units} since the last purchase",
        "days_since_last": "days since the last purchase",
        "since_last_ratio": "time since the last purchase in usual gaps",
        "since_first": "{units} since the first purchase in the window",
        "T": "{units} since the first purchase",
        "purchases_short": "purchases in {short} {units}",
        "purchases_middle": "purchases in {middle} {units}",
        "purchases_long": "purchases in {long} {units}",
        "frequency": "repeat purchases",
        "gap_mean": "{units} between purchases",
        "gap_longest": "longest gap in {units}",
        "gap_spread": "spread of gaps in {units}",
        "gap_last_ratio": "last gap in usual ones",
        "amount_short": "spend in {short} {units}",
        "amount_middle": "spend in {middle} {units}",
        "amount_long": "spend in {long} {units}",
        "amount_total": "spend in all",
        "amount_mean": "spend a purchase",
        "monetary_value": "spend a purchase",
        "amount_largest": "largest purchase",
        "amount_last": "last purchase",
        "amount_first": "first purchase",
        "lines_mean": "lines a purchase",
        "trend": "trend of purchases (−1 to 1)",
        "amount_trend": "trend of spend (−1 to 1)",
        "promotion_share": "lines on promotion",
        "return_share": "lines returned",
        "items": "different items",
        "categories": "categories",
        "categories_middle": "categories in {middle} {units}",
        "stores": "stores",
        "basket_stability": "items bought again",
        "p_churn": "churn risk",
        "p_alive": "chance to be a customer still",
        "cost": "cost to serve",
        "age": "age",
        "income": "income",
        "household_size": "people in the household",
    },
    "tr": {
        "since_last": "son alışverişten bu yana {units}",
        "days_since_last": "son alışverişten bu yana gün",
        "since_last_ratio": "son alışverişten bu yana olağan ara",
        "since_first": "dönemdeki ilk alışverişten bu yana {units}",
        "T": "ilk alışverişten bu yana {units}",
        "purchases_short": "{short} {units} içinde alışveriş",
        "purchases_middle": "{middle} {units} içinde alışveriş",
        "purchases_long": "{long} {units} içinde alışveriş",
        "frequency": "tekrar alışveriş",
        "gap_mean": "alışverişler arası {units}",
        "gap_longest": "en uzun ara ({units})",
        "gap_spread": "araların dağılımı ({units})",
        "gap_last_ratio": "son aranın olağana oranı",
        "amount_short": "{short} {units} içinde harcama",
        "amount_middle": "{middle} {units} içinde harcama",
        "amount_long": "{long} {units} içinde harcama",
        "amount_total": "toplam harcama",
        "amount_mean": "alışveriş başına harcama",
        "monetary_value": "alışveriş başına harcama",
        "amount_largest": "en büyük alışveriş",
        "amount_last": "son alışverişte harcama",
        "amount_first": "ilk alışverişte harcama",
        "lines_mean": "alışveriş başına satır",
        "trend": "alışveriş eğilimi (−1 ile 1 arası)",
        "amount_trend": "harcama eğilimi (−1 ile 1 arası)",
        "promotion_share": "indirimli satır payı",
        "return_share": "iade payı",
        "items": "farklı ürün",
        "categories": "kategori",
        "categories_middle": "{middle} {units} içinde kategori",
        "stores": "mağaza",
        "basket_stability": "yeniden alınan ürün payı",
        "p_churn": "kayıp riski",
        "p_alive": "hâlâ müşteri olma olasılığı",
        "cost": "hizmet maliyeti",
        "age": "yaş",
        "income": "gelir",
        "household_size": "hanedeki kişi",
    },
}
UNITS = {
    "en": {"h": "hours", "D": "days", "W": "weeks", "M": "months"},
    "tr": {"h": "saat", "D": "gün", "W": "hafta", "M": "ay"},
}
SHARES = ("_share", "_stability")
PROBABILITIES = ("p_churn", "p_alive")


def number_words(value: float, lang: str) -> str:
    """A number as the language writes it, with as many digits as can be read.

    >>> number_words(1234.56, "en"), number_words(1234.56, "tr"), number_words(0.123, "en"), number_words(7, "en")
    ('1,235', '1.235', '0.12', '7')
    """
    size = abs(value)
    digits = 0 if size >= 100 or value == round(value) else 1 if size >= 10 else 2
    text = f"{value:,.{digits}f}".replace("-", "−")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    text = text.removeprefix("−") if text in ("−0", "-0") else text
    return text.translate(str.maketrans(",.", ".,")) if lang == "tr" else text


def percent_words(share: float, lang: str) -> str:
    """A share in per cent; below 1 % with a digit.

    >>> percent_words(0.413, "en"), percent_words(0.413, "tr"), percent_words(0.004, "tr")
    ('41%', '%41', '%0,4')
    """
    digits = 0 if abs(share) >= 0.00995 or share == 0 else 1
    text = f"{share * 100:,.{digits}f}".replace("-", "−")
    return "%" + text.translate(str.maketrans(",.", ".,")) if lang == "tr" else text + "%"


def capital(text: str, lang: str) -> str:
    """The text with a capital first letter; the Turkish i keeps its dot.

    >>> capital("indirim avcıları", "tr"), capital("big spenders", "en")
    ('İndirim avcıları', 'Big spenders')
    """
    first = "İ" if lang == "tr" and text[:1] == "i" else text[:1].upper()
    return first + text[1:]
