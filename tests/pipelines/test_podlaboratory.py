"""Locks tried out in a cluster: a pod for each pair, whose word is believed as far as it can be one."""

import json
import platform
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import doctor
from bot.adapters.certificate import local_context
from bot.adapters.kubernetes import Cluster, connect
from bot.core import lockfile
from bot.core.errors import Refused
from bot.core.evidence import Examination, Failure, NotExamined, Recipe, ServiceRecipe, ServiceResult, verdict
from bot.core.examining import MOST_BYTES, Answer, render
from bot.core.pipelineruns import ClusterRefused, ClusterUnavailable
from bot.pipelines.podlaboratory import Outfit, PodLaboratory
from bot.settings import Settings
from bot.wiring.cluster import open_cluster
from tests.adapters.test_laboratory import HELLO, tarball
from tests.pipelines.tekton import NAMESPACE, Bucket, TinyTekton, tiny_tekton
from tests.sandbox.harness import key_pair

ROOT = Path(__file__).parents[2]
IMAGE = "registry.example.org/bolide/bolide@sha256:" + "b" * 64
OUTFIT = Outfit(IMAGE, platform.python_version(), "http://127.0.0.1:9/simple", ("packages.example.org",))
LOCK = lockfile.render({"_meta": {}, "default": {}, "app": {}})
BROKEN = '{"default": '
RECIPE = Recipe(None, ServiceRecipe(wsgi="wsgi:application"))
TOP = "Ada-Digits.x-abc1234/"
SOURCE = tarball({"wsgi.py": HELLO}, top=TOP)
SEEN = Examination(NotExamined("No service."), NotExamined("No training."), "process", "a" * 64, 1.0)


@dataclass
class Site:
    """A cluster, the laboratory that works in it, and the pod whose program is Bolide's own."""

    cluster: TinyTekton
    laboratory: PodLaboratory
    token: Path

    async def examine(self, source: bytes = SOURCE, after: str = LOCK) -> tuple[Examination, Examination]:
        return await self.laboratory.examine_pair(source, LOCK, after, RECIPE)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with tiny_tekton(tmp_path / "cluster") as (cluster, url):
        cluster.images[IMAGE] = (sys.executable, ROOT)
        token = tmp_path / "token"
        token.write_text(cluster.token)
        async with connect(Cluster(url, NAMESPACE, token)) as runs:
            yield Site(cluster, PodLaboratory(runs, cluster.bucket, OUTFIT, hours=0.05), token)


async def test_the_doctor_says_where_evidence_runs_and_whether_the_cluster_lets_it(tmp_path: Path) -> None:
    tls, key = local_context(tmp_path / "tls", datetime.now(UTC)), tmp_path / "key.pem"
    key.write_text(key_pair()[0])
    async with tiny_tekton(tmp_path, tls) as (cluster, url):
        (tmp_path / "token").write_text(cluster.token)
        environ = {
            "GITHUB_APP_ID": "1",
            "GITHUB_PRIVATE_KEY_FILE": str(key),
            "GITHUB_WEBHOOK_SECRET": "a secret for this test",
            "GITHUB_API_URL": "http://127.0.0.1:9",
            "BOLIDE_STATE_DIR": str(tmp_path / "state"),
            "BOLIDE_INDEX_URL": "http://127.0.0.1:9/simple",
            "BOLIDE_RUNNER": "tekton",
            "BOLIDE_REQUIRED_ISOLATION": "pod",
            "BOLIDE_STAGES_IMAGE": IMAGE,
            "BOLIDE_EVIDENCE_IMAGE": IMAGE,
            "BOLIDE_KUBERNETES_URL": url,
            "BOLIDE_KUBERNETES_TOKEN_FILE": str(tmp_path / "token"),
            "BOLIDE_KUBERNETES_CA_FILE": str(tmp_path / "tls" / "certificate.pem"),
            "OBJECT_STORAGE_ENDPOINT_URL": "http://127.0.0.1:9",
            "OBJECT_STORAGE_BUCKET_NAME": "models",
            "AWS_ACCESS_KEY_ID": "bolide",
            "AWS_SECRET_ACCESS_KEY": "another secret for this test",
        }
        well = [finding.thing for finding in await doctor.examine(environ) if finding.state == "well"]
        assert f"evidence runs in pods of the cluster, in {IMAGE}" in well
        assert f"the cluster at {url}, name space bolide-stages lets Bolide see its runs" in well
        async with open_cluster(Settings.from_env(environ)) as there:
            assert isinstance(there.laboratory, PodLaboratory)
        async with open_cluster(Settings.from_env(environ | {"BOLIDE_EVIDENCE_IMAGE": ""})) as there:
            assert there.laboratory is None
            assert there.maker
        (tmp_path / "token").write_text("guessed")
        missing = [finding for finding in await doctor.examine(environ) if finding.state == "missing"]
    assert [finding.remedy for finding in missing if finding.thing.startswith("the cluster at")] == [
        "The cluster does not let Bolide list PipelineRuns: Unauthorized. Look at manifests/pipeline/tekton."
    ]


