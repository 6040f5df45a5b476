"""The assembled program: what web server and workers share, and what they start beside themselves."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.adapters import jail
from bot.adapters.archive import FolderArchive
from bot.adapters.buildah import Buildah
from bot.adapters.environments import Environments, own_uv
from bot.adapters.github import GitHub, open_github
from bot.adapters.inbox import SqliteInbox
from bot.adapters.jail import Limits
from bot.adapters.laboratory import Laboratory, OneAtATime
from bot.adapters.mirror import SqliteMirror
from bot.adapters.process_tree import ProcessTree
from bot.adapters.tarball import unpack
from bot.adapters.thoth_client import ThothOr, client_environments
from bot.adapters.watchlist import SqliteWatchList
from bot.core.ports import ForgeUnavailable, Inbox, Register
from bot.pipelines import control
from bot.pipelines.course import Workshop
from bot.pipelines.image import Yard
from bot.pipelines.merges import MergeRuns
from bot.pipelines.pipelinerun import ClusterMaker
from bot.pipelines.preview import Ground
from bot.pipelines.register import FolderRegister
from bot.pipelines.runner import LocalRunner, prune_logs
from bot.pipelines.signer import Signer
from bot.pipelines.store import ArtefactStore, FolderStore, SharedStore
from bot.service.clock import Clock
from bot.service.dispatch import Dispatch, Outside
from bot.service.watch import Watch
from bot.settings import Settings
from bot.wiring.cluster import bucket_objects, open_cluster
from bot.wiring.lore import read_lore
from bot.wiring.packages import open_packages

logger = logging.getLogger(__name__)

ENVIRONMENTS_KEPT = 12
"""At the start, besides those that a release links to: two locks with training and service, for a few updates."""
RELEASES = ("releases", "previews/*/releases")
LOGS_KEPT = 100
"""Commits whose stages' output is kept, at the start."""
STAGE_LIMITS = Limits(seconds=1800, cpu_seconds=7200, memory_mb=8192)


@dataclass(frozen=True, slots=True)
class Bolide:
    """The assembled program."""

    settings: Settings
    inbox: Inbox
    dispatch: Dispatch
    supervisor: control.Supervisor
    rounds: tuple[Clock | Watch, ...]
    register: Register


def github(settings: Settings) -> contextlib.AbstractAsyncContextManager[GitHub]:
    """GitHub as the App of the settings; entering it raises ForgeRefused or ForgeUnavailable."""
    key = settings.private_key.reveal()
    return open_github(settings.app_id, key, api_url=settings.api_url, graphql_url=settings.graphql_url)


