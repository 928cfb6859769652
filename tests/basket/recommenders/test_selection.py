"""The best k of a row against a plain sort."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.basket.recommenders.selection import Candidates, best_of

N_ITEMS = 9


def by_sorting(scored, own, held, barred, filling, repeats, novels, k):
    """Allowed candidates by falling score and rising code; then what sells best, at score 0."""

    def allowed(item):
        return item not in held | barred and (repeats if item in own else novels)

    ranked = sorted((-score, item) for item, score in scored.items() if allowed(item))[:k]
    found = [(item, -score) for score, item in ranked]
    rest = [item for item in filling if allowed(item) and item not in dict(found)]
    return found, (found + [(item, 0.0) for item in rest])[:k]


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(), k=st.integers(1, 12), wish=st.sampled_from([(True, True), (True, False), (False, True)])
)
def test_best_items_are_those_of_a_plain_sort_ties_by_code(data, k, wish):
    item = st.integers(0, N_ITEMS - 1)
    rows = data.draw(
        st.lists(
            st.tuples(st.dictionaries(item, st.integers(1, 3)), st.sets(item), st.sets(item)), max_size=4
        )
    )
    barred = data.draw(st.sets(item, max_size=3))
    filling = np.array(data.draw(st.permutations(range(N_ITEMS))))
    indptr = np.cumsum([0, *(len(scored) for scored, _, _ in rows)])
    items = np.array([code for scored, _, _ in rows for code in scored], dtype=np.int32)
    scores = np.array([score for scored, _, _ in rows for score in scored.values()], dtype=float)
    own_indptr = np.cumsum([0, *(len(own) for _, own, _ in rows)])
    own_items = np.array([code for _, own, _ in rows for code in sorted(own)], dtype=np.int32)
    held = np.array([code in back for _, own, back in rows for code in sorted(own)], dtype=bool)
    unwanted = np.array(sorted(barred), np.int64)
    codes, values, filled_from = best_of(
        indptr,
        items,
        scores,
        own_indptr,
        own_items,
        held,
        unwanted,
        filling,
        *wish,
        N_ITEMS,
        k,
    )
    for row, (scored, own, back) in enumerate(rows):
        found, expected = by_sorting(scored, own, own & back, barred, filling.tolist(), *wish, k)
        n = len(expected)
        assert list(zip(codes[row, :n], values[row, :n], strict=True)) == expected
        assert (codes[row, n:] == -1).all()
        assert filled_from[row] == len(found)


def test_a_dense_block_keeps_what_is_above_zero():
    found = Candidates.from_dense(np.array([[0.5, 0.0, 2.0], [-1.0, 0.0, 0.0]]), np.array([4, 6, 7]))
    assert found.indptr.tolist() == [0, 2, 2]
    assert found.items.tolist() == [4, 7]
    assert found.scores.tolist() == [0.5, 2.0]
