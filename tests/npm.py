"""Packages for Node.js that tests use: installed once, kept between runs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def installed(package: str, version: str) -> Path:
    """A folder whose node_modules hold the package; the test is skipped where it cannot be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bolide-tests"
    folder = cache / f"{package.strip('@').replace('/', '-')}-{version}"
    if not (folder / "node_modules" / package).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        # The machine's own certificate authorities, as every other client here uses them.
        env = {**os.environ, "NODE_OPTIONS": "--use-openssl-ca"}
        done = subprocess.run(
            ["npm", "install", *options, f"{package}@{version}"],
            env=env,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"{package} cannot be installed: {done.stderr.strip()[-200:]}")
    return folder
