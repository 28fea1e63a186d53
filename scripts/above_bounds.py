"""Say which packages are above their lower bound in pyproject.toml, since others need more."""

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.version import Version

for named in map(Requirement, requires("claim-tagger") or ()):
    try:
        found = Version(version(named.name)).release
    except PackageNotFoundError:
        continue
    for bound in named.specifier:
        lowest = Version(bound.version).release
        if bound.operator == ">=" and found[: len(lowest)] > lowest:
            print(f"not tested at its bound: {named}, here {'.'.join(map(str, found))}")
