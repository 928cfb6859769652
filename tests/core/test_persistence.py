"""Saved models: the same when they come back, refused by name when anything about them is odd."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from crm_analytics import clv
from crm_analytics.clv import BetaGeoModel, GammaGammaModel, LifetimeValueModel
from crm_analytics.core import (
    ModelFileError,
    OutputError,
    load_model,
    model_fingerprint,
    persistence,
    read_model_card,
    save_model,
)
from crm_analytics.core import files as core_files
from crm_analytics.datasets import make_purchases

MODELS = {
    "BetaGeoModel": BetaGeoModel(),
    "GammaGammaModel": GammaGammaModel(l2_penalty=0.001),
    "LifetimeValueModel": LifetimeValueModel(unit="W", horizon=52, spend=GammaGammaModel(l2_penalty=0.01)),
}


@pytest.fixture(scope="module")
def summary():
    return make_purchases(2000, random_state=1).summary()


@pytest.fixture
def saved(summary, tmp_path):
    return save_model(GammaGammaModel().fit(summary), tmp_path / "model")


def change_card(folder, change, *, honest=False):
    """Apply `change` to model.json; an honest forger mends the checksums too."""
    path = folder / "model.json"
    content = json.loads(path.read_text("utf-8"))
    change(content)
    if honest:
        content["arrays_sha256"] = hashlib.sha256((folder / "arrays.npz").read_bytes()).hexdigest()
        content["checksum"] = persistence._checksum(content)
    path.write_text(json.dumps(content), "utf-8")


# Round trips


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_predicts_the_same_to_the_last_bit(name, summary, tmp_path):
    model = MODELS[name].fit(summary)
    loaded = load_model(save_model(model, tmp_path / "model"))
    assert type(loaded) is type(model)
    assert_array_equal(loaded.predict(summary), model.predict(summary))
    assert loaded.get_params(deep=True).keys() == model.get_params(deep=True).keys()
    assert repr(loaded) == repr(model)
    assert loaded.feature_names_in_.tolist() == model.feature_names_in_.tolist()
    assert model_fingerprint(loaded) == model_fingerprint(model)
    assert vars(loaded).keys() == vars(model).keys()


def test_a_loaded_model_refuses_what_the_fitted_one_does(summary, tmp_path):
    loaded = load_model(save_model(BetaGeoModel().fit(summary), tmp_path / "model"))
    with pytest.raises(ValueError, match="1 of 3 columns missing: recency"):
        loaded.predict(summary.drop(columns="recency"))


def test_another_process_reads_the_model(summary, tmp_path):
    model = BetaGeoModel().fit(summary)
    folder = save_model(model, tmp_path / "model")
    code = f"from crm_analytics import load_model; print(repr(load_model({str(folder)!r}).alpha_))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(found.stdout) == model.alpha_


def test_an_unfitted_model_is_saved_with_its_parameters_only(tmp_path):
    loaded = load_model(save_model(GammaGammaModel(l2_penalty=0.5), tmp_path / "model"))
    assert vars(loaded) == {"l2_penalty": 0.5}


STATE = {
    "nothing_": None,
    "count_": np.int64(7),
    "flag_": np.bool_(True),
    "rate_": np.float64(0.1),
    "nan_": float("nan"),
    "inf_": float("inf"),
    "minus_inf_": -np.inf,
    "text_": "Müşteri \u2028 \x00 'Ω'",
    "pair_": ("D", 3.5),
    "table_": {"a": [1, 2.5, None], "b": {"deep": (True, float("-inf"))}},
    "numbers_": np.array([[1.5, np.nan], [-np.inf, 5e-324]]),
    "counts_": np.arange(3, dtype=np.int16),
    "empty_": np.empty((0, 4)),
    "dates_": np.array(["2024-01-01", "NaT"], dtype="datetime64[us]"),
    "words_": np.array(["ä", "bc"]),
}


@pytest.mark.parametrize("key", STATE)
def test_everything_that_a_fit_may_leave_survives(key, tmp_path):
    model = GammaGammaModel()
    setattr(model, key, STATE[key])
    loaded = getattr(load_model(save_model(model, tmp_path / "model")), key)
    if isinstance(STATE[key], np.ndarray):
        assert_array_equal(loaded, STATE[key])
        assert loaded.dtype == STATE[key].dtype
    else:
        assert repr(loaded) == repr(STATE[key].item() if isinstance(STATE[key], np.generic) else STATE[key])


@pytest.mark.parametrize(
    ("value", "kind"),
    [(pd.Series([1]), "Series"), (open, "builtin_function"), ({"$float": 1}, "dict"), ({1: 2}, "dict")],
)
def test_what_has_no_place_in_a_model_file_is_refused_by_name(value, kind, tmp_path):
    model = GammaGammaModel()
    model.odd_ = value
    with pytest.raises(
        ModelFileError, match=rf"clv\.GammaGammaModel\.odd_ holds a {kind}.*, which has no place"
    ):
        save_model(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_the_card_says_what_when_and_with_which_versions(summary, tmp_path):
    window = ("1997-01-01", "1997-10-01")
    folder = save_model(BetaGeoModel().fit(summary), tmp_path / "model", data_window=window)
    card = read_model_card(folder)
    assert card["format"] == "crm_analytics model"
    assert card["format_version"] == 1
    assert card["data_window"] == list(window)
    assert card["numpy_version"] == np.__version__
    assert card["model"]["class"] == "clv.BetaGeoModel"
    assert sorted(path.name for path in folder.iterdir()) == ["arrays.npz", "model.json"]


def test_a_fingerprint_changes_with_parameters_and_state_alone(summary):
    model = GammaGammaModel().fit(summary)
    same, other = GammaGammaModel().fit(summary), GammaGammaModel(l2_penalty=1e-3).fit(summary)
    assert model_fingerprint(model) == model_fingerprint(same)
    assert model_fingerprint(model) != model_fingerprint(other)
    same.q_ = np.nextafter(same.q_, 9)
    assert model_fingerprint(model) != model_fingerprint(same)
    same.q_, same.extra_ = model.q_, np.zeros(2)
    longer = model_fingerprint(same)
    same.extra_ = np.zeros((2, 1))
    assert model_fingerprint(same) != longer


# Refusals


def test_a_changed_number_is_noticed(saved):
    change_card(saved, lambda card: card["model"]["state"].update(q_=9.9))
    with pytest.raises(ModelFileError, match=r"model: model\.json was altered after it was saved"):
        load_model(saved)


@pytest.mark.parametrize("change", ["a byte", "cut", "gone"])
def test_changed_arrays_are_noticed(saved, change):
    arrays = saved / "arrays.npz"
    data = bytearray(arrays.read_bytes())
    if change == "gone":
        arrays.unlink()
    else:
        data[len(data) // 2] ^= 1
        arrays.write_bytes(data if change == "a byte" else data[:-1])
    with pytest.raises(ModelFileError, match=r"model: arrays\.npz is missing or was altered"):
        load_model(saved)


def test_a_format_that_is_newer_says_upgrade(saved):
    change_card(saved, lambda card: card.update(format_version=2, library_version="9.9"), honest=True)
    with pytest.raises(ModelFileError, match=r"written by crm_analytics 9\.9 in format 2; .* Upgrade"):
        load_model(saved)


@pytest.mark.parametrize("version", ["1", None, 0, [1], 1.5])
def test_a_format_that_is_none_is_refused(saved, version):
    change_card(saved, lambda card: card.update(format_version=version), honest=True)
    with pytest.raises(ModelFileError, match="this version reads up to 1"):
        load_model(saved)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "posix.system",
        "subprocess.Popen",
        "sklearn.linear_model.LinearRegression",
        "clv.NoSuchModel",
        "noroom.BetaGeoModel",
        "clv.beta_geo.BetaGeoModel",
        "clv.np",
        "core.save_model",
        "core.SchemaError",
        "datasets.SimulatedPurchases",
        "transactions.TransactionLog",
        "..os.System",
        "clv.BetaGeoModel\n",
        "",
    ],
)
def test_only_estimators_that_this_library_exports_can_be_named(saved, name):
    change_card(saved, lambda card: card["model"].update({"class": name}), honest=True)
    with pytest.raises(ModelFileError, match="is no model of this version of crm_analytics"):
        load_model(saved)


def test_a_class_that_a_room_holds_but_does_not_export_cannot_be_named(saved, monkeypatch):
    monkeypatch.setattr(clv, "HiddenModel", BetaGeoModel, raising=False)
    change_card(saved, lambda card: card["model"].update({"class": "clv.HiddenModel"}), honest=True)
    with pytest.raises(ModelFileError, match="is no model of this version of crm_analytics"):
        load_model(saved)


def test_naming_a_class_runs_nothing_outside_the_library(saved, monkeypatch):
    imported = []
    monkeypatch.setattr(persistence.importlib, "import_module", imported.append)
    for name in ["os.System", "subprocess.Popen"]:
        change_card(saved, lambda card, name=name: card["model"].update({"class": name}), honest=True)
        with pytest.raises(ModelFileError, match="is no model of this version"):
            load_model(saved)
    assert imported == ["crm_analytics.os", "crm_analytics.subprocess"]


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.pop("model"),
        lambda card: card["model"].pop("params"),
        lambda card: card["model"].update({"class": 7}),
        lambda card: card["model"].update(state=[1, 2]),
        lambda card: card["model"]["params"].update(unknown=1),
        lambda card: card["model"]["state"].update(q_={"$array": "a99"}),
        lambda card: card["model"]["state"].update(q_={"$float": "seven"}),
        lambda card: card["model"]["state"].update(q_={"$model": None}),
        lambda card: card["model"]["state"].update(__class__="evil"),
    ],
    ids=[
        "no model",
        "no params",
        "class a number",
        "state a list",
        "param",
        "array",
        "float",
        "nested",
        "dunder",
    ],
)
def test_a_well_sealed_forgery_is_still_no_traceback(saved, change):
    change_card(saved, change, honest=True)
    with pytest.raises(ModelFileError, match="is no model"):
        load_model(saved)


def test_pickled_arrays_are_never_unpickled(saved):
    with (saved / "arrays.npz").open("wb") as file:
        np.savez(file, a0=np.array([print, {}], dtype=object))  # needs a pickle
    change_card(saved, lambda card: card["model"]["state"].update(q_={"$array": "a0"}), honest=True)
    with pytest.raises(ModelFileError, match=r"Object arrays cannot be loaded when allow_pickle=False"):
        load_model(saved)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not a zip", b"\x80\x04K\x07.", b"\x93NUMPY"])
def test_arrays_that_are_no_archive_are_refused(saved, data):
    (saved / "arrays.npz").write_bytes(data)
    change_card(saved, lambda card: None, honest=True)
    with pytest.raises(ModelFileError, match="is no model as save_model writes them"):
        load_model(saved)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"model\.json is not JSON"),
        ('{"format": "crm_analy', r"model\.json is not JSON"),
        ("[1, 2]", r"model\.json is no model of crm_analytics"),
        ('{"format": "another"}', r"model\.json is no model of crm_analytics"),
        (b"\xff\xfe", r"model\.json is not JSON"),
    ],
)
def test_a_card_that_is_none_is_refused(saved, text, message):
    (saved / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelFileError, match=message):
        load_model(saved)


def test_a_place_without_a_model_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty", "file"):
        with pytest.raises(
            ModelFileError, match=rf"{name} holds no model\.json\. Fit first, or name another"
        ):
            load_model(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


def test_a_model_of_others_is_not_saved(tmp_path):
    class BetaGeoModel(GammaGammaModel):  # a namesake
        pass

    BetaGeoModel.__module__ = "crm_analytics.clv.beta_geo"
    for model in (BetaGeoModel(), type("Mine", (GammaGammaModel,), {})()):
        with pytest.raises(ModelFileError, match="is no model of crm_analytics, so it cannot be saved here"):
            save_model(model, tmp_path / "model")


# Places


def test_a_model_takes_the_place_of_another_whole(summary, saved):
    (saved / "README.txt").write_text("theirs")
    save_model(BetaGeoModel().fit(summary), saved)
    assert type(load_model(saved)) is BetaGeoModel
    assert sorted(path.name for path in saved.iterdir()) == ["README.txt", "arrays.npz", "model.json"]
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_model_is_not_saved_over_a_file_or_the_working_directory(summary, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("theirs")
    with pytest.raises(OutputError, match="is not a folder"):
        save_model(GammaGammaModel().fit(summary), "file")
    with pytest.raises(OutputError, match="holds the working directory"):
        save_model(GammaGammaModel().fit(summary), ".")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


class PulledPlug(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(("at_call", "kept"), [(1, GammaGammaModel), (2, GammaGammaModel), (3, BetaGeoModel)])
def test_a_save_that_was_killed_leaves_the_old_model_or_the_new(summary, saved, monkeypatch, at_call, kept):
    # Renamings: the old folder aside, the new one in, then what is not ours back.
    (saved / "README.txt").write_text("theirs")
    rename, calls = core_files.Path.rename, []

    def last(self, target):
        calls.append(target)
        if len(calls) == at_call:
            raise PulledPlug
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(core_files.Path, "rename", last)
        with pytest.raises(PulledPlug):
            save_model(BetaGeoModel().fit(summary), saved)
    before = sorted(saved.parent.iterdir())
    assert type(load_model(saved)) is kept
    assert sorted(saved.parent.iterdir()) == before  # reading puts nothing right
    save_model(BetaGeoModel().fit(summary), saved)
    assert type(load_model(saved)) is BetaGeoModel
    assert (saved / "README.txt").read_text() == "theirs"
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_arrays_of_one_save_and_a_card_of_another_never_make_a_model(summary, saved, tmp_path):
    model = GammaGammaModel()
    model.numbers_ = np.arange(3.0)
    other = save_model(model, tmp_path / "other")
    (saved / "arrays.npz").write_bytes((other / "arrays.npz").read_bytes())
    with pytest.raises(ModelFileError, match=r"arrays\.npz is missing or was altered"):
        load_model(saved)
