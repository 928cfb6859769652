"""Every public estimator: through scikit-learn's checks, then through ours on lawful customers.

Scikit-learn's checks invent their data: arrays of whatever width, filled with random floats. Ours
describe customers, with columns that have names and rules, so that checks which need a successful
fit on invented data cannot pass. Each of those is listed here with its reason and with the test
below that checks the same on customers who could exist.
"""

import copy
import importlib
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator
from sklearn.utils.validation import has_fit_parameter

import crm_analytics
from crm_analytics import load_model, save_model
from crm_analytics.churn import ChurnClassifier, HazardModel, ShiftedBetaGeometricModel
from crm_analytics.clv import (
    BetaGeoBetaBinomModel,
    BetaGeoModel,
    GammaGammaModel,
    LifetimeValueModel,
    MBGCNBDModel,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
    ValueRegressor,
)
from crm_analytics.core import SchemaError
from crm_analytics.datasets import make_opportunities, make_purchases
from crm_analytics.segmentation import (
    AttributeSegmenter,
    BehaviouralSegmenter,
    CustomerSegmenter,
    KPrototypes,
    RFMSegmenter,
    SegmentCrossing,
    TasteSegmenter,
    ValueSegmenter,
    ValueTreeSegmenter,
)

ESTIMATORS = [
    BetaGeoModel(),
    ModifiedBetaGeoModel(covariance="sandwich"),
    ParetoNBDModel(),
    BetaGeoBetaBinomModel(),
    MBGCNBDModel(k=2),
    GammaGammaModel(l2_penalty=0.001),
    LifetimeValueModel(unit="W", horizon=52),
]

# Takes any columns, so that scikit-learn's own checks say all: tests/clv/test_value_regressor.py.
ELSEWHERE = {ValueRegressor}
# Rows of contracts and of snapshots, not of purchases: tests/churn.
ELSEWHERE |= {ChurnClassifier, HazardModel, ShiftedBetaGeometricModel}
# Answers with names, not numbers: tests/segmentation/rfm.
ELSEWHERE |= {RFMSegmenter}
# Amounts by category, attributes and labels of customers: tests/segmentation/taste, attributes.
ELSEWHERE |= {AttributeSegmenter, SegmentCrossing, TasteSegmenter}
# Any columns, and words among them: tests/segmentation/behaviour.
ELSEWHERE |= {BehaviouralSegmenter, KPrototypes}

# Amounts of windows: tests/segmentation/value, tests/batch/test_segment_scores.py.
ELSEWHERE |= {CustomerSegmenter, ValueSegmenter, ValueTreeSegmenter}

REASON = "its random numbers are no customers, and are refused as such; instead see {}"

# check → the test below that does the same on customers who could exist
WRONG_WIDTH_OR_VALUES = {
    "check_dict_unchanged": "test_asking_changes_nothing_in_the_model",
    "check_dont_overwrite_parameters": "test_fit_leaves_only_attributes_with_a_trailing_underscore",
    "check_dtype_object": "test_layout_and_type_of_an_array_do_not_matter",
    "check_estimators_dtypes": "test_layout_and_type_of_an_array_do_not_matter",
    "check_estimators_nan_inf": "test_values_that_are_not_finite_are_refused",
    "check_estimators_pickle": "test_a_pickled_or_copied_model_answers_the_same",
    "check_f_contiguous_array_estimator": "test_layout_and_type_of_an_array_do_not_matter",
    "check_fit2d_predict1d": "test_a_row_is_not_a_table",
    "check_fit_score_takes_y": "test_y_is_taken_and_ignored",
    "check_methods_sample_order_invariance": "test_the_order_of_customers_does_not_matter",
    "check_methods_subset_invariance": "test_a_customer_is_judged_alone",
    "check_n_features_in_after_fitting": "test_fit_remembers_the_columns_it_saw",
    "check_pipeline_consistency": "test_a_pipeline_answers_the_same",
}

# These happen to give two columns of positive floats, which are good enough for the Gamma-Gamma model.
WRONG_UNLESS_TWO_COLUMNS = {
    "check_estimators_fit_returns_self": "test_y_is_taken_and_ignored",
    "check_estimators_overwrite_params": "test_fit_changes_neither_parameters_nor_the_table",
    "check_fit_check_is_fitted": "test_an_unfitted_model_says_so",
    "check_fit_idempotent": "test_fitting_again_gives_the_same",
    "check_n_features_in": "test_fit_remembers_the_columns_it_saw",
    "check_readonly_memmap_input": "test_layout_and_type_of_an_array_do_not_matter",
}

