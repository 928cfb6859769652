"""The tag table: which words of a product's texts say what it is, in English and Turkish."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from crm_analytics.core.errors import MissingDataError, SchemaError, choice, nearest
from crm_analytics.core.tables import require_columns
from crm_analytics.profiling.tagging.word_search import WordSearch, folded
from crm_analytics.transactions.delimited import read_table

TOPICS = ("", "health", "religion", "pregnancy")
FIELDS = ("any", "category", "department", "brand", "description", "item_id")
_ANY = ("description", "category")  # brands are names, departments hold many things: both mislead
_JOINS = re.compile(r"[&/+,;]|\b(?:and|ve|ile)\b", re.IGNORECASE)  # between the things of one category
# What a thing is like, not what it is: "Organic Fruit & Vegetables" says it of both.
_QUALITIES = (
    "organic", "organic_shelf", "diet", "gluten_free", "lactose_free", "plant_based", "gourmet", "premium",
    "value_brand", "frozen", "seasonal", "child", "women_care", "men_care", "senior_care", "health",
    "single_portion", "large_pack", "breakfast_food", "convenience_meal",
)  # fmt: skip
_LANGUAGES = ("en", "tr")
_WORD_COLUMNS = ["tag", "word", "field", "excluded"]
_NAME_COLUMNS = ["en", "tr", "topic", "within"]
_YES, _NO = ("1", "true", "yes", "evet"), ("0", "false", "no", "hayir", "")


@dataclass(frozen=True, eq=False)
class TagTable:
    """Words that give products tags; a product may have many.

    A word counts wherever a word of the text begins with it, in any case and with or without
    accents: "laktozsuz", "Lactose-Free". A full stop at its end says that the text's word must
    end there too: "süt." is in "Süt 1 L" and not in "Sütlü Çikolata". A row that is `excluded`
    takes the tag away again: "hot dog" is no dog. A row of the field `item_id` names one
    product, and has the last word about it. A category of several things ("Tea & Coffee", "çay ve
    kahve") speaks only for the one that shares most tags with the description, if one shares any.

    Attributes
    ----------
    words : DataFrame
        `tag`, `word`, `field` ("any" is description and category; department too where a table has
        neither), `excluded` (bool).
    names : DataFrame indexed by tag
        `en`, `tr`, `topic` ("", "health", "religion" or "pregnancy": asked for before it is
        told), `within` (a wider tag that its products have too, or "").

    Examples
    --------
    >>> products = pd.DataFrame({"description": ["Çınar Laktozsuz Süt 1 L", "HOT DOG BUNS", "Dog food 2 kg"]})
    >>> tagged = TagTable.default().tag(products)
    >>> tagged[["milk", "dairy", "lactose_free", "bread", "dog"]].astype(int).to_numpy()
    array([[1, 1, 1, 0, 0],
           [0, 0, 0, 1, 0],
           [0, 0, 0, 0, 1]])
    """

    words: pd.DataFrame
    names: pd.DataFrame

    def __repr__(self) -> str:
        return f"TagTable: {len(self.words):,} words, {len(self.names):,} tags"

    @staticmethod
    def default() -> "TagTable":
        """Return the table of the library: some 140 tags, English and Turkish words for each."""
        return _default()

    def extended(self, table: pd.DataFrame | str | Path) -> "TagTable":
        """Return a table with further rows, which win over rows of the same tag, word and field.

        Parameters
        ----------
        table : DataFrame, or path of a CSV file
            `tag` and `word`; where wanted `field` (default "any"), `excluded` (default no) and, to
            name tags, `en`, `tr`, `topic` and `within`. A new tag without names is called as it is.

        Raises
        ------
        SchemaError
            If there are other columns, an empty tag or word, an unknown field, topic or wider tag.
        MissingDataError
            If there is no such file.

        >>> own = pd.DataFrame({"tag": ["vegan"], "word": ["bitkisel"], "en": ["vegan"], "tr": ["vegan"]})
        >>> wider = TagTable.default().extended(own)
        >>> wider.tag(pd.DataFrame({"description": ["Bitkisel Köfte", "Köfte"]}))["vegan"].tolist()
        [True, False]
        """
        rows = _judged(_read(table))
        words = pd.concat([self.words, rows[_WORD_COLUMNS]], ignore_index=True)
        same = words.assign(word=_keys(words["word"])).duplicated(["tag", "word", "field"], keep="last")
        names = _named(self.names, rows)
        return TagTable(words[~same].reset_index(drop=True), names)

    def name(self, tag: str, lang: str = "en") -> str:
        """Return a tag's name in English ("en") or Turkish ("tr").

        >>> TagTable.default().name("lactose_free", "tr")
        'laktozsuz'
        """
        choice(lang, name="lang", allowed=_LANGUAGES)
        if tag not in self.names.index:
            near = nearest(tag, self.names.index)
            hint = f"Is {near!r} meant?" if near else "See `names`."
            raise ValueError(f"tag must be a tag of the table. Got {tag!r} instead. {hint}")
        return str(self.names.at[tag, lang])

    def tag(self, products: pd.DataFrame) -> pd.DataFrame:
        """Say which tags each product has.

        Parameters
        ----------
        products : DataFrame of shape (n_products, ...)
            Any of `description`, `category`, `department`, `brand`, `item_id`; text that is
            missing says nothing.

        Returns
        -------
        DataFrame of bool of shape (n_products, n_tags), with the index of `products` and the tags
        in the order of `names`.

        Raises
        ------
        SchemaError
            If `products` has none of these columns.
        """
        fields = [field for field in FIELDS if field in products.columns]
        if not fields:
            raise SchemaError(
                f"TagTable.tag: products must have one of the columns {', '.join(FIELDS[1:])}, but has "
                f"{', '.join(map(str, products.columns)) or 'none'}. Rename what says what they are."
            )
        given = np.zeros((len(products), len(self.names)), dtype=bool)
        taken = np.zeros_like(given)
        said = {}
        for field in fields:
            if field != "item_id":
                speaks = field in _ANY or (field == "department" and not set(_ANY) & set(fields))
                codes, yes, no = self._said_by(products[field], field, speaks)
                said[field] = yes[codes]
                taken |= no[codes]
        if set(_ANY) <= set(said):
            said["category"] &= ~self._of_other_things(products["category"], said["description"] & ~taken)
        for yes in said.values():
            given |= yes
        given &= ~taken
        if "item_id" in fields:
            codes, yes, no = self._said_of(products["item_id"])
            given = (given & ~no[codes]) | yes[codes]
        self._widen(given)
        return pd.DataFrame(given, index=products.index, columns=self.names.index.to_numpy())

    def _said_by(
        self, texts: pd.Series, field: str, speaks: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which distinct text each product has; what each text gives, and takes away."""
        codes, distinct = pd.factorize(texts)
        search = WordSearch([str(text) for text in distinct])
        shape = (len(distinct) + 1, len(self.names))  # the last row is of products without text, code -1
        yes, no = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        rows = self.words[(self.words["field"] == field) | ((self.words["field"] == "any") & speaks)]
        columns = self.names.index.get_indexer(pd.Index(rows["tag"]))
        words, excluded = rows["word"].tolist(), rows["excluded"].to_numpy(dtype=bool)
        for row in search.beginning(words).tolist():
            places = search.having(words[row])
            if places.size:
                (no if excluded[row] else yes)[places, columns[row]] = True
        return codes, yes, no

    def _of_other_things(self, categories: pd.Series, described: np.ndarray) -> np.ndarray:
        """What a category says of others of the things it joins than the product is by its description."""
        others = np.zeros_like(described)
        wide = described.copy()
        self._widen(wide)
        codes, distinct = pd.factorize(categories)
        parts = [[thing for thing in _JOINS.split(str(text)) if thing.strip()] for text in distinct]
        joined = [code for code, things in enumerate(parts) if len(things) > 1]
        things = pd.Series([thing for code in joined for thing in parts[code]], dtype=object)
        of_thing, yes, _ = self._said_by(things, "category", True)
        of_each = yes[of_thing]
        self._widen(of_each)
        of_each &= ~self.names.index.isin(_QUALITIES)
        start = 0
        for code in joined:
            each = of_each[start : start + len(parts[code])]
            start += len(parts[code])
            mine = np.flatnonzero(codes == code)
            shared = wide[mine].astype(np.int64) @ each.T.astype(np.int64)  # tags of both, products × things
            fits = (shared == shared.max(axis=1, keepdims=True)) & (shared > 0)
            said_of_it = fits.astype(np.int64) @ each > 0
            said_of_others = (~fits).astype(np.int64) @ each > 0
            others[mine] = said_of_others & ~said_of_it & fits.any(axis=1, keepdims=True)
        return others

    def _said_of(self, items: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same of products that rows name one by one."""
        codes, distinct = pd.factorize(items)
        shape = (len(distinct) + 1, len(self.names))
        yes, no = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        rows = self.words[self.words["field"] == "item_id"]
        if len(rows):
            places = pd.Index([str(item) for item in distinct]).get_indexer(pd.Index(rows["word"]))
            columns = self.names.index.get_indexer(pd.Index(rows["tag"]))
            excluded = rows["excluded"].to_numpy(dtype=bool)
            there = places >= 0
            yes[places[there & ~excluded], columns[there & ~excluded]] = True
            no[places[there & excluded], columns[there & excluded]] = True
        return codes, yes, no

    def _widen(self, given: np.ndarray) -> None:
        """Give the products of a tag the wider tag too, in place."""
        places = self.names.index.get_indexer(pd.Index(self.names["within"]))
        for _ in range(3):  # a tag within a tag within a tag
            for column in np.flatnonzero(places >= 0):
                given[:, places[column]] |= given[:, column]


@functools.cache
def _default() -> TagTable:
    folder = files("crm_analytics.profiling.tagging")
    with (folder / "tags.csv").open("rb") as file:
        words = pd.read_csv(file, dtype=str, keep_default_na=False)
    with (folder / "tag_names.csv").open("rb") as file:
        names = pd.read_csv(file, dtype=str, keep_default_na=False)
    words["excluded"] = words["excluded"] == "1"
    return TagTable(words, names.set_index("tag"))


def _read(table: pd.DataFrame | str | Path) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        return table
    path = Path(table)
    if not path.is_file():
        raise MissingDataError(
            f"TagTable.extended: there is no file {str(path)!r}. Give the path of a CSV file with the columns tag "
            "and word, or a DataFrame."
        )
    return read_table(path, caller="TagTable.extended", dtype=str, keep_empty=True)


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    """The user's rows with all columns, or an error that says which row is wrong."""
    caller = "TagTable.extended"
    require_columns(table, ["tag", "word"], caller=caller)
    known = [*_WORD_COLUMNS, *_NAME_COLUMNS]
    for column in table.columns:
        if column not in known:
            near = nearest(column, known)
            hint = f"Is it meant as {near!r}?" if near else "Leave it out."
            raise SchemaError(f"{caller}: {column!r} is no column of a tag table. {hint}")
    rows = pd.DataFrame(
        {column: _text(table[column]) if column in table else "" for column in known if column != "excluded"},
        index=range(len(table)),
    )
    rows["field"] = rows["field"].replace("", "any")
    _refuse(rows["tag"] == "", "an empty tag", "Name the tag or drop the row.")
    exact = rows["field"] == "item_id"
    empty = (rows["word"] == "") | (~exact & (_keys(rows["word"]).str.rstrip(".") == ""))
    _refuse(empty, "an empty word", "It would be found in every text; give the word or drop the row.")
    _refuse(
        ~rows["field"].isin(FIELDS), "an unknown field", f"Fields are {', '.join(FIELDS)}.", rows["field"]
    )
    topics = ", ".join(map(repr, TOPICS))
    _refuse(~rows["topic"].isin(TOPICS), "an unknown topic", f"Topics are {topics}.", rows["topic"])
    excluded = table["excluded"] if "excluded" in table else pd.Series(False, index=table.index)
    said = pd.Series(folded([str(value) for value in excluded.fillna(False)]), index=rows.index, dtype=object)
    said = said.replace({"1 0": "1", "0 0": "0"})
    _refuse(~said.isin([*_YES, *_NO]), "no yes or no in `excluded`", "Write 1 or 0.", said)
    return rows.assign(excluded=said.isin(_YES).astype(bool))


def _refuse(bad: pd.Series, what: str, remedy: str, values: pd.Series | None = None) -> None:
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        shown = "" if values is None else f", {values.iloc[first]!r}"
        raise SchemaError(
            f"TagTable.extended: {int(bad.sum()):,} of {len(bad):,} rows have {what} (first at row {first}{shown}). "
            f"{remedy}"
        )


def _text(column: pd.Series) -> np.ndarray:
    return column.astype(object).where(column.notna(), "").astype(str).str.strip().to_numpy(dtype=object)


def _keys(words: pd.Series) -> pd.Series:
    """Words as they are compared: folded, with the full stop that says where they end."""
    bare = folded(words.tolist())
    stops = ["." if word.endswith(".") else "" for word in words]
    return pd.Series([a + b for a, b in zip(bare, stops, strict=True)], index=words.index, dtype=object)


def _named(names: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The names with those of new tags, and with what the rows say anew of old ones."""
    found: dict[str, Mapping] = {str(tag): dict(row) for tag, row in names.iterrows()}
    for row in rows.to_dict("records"):
        tag = row["tag"]
        plain_name = tag.replace("_", " ")
        own = dict(found.get(tag, {"en": plain_name, "tr": plain_name, "topic": "", "within": ""}))
        own.update({column: row[column] for column in _NAME_COLUMNS if row[column]})
        found[tag] = own
    table = pd.DataFrame.from_dict(found, orient="index", columns=_NAME_COLUMNS).rename_axis("tag")
    unknown = ~table["within"].isin([*table.index, ""])
    if unknown.any():
        tag = table.index[unknown][0]
        raise SchemaError(
            f"TagTable.extended: {tag!r} is said to be within {table.at[tag, 'within']!r}, which is no tag. "
            "Add that tag too, or mend its spelling."
        )
    return table
