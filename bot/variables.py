"""The variables of the environment that Bolide reads, in the order of docs/settings.md."""

from dataclasses import dataclass

ADVISORIES = "https://api.osv.dev"
"""Where advisories come from where the operator says nothing."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its name, its default as written in the environment (None: it must be set), what it means."""

    name: str
    default: str | None
    meaning: str


_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
SETTINGS: tuple[Setting, ...] = (
    Setting("GITHUB_APP_ID", None, "The App's id, from its settings page on GitHub"),
    Setting("GITHUB_PRIVATE_KEY", None, "The App's private key, PEM text; or name its file in the next"),
    Setting("GITHUB_PRIVATE_KEY_FILE", "", "The file with the App's private key"),
    Setting("GITHUB_WEBHOOK_SECRET", None, "The webhook's secret, 16 characters or more; or name its file in the next"),
    Setting("GITHUB_WEBHOOK_SECRET_FILE", "", "The file with the webhook's secret"),
    Setting("GITHUB_API_URL", "https://api.github.com", "The REST API; GitHub Enterprise: https://HOST/api/v3"),
    Setting("BOLIDE_STATE_DIR", ".bolide", "The directory in which Bolide keeps its state"),
    Setting("BOLIDE_HOST", "127.0.0.1", "The address on which the webhook server listens"),
    Setting("BOLIDE_PORT", "8080", "The port on which the webhook server listens"),
    Setting("BOLIDE_SERVICE_PORT", "8090", "The port on which the redeployed app listens"),
    Setting(
        "BOLIDE_INDEX_URL", "https://pypi.org/simple", "The package index that evidence and deployments install from"
    ),
    Setting(
        "BOLIDE_ALLOWED_HOSTS",
        "",
        "Hosts, with commas between, that Pipfile sources may name though private or without TLS",
    ),
    Setting(
        "BOLIDE_DATABASE_URL",
        "",
        "The PostgreSQL of many machines, for inbox and register, postgresql://…; unset: files in the state directory",
    ),
    Setting("BOLIDE_DATABASE_URL_FILE", "", "The file with that URL"),
    Setting("OBJECT_STORAGE_ENDPOINT_URL", "", "The S3 server for models and other artefacts; unset: a folder"),
    Setting("OBJECT_STORAGE_BUCKET_NAME", "", "The bucket there"),
    Setting("AWS_ACCESS_KEY_ID", "", "The bucket's key id"),
    Setting("AWS_SECRET_ACCESS_KEY", "", "The bucket's secret key; or name its file in the next"),
    Setting("AWS_SECRET_ACCESS_KEY_FILE", "", "The file with the bucket's secret key"),
    Setting("AWS_DEFAULT_REGION", "us-east-1", "The bucket's region"),
    Setting(
        "BOLIDE_WATCH_SECONDS", "1800", "How often the package index is asked about every locked package, in seconds"
    ),
    Setting("BOLIDE_PROBATION_SECONDS", "10", "For how long a deployed version is watched, at most 60; 0: not at all"),
    Setting(
        "BOLIDE_REQUIRED_ISOLATION",
        "process",
        "What must cut a repository's code off: `bubblewrap`, `pod` (no less than a pod of its own), "
        "`unshare` (the network only), `process` (nothing)",
    ),
    Setting(
        "BOLIDE_ADVISORIES",
        ADVISORIES,
        "Where advisories come from: OSV's service, a folder or zip of OSV records, or `none`",
    ),
    Setting("BOLIDE_PRESCRIPTIONS", "", "A file or folder of Thoth prescriptions that count beside Bolide's own rules"),
    Setting("BOLIDE_SIGNING_KEY", "", "The key that signs models: ECDSA P-256, PEM text; or name its file in the next"),
    Setting("BOLIDE_SIGNING_KEY_FILE", "", "The file with that key; unset: models are not signed"),
    Setting("BOLIDE_BASE_IMAGE", "", "The image with Python below services, NAME@sha256:…; unset: no images"),
    Setting("BOLIDE_REGISTRY_AUTH_FILE", "", "The file with the registries' passwords, as `buildah login` writes it"),
    Setting("BOLIDE_RUNNER", "local", "Where models are made: `local`, or `tekton` in a cluster (docs/runners.md)"),
    Setting("BOLIDE_KUBERNETES_URL", "https://kubernetes.default.svc", "That cluster's API"),
    Setting("BOLIDE_KUBERNETES_NAMESPACE", "bolide-stages", "The name space of the PipelineRuns"),
    Setting("BOLIDE_KUBERNETES_TOKEN_FILE", f"{_ACCOUNT}/token", "The file with the API's token"),
    Setting("BOLIDE_KUBERNETES_CA_FILE", f"{_ACCOUNT}/ca.crt", "Who signs the API's certificate; or `system`"),
    Setting(
        "BOLIDE_STAGES_IMAGE", "", "The image with Python and pip that stages run in there; unset: `training.image`"
    ),
    Setting(
        "BOLIDE_EVIDENCE_IMAGE", "", "Bolide's own image, by digest: locks are tried out in pods there; unset: here"
    ),
    Setting("BOLIDE_DASHBOARD_URL", "", "The dashboard's address in links, without /runs; unset: this machine's own"),
    Setting("BOLIDE_DASHBOARD_TOKEN", "", "What readers of the dashboard elsewhere must send, 16 characters or more"),
    Setting("BOLIDE_DASHBOARD_TOKEN_FILE", "", "The file with that token"),
    Setting("BOLIDE_WORKERS", "4", "How many jobs run at the same time, 1 to 64"),
    Setting("BOLIDE_THOTH_HOST", "127.0.0.1", "The address on which `python -m bot thoth` answers Thoth's clients"),
    Setting("BOLIDE_THOTH_PORT", "8443", "The port on which it answers them"),
    Setting(
        "BOLIDE_THOTH_TOKEN", "", "The token that clients must send, 16 characters or more; a must beyond this machine"
    ),
    Setting("BOLIDE_THOTH_TOKEN_FILE", "", "The file with that token"),
    Setting(
        "BOLIDE_THOTH_CERTIFICATE_FILE", "", "The TLS certificate in PEM form; without it one is made for this machine"
    ),
    Setting("BOLIDE_THOTH_KEY_FILE", "", "The key of that certificate"),
)
