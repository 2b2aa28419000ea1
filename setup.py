"""Package discovery only: `datasets` is a namespace package and `conf` ships as `surrogates.conf`."""

from setuptools import find_namespace_packages, find_packages, setup

setup(
    packages=[
        *find_packages(include=["surrogates", "surrogates.*", "physics", "physics.*"]),
        *find_namespace_packages(include=["datasets.*"]),
        "surrogates.conf",
    ],
    package_dir={"surrogates.conf": "conf"},
    package_data={
        "surrogates.conf": ["**/*.yaml"],
        "datasets.radio": ["*.npz"],
        "surrogates": ["zoo/*/*/*"],
        "": ["py.typed", "*.md", "*.html", "*.css"],
    },
)
