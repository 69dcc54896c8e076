"""The assistant's pages, which work without script too, and its script for other sites."""

from http import HTTPStatus

from asgiref.sync import async_to_sync
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatbot.answering.answers import answer
from chatbot.answering.endings import ending
from chatbot.conversations import services as conversations
from chatbot.conversations.callers import forget, page_caller, remember
from chatbot.models import Message
from core.errors import DomainError
from core.web.languages import current_language
from core.web.ratelimit import caller_network


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def show_assistant(request: HttpRequest) -> HttpResponse:
    """The assistant as a page: with script the same widget, without it a form and the conversation below."""
    error, status = "", HTTPStatus.OK.value
    caller = page_caller(request)
    if request.method == "POST":
        try:
            question = conversations.ask(
                text=request.POST.get("text", ""), token=caller.token, user=caller.user,
                network=caller_network(request), language=current_language(), now=timezone.now(),
            )  # fmt: skip
        except DomainError as refused:
            error, status = str(refused.message), refused.status
        else:
            async_to_sync(_drain)(question)
            response = redirect("chatbot:show_assistant")
            remember(response, question.conversation, keep="keep" in request.POST)
            return response
    messages = [(message, ending(message)) for message in conversations.messages_of(caller.conversation())]
    context = {"chat_messages": messages, "error": error, "asked": request.POST.get("text", "")}
    return render(request, "chatbot/assistant.html", context, status=status)


async def _drain(question: Message) -> None:
    async for _event in answer(question=question, conversation=question.conversation):
        pass


@login_not_required
@require_POST
def forget_here(request: HttpRequest) -> HttpResponse:
    """The same as DELETE on the conversation, from the page that works without script."""
    if conversation := page_caller(request).conversation():
        conversations.forget_conversation(conversation=conversation, now=timezone.now())
    response = redirect("chatbot:show_assistant")
    forget(response)
    return response


@login_not_required
@require_safe
def show_script(request: HttpRequest) -> HttpResponse:
    """The widget's address for other sites: it stays, while the file behind it changes its name with its content."""
    response = HttpResponseRedirect(static("js/assistant.js"))
    response["Cache-Control"] = "public, max-age=300"
    response["Access-Control-Allow-Origin"] = "*"  # a module script is fetched with CORS, and this one is public
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
