"""Whether this process is to end: told to balancers first, which then ask other instances."""


class Shutdown:
    """The announced end of a process.

    From then on `/readyz` answers 503, and no connection is kept open after its next answer.
    """

    is_announced = False

    def announce(self) -> None:
        """Tell it from now on."""
        self.is_announced = True
