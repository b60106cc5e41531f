"""Announces the end of this process, so that balancers use other instances before it."""


class Shutdown:
    """The announced end of a process.

    From then on `/readyz` answers 503, and no connection is kept open after its next answer.
    """

    is_announced = False

    def announce(self) -> None:
        """Announce the end from now on."""
        self.is_announced = True
