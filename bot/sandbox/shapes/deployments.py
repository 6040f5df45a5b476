"""Deployments and releases in GitHub's JSON."""

import base64
import hashlib

from bot.sandbox.entities import Json, Repository
from bot.sandbox.forge import Forge, node_id
from bot.sandbox.records import Asset, Deployment, DeploymentStatus, Release
from bot.sandbox.shapes.accounts import app_or_none, user, user_or_none
from bot.sandbox.shapes.repositories import address


def deployment(forge: Forge, repository: Repository, value: Deployment) -> Json:
    """A `deployment`."""
    url = address(forge, repository, f"/deployments/{value.id}")
    return {
        "url": url,
        "id": value.id,
        "node_id": node_id("DE", value.id),
        "sha": value.sha,
        "ref": value.ref,
        "task": value.task,
        "payload": value.payload,
        "original_environment": value.environment,
        "environment": value.environment,
        "description": value.description,
        "creator": user_or_none(forge, value.creator_id),
        "created_at": value.created,
        "updated_at": value.updated,
        "statuses_url": f"{url}/statuses",
        "repository_url": address(forge, repository),
        "transient_environment": value.transient,
        "production_environment": value.production,
        "performed_via_github_app": app_or_none(forge, value.app_id),
    }


def status(forge: Forge, repository: Repository, value: DeploymentStatus) -> Json:
    """A `deployment-status`."""
    url = address(forge, repository, f"/deployments/{value.deployment_id}")
    return {
        "url": f"{url}/statuses/{value.id}",
        "id": value.id,
        "node_id": node_id("DES", value.id),
        "state": value.state,
        "creator": user_or_none(forge, value.creator_id),
        "description": value.description,
        "environment": value.environment,
        "target_url": value.log_url,
        "created_at": value.created,
        "updated_at": value.created,
        "deployment_url": url,
        "repository_url": address(forge, repository),
        "environment_url": value.environment_url,
        "log_url": value.log_url,
        "performed_via_github_app": app_or_none(forge, value.app_id),
    }


def release(forge: Forge, repository: Repository, value: Release) -> Json:
    """A `release`."""
    url = address(forge, repository, f"/releases/{value.id}")
    tag = value.tag
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "html_url": forge.page(f"/{repository.full_name}/releases/tag/{tag}"),
        "id": value.id,
        "author": user(forge, forge.user(value.author_id)),
        "node_id": node_id("RE", value.id),
        "tag_name": tag,
        "target_commitish": value.target,
        "name": value.name,
        "draft": value.draft,
        "prerelease": value.prerelease,
        "created_at": value.created,
        "published_at": value.published,
        "assets": [asset(forge, repository, value, each) for each in forge.store.all(Asset, value.id)],
        "tarball_url": None if value.draft else address(forge, repository, f"/tarball/{tag}"),
        "zipball_url": None if value.draft else address(forge, repository, f"/zipball/{tag}"),
        "body": value.body,
    }


def asset(forge: Forge, repository: Repository, value: Release, found: Asset) -> Json:
    """A `release-asset`."""
    return {
        "url": address(forge, repository, f"/releases/assets/{found.id}"),
        "id": found.id,
        "node_id": node_id("RA", found.id),
        "name": found.name,
        "label": found.label,
        "uploader": user(forge, forge.user(found.uploader_id)),
        "content_type": found.media,
        "state": "uploaded",
        "size": found.size,
        "digest": f"sha256:{hashlib.sha256(base64.b64decode(found.content)).hexdigest()}",
        "download_count": 0,
        "created_at": found.created,
        "updated_at": found.created,
        "browser_download_url": forge.page(f"/{repository.full_name}/releases/download/{value.tag}/{found.name}"),
    }
