"""What is done in a cluster instead of here, by the settings."""

import contextlib
import platform
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.adapters import kubernetes
from bot.adapters.objects import S3Objects
from bot.pipelines.pipelinerun import ClusterMaker
from bot.pipelines.podlaboratory import Outfit, PodLaboratory
from bot.runnersettings import TektonSettings
from bot.settings import Bucket, Settings


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What makes models and what tries locks out in a cluster; None for what is done here."""

    maker: ClusterMaker | None = None
    laboratory: PodLaboratory | None = None


@contextlib.asynccontextmanager
async def open_cluster(settings: Settings) -> AsyncIterator[Elsewhere]:
    """The cluster of the settings, with its connections closed at the end."""
    told = settings.tekton
    if told is None or settings.bucket is None:
        yield Elsewhere()
        return
    async with kubernetes.connect(address(told)) as runs:
        objects, index = bucket_objects(settings.bucket), settings.index_url
        maker = ClusterMaker(runs, objects, told.image, index)
        outfit = Outfit(told.evidence_image, platform.python_version(), index, settings.allowed_hosts)
        yield Elsewhere(maker, PodLaboratory(runs, objects, outfit) if told.evidence_image else None)


def address(told: TektonSettings) -> kubernetes.Cluster:
    """Where the cluster's API is, and what it knows Bolide by."""
    return kubernetes.Cluster(told.url, told.namespace, told.token_file, told.ca_file)


def bucket_objects(bucket: Bucket) -> S3Objects:
    """The objects in the bucket of the settings."""
    return S3Objects(
        endpoint=bucket.endpoint,
        bucket=bucket.name,
        key_id=bucket.key_id,
        secret=bucket.secret.reveal(),
        region=bucket.region,
        patience=30,
    )