WEIGHTED = {
    "check_all_zero_sample_weights_error": "test_weights_are_customers_that_a_row_stands_for",
    "check_sample_weight_equivalence_on_dense_data": "test_weights_are_customers_that_a_row_stands_for",
    "check_sample_weights_list": "test_weights_are_customers_that_a_row_stands_for",
    "check_sample_weights_not_an_array": "test_weights_are_customers_that_a_row_stands_for",
    "check_sample_weights_not_overwritten": "test_weights_are_customers_that_a_row_stands_for",
    "check_sample_weights_pandas_series": "test_weights_are_customers_that_a_row_stands_for",
    "check_sample_weights_shape": "test_weights_are_customers_that_a_row_stands_for",
}


def expected_failures(estimator):
    instead = dict(WRONG_WIDTH_OR_VALUES)
    if has_fit_parameter(estimator, "sample_weight"):
        instead |= WEIGHTED
    if len(estimator.COLUMNS) != 2:
        instead |= WRONG_UNLESS_TWO_COLUMNS
    return {check: REASON.format(test) for check, test in instead.items()}


def checks_that_pass():
    """Those that cannot are run by the next test, all at once: an xfail each costs its traceback."""
    for estimator in ESTIMATORS:
        for each, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            if name not in expected_failures(estimator):
                yield pytest.param(each, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(checks_that_pass()))
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_checks_that_cannot_pass_fail_for_the_reason_given_and_no_other(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {found["check_name"]: found["exception"] for found in results if found["status"] == "failed"}
    assert failed.keys() == expected_failures(estimator).keys()
    # Two checks of weights look at the wording of the refusal, and find that of the customers.
    kinds = {type(exception) for check, exception in failed.items() if check not in WEIGHTED}
    assert kinds == {SchemaError}


def test_every_check_that_cannot_pass_is_made_up_for():
    instead = WRONG_WIDTH_OR_VALUES | WRONG_UNLESS_TWO_COLUMNS | WEIGHTED
    assert set(instead.values()) <= set(globals())


def test_the_estimators_covered_are_those_exported():
    exported = set()
    for path in Path(crm_analytics.__file__).parent.glob("*/__init__.py"):
        if path.parent.name == "basket":  # they take a log: tests/basket/test_basket_estimators.py
            continue
        room = importlib.import_module(f"crm_analytics.{path.parent.name}")
        for name in getattr(room, "__all__", []):
            thing = getattr(room, name)
            if isinstance(thing, type) and issubclass(thing, BaseEstimator):
                exported.add(thing)
    assert exported == {type(estimator) for estimator in ESTIMATORS} | ELSEWHERE


# Ours, on customers who could exist


def customers_of(model, n, random_state):
    if isinstance(model, BetaGeoBetaBinomModel):
        return make_opportunities(n, random_state=random_state)
    return make_purchases(n, random_state=random_state).summary()


@pytest.fixture(params=ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def model(request):
    return clone(request.param)


@pytest.fixture
def table(model):
    made = customers_of(model, 400, 1)
    return made.set_axis([f"c{n:03}" for n in made.index])


def columns_of(model, table):
    return table[list(model.COLUMNS)]


def answers(model, X):
    """What the model says about customers, by method, as arrays."""
    methods = ["predict", "predict_table", "probability_alive"]
    return {name: np.asarray(getattr(model, name)(X)) for name in methods if hasattr(model, name)}


def assert_same_answers(left, right, **tolerance):
    assert left.keys() == right.keys()
    for name in left:
        assert_allclose(left[name], right[name], **({"rtol": 0} | tolerance), err_msg=name)


def test_more_columns_and_their_order_do_not_matter(model, table):
    wide = table.assign(segment="gold", extra=np.nan)[["extra", *table.columns[::-1], "segment"]]
    assert_same_answers(answers(clone(model).fit(wide), wide), answers(model.fit(table), table))


def test_an_array_is_read_as_the_table_of_its_columns(model, table):
    array = columns_of(model, table).to_numpy(dtype=float)
    assert_same_answers(answers(clone(model).fit(array), array), answers(model.fit(table), table))


def test_layout_and_type_of_an_array_do_not_matter(model, table, tmp_path):
    whole = columns_of(model, table).round(0).clip(lower=0)
    if "monetary_value" in whole:
        whole["monetary_value"] = table["monetary_value"].round(0).clip(lower=1)
    if "T" in whole:
        whole["recency"] = whole["recency"].clip(lower=1).where(whole["frequency"] > 0, 0)
    array = whole[list(model.COLUMNS)].to_numpy(dtype=np.float64)
    right = answers(clone(model).fit(array), array)
    on_disk = np.memmap(tmp_path / "array", dtype=np.float64, mode="w+", shape=array.shape)
    on_disk[:] = array
    on_disk.flags.writeable = False
    variants = [np.asfortranarray(array), on_disk, array.astype(object), array.tolist()]
    variants += [array.astype(kind) for kind in (np.float32, np.int64, np.int32)]
    for variant in variants:
        assert_same_answers(answers(clone(model).fit(variant), variant), right)
    strided = np.repeat(array, 2, axis=0)[::2]
    assert_same_answers(answers(clone(model).fit(strided), strided), right)


def test_the_order_of_customers_does_not_matter(model, table):
    shuffled = table.sample(frac=1, random_state=3)
    place = table.index.get_indexer(shuffled.index)
    model.fit(table)
    right = {name: values[place] for name, values in answers(model, table).items()}
    assert_same_answers(answers(model, shuffled), right)
    # A fit adds its customers up in another order, which moves the optimum by about 1e-12.
    assert_same_answers(answers(clone(model).fit(shuffled), shuffled), right, rtol=1e-8)


def test_a_customer_is_judged_alone(model, table):
    together = answers(model.fit(table), table)
    for rows in [slice(0, 1), slice(5, 12), slice(100, 400)]:
        alone = answers(model, table[rows])
        assert_same_answers(alone, {name: values[rows] for name, values in together.items()})


def test_answers_have_one_row_a_customer_on_their_index(model, table):
    model.fit(table)
    assert all(len(values) == len(table) for values in answers(model, table).values())
    assert model.predict(table).shape == (400,)
    if hasattr(model, "predict_table"):
        assert model.predict_table(table).index.equals(table.index)


def test_fit_changes_neither_parameters_nor_the_table(model, table):
    before, params = table.copy(deep=True), model.get_params()
    answers(model.fit(table), table)
    assert_frame_equal(table, before, check_exact=True)
    assert model.get_params() == params
    array = columns_of(model, table).to_numpy(dtype=float)
    kept = array.copy()
    answers(clone(model).fit(array), array)
    assert_array_equal(array, kept)


def test_fit_leaves_only_attributes_with_a_trailing_underscore(model, table):
    params = set(model.get_params(deep=False))
    model.fit(table)
    left = set(vars(model)) - params
    assert left
    assert all(name.endswith("_") and not name.startswith("_") for name in left)


def test_asking_changes_nothing_in_the_model(model, table):
    model.fit(table)
    before = copy.deepcopy(vars(model))
    answers(model, table)
    assert repr(vars(model)) == repr(before)


def test_y_is_taken_and_ignored(model, table):
    assert model.fit(table, y=np.arange(400)) is model
    assert_same_answers(answers(model, table), answers(clone(model).fit(table), table))


def test_weights_are_customers_that_a_row_stands_for(model, table):
    if not has_fit_parameter(model, "sample_weight"):
        return
    weight = np.random.default_rng(1).integers(0, 4, len(table)).astype(float)
    repeated = table.loc[table.index.repeat(weight.astype(int))]
    right = answers(clone(model).fit(repeated), table)
    kept = weight.copy()
    for given in (weight, weight.tolist(), pd.Series(weight)):
        # Another order of summation moves the optimum by about 1e-12.
        assert_same_answers(answers(clone(model).fit(table, sample_weight=given), table), right, rtol=1e-8)
    assert_array_equal(weight, kept)
    for wrong in (weight[1:], -weight, weight * np.nan, weight * 0):
        with pytest.raises(ValueError, match=r"sample_weight must be 400 finite numbers >= 0.*not all 0"):
            model.fit(table, sample_weight=wrong)


def test_fitting_again_gives_the_same(model, table):
    first = answers(model.fit(table), table)
    assert_same_answers(answers(model.fit(table), table), first)


def test_fitting_on_others_forgets_the_first(model, table):
    other = customers_of(model, 300, 2)
    right = answers(clone(model).fit(other), table)
    assert_same_answers(answers(model.fit(table).fit(other), table), right)


def test_fit_remembers_the_columns_it_saw(model, table):
    model.fit(table)
    assert model.n_features_in_ == len(model.COLUMNS)
    assert model.feature_names_in_.tolist() == list(model.COLUMNS)
    by_position = clone(model).fit(columns_of(model, table).to_numpy())
    assert by_position.n_features_in_ == len(model.COLUMNS)
    with pytest.raises(
        ValueError, match=rf"X has {len(model.COLUMNS) - 1} features, but {type(model).__name__}"
    ):
        by_position.predict(columns_of(model, table).to_numpy()[:, 1:])


def test_a_missing_column_is_named_in_fit_and_in_predict(model, table):
    model.fit(table)
    for column in model.COLUMNS:
        with pytest.raises(SchemaError, match=rf"1 of {len(model.COLUMNS)} columns missing: {column}\."):
            clone(model).fit(table.drop(columns=column))
        with pytest.raises(SchemaError, match=rf"1 of {len(model.COLUMNS)} columns missing: {column}\."):
            model.predict(table.drop(columns=column))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(model, table, value):
    model.fit(table)
    spoilt = columns_of(model, table).astype(float)
    spoilt.iloc[7, 1] = value
    for ask in (clone(model).fit, model.predict):
        with pytest.raises(SchemaError, match=r"must be a finite number, but 1 of 400 .*\(first at row 7\)"):
            ask(spoilt)
    by_position = clone(model).fit(columns_of(model, table).to_numpy())
    for ask in (clone(model).fit, by_position.predict):
        with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
            ask(spoilt.to_numpy())


def test_a_row_is_not_a_table(model, table):
    by_position = clone(model).fit(columns_of(model, table).to_numpy())
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        by_position.predict(columns_of(model, table).to_numpy()[0])


def test_an_unfitted_model_says_so(model, table):
    for name in ["predict", "predict_table", "probability_alive"]:
        if hasattr(model, name):
            with pytest.raises(
                NotFittedError, match=f"This {type(model).__name__} instance is not fitted yet"
            ):
                getattr(model, name)(table)


def test_a_fit_that_failed_leaves_no_model(model, table):
    with pytest.raises(SchemaError, match="columns missing"):
        model.fit(table.drop(columns="frequency"))
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        model.predict(table)


def test_a_clone_is_unfitted_and_has_the_parameters(model, table):
    model.fit(table)
    copied = clone(model)
    assert copied.get_params().keys() == model.get_params().keys()
    assert repr(copied) == repr(model)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        copied.predict(table)


def test_a_pickled_or_copied_model_answers_the_same(model, table):
    right = answers(model.fit(table), table)
    assert_same_answers(answers(pickle.loads(pickle.dumps(model)), table), right)
    assert_same_answers(answers(copy.deepcopy(model), table), right)


def test_a_saved_model_answers_the_same(model, table, tmp_path):
    right = answers(model.fit(table), table)
    assert_same_answers(answers(load_model(save_model(model, tmp_path / "model")), table), right)


def test_a_pipeline_answers_the_same(model, table):
    pipeline = make_pipeline(FunctionTransformer(), clone(model)).fit(table)
    assert_array_equal(pipeline.predict(table), model.fit(table).predict(table))


def test_the_repr_is_what_one_would_write(model):
    assert eval(repr(model)).get_params() == model.get_params()


def test_one_customer_is_a_table(model, table):
    model.fit(table)
    one = table.iloc[[3]]
    assert all(len(values) == 1 and np.isfinite(values).all() for values in answers(model, one).values())


def test_an_empty_table_is_refused(model, table):
    model.fit(table)
    for ask in (clone(model).fit, model.predict):
        with pytest.raises(ValueError, match="minimum of 1 is required"):
            ask(table.head(0))


def test_equal_index_labels_are_no_trouble(model, table):
    model.fit(table)
    doubled = pd.concat([table, table])
    right = {name: np.concatenate([values, values]) for name, values in answers(model, table).items()}
    assert_same_answers(answers(model, doubled), right)
