"""Receipt lines in columns of numbers: what every question computes on."""

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Lines:
    """Receipt lines column by column; all arrays have shape (n_lines,).

    Words are coded: `Population.names[column][code]` is the word, and -1 says that it is unknown.

    Attributes
    ----------
    row : ndarray of int64
        Row of the population's line table (`Population.table`): which line of the source it is.
    at : ndarray of datetime64[s]
        When.
    day : ndarray of int32
        Day since 1970-01-01, so that day % 7 is 0 on a Thursday (see `weekday`).
    household, customer, receipt, store, product, item, category, department, brand, type : ndarray of int32
        Codes. A receipt is one visit's till receipt, numbered in time order within a household.
        `type` is the description without brand and size; `product` is a code into `Population.products`.
    quantity, amount, unit_price, size : ndarray of float64
        Units (or litres), currency, currency a unit; size of one pack (g, ml or pieces); nan where unknown.
    """

    row: np.ndarray
    at: np.ndarray
    day: np.ndarray
    household: np.ndarray
    customer: np.ndarray
    receipt: np.ndarray
    store: np.ndarray
    product: np.ndarray
    item: np.ndarray
    category: np.ndarray
    department: np.ndarray
    brand: np.ndarray
    type: np.ndarray
    quantity: np.ndarray
    amount: np.ndarray
    unit_price: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return self.row.size

    def take(self, which: np.ndarray | slice) -> "Lines":
        """Return the lines chosen by a mask, positions or a slice."""
        return Lines(*(getattr(self, column.name)[which] for column in fields(self)))

    @property
    def weekday(self) -> np.ndarray:
        """0 is Monday, 6 Sunday."""
        return (self.day + 3) % 7

    @property
    def hour(self) -> np.ndarray:
        """Hour of the day with its fraction, 0 up to 24; 0 throughout where the log has dates only."""
        return (self.at - self.at.astype("datetime64[D]")) / np.timedelta64(3600, "s")

    @property
    def month(self) -> np.ndarray:
        """Months since January 1970."""
        return self.at.astype("datetime64[M]").astype(np.int64)