@dataclass
class Forger(Bucket):
    """A bucket in which every answer was exchanged."""

    forged: bytes | None = None

    async def get(self, name: str) -> bytes | None:
        return self.forged if name.endswith("answer.json") else await super().get(name)


async def test_both_locks_are_tried_out_in_one_pod_without_a_link_or_key(site: Site) -> None:
    spy = "import os, pathlib\nprint('SEEN', sorted(os.environ), pathlib.Path('/proc/self/cmdline').read_bytes())\n"
    before, after = await site.examine(tarball({"wsgi.py": spy + HELLO}, top=TOP), after=BROKEN)
    assert isinstance(before.service, ServiceResult)
    assert before.isolation == "pod"
    assert isinstance(after.service, Failure)
    assert after.service.phase == "install"
    assert after.isolation == ""
    assert site.laboratory.python == platform.python_version()
    # It goes when it has answered, so that a second look is a look.
    (begun,) = [line for line in site.cluster.asked if line.startswith("DELETE")]
    assert begun.startswith("DELETE evidence-ada-digits-x-abc1234-")
    assert not site.cluster.runs
    assert {name.split("/")[2] for name in site.cluster.bucket.held} == {"source.tar", "order.json", "answer.json"}
    (log,) = [text for pod, text in site.cluster.logs.items() if pod.endswith("step-examine")]
    (seen,) = [line for line in log.splitlines() if line.startswith("SEEN")]
    assert "URL" not in seen
    assert "BOLIDE" not in seen
    assert "key=" not in log


async def test_a_pod_that_fails_is_told_by_its_last_words_and_may_be_looked_at(site: Site) -> None:
    with pytest.raises(Refused, match=r"did not end well\. The tree of the repository cannot be unpacked"):
        await site.examine(b"no tree")
    assert len(site.cluster.runs) == 1


async def test_a_pod_that_never_ends_is_cancelled_and_may_be_looked_at(site: Site) -> None:
    site.cluster.slowly = True
    impatient = PodLaboratory(site.laboratory._runs, site.cluster.bucket, OUTFIT, hours=0.1 / 3600)
    with pytest.raises(Refused, match="Cancelled: it had not ended after 2"):
        await impatient.examine_pair(SOURCE, LOCK, LOCK, RECIPE)
    (run,) = site.cluster.runs.values()
    assert run["spec"]["status"] == "Cancelled"


async def test_a_cluster_that_is_away_is_asked_again_and_its_no_is_told(site: Site, tmp_path: Path) -> None:
    site.cluster.down = 1
    with pytest.raises(ClusterUnavailable, match="answers 503"):
        await site.examine()
    site.token.write_text("guessed")
    with pytest.raises(ClusterRefused, match="create a PipelineRun: Unauthorized"):
        await site.examine()
    tag = PodLaboratory(site.laboratory._runs, site.cluster.bucket, replace(OUTFIT, image="bolide:latest"))
    with pytest.raises(Refused, match="not named by its digest"):
        await tag.examine_pair(SOURCE, LOCK, LOCK, RECIPE)


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (None, "kept no answer"),
        (b"<html>", "no JSON"),
        (b" " * (MOST_BYTES + 1), "larger than"),
        (json.dumps({"format": 1, "value": {"verdict": "safe"}}).encode(), "Answer is no Answer"),
        (render(Answer("3.9.1", SEEN, SEEN)), "BOLIDE_EVIDENCE_IMAGE has Python 3.9.1 and this Bolide"),
    ],
)
async def test_what_is_no_answer_is_no_evidence(site: Site, forged: bytes | None, said: str) -> None:
    site.cluster.images[IMAGE] = ("/bin/true", ROOT)  # a pod that ends well at once
    site.laboratory = PodLaboratory(site.laboratory._runs, Forger(site.cluster.bucket.url, forged=forged), OUTFIT)
    with pytest.raises(Refused, match=said):
        await site.examine()
    assert not site.cluster.runs


async def test_an_answer_is_judged_like_any_other(site: Site) -> None:
    site.cluster.images[IMAGE] = ("/bin/true", ROOT)
    answer = render(Answer(platform.python_version(), SEEN, SEEN))
    site.laboratory = PodLaboratory(site.laboratory._runs, Forger(site.cluster.bucket.url, forged=answer), OUTFIT)
    said = verdict(*await site.examine())
    assert said.kind == "not_checked"
    # The same pair is looked at again under its name; another, as when a change is taken apart, has one of its own.
    await site.examine()
    await site.examine(after=BROKEN)
    first, again, other = [line for line in site.cluster.asked if line.startswith("DELETE")]
    assert first == again
    assert other != first
    assert other.startswith("DELETE evidence-ada-digits-x-abc1234-")
