"""The words in which a category's start, lapse and gap are told."""

from crm_analytics.profiling.evidence.kind import Kind, Words

_NULL: dict[str, Words] = {
    "same_rate": {
        "en": "they buy the category throughout at their own rate per visit, as regularly as between the other "
        "purchases, in season and out of season as everybody",
        "tr": "kategori, kendi alışveriş sıklıklarına göre hep aynı düzende alınıyor; mevsim etkisi herkesteki gibi",
    }
}
_ALTERNATIVES: dict[str, Words] = {
    "bought_elsewhere": {
        "en": "it is bought in another shop chain",
        "tr": "bu ürünler başka bir yerden alınıyor olabilir",
    },
    "stocked_up": {
        "en": "the purchase before was larger than usual: they had it in stock",
        "tr": "önceki alışverişte her zamankinden fazla alınmış; evde stok olabilir",
    },
    "other_card": {
        "en": "it is paid with a card that is not in this log",
        "tr": "ödeme bu kayıtta olmayan başka bir kartla yapılıyor olabilir",
    },
    "car_bought": {"en": "a car was bought", "tr": "araba alınmış olabilir"},
    "car_sold": {"en": "the car was sold", "tr": "araba satılmış olabilir"},
    "other_fuel_brand": {
        "en": "they fill up at another company's stations",
        "tr": "yakıt başka bir şirketin istasyonlarından alınıyor olabilir",
    },
    "grown_up": {"en": "the child outgrew it", "tr": "çocuk artık büyümüş olabilir"},
    "pet_gone": {"en": "the animal is no longer there", "tr": "evcil hayvan artık evde olmayabilir"},
    "pregnancy": {"en": "a pregnancy", "tr": "hamilelik"},
    "menopause": {"en": "the menopause", "tr": "menopoz"},
}

START = Kind(
    name="category_start",
    stage="interpretation",
    title={"en": "Began to buy", "tr": "Almaya başladı"},
    statements={
        "plain": {
            "en": "{subject:category} is bought from {start:date} on ({times:count} days), and never on the "
            "{visits:count} shopping days before, over {days:count} days.",
            "tr": "{subject:category}: ilk kez {start:date} tarihinde alınmış ve sonra sürmüş ({times:count} "
            "gün); ondan önceki {days:count} günde yapılan {visits:count} alışveriş gününde hiç alınmamış.",
        },
        "card": {
            "en": "{subject:category} is bought with {card:word} from {start:date} on ({times:count} days), and "
            "never on its {visits:count} shopping days before, over {days:count} days.",
            "tr": "{card:word}, {subject:category}: ilk kez {start:date} tarihinde alınmış ve sonra "
            "sürmüş ({times:count} gün); ondan önceki {days:count} günde bu kartla yapılan {visits:count} "
            "alışveriş gününde hiç alınmamış.",
        },
    },
    nulls=_NULL,
    alternatives=_ALTERNATIVES,
)
LAPSE = Kind(
    name="category_lapse",
    stage="interpretation",
    title={"en": "No longer bought", "tr": "Artık alınmıyor"},
    statements={
        "plain": {
            "en": "{subject:category} was bought on {times:count} days, the last of them {start:date}, and on "
            "none of the {visits:count} shopping days since, over {days:count} days.",
            "tr": "{subject:category}: {times:count} gün alınmış, sonuncusu {start:date}; o tarihten sonraki "
            "{days:count} günde yapılan {visits:count} alışveriş gününde hiç alınmamış.",
        },
        "card": {
            "en": "{subject:category} was bought with {card:word} on {times:count} days, the last of them "
            "{start:date}, and on none of its {visits:count} shopping days since, over {days:count} days.",
            "tr": "{card:word}, {subject:category}: {times:count} gün alınmış, sonuncusu {start:date}; "
            "o tarihten sonraki {days:count} günde bu kartla yapılan {visits:count} alışveriş gününde hiç "
            "alınmamış.",
        },
    },
    nulls=_NULL,
    alternatives=_ALTERNATIVES,
)
GAP = Kind(
    name="category_gap",
    stage="interpretation",
    title={"en": "A pause", "tr": "Ara verilmiş"},
    statements={
        "plain": {
            "en": "{subject:category} is not bought from {start:date} until {end:date} ({days:count} days, "
            "{visits:count} shopping days), while it is bought before and after.",
            "tr": "{subject:category}: {start:date} ile {end:date} arasında ({days:count} gün, {visits:count} "
            "alışveriş günü) alınmamış; öncesinde ve sonrasında alınıyor.",
        },
        "card": {
            "en": "{subject:category} is not bought with {card:word} from {start:date} until {end:date} "
            "({days:count} days, {visits:count} shopping days), while it is bought before and after.",
            "tr": "{card:word}, {subject:category}: {start:date} ile {end:date} arasında ({days:count} "
            "gün, {visits:count} alışveriş günü) alınmamış; öncesinde ve sonrasında alınıyor.",
        },
    },
    nulls=_NULL,
    alternatives=_ALTERNATIVES,
)
