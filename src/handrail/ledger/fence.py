"""The fence: what is asked of each signed request before it is sent, and what is remembered of its answer. Pure."""

from handrail.core.errors import HandrailError
from handrail.ledger.places import Times


class FenceClosed(HandrailError):
    """A request was signed too late for its place: it was not sent. botocore retries no exception of this class."""

    code = "too_late"

    def __init__(self, late: int) -> None:
        super().__init__(
            f"The request was not sent: it was signed {late} s later than its place under the cap allows.",
            hint="repeat the command; if it was not held up, this computer's clock is ahead of AWS's",
            details={"seconds_late": late},
        )


class Fence:
    """Lets a request of one place through only while it can have no effect after the place's `until` (rule 3).

    AWS judges a request by the very X-Amz-Date that is checked here, so nothing that happens between signing,
    checking and sending matters, and this computer's clock may say anything.

    inherited: the end of attempts that somebody else may have left open (rule 12). took_effect: an attempt was carried
    out, so that nothing may be given back any more, even if the place can't be confirmed.
    """

    def __init__(self, until: int, times: Times, inherited: int | None = None) -> None:
        self.until, self.attempts, self.took_effect = until, 0, False
        self._times = times
        self._unanswered = inherited
        self._in_flight: int | None = None

    def before_send(self, x_amz_date: float) -> None:
        """Note an attempt that is about to be sent; its X-Amz-Date in epoch seconds. Raises FenceClosed."""
        end = self._times.end_of(x_amz_date)
        if end > self.until:
            raise FenceClosed(end - self.until)
        self._unanswered = self.open_until
        self._in_flight = end
        self.attempts += 1

    def answered(self) -> None:
        """Note that the newest attempt was turned down for certain, and can act no more (A6).

        No reply, a 5xx, throttling and a reply that can't be read are none: say nothing, and the attempt stays open.
        """
        self._in_flight = None

    def carried_out(self) -> None:
        """Note that the newest attempt was carried out: whatever happens next, its place is not given back."""
        self.took_effect = True
        self._in_flight = None

    @property
    def open_until(self) -> int | None:
        """Return the moment after which no unanswered attempt can act; None if there was none (rule 4)."""
        ends = [end for end in (self._unanswered, self._in_flight) if end is not None]
        return max(ends, default=None)
