"""What the audit trail calls acts about the assistant, its documents, and tickets."""

from django.utils.translation import gettext_lazy as _

from core.wording import Act

_DOCUMENT, _USER, _PRIORITY = "chatbot.document", "accounts.user", "chatbot.ticket.priority"

ACTS = {
    "document.read_again": Act(_("Had the document “{name}” read again")),
    "webpage.look_now": Act(_("Had the web page {name} fetched at once")),
    "questiongroup.made_article": Act(
        _("Wrote the article “{document}” for unanswered questions ({name})"), document=_DOCUMENT
    ),
    "questiongroup.done": Act(_("Marked unanswered questions ({name}) as done")),
    "messagefeedback.made_article": Act(
        _("Wrote the article “{document}” for the feedback {name}"), document=_DOCUMENT
    ),
    "messagefeedback.reviewed": Act(_("Marked the feedback {name} as reviewed")),
    "ticket.taken_over": Act(_("Took a conversation over as the ticket {name}")),
    "ticket.assigned": Act(_("Assigned the ticket {name} to {to}"), to=_USER),
    "ticket.answered": Act(_("Answered the ticket {name}")),
    "ticket.answered_by_customer": Act(_("Wrote as a customer in the ticket {name}")),
    "ticket.noted": Act(_("Wrote an internal note on the ticket {name}")),
    "ticket.priority_set": Act(_("Set the priority of the ticket {name}: {priority}"), priority=_PRIORITY),
    "ticket.resolved": Act(_("Resolved the ticket {name}")),
    "ticket.resolved_by_customer": Act(_("Said as a customer that the ticket {name} is solved")),
    "ticket.reopened": Act(_("Opened the ticket {name} again")),
    "ticket.closed": Act(_("The ticket {name} closed by itself")),
    "ticket.file_opened": Act(_("Opened a file of the ticket {name}")),
    "ticket.made_article": Act(_("Wrote the article “{document}” from the ticket {name}"), document=_DOCUMENT),
}
