"""What the 801 labelled households of Complete Journey say of themselves, as yes, no or not known."""

import numpy as np
import pandas as pd

from crm_analytics.core.tables import require_columns

TRAITS = ("children", "over_65", "under_35", "single", "three_or_more", "owner")


def composition_labels(demographics: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of each household: 1 yes, 0 no, NaN not known.

    `children`: kids_count is not 0. `over_65`: the age class is 65+; `under_35`: it is 19-24 or
    25-34. The class is that of whoever filled in the form, so a younger or older partner is not
    seen. `single`: one person in the household; `three_or_more`: three or more. `owner`:
    (probable) home owner against (probable) renter; a form that leaves it open is not known.

    Parameters
    ----------
    demographics : DataFrame
        As `datasets.load_complete_journey().demographics`: household_id, age, home_ownership,
        household_size, kids_count.

    >>> form = pd.DataFrame({"household_id": [1], "age": ["65+"], "home_ownership": [None],
    ...                      "household_size": ["2"], "kids_count": ["0"]})
    >>> composition_labels(form).loc[1].tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0, nan]
    """
    columns = ["household_id", "age", "home_ownership", "household_size", "kids_count"]
    require_columns(demographics, columns, caller="composition_labels")
    age, size = demographics["age"], demographics["household_size"]
    home, kids = demographics["home_ownership"], demographics["kids_count"]
    found = {
        "children": _known(kids != "0", kids),
        "over_65": _known(age == "65+", age),
        "under_35": _known(age.isin(["19-24", "25-34"]), age),
        "single": _known(size == "1", size),
        "three_or_more": _known(size.isin(["3", "4", "5+"]), size),
        "owner": _known(home.isin(["Homeowner", "Probable Homeowner"]), home),
    }
    return pd.DataFrame(found, index=pd.Index(demographics["household_id"], name="customer_id"))


def _known(yes: pd.Series, said: pd.Series) -> np.ndarray:
    return np.where(said.isna(), np.nan, yes.to_numpy(dtype=float))
