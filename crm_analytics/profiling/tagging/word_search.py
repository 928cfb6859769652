"""Where words stand in many short texts, without regard to case and accents."""

import bisect
import functools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd

_NOWHERE = np.empty(0, dtype=np.int64)
_NOT_LETTERS = re.compile(r"[^\w\n]+|_")


def folded(texts: Sequence[str]) -> list[str]:
    """Return texts in plain small letters: no accents, no signs, one blank between words.

    The four Turkish letters İ, I, ı and i all become i.

    >>> folded(["Çınar LAKTOZSUZ Süt 1 L", "Lactose-Free MILK", "İNCİR & KAYISI"])
    ['cinar laktozsuz sut 1 l', 'lactose free milk', 'incir kayisi']
    """
    if not len(texts):
        return []
    lines = "\n".join(" ".join(text.splitlines()) for text in texts)
    letters = unicodedata.normalize("NFKD", lines.replace("ı", "i")).casefold()
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return [line.strip() for line in _NOT_LETTERS.sub(" ", bare).split("\n")]


@functools.lru_cache(maxsize=100_000)
def _read(phrase: str) -> tuple[tuple[str, ...], bool]:
    """Words of a phrase as they are compared, and whether the last must be whole."""
    return tuple(folded([phrase])[0].split()), phrase.endswith(".")


class WordSearch:
    """An index of texts by their words, to be asked where phrases stand.

    Parameters
    ----------
    texts : sequence of str, shape (n_texts,)

    Examples
    --------
    >>> search = WordSearch(["Laktozsuz Süt", "Sütlü Çikolata", "Body Milk"])
    >>> search.having("süt").tolist(), search.having("süt.").tolist()
    ([0, 1], [0])
    """

    def __init__(self, texts: Sequence[str]) -> None:
        words: list[str] = []
        lengths: list[int] = []
        for text in folded(texts):
            own = text.split()
            words += own
            words.append("")  # stands after each text, so that no phrase runs from one into the next
            lengths.append(len(own) + 1)
        codes, found = pd.factorize(np.array(words, dtype=object), sort=True)
        # Words in order of the alphabet: all with one beginning are neighbours, and so are their places.
        # The empty word comes first, and becomes the mark between texts.
        self._codes = codes.astype(np.int64) - 1
        self.vocabulary = [str(word) for word in found[1:]]
        self._text = np.repeat(np.arange(len(lengths)), lengths)
        self._order = np.argsort(self._codes, kind="stable")
        self._starts = np.searchsorted(self._codes[self._order], np.arange(len(self.vocabulary) + 1))

    def beginning(self, phrases: Sequence[str]) -> np.ndarray:
        """Places of the phrases whose first word any text could have: all others stand nowhere."""
        if not self.vocabulary or not len(phrases):
            return _NOWHERE
        firsts = np.array([words[0] if words else "" for words, _ in map(_read, phrases)])
        known = np.array(self.vocabulary)
        nearest = known[np.minimum(np.searchsorted(known, firsts), known.size - 1)]
        return np.flatnonzero((firsts != "") & np.char.startswith(nearest, firsts))

    def having(self, phrase: str) -> np.ndarray:
        """Places of the texts with a word that begins as `phrase` does, ascending.

        Of a phrase of several words all but the last must stand there whole, one after the
        other. A full stop at the end of the phrase says that the last must be whole too.
        """
        words, whole = _read(phrase)
        if not words:
            return _NOWHERE
        low, high = self._span(words[0], whole=len(words) > 1 or whole)
        if low == high:
            return _NOWHERE
        places = self._order[self._starts[low] : self._starts[high]]
        for step, word in enumerate(words[1:], start=1):
            low, high = self._span(word, whole=step < len(words) - 1 or whole)
            # behind the last word of a text stands the mark, which is no word of a phrase
            following = self._codes[np.minimum(places + step, self._codes.size - 1)]
            places = places[(following >= low) & (following < high)]
        return np.unique(self._text[places])

    def _span(self, word: str, *, whole: bool) -> tuple[int, int]:
        """First and last + 1 of the vocabulary that begins with `word`, or is it."""
        low = bisect.bisect_left(self.vocabulary, word)
        end = word if whole else word + "\U0010ffff"
        return low, bisect.bisect_right(self.vocabulary, end, lo=low)
