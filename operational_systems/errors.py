"""The one error that this program raises for people: what is wrong and what to do."""


class ReplayError(Exception):
    """The replay cannot go on; the text says why and what to do about it."""
