"""Addresses of the assistant's pages."""

from django.urls import path

from chatbot import views

app_name = "chatbot"
urlpatterns = [
    path("assistenza/", views.show_assistant, name="show_assistant"),
    path("assistenza/conversazione/", views.show_conversation, name="show_conversation"),
]
