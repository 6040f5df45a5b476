"""Bolide's own rules about pairs of packages, tried: what a rule refuses fails, what lies beside its range works."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.adapters import rules
from bot.adapters.environments import own_uv
from bot.advisor.prescriptions import Unit, applied

REQUEST = 'a = flask.Flask("x"); a.route("/")(lambda: "ok"); assert a.test_client().get("/").data == b"ok"'
DATABASE = """
a = flask.Flask("x"); a.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"; d = flask_sqlalchemy.SQLAlchemy(a)
with a.app_context(): assert d.session.execute(d.text("select 1")).scalar() == 1
"""
FLASK = ("click==8.1.7", "blinker==1.9.0", "itsdangerous==2.0.1", "jinja2==3.0.3", "markupsafe==2.1.5")
FLASK_22 = ("flask==2.2.5", "werkzeug==2.2.3", *FLASK)
ORM = ("sqlalchemy==2.0.36", "typing-extensions", "greenlet", *FLASK_22)
TRIALS = [
    ("ExporterBeforeFlask22", "import prometheus_flask_exporter", ("prometheus-client", *FLASK_22),
     "prometheus-flask-exporter", "0.20.2", "0.20.3"),
    ("FlaskBeforeWerkzeug3", f"import flask; {REQUEST}", ("werkzeug==3.0.1", *FLASK), "flask", "2.2.3", "2.2.4"),
    ("FlaskTestsBeforeWerkzeug31", f"import flask; {REQUEST}", ("werkzeug==3.1.3", *FLASK[:2], "itsdangerous==2.2.0",
     "jinja2==3.1.6", FLASK[-1]), "flask", "2.3.2", "2.3.3"),
    ("Flask1BeforeJinja31", "import flask", ("flask==1.1.2", "werkzeug==1.0.1", *FLASK[:3], FLASK[-1]),
     "jinja2", "3.1.0", "3.0.3"),
    ("Flask1BeforeItsdangerous21", "import flask", ("flask==1.1.2", "werkzeug==1.0.1", *FLASK[:2], *FLASK[3:]),
     "itsdangerous", "2.1.0", "2.0.1"),
    ("JinjaBeforeMarkupSafe21", "import jinja2", ("markupsafe==2.1.5",), "jinja2", "2.11.3", "3.0.0"),
    ("FlaskSqlalchemyBeforeSqlalchemy2", f"import flask, flask_sqlalchemy; {DATABASE}", ORM,
     "flask-sqlalchemy", "3.0.1", "3.0.2"),
    ("PandasBeforeNumpy2", "import pandas", ("numpy==2.0.2", "python-dateutil", "pytz", "tzdata", "six"),
     "pandas", "2.2.1", "2.2.2"),
    ("SklearnBeforeNumpy2", "import sklearn.linear_model",
     ("numpy==2.0.2", "scipy==1.13.1", "joblib==1.4.2", "threadpoolctl"), "scikit-learn", "1.4.1.post1", "1.4.2"),
]  # fmt: skip


def works(folder: Path, program: str, pins: tuple[str, ...]) -> bool:
    """Whether the program ends well with exactly these packages, whatever their metadata say of one another."""
    python = folder / "bin" / "python"
    subprocess.run([own_uv(), "venv", "-q", "--python", sys.executable, folder], check=True, timeout=60)
    install = [
        str(own_uv()),
        "pip",
        "install",
        "-q",
        "--system-certs",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--python",
        str(python),
        *pins,
    ]
    subprocess.run(install, check=True, timeout=200)
    return not subprocess.run([python, "-W", "ignore", "-c", program], capture_output=True, timeout=100).returncode


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.enable_socket
@pytest.mark.skipif(sys.version_info[:2] > (3, 11), reason="the old releases have no wheels for a later Python")
@pytest.mark.parametrize(
    ("rule", "program", "beside", "name", "refused", "admitted"), TRIALS, ids=[trial[0] for trial in TRIALS]
)
def test_what_a_rule_refuses_fails_and_its_neighbour_works(
    rule: str, program: str, beside: tuple[str, ...], name: str, refused: str, admitted: str, tmp_path: Path
) -> None:
    (unit,) = (each for each in rules.load().units if each.name == rule)
    for version, fails in ((refused, True), (admitted, False)):
        assert speaks(unit, (*beside, f"{name}=={version}")) is fails
        assert works(tmp_path / version, program, (*beside, f"{name}=={version}")) is not fails


def speaks(unit: Unit, pins: tuple[str, ...]) -> bool:
    stack = {name: version for name, _, version in (pin.partition("==") for pin in pins) if version}
    return applied(unit, stack, {}) is not None
