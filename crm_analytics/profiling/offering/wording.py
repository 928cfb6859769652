"""Offers in words, English and Turkish."""

_WORDS = {
    "try_new": {
        "en": "Offer {product:word}, which they have not tried yet: in {category:category} they like what is new. "
        "Expected profit {profit:money}.",
        "tr": "Henüz denemedikleri {product:word} önerilsin: {category:category} alırken yeniliği seviyorlar. "
        "Beklenen kâr {profit:money}.",
    },
    "win_back": {
        "en": "Invite them back to {category:category} with {product:word}, which they used to buy. "
        "Expected profit {profit:money}.",
        "tr": "Eskiden aldıkları {product:word} ile yeniden {category:category} almaya davet edilsinler. "
        "Beklenen kâr {profit:money}.",
    },
    "for_the_occasion": {
        "en": "Between {start:date} and {end:date} offer {product:word} for the occasion they keep at home. "
        "Expected profit {profit:money}.",
        "tr": "{start:date} ile {end:date} arasında, evde kutladıkları gün için {product:word} önerilsin. "
        "Beklenen kâr {profit:money}.",
    },
    "at_the_second_home": {
        "en": "Before the season, from {start:date}, offer {product:word} at the {place:word} store. "
        "Expected profit {profit:money}.",
        "tr": "Sezondan önce, {start:date} gününden başlayarak {place:word} mağazasında {product:word} önerilsin. "
        "Beklenen kâr {profit:money}.",
    },
    "refill": {
        "en": "Offer {product:word}, which what they acquired uses up. Expected profit {profit:money}.",
        "tr": "Edindikleri ürünün kullandığı {product:word} önerilsin. Beklenen kâr {profit:money}.",
    },
    "more_of_it": {
        "en": "Offer {product:word}, of the sort they like and not yet bought. Expected profit {profit:money}.",
        "tr": "Sevdikleri türden, henüz almadıkları {product:word} önerilsin. Beklenen kâr {profit:money}.",
    },
    "for_a_member": {
        "en": "Offer {product:word}: somebody who needs it lives there, and they buy it elsewhere. "
        "Expected profit {profit:money}.",
        "tr": "{product:word} önerilsin: evde buna gereksinimi olan biri var ve başka yerden alıyorlar. "
        "Beklenen kâr {profit:money}.",
    },
    "recommended": {
        "en": "Offer {product:word}, which customers like them buy. Expected profit {profit:money}.",
        "tr": "Benzer müşterilerin aldığı {product:word} önerilsin. Beklenen kâr {profit:money}.",
    },
    "nothing_found": {
        "en": "Make no offer: nothing found suggests one.",
        "tr": "Öneri yapılmasın: bulgulardan bir öneri çıkmıyor.",
    },
    "none": {
        "en": "Make no offer: none of the {n} considered would raise profit within the rules.",
        "tr": "Öneri yapılmasın: değerlendirilen {n} öneriden hiçbiri kurallar içinde kârı artırmıyor.",
    },
}


def offer_words(idea: str, lang: str) -> str:
    """Template of an offer, or of none, in a language."""
    return _WORDS[idea][lang]
