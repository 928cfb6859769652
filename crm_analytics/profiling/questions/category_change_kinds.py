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
        "en": "It may be bought in another shop chain.",
        "tr": "Bu ürünler başka bir yerden alınıyor olabilir.",
    },
    "stocked_up": {
        "en": "The purchase before was larger than usual: they may have had it in stock.",
        "tr": "Önceki alışverişte her zamankinden fazla alınmış; evde stok olabilir.",
    },
    "other_card": {
        "en": "It may be paid with a card that is not in this log.",
        "tr": "Ödeme bu kayıtta olmayan başka bir kartla yapılıyor olabilir.",
    },
    "car_bought": {"en": "A car may have been bought.", "tr": "Araba alınmış olabilir."},
    "car_sold": {"en": "The car may have been sold.", "tr": "Araba satılmış olabilir."},
    "other_fuel_brand": {
        "en": "They may fill up at another company's stations.",
        "tr": "Yakıt başka bir şirketin istasyonlarından alınıyor olabilir.",
    },
    "grown_up": {"en": "The child may have outgrown it.", "tr": "Çocuk artık büyümüş olabilir."},
    "pet_gone": {"en": "The animal may no longer be there.", "tr": "Evcil hayvan artık evde olmayabilir."},
    "pregnancy": {"en": "It may be a pregnancy.", "tr": "Hamilelik olabilir."},
    "menopause": {"en": "It may be the menopause.", "tr": "Menopoz olabilir."},
}

START = Kind(
    name="category_start",
    stage="interpretation",
    title={"en": "Began to buy", "tr": "Almaya başladı"},
    statements={
        "plain": {
            "en": "{subject:category}: bought from {start:date} on ({times:count} days), and never on the "
            "{visits:count} shopping days before, over {days:count} days.",
            "tr": "{subject:category}: ilk kez {start:date} tarihinde alınmış ve sonra sürmüş ({times:count} "
            "gün); ondan önceki {days:count} günde yapılan {visits:count} alışveriş gününde hiç alınmamış.",
        },
        "card": {
            "en": "{subject:category}: bought with {card:card} from {start:date} on ({times:count} days), and "
            "never on its {visits:count} shopping days before, over {days:count} days.",
            "tr": "{card:card}, {subject:category}: ilk kez {start:date} tarihinde alınmış ve sonra "
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
            "en": "{subject:category}: bought on {times:count} days, the last of them {start:date}, and on "
            "none of the {visits:count} shopping days since, over {days:count} days.",
            "tr": "{subject:category}: {times:count} gün alınmış, sonuncusu {start:date}; o tarihten sonraki "
            "{days:count} günde yapılan {visits:count} alışveriş gününde hiç alınmamış.",
        },
        "card": {
            "en": "{subject:category}: bought with {card:card} on {times:count} days, the last of them "
            "{start:date}, and on none of its {visits:count} shopping days since, over {days:count} days.",
            "tr": "{card:card}, {subject:category}: {times:count} gün alınmış, sonuncusu {start:date}; "
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
            "en": "{subject:category}: not bought from {start:date} until {end:date} ({days:count} days, "
            "{visits:count} shopping days), though before and after.",
            "tr": "{subject:category}: {start:date} ile {end:date} arasında ({days:count} gün, {visits:count} "
            "alışveriş günü) alınmamış; öncesinde ve sonrasında alınıyor.",
        },
        "card": {
            "en": "{subject:category}: not bought with {card:card} from {start:date} until {end:date} "
            "({days:count} days, {visits:count} shopping days), though before and after.",
            "tr": "{card:card}, {subject:category}: {start:date} ile {end:date} arasında ({days:count} "
            "gün, {visits:count} alışveriş günü) alınmamış; öncesinde ve sonrasında alınıyor.",
        },
    },
    nulls=_NULL,
    alternatives=_ALTERNATIVES,
)
