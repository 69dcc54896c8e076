"""Customer-facing addresses of invoicing; an invoice's number has a slash in it."""

from django.urls import path, re_path

from invoicing import views

app_name = "invoicing"
_NUMBER = r"^area/fatture/(?P<number>[A-Z0-9]{1,6}/\d{4}/\d{5,}|\d{4}/\d{5,})/"
urlpatterns = [
    path("area/fatture/", views.list_invoices, name="list_invoices"),
    re_path(_NUMBER + "$", views.show_invoice, name="show_invoice"),
    re_path(_NUMBER + r"pdf/$", views.download_pdf, name="download_pdf"),
    re_path(_NUMBER + r"xml/$", views.download_xml, name="download_xml"),
]
