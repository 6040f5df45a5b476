"""The refusals of the sandbox, in GitHub's words."""

from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class ApiError(Exception):
    """An answer that is an error: a REST status and body, or a GraphQL error type and message."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "UNPROCESSABLE",
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.errors = errors
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON body of the REST answer."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return {**body, "documentation_url": DOCUMENTATION, "status": str(self.status)}


def not_found(message: str = "Not Found") -> ApiError:
    """404, also for what the asker may not see."""
    return ApiError(404, message, kind="NOT_FOUND")


def forbidden(message: str = "Resource not accessible by integration") -> ApiError:
    """403, for what the asker may see but not do."""
    return ApiError(403, message, kind="FORBIDDEN")


def unauthorized(message: str = "Bad credentials") -> ApiError:
    """401, for a token that is missing, wrong or expired."""
    return ApiError(401, message, kind="UNAUTHORIZED")


def conflict(message: str) -> ApiError:
    """409."""
    return ApiError(409, message, kind="STALE_DATA")


def unprocessable(message: str) -> ApiError:
    """422 with a sentence."""
    return ApiError(422, message)


def invalid(resource: str, field: str, code: str = "invalid", message: str | None = None) -> ApiError:
    """422 naming the field; the message, if any, makes it a `custom` error as GitHub does."""
    error = {"resource": resource, "field": field, "code": code}
    if message is not None:
        error = {"resource": resource, "code": "custom", "message": message}
    return ApiError(422, "Validation Failed", errors=[error])
