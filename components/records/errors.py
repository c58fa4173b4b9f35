"""The one error a person is meant to read."""


class BadInput(Exception):
    """The input or the settings are wrong, and a person can put it right.

    Args:
        what: what is wrong.
        where: the file, line, key or command it is wrong in.
        fix: what to do about it.
    """

    def __init__(self, what: str, where: object, fix: str) -> None:
        self.what, self.where, self.fix = what, str(where), fix
        super().__init__(f"{what} ({where}). {fix}")

    def __reduce__(self) -> tuple[type["BadInput"], tuple[str, str, str]]:
        return BadInput, (self.what, self.where, self.fix)
