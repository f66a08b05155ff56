"""What can go wrong, each with the exit code that the contract gives it."""


class PipelineError(Exception):
    """A handled failure: the message says which source, file, row and column, what was expected and found."""

    exit_code = 1


class CatalogError(PipelineError):
    """A declaration is wrong; the message names file and key."""


class UsageError(PipelineError):
    """The command was called with something it does not know."""

    exit_code = 2


class ReadError(PipelineError):
    """A file is not what its edition declares."""


class CheckError(PipelineError):
    """A critical data check failed; nothing was published."""

    exit_code = 3
