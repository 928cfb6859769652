"""The words in which a brand switch is told."""

from crm_analytics.profiling.evidence.kind import Kind

KIND = Kind(
    name="brand_switch",
    stage="interpretation",
    title={"en": "Brand switch", "tr": "Marka değişikliği"},
    statements={
        "plain": {
            "en": "{subject:category}: mostly {from:word} before, {to:word} from {start:date} on "
            "({from:word} {from_before:percent} → {from_after:percent}, {to:word} {to_before:percent} → "
            "{to_after:percent} of the purchases). The others' purchases do not tell whether everybody changed.",
            "tr": "{subject:category}: önce ağırlıkla {from:word}, {start:date} tarihinden itibaren "
            "{to:word} ({from:word} {from_before:percent} → {from_after:percent}, {to:word} "
            "{to_before:percent} → {to_after:percent}). Bunu herkesin yapıp yapmadığı diğer "
            "müşterilerden anlaşılamıyor.",
        },
        "own": {
            "en": "{subject:category}: mostly {from:word} before, {to:word} from {start:date} on "
            "({from:word} {from_before:percent} → {from_after:percent}, {to:word} {to_before:percent} → "
            "{to_after:percent} of the purchases). Others went on buying {from:word}, so it is probably their "
            "own choice.",
            "tr": "{subject:category}: önce ağırlıkla {from:word}, {start:date} tarihinden itibaren "
            "{to:word} ({from:word} {from_before:percent} → {from_after:percent}, {to:word} "
            "{to_before:percent} → {to_after:percent}). Diğer müşteriler {from:word} almayı sürdürmüş; büyük "
            "olasılıkla kendi tercihi.",
        },
        "delisted": {
            "en": "{subject:category}: mostly {from:word} before, {to:word} from {start:date} on. Nearly "
            "all other customers stopped buying {from:word} then too: it was probably no longer sold.",
            "tr": "{subject:category}: önce ağırlıkla {from:word}, {start:date} tarihinden itibaren "
            "{to:word}. Diğer müşterilerin neredeyse tamamı da {from:word} almayı bırakmış: bu marka büyük "
            "olasılıkla artık satılmıyor.",
        },
    },
    nulls={
        "same_shares": {
            "en": "the brands' shares stay the same throughout; households differ in them as the population does",
            "tr": "marka payları baştan sona aynı; haneler arası fark müşterilerin genelindeki kadar",
        }
    },
    alternatives={
        "promotion": {
            "en": "The new brand may have been on promotion or cheaper.",
            "tr": "Yeni marka promosyonda ya da daha ucuz olabilir.",
        },
        "stock_out": {
            "en": "The old brand may have been out of stock.",
            "tr": "Eski marka rafta kalmamış olabilir.",
        },
        "price_rise": {
            "en": "The old brand may have become dearer.",
            "tr": "Eski marka pahalanmış olabilir.",
        },
        "another_member": {
            "en": "Another member of the household may do the shopping now.",
            "tr": "Alışverişi artık hanenin başka bir üyesi yapıyor olabilir.",
        },
        "other_store": {
            "en": "They may have gone over to a store that sells other brands.",
            "tr": "Başka markalar satan bir mağazaya geçmiş olabilirler.",
        },
    },
)
