"""What goes wrong with the sandbox itself: what happened, and what to do about it."""

from pathlib import Path


class SandboxError(Exception):
    """The sandbox cannot be started, reached or trusted."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingError(SandboxError):
    """A variable by which the sandbox is set says nothing that it could mean."""


class FolderError(SandboxError):
    """The folder that it is told to live in can't be one."""


class MissingExtra(SandboxError):
    """The optional packages which the sandbox is made of are not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"The sandbox needs the package '{package}'.", "pip install 'handrail[sandbox]'")


class DamageError(SandboxError):
    """Something that the sandbox kept is not what it wrote. It does not start, and changes nothing."""

    def __init__(self, path: Path, what: str) -> None:
        message = f"The sandbox's state is damaged: {path}: {what}. Nothing was changed; a reset keeps it aside."
        super().__init__(message, "handrail sandbox reset")
