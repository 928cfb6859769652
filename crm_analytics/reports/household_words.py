"""The words of a household's page, English and Turkish."""

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Household profile",
        "lead": "{findings:count finding} from {lines:count receipt line}, {first:date} to {last:date}. "
        "Each shows the lines that it rests on, how strong it is, and what else could explain them.",
        "none": "The lines tell nothing that would stand up to doubt.",
        "lines": "lines", "receipts": "receipts", "visit_days": "days with a purchase", "amount": "spent",
        "median_receipt": "median receipt", "days_between_visits": "days between visits (median)",
        "stores": "stores", "cards": "cards",
        "form": "1 · The application form", "form_note": "What they wrote themselves, and how one may read it.",
        "no_form": "No form is known.",
        "question": "Question", "answer": "Answer", "reading": "Reading", "card": "Card",
        "totals": "2 · Totals and rhythm",
        "detail": "3 · Detail",
        "interpretation": "4 · Interpretation",
        "offer": "5 · The offer", "offer_short": "The offer",
        "months": "What was spent, month by month",
        "baskets": "The total of each basket: a dot a receipt",
        "baskets_axis": "receipt",
        "gaps": "How often they come: times that so many days lay between two visits",
        "gaps_axis": "days between visits",
        "week": "When they shop: a dot for each hour of the week, larger for more receipts",
        "timeline": "Where they bought, day by day, a stroke a day.",
        "timeline_cards": "In each row {first} stands above {second}.",
        "timeline_stays": "Shaded: away from home.",
        "timeline_changes": "Numbered: changes, listed below.",
        "map": "Where they bought near home: larger for more days; north is at the top",
        "map_away": "All towns: larger for more days; north is at the top",
        "glance": "At a glance", "bars": "bars: how sure",
        "evidence": "{n} lines as evidence",
        "evidence_one": "1 line as evidence",
        "more": "and {n} lines more",
        "more_findings": "{n} more of this kind",
        "against": "Measured against",
        "asked": "one of {n} questions of its kind",
        "other": "Cannot be ruled out",
        "strength": "strength",
        "no_finding": "Nothing at this stage would stand up to doubt.",
        "candidates": "What was considered",
        "chosen": "the offer", "allowed": "earns less",
        "because": "Because",
        "parts": "Added sales {sales}, later {lasting}; less the discount {given_away}, purchases it replaces "
        "{cannibalised} and the message {cost}.",
        "probabilities": "They would buy it with {without} anyway, and with {with_it} if offered (an assumed effect).",
        "foot": "Strength is the probability that a claim is true, given its test and the number of questions asked; "
        "of the claims told, about one in ten may be false. Topics of health, religion and pregnancy are left out "
        "unless asked for. Readings of people are guesses: check them before acting on them.",
        "sensitive": "Topics asked for on this page: {topics}.",
        "months_axis": "amount",
        "other_places": "other places", "other_towns": "other towns", "other_subjects": "{n} more",
    },
    "tr": {
        "title": "Hane profili",
        "lead": "{first:date} ile {last:date} arasındaki {lines:count} fiş satırından {findings:count} "
        "bulgu. Her biri dayandığı satırları, ne kadar güçlü olduğunu ve başka nasıl açıklanabileceğini gösterir.",
        "none": "Satırlar, kuşkuya dayanacak bir şey söylemiyor.",
        "lines": "satır", "receipts": "fiş", "visit_days": "alışveriş günü", "amount": "harcama",
        "median_receipt": "ortanca fiş", "days_between_visits": "ziyaretler arası gün (ortanca)",
        "stores": "mağaza", "cards": "kart",
        "form": "1 · Başvuru formu", "form_note": "Kendi yazdıkları ve nasıl okunabileceği.",
        "no_form": "Bilinen bir form yok.",
        "question": "Soru", "answer": "Yanıt", "reading": "Yorum", "card": "Kart",
        "totals": "2 · Toplamlar ve ritim",
        "detail": "3 · Ayrıntı",
        "interpretation": "4 · Yorum",
        "offer": "5 · Öneri", "offer_short": "Öneri",
        "months": "Aydan aya harcama",
        "baskets": "Sepetlerin tutarı: her fiş bir nokta",
        "baskets_axis": "fiş tutarı",
        "gaps": "Ne sıklıkta geliyorlar: iki ziyaret arasında kaç gün geçtiği, kaç kez",
        "gaps_axis": "ziyaretler arası gün",
        "week": "Ne zaman alışveriş ediyorlar: haftanın her saati için bir nokta, fiş çoksa daha büyük",
        "timeline": "Günden güne nerede alışveriş ettiler: her gün bir çizgi.",
        "timeline_cards": "Her sırada {first} üstte, {second} altta.",
        "timeline_stays": "Gölgeli: evden uzakta.",
        "timeline_changes": "Numaralı: aşağıda açıklanan değişiklikler.",
        "map": "Eve yakın alışveriş yerleri: gün sayısı arttıkça daha büyük; kuzey yukarıda",
        "map_away": "Bütün kentler: gün sayısı arttıkça daha büyük; kuzey yukarıda",
        "glance": "Bir bakışta", "bars": "çubuklar: ne kadar emin",
        "evidence": "kanıt: {n} satır",
        "evidence_one": "kanıt: 1 satır",
        "more": "ve {n} satır daha",
        "more_findings": "bu türden {n} bulgu daha",
        "against": "Neye karşı ölçüldü",
        "asked": "türünün {n} sorusundan biri",
        "other": "Dışlanamayan açıklamalar",
        "strength": "güç",
        "no_finding": "Bu aşamada kuşkuya dayanacak bir şey yok.",
        "candidates": "Değerlendirilenler",
        "chosen": "seçilen öneri", "allowed": "daha az kazandırıyor",
        "because": "Çünkü",
        "parts": "Eklenen satış {sales}, sonrası {lasting}; eksi indirim {given_away}, yerini aldığı alışveriş "
        "{cannibalised}, ileti {cost}.",
        "probabilities": "Zaten alma olasılıkları {without}, önerilirse {with_it} (varsayılan etki).",
        "foot": "Güç, sınamasına ve sorulan soru sayısına göre bir savın doğru olma olasılığıdır; söylenenlerin "
        "yaklaşık onda biri yanlış olabilir. Sağlık, din ve gebelik konuları istenmedikçe yer almaz. İnsanlar "
        "hakkındaki yorumlar tahmindir: bir şey yapmadan önce doğrulayın.",
        "sensitive": "Bu sayfa için istenen konular: {topics}.",
        "months_axis": "tutar",
        "other_places": "diğer yerler", "other_towns": "diğer kentler", "other_subjects": "{n} tane daha",
    },
}  # fmt: skip

