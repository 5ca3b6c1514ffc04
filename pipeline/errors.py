"""The errors of minecover. One root: whatever is raised on purpose is a `MinecoverError`.

A message says what failed, names the offending value and ends with what to do about it.
"""

from typing import ClassVar


class MinecoverError(Exception):
    """Root of all errors raised on purpose; at the command line one plain message and exit code 2."""


class EngineError(MinecoverError):
    """An answer that Earth Engine would give as an error: `code` is HTTP's, `status` is Google's word."""

    STATUS: ClassVar[dict[int, str]] = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        409: "ALREADY_EXISTS",
        413: "INVALID_ARGUMENT",
    }

    def __init__(self, message: str, code: int = 400) -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> str:
        """Google's word for the code."""
        return self.STATUS.get(self.code, "INVALID_ARGUMENT")


class UnsupportedOp(EngineError):
    """A function that Earth Engine has and the local engine has not."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not available in the local engine. `minecover engine functions` lists what is.")


class ArchiveError(EngineError):
    """An archive that cannot be read or written as asked."""
