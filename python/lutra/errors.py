"""The one exception type of the package."""


class LutraError(Exception):
    """Something the user can act on: what was expected, what was found and what to do, in one line."""
