"""Pages that belong to no app: home, the customer's overview, legal texts, the look."""

from django.urls import path

from config import views

app_name = "config"
urlpatterns = [
    path("", views.show_home, name="show_home"),
    path("area/", views.show_area, name="show_area"),
    path("note-legali/<slug:name>/", views.show_legal, name="show_legal"),
    path(".well-known/security.txt", views.show_security_contact, name="show_security_contact"),
    path("aspetto/", views.set_theme, name="set_theme"),
]
