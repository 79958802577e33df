"""What goes wrong with the sandbox itself: what happened, and what to do about it."""


class SandboxError(Exception):
    """The sandbox cannot be started, reached or trusted."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class MissingExtra(SandboxError):
    """The optional packages which the sandbox is made of are not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"The sandbox needs the package '{package}'.", "pip install 'handrail[sandbox]'")