COLUMNS = {
    "en": {
        "line": "Line", "when": "When", "card": "Card", "store": "Store", "product": "Product",
        "quantity": "Quantity", "unit_price": "Unit price", "amount": "Amount",
    },
    "tr": {
        "line": "Satır", "when": "Zaman", "card": "Kart", "store": "Mağaza", "product": "Ürün",
        "quantity": "Miktar", "unit_price": "Birim fiyat", "amount": "Tutar",
    },
}  # fmt: skip
OFFER_COLUMNS = {
    "en": ["Candidate", "Price", "Without", "With", "Expected profit", "Why not"],
    "tr": ["Aday", "Fiyat", "Önerisiz", "Öneriyle", "Beklenen kâr", "Neden değil"],
}
ROLES = {
    "en": {"home": "home", "work": "work", "away": "away", "else": "other"},
    "tr": {"home": "ev", "work": "iş", "away": "uzakta", "else": "diğer"},
}
STORE_KINDS = {
    "en": {
        "supermarket": "supermarket", "fuel": "fuel", "restaurant": "restaurant", "marina": "marina",
        "other": "other",
    },
    "tr": {
        "supermarket": "market", "fuel": "akaryakıt", "restaurant": "lokanta", "marina": "marina",
        "other": "diğer",
    },
}  # fmt: skip
SHORT_WEEKDAYS = {
    "en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "tr": ["Pzt", "Sal", "Çar", "Per", "Cum", "Cmt", "Paz"],
}
TOPICS = {
    "en": {"health": "health", "religion": "religion", "pregnancy": "pregnancy"},
    "tr": {"health": "sağlık", "religion": "din", "pregnancy": "gebelik"},
}

# What a finding is about, as the table at the top of the page says it: kinds by the format of their subject.
ABOUT = {
    "category": (
        "loyalty", "variety_seeking", "brand_trial", "isolated_purchase", "brand_switch", "category_start",
        "category_lapse", "category_gap", "parallel_variants",
    ),
    "pair": ("association", "product_succession"),
    "tag": ("tag_leaning", "dietary_need"),
    "date": ("guest_day", "apart"),
    "place": ("home", "workplace", "second_home", "stay", "absence"),
    "card": ("household_shopper", "card_role", "fuel_habit", "fuel_tier", "second_vehicle"),
    "word": ("member", "composition", "calendar_occasion"),
}  # fmt: skip
SUBJECTS = {
    "en": {
        "adult_man": "a man", "adult_woman": "a woman", "child": "a child", "baby": "a baby", "cat": "a cat",
        "dog": "a dog", "children": "children", "over_65": "somebody over 65", "under_35": "somebody under 35",
        "single": "one person", "three_or_more": "three or more", "owner": "their own home",
        "new_year": "New Year's Eve", "valentine": "Valentine's Day", "christmas": "Christmas",
        "ramadan": "Ramadan", "ramadan_feast": "the feast of Ramadan",
        "sacrifice_feast": "the Feast of Sacrifice", "premium": "dear products", "budget": "cheap products",
    },
    "tr": {
        "adult_man": "bir erkek", "adult_woman": "bir kadın", "child": "bir çocuk", "baby": "bir bebek",
        "cat": "bir kedi", "dog": "bir köpek", "children": "çocuklar", "over_65": "65 yaşından büyük biri",
        "under_35": "35 yaşından küçük biri", "single": "tek kişi", "three_or_more": "üç kişi ya da daha çok",
        "owner": "kendi evleri", "new_year": "yılbaşı", "valentine": "Sevgililer Günü", "christmas": "Noel",
        "ramadan": "Ramazan", "ramadan_feast": "Ramazan Bayramı", "sacrifice_feast": "Kurban Bayramı",
        "premium": "pahalı ürünler", "budget": "ucuz ürünler",
    },
}  # fmt: skip