@contextlib.asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Bolide]:
    """Everything that web server and worker share, closed at the end."""
    state = settings.state_dir.absolute()
    for folder in (state, service_folder(settings)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    turn = asyncio.Lock()  # heavy work one at a time, so that measurements are not disturbed
    environments = await _environments(settings, state)
    supervisor = control.Supervisor(service_folder(settings))
    async with open_packages(state, settings.allowed_hosts) as found, contextlib.AsyncExitStack() as stack:
        forge = await _patiently(stack, settings)
        inbox = await stack.enter_async_context(_inbox(settings, state))
        watch_list = stack.enter_context(contextlib.closing(SqliteWatchList(state / "watch.sqlite")))
        archive = FolderArchive(state / "snapshots", found.index, turn=turn)
        stack.push_async_callback(archive.close)
        mirror = stack.enter_context(contextlib.closing(SqliteMirror(state / "mirror.sqlite")))
        there = await stack.enter_async_context(open_cluster(settings))
        register = await stack.enter_async_context(_register(settings, state))
        runs = _runs(settings, _workshop(settings, state, environments, supervisor, there.maker), turn, forge, register)
        stack.push_async_callback(runs.close)
        outside = Outside(
            forge=forge,
            index=found.index,
            resolver=ThothOr(found.resolver, client_environments(state), found.index, settings.allowed_hosts),
            laboratory=there.laboratory or _laboratory(settings, environments, turn),
            release_notes=found.release_notes,
            runner=runs,
            deployed=runs,
            inbox=inbox,
            watch_list=watch_list,
            registry=found.registry,
            attestations=found.attestations,
            mirror=mirror,
            now=lambda: datetime.now(UTC),
            service_url=service_url(settings),
            runs_url=f"{settings.dashboard_url or f'http://127.0.0.1:{settings.port}'}/runs",
            allowed_hosts=settings.allowed_hosts,
            archive=archive,
            lore=read_lore(settings.advisories, settings.prescriptions, state, found.session),
        )
        yield Bolide(settings, inbox, Dispatch(outside), supervisor, _rounds(outside, settings), register)


def _laboratory(settings: Settings, environments: Environments, turn: asyncio.Lock) -> OneAtATime:
    """What tries locks out on this machine, in its turn."""
    return OneAtATime(Laboratory(environments, required=settings.required_isolation), turn)


async def _environments(settings: Settings, state: Path) -> Environments:
    """The environments on disk, without those that nothing has used for long."""
    environments = Environments(
        state / "environments",
        uv=own_uv(),
        python=Path(sys.executable),
        index_url=settings.index_url,
        allowed_hosts=settings.allowed_hosts,
    )
    await environments.prune(ENVIRONMENTS_KEPT, in_use=await asyncio.to_thread(_served, state))
    return environments


def _served(state: Path) -> list[Path]:
    """The environments that releases link to."""
    return [link.resolve() for place in RELEASES for link in state.glob(f"{place}/*/environment")]


def _runs(settings: Settings, shop: Workshop, turn: asyncio.Lock, forge: GitHub, register: Register) -> MergeRuns:
    """What merges start on this machine."""
    state = settings.state_dir.absolute()
    previews = Ground(state / "previews", start_preview, lambda pid: ProcessTree(pid).measure())
    hosts = settings.allowed_hosts
    return MergeRuns(shop, state / "runs", unpack, turn, forge, register, allowed_hosts=hosts, previews=previews)


def _rounds(outside: Outside, settings: Settings) -> tuple[Clock, Watch]:
    """What a worker does unasked, again and again."""
    shared = (outside.inbox, outside.now)
    seconds, advisories = float(settings.watch_seconds), outside.lore.advisories
    watch = Watch(outside.watch_list, outside.index, *shared, seconds=seconds, advisories=advisories)
    return Clock(outside.watch_list, *shared), watch


@contextlib.asynccontextmanager
async def _inbox(settings: Settings, state: Path) -> AsyncIterator[Inbox]:
    """The inbox of many machines where a database is set, else the embedded one; raises InboxUnavailable."""
    if url := settings.database_url.reveal():
        from bot.adapters.postgres_inbox import open_postgres  # with a driver and a queue that one machine needs not

        async with open_postgres(url) as shared:
            yield shared
        return
    embedded = SqliteInbox(state / "inbox.sqlite")
    try:
        yield embedded
    finally:
        embedded.close()


def _register(settings: Settings, state: Path) -> contextlib.AbstractAsyncContextManager[Register]:
    """The register of many machines where a database is set, else a folder's; entering raises RegisterUnavailable."""
    if url := settings.database_url.reveal():
        from bot.adapters.postgres_register import open_register

        return open_register(url)
    return contextlib.nullcontext(FolderRegister(state / "register"))


async def _patiently(stack: contextlib.AsyncExitStack, settings: Settings) -> GitHub:
    """GitHub as the App; asked again and again while it is away, since nothing can be done without it."""
    while True:
        try:
            return await stack.enter_async_context(github(settings))
        except ForgeUnavailable as problem:
            logger.warning("GitHub is away", extra={"why": str(problem)})
            await asyncio.sleep(min(problem.after, 30.0))


def _workshop(
    settings: Settings,
    state: Path,
    environments: Environments,
    supervisor: control.Supervisor,
    maker: ClusterMaker | None,
) -> Workshop:
    for name in ("releases", "scratch", "artefacts", "runs"):
        (state / name).mkdir(mode=0o700, exist_ok=True)
    prune_logs(state / "runs" / "logs", LOGS_KEPT)
    return Workshop(
        runner=LocalRunner(environments, partial(jail.run, limits=STAGE_LIMITS, required=settings.required_isolation)),
        environments=environments,
        store=_store(settings, state),
        deployer=supervisor,
        releases=state / "releases",
        scratch=state / "scratch",
        yard=_yard(settings, state),
        signer=Signer.of(key, state) if (key := settings.signing_key.reveal()) else None,
        probation=settings.probation_seconds,
        maker=maker,
        logs=state / "runs" / "logs",
    )


def _yard(settings: Settings, state: Path) -> Yard | None:
    """What images are built with; None where no base image is set, or no buildah is here."""
    if not settings.base_image or not Buildah.present():
        return None
    return Yard(Buildah(state / "buildah", settings.registry_auth, settings.allowed_hosts), settings.base_image)


def _store(settings: Settings, state: Path) -> ArtefactStore:
    """A folder, and the bucket behind it where one is set."""
    own = FolderStore(state / "artefacts")
    if settings.bucket is None:
        return own
    return SharedStore(own, bucket_objects(settings.bucket))


def service_folder(settings: Settings) -> Path:
    """The supervisor's state folder."""
    return settings.state_dir.absolute() / "service"


def service_url(settings: Settings) -> str:
    """Where the redeployed service answers on this machine."""
    return f"http://127.0.0.1:{settings.service_port}"


async def ensure_supervisor(settings: Settings) -> None:
    """Start the supervisor as a process of its own, which outlives this one, where none answers."""
    await control.ensure(service_folder(settings), supervise_command(settings))


async def start_preview(folder: Path) -> None:
    """Start a supervisor for a preview's state folder, on a port that is free, where none answers."""
    await control.ensure(folder, [sys.executable, "-m", "bot", "supervise", "--state", str(folder), "--port", "0"])


def supervise_command(settings: Settings) -> list[str]:
    """The command line of the supervisor for these settings."""
    folder, port = str(service_folder(settings)), str(settings.service_port)
    return [sys.executable, "-m", "bot", "supervise", "--state", folder, "--port", port]
