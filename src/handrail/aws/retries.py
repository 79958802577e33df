"""The retries of one command: a budget that all its clients share, and what is an answer and not tried again."""

import threading
from typing import Any

from handrail.aws.acting import DEFINITE
from handrail.aws.wire import is_final

RETRY_BUDGET = 10  # retries of all calls of one command together


class RetryBudget:
    """The retries that all clients of one command share; it takes the place of botocore's quota of each client."""

    def __init__(self, retries: int = RETRY_BUDGET) -> None:
        self.limit, self.spent = retries, 0
        self._lock = threading.Lock()

    def acquire_retry_quota(self, context: Any) -> bool:
        """Take a retry, as botocore's RetryHandler asks; False: the failure stands."""
        with self._lock:
            if self.spent == self.limit:
                context.add_retry_metadata(RetryQuotaReached=True)
                return False
            self.spent += 1
            return True

    def govern(self, client: Any, attempts: int) -> None:
        """Let a client retry within this budget, by botocore's standard conditions and waits."""
        from botocore.retries import standard

        service = client.meta.service_model.service_id.hyphenize()
        handler = standard.RetryHandler(
            retry_policy=standard.RetryPolicy(
                retry_checker=_Conditions(standard.StandardRetryConditions(max_attempts=attempts)),
                retry_backoff=standard.ExponentialBackoff(),
            ),
            retry_event_adapter=standard.RetryEventAdapter(),
            retry_quota=self,
        )
        event, own = f"needs-retry.{service}", f"retry-config-{service}"
        client.meta.events.unregister(event, unique_id=own)
        client.meta.events.register(event, handler.needs_retry, unique_id=own)


class _Conditions:
    """botocore's conditions of a retry, but for what is final: no room, an answer at 5xx, and a call given up."""

    def __init__(self, standard: Any) -> None:
        self._standard = standard

    def is_retryable(self, context: Any) -> bool:
        """Return whether to try again."""
        if is_final(context) or context.get_error_code() in DEFINITE:
            return False
        return bool(self._standard.is_retryable(context))
