"""The two kinds of failure: a claim of a scenario does not hold, or the runner itself cannot work."""


class RequestedAssertionFailed(AssertionError):
    """A claim of a scenario does not hold (same name as in the NixOS driver)."""


class RunnerError(RuntimeError):
    """The runner cannot work: a tool, a file or the host lacks something."""
