"""Kubernetes' own client, of whose commands tests use `kustomize`, which needs no cluster."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

PROGRAM = Path(sys.executable).with_name("kubectl")


def rendered(folder: Path) -> list[dict[str, Any]]:
    """What kustomize makes of a folder; fails where it refuses, or says that something is deprecated."""
    done = subprocess.run([PROGRAM, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower(), done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]
