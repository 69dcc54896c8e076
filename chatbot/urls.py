"""Addresses of the assistant's pages, of its script for other sites, and of requests for a person."""

from django.urls import path

from chatbot.conversations import views
from chatbot.tickets import views as ticket_views

app_name = "chatbot"
urlpatterns = [
    path("assistenza/", views.show_assistant, name="show_assistant"),
    path("assistenza/persona/", ticket_views.ask_person, name="ask_person"),
    path("area/richieste/", ticket_views.list_tickets, name="list_tickets"),
    path("area/richieste/<number:number>/", ticket_views.show_ticket, name="show_ticket"),
    path("area/richieste/<number:number>/risolta/", ticket_views.solve_ticket, name="solve_ticket"),
    path(
        "area/richieste/<number:number>/allegati/<uuid:reference>/",
        ticket_views.download_ticket_file,
        name="download_ticket_file",
    ),
    path("richieste/<str:token>/", ticket_views.show_guest_ticket, name="show_guest_ticket"),
    path("richieste/<str:token>/risolta/", ticket_views.solve_guest_ticket, name="solve_guest_ticket"),
    path(
        "richieste/<str:token>/allegati/<uuid:reference>/",
        ticket_views.download_guest_ticket_file,
        name="download_guest_ticket_file",
    ),
    path("assistenza/dimentica/", views.forget_here, name="forget_here"),
    path("assistente.js", views.show_script, name="show_script"),
]
