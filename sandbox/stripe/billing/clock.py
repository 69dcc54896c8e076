"""What falls due as time passes: renewals, trial ends, retries, expiries. A test clock makes it pass at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.stripe.billing import changes, invoices, periods, subscriptions
from sandbox.stripe.context import Context
from sandbox.stripe.errors import request_error
from sandbox.stripe.store import Object

TRIAL_WARNING_S = 3 * 86_400


@dataclass(frozen=True)
class Due:
    """`rank` orders what falls on the same second: an end comes before a renewal."""

    moment: int
    rank: int
    act: Callable[[Context, Object], object]
    ident: str


def _end(ctx: Context, subscription: Object) -> None:
    subscriptions.cancel(ctx, subscription, {})


def _of_subscription(subscription: Object) -> Iterator[Due]:
    ident, status = subscription["id"], subscription["status"]
    if status == "incomplete":
        yield Due(subscription["created"] + subscriptions.INCOMPLETE_S, 1, subscriptions.expire, ident)
    if status not in {"trialing", "active", "past_due", "unpaid"}:
        return
    if subscription["cancel_at"]:
        yield Due(subscription["cancel_at"], 0, _end, ident)
    if status == "trialing":
        if not subscription.get("_is_warned"):
            warning = max(subscription["trial_end"] - TRIAL_WARNING_S, subscription["trial_start"])
            yield Due(warning, 1, subscriptions.warn_trial, ident)
        yield Due(subscription["trial_end"], 2, subscriptions.end_trial, ident)
    else:
        yield Due(changes.period_of(subscription)[1], 2, subscriptions.renew, ident)


def _of_invoice(invoice: Object) -> Iterator[Due]:
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]:
        yield Due(invoice["automatically_finalizes_at"], 1, subscriptions.open_renewal, invoice["id"])
    if invoice["status"] == "open" and invoice["next_payment_attempt"]:
        yield Due(invoice["next_payment_attempt"], 1, invoices.collect, invoice["id"])


def _next(ctx: Context, clock: str | None, until: int) -> Due | None:
    dues = [
        due
        for subscription in ctx.store.every("subscription", newest_first=False)
        if subscription["test_clock"] == clock
        for due in _of_subscription(subscription)
    ]
    dues += [
        due
        for invoice in ctx.store.every("invoice", newest_first=False)
        if invoice["test_clock"] == clock
        for due in _of_invoice(invoice)
    ]
    return min((due for due in dues if due.moment <= until), key=lambda due: (due.moment, due.rank), default=None)


def run_due(ctx: Context, clock: Object | None, until: int) -> None:
    """Do everything that falls due by `until`, each at its own time."""
    while due := _next(ctx, clock["id"] if clock else None, until):
        if clock:
            clock["frozen_time"] = max(clock["frozen_time"], due.moment)
            ctx.store.save(clock)
        obj = ctx.store.find(due.ident)
        if obj:
            due.act(ctx.at(due.moment if clock else max(due.moment, ctx.now)), obj)


def advance(ctx: Context, clock: Object, frozen_time: int) -> Object:
    """Move a test clock on. The answer says `advancing`; the next look at the clock says `ready`."""
    if frozen_time <= clock["frozen_time"]:
        raise request_error("The new frozen time must be after the current frozen time.", param="frozen_time")
    entries = (entry for entry in ctx.store.every("subscription") if entry["test_clock"] == clock["id"])
    intervals = [periods.interval_of(entry["items"]["data"][0]["price"]) for entry in entries]
    if frozen_time > periods.longest_advance(intervals, clock["frozen_time"]):
        raise request_error(
            "You can only advance a test clock by two intervals of its shortest subscription at a time.",
            code="test_clock_invalid_advance",
            param="frozen_time",
        )
    ctx.change(clock, status="advancing", status_details={"advancing": {"target_frozen_time": frozen_time}})
    ctx.emit("test_helpers.test_clock.advancing", clock)
    run_due(ctx, clock, frozen_time)
    answer = dict(clock)
    ctx.change(clock, status="ready", status_details={}, frozen_time=frozen_time)
    ctx.emit("test_helpers.test_clock.ready", clock)
    return answer
