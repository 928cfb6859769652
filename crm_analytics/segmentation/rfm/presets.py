"""Grids of names that courses teach, without their overlaps, in English and Turkish."""

from crm_analytics.core.errors import choice
from crm_analytics.segmentation.rfm.name_grid import NameGrid, NameRule

# The 11 names by recency and the mean of frequency and monetary, from the best to the worst. The tables
# in which they are handed on give each name a box, and the boxes overlap and leave corners free. Here every
# cell has one of the names whose box it lies in; where there were several, the one which says more of what to do.
MARKETING = [
    ("champions", NameRule("Champions", r=5, fm=(4, 5))),
    ("loyal", NameRule("Loyal Customers", r=(3, 4), fm=(4, 5))),
    ("potential", NameRule("Potential Loyalists", r=(4, 5), fm=(2, 3))),
    ("new", NameRule("New Customers", r=5, fm=1)),
    ("promising", NameRule("Promising", r=4, fm=1)),
    ("attention", NameRule("Needs Attention", r=3, fm=3)),
    ("sleep", NameRule("About To Sleep", r=3, fm=(1, 2))),
    ("risk", NameRule("At Risk", r=2, fm=(3, 5))),
    ("risk", NameRule("At Risk", r=1, fm=3)),
    ("lose", NameRule("Can't Lose Them", r=1, fm=(4, 5))),
    ("hibernating", NameRule("Hibernating", r=2, fm=(1, 2))),
    ("lost", NameRule("Lost", r=1, fm=(1, 2))),
]

# The 10 names by recency and frequency alone, spelled as the courses spell them.
COURSE = [
    ("champions", NameRule("champions", r=5, f=(4, 5))),
    ("loyal", NameRule("loyal_customers", r=(3, 4), f=(4, 5))),
    ("potential", NameRule("potential_loyalists", r=(4, 5), f=(2, 3))),
    ("new", NameRule("new_customers", r=5, f=1)),
    ("promising", NameRule("promising", r=4, f=1)),
    ("attention", NameRule("need_attention", r=3, f=3)),
    ("sleep", NameRule("about_to_sleep", r=3, f=(1, 2))),
    ("lose", NameRule("cant_loose", r=(1, 2), f=5)),
    ("risk", NameRule("at_Risk", r=(1, 2), f=(3, 4))),
    ("hibernating", NameRule("hibernating", r=(1, 2), f=(1, 2))),
]

TURKISH = {
    "champions": "Şampiyonlar",
    "loyal": "Sadık Müşteriler",
    "potential": "Potansiyel Sadıklar",
    "new": "Yeni Müşteriler",
    "promising": "Umut Vadedenler",
    "attention": "İlgi Bekleyenler",
    "sleep": "Uyumak Üzere Olanlar",
    "risk": "Risk Altındakiler",
    "lose": "Kaybedilmemesi Gerekenler",
    "hibernating": "Uykudakiler",
    "lost": "Kaybedilenler",
}

PRESETS = {"marketing": MARKETING, "course": COURSE}
LANGUAGES = ("en", "tr")


def preset_grid(grid: str = "marketing", lang: str = "en") -> NameGrid:
    """A grid of names for five scores, by recency r and by how much a customer buys.

    Parameters
    ----------
    grid : {"marketing", "course"}
        "marketing": 11 names by r and fm, the mean of f and m: Champions, Loyal Customers,
        Potential Loyalists, New Customers, Promising, Needs Attention, About To Sleep, At Risk,
        Can't Lose Them, Hibernating, Lost. "course": 10 names by r and f, as known from the
        regular expressions of courses: champions, loyal_customers, … cant_loose, at_Risk,
        hibernating.
    lang : {"en", "tr"}

    Returns
    -------
    NameGrid

    Raises
    ------
    ValueError
        If there is no such grid or language.

    Examples
    --------
    >>> preset_grid("marketing", "tr").name_of(5, 4, 5), preset_grid("course").name_of(1, 5, 1)
    ('Şampiyonlar', 'cant_loose')
    """
    choice(grid, name="grid", allowed=PRESETS)
    choice(lang, name="lang", allowed=LANGUAGES)
    rules = PRESETS[grid]
    return NameGrid([rule._replace(name=TURKISH[key]) if lang == "tr" else rule for key, rule in rules])
