"""Every route of the API."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

import accounts.api as accounts
import accounts.documents.api as documents
import accounts.login.api as login
import accounts.mfa.api as mfa
import accounts.privacy.api as privacy
import billing.api as billing
import chatbot.conversations.api as chatbot
import chatbot.tickets.api as tickets
import invoicing.api as invoicing
from config import csrf, views

_INVOICE = r"invoices/(?P<number>[A-Z0-9]{1,6}/\d{4}/\d{5,}|\d{4}/\d{5,})"

urlpatterns = [
    path("schema", login_not_required(SpectacularAPIView.as_view(permission_classes=[])), name="schema"),
    path("docs", views.show_api),
    path("auth/register", accounts.register),
    path("auth/verify-email", accounts.verify_email),
    path("auth/resend-verification", accounts.resend_verification),
    path("auth/login", login.log_in),
    path("auth/csrf", csrf.show_token),
    path("auth/mfa/verify", login.verify_code),
    path("auth/mfa", mfa.show_status),
    path("auth/mfa/setup", mfa.set_up),
    path("auth/mfa/enable", mfa.enable),
    path("auth/mfa/disable", mfa.disable),
    path("auth/mfa/backup-codes", mfa.renew_backup_codes),
    path("auth/refresh", login.refresh),
    path("auth/logout", login.log_out),
    path("auth/sessions", login.SessionList.as_view()),
    path("auth/sessions/<uuid:session_id>", login.end_session),
    path("auth/reauthenticate", login.reauthenticate),
    path("auth/password-change", login.change_password),
    path("auth/password-reset", accounts.request_password_reset),
    path("auth/password-reset/confirm", accounts.reset_password),
    path("me", accounts.me),
    path("me/profile", accounts.profile),
    path("me/documents", documents.DocumentList.as_view()),
    path("me/documents/<uuid:reference>", documents.document),
    path("me/documents/<uuid:reference>/versions/<int:version>", documents.download),
    path("me/export", privacy.export),
    path("me/export/<uuid:reference>", privacy.download_export),
    path("me/erasure", privacy.erase),
    path("me/erasure/confirm", privacy.confirm_erasure),
    path("services", billing.ServiceList.as_view()),
    path("services/<slug:slug>", billing.ServiceDetail.as_view()),
    path("cart", billing.cart),
    path("orders", billing.OrderList.as_view()),
    path("orders/<number:number>", billing.OrderDetail.as_view()),
    path("orders/<number:number>/payment-intent", billing.payment_intent),
    path("orders/<number:number>/cancel", billing.cancel),
    path("invoices", invoicing.InvoiceList.as_view()),
    re_path(_INVOICE + r"$", invoicing.InvoiceDetail.as_view()),
    re_path(_INVOICE + r"/(?P<kind>pdf|xml)$", invoicing.download),
    re_path(_INVOICE + r"/timeline$", invoicing.timeline),
    path("chat/conversations/<uuid:token>/handoff", tickets.hand_off),
    path("tickets", tickets.TicketList.as_view()),
    path("tickets/<number:number>", tickets.TicketDetail.as_view()),
    path("tickets/<number:number>/messages", tickets.answer),
    path("tickets/<number:number>/resolve", tickets.resolve),
    path("tickets/<number:number>/attachments/<uuid:reference>", tickets.download),
    path("chat/messages", chatbot.post_message, name="chat_messages"),
    path("chat/messages/<uuid:reference>/feedback", chatbot.post_feedback),
    path("chat/conversations", chatbot.begin_conversation),
    path("chat/conversations/current", chatbot.CurrentConversation.as_view()),
    path("chat/widget", chatbot.show_configuration),
    re_path(r"^.*$", views.api_not_found),
]
