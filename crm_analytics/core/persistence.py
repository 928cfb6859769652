"""Save and load fitted models as JSON and arrays; loading runs no code from the file.

A model is a folder of two files: `model.json` (class, parameters, fitted state, data
window, versions, checksums) and `arrays.npz` (numbers only). See docs/decisions/0003.
"""

import hashlib
import importlib
import io
import json
import math
import re
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from sklearn.base import BaseEstimator

from crm_analytics.core.errors import ModelFileError
from crm_analytics.core.files import recover_folder, replace_folder, sha256_of, whole_folder

FORMAT = "crm_analytics model"
FORMAT_VERSION = 1
_CLASS_NAME = re.compile(r"([a-z]+)\.([A-Z][A-Za-z]+)")


def save_model(
    model: BaseEstimator, folder: str | Path, *, data_window: tuple[str, str] | None = None
) -> Path:
    """Write a fitted model to `folder`, whole or not at all.

    Parameters
    ----------
    model : estimator of this library
    folder : path
        Created if absent; a model already there is replaced in one step.
    data_window : pair of str, optional
        First instant and first instant not seen of the data it was fitted on.

    Returns
    -------
    Path of the folder.

    Raises
    ------
    ModelFileError
        If the model holds something that is neither number, text, array nor model.
    """
    folder = Path(folder).absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover_folder(folder)
    arrays: dict[str, np.ndarray] = {}
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "library_version": version("crm_analytics"),
        "numpy_version": np.__version__,
        "data_window": list(data_window) if data_window else None,
        "model": _encode_model(model, arrays),
    }
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        new = Path(scratch) / "model"
        new.mkdir()
        np.savez(new / "arrays.npz", **arrays)  # type: ignore[arg-type]
        content["arrays_sha256"] = sha256_of(new / "arrays.npz")
        content["checksum"] = _checksum(content)
        (new / "model.json").write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", "utf-8")
        replace_folder(new, folder)
    return folder


def load_model(folder: str | Path) -> Any:
    """Read a model that `save_model` wrote.

    Raises
    ------
    ModelFileError
        If the folder holds no model, was altered since, or needs a newer library.
    """
    folder = Path(folder)
    content, data = _read(folder)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _decode_model(content["model"], arrays, folder)
    except ModelFileError:
        raise
    except (AttributeError, BadZipFile, EOFError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{folder} is no model as save_model writes them ({error!r}). Fit and save again."
        ) from error


def model_fingerprint(model: BaseEstimator) -> str:
    """SHA-256 over a model's class, parameters and fitted state, in hexadecimal."""
    arrays: dict[str, np.ndarray] = {}
    digest = hashlib.sha256(json.dumps(_encode_model(model, arrays), sort_keys=True).encode())
    for array in arrays.values():
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def read_model_card(folder: str | Path) -> dict:
    """Return what `model.json` says, once its version and checksums are found good."""
    return _read(Path(folder))[0]


def _read(folder: Path) -> tuple[dict, bytes]:
    """Return the content of `model.json` and the bytes of `arrays.npz`, found to belong together."""
    files = whole_folder(folder)
    try:
        content = json.loads((files / "model.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelFileError(f"{folder} holds no model.json. Fit first, or name another folder.") from error
    except ValueError as error:
        raise ModelFileError(f"{folder}: model.json is not JSON ({error}). Save the model again.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelFileError(f"{folder}: model.json is no model of crm_analytics.")
    if content.get("format_version") not in range(1, FORMAT_VERSION + 1):
        raise ModelFileError(
            f"{folder} was written by crm_analytics {content.get('library_version')} in format "
            f"{content.get('format_version')}; this version reads up to {FORMAT_VERSION}. Upgrade crm_analytics."
        )
    if content.get("checksum") != _checksum(content):
        raise ModelFileError(f"{folder}: model.json was altered after it was saved. Fit and save again.")
    arrays = files / "arrays.npz"
    data = arrays.read_bytes() if arrays.exists() else b""
    if hashlib.sha256(data).hexdigest() != content.get("arrays_sha256"):
        raise ModelFileError(f"{folder}: arrays.npz is missing or was altered. Fit and save again.")
    return content, data


def _checksum(content: Mapping) -> str:
    text = json.dumps({k: v for k, v in content.items() if k != "checksum"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _encode_model(model: BaseEstimator, arrays: dict[str, np.ndarray]) -> dict:
    cls = type(model)
    room = cls.__module__.split(".")[1] if cls.__module__.startswith("crm_analytics.") else ""
    name = f"{room}.{cls.__name__}"
    if not room or _class_of(name) is not cls:
        raise ModelFileError(f"{cls.__name__} is no model of crm_analytics, so it cannot be saved here.")
    params = model.get_params(deep=False)
    state = {key: value for key, value in vars(model).items() if key not in params}
    return {
        "class": name,
        "params": {key: _encode(value, arrays, f"{name}.{key}") for key, value in params.items()},
        "state": {key: _encode(value, arrays, f"{name}.{key}") for key, value in state.items()},
    }


def _encode(value: Any, arrays: dict[str, np.ndarray], where: str) -> Any:
    if isinstance(value, BaseEstimator):
        return {"$model": _encode_model(value, arrays)}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return {"$names": [str(name) for name in value]}
    if isinstance(value, np.ndarray):
        key = f"a{len(arrays)}"
        arrays[key] = value
        return {"$array": key}
    if isinstance(value, tuple):
        return {"$tuple": [_encode(item, arrays, where) for item in value]}
    if isinstance(value, list):
        return [_encode(item, arrays, where) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: _encode(item, arrays, where) for key, item in value.items()}
    raise ModelFileError(f"{where} holds a {type(value).__name__}, which has no place in a model file.")


def _decode_model(content: dict, arrays: Mapping[str, np.ndarray], folder: Path) -> BaseEstimator:
    cls = _class_of(content["class"])
    if cls is None:
        raise ModelFileError(f"{folder}: {content['class']!r} is no model of this version of crm_analytics.")
    params = {key: _decode(value, arrays, folder) for key, value in content["params"].items()}
    model = cls(**params)
    for key, value in content["state"].items():
        setattr(model, key, _decode(value, arrays, folder))
    return model


def _decode(value: Any, arrays: Mapping[str, np.ndarray], folder: Path) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if "$model" in value:
        return _decode_model(value["$model"], arrays, folder)
    if "$float" in value:
        return float(value["$float"])
    if "$names" in value:
        return np.array(value["$names"], dtype=object)
    if "$array" in value:
        return arrays[value["$array"]]
    if "$tuple" in value:
        return tuple(_decode(item, arrays, folder) for item in value["$tuple"])
    return {key: _decode(item, arrays, folder) for key, item in value.items()}


def _class_of(name: str) -> type | None:
    """Find an estimator that a room of this library exports; nothing else can be named."""
    parts = _CLASS_NAME.fullmatch(name)
    if parts is None:
        return None
    try:
        room = importlib.import_module(f"crm_analytics.{parts[1]}")
    except ModuleNotFoundError:
        return None
    cls = getattr(room, parts[2], None) if parts[2] in getattr(room, "__all__", []) else None
    return cls if isinstance(cls, type) and issubclass(cls, BaseEstimator) else None
