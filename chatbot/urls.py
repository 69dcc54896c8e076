"""Addresses of the assistant's pages, and of its script for other sites."""

from django.urls import path

from chatbot import views

app_name = "chatbot"
urlpatterns = [
    path("assistenza/", views.show_assistant, name="show_assistant"),
    path("assistenza/dimentica/", views.forget_here, name="forget_here"),
    path("assistente.js", views.show_script, name="show_script"),
]
