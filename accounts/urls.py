"""Customer-facing addresses of the accounts app."""

from django.conf import settings
from django.urls import path

from accounts import views
from accounts.documents import views as document_views
from accounts.privacy import views as privacy_views

app_name = "accounts"
urlpatterns = [
    path("account/registrati/", views.register, name="register"),
    path("account/verifica/", views.resend_verification, name="resend_verification"),
    path("account/verifica/<str:token>/", views.verify_email, name="verify_email"),
    path("account/accedi/", views.log_in, name="log_in"),
    path("account/esci/", views.log_out, name="log_out"),
    path("account/nuova-password/", views.request_password_reset, name="request_password_reset"),
    path("account/nuova-password/<str:token>/", views.reset_password, name="reset_password"),
    path(f"{settings.ADMIN_PATH}/login/", views.enter_back_office, name="enter_back_office"),
    path("area/profilo/", views.edit_billing_profile, name="edit_billing_profile"),
    path("area/documenti/", document_views.list_documents, name="list_documents"),
    path("area/documenti/<uuid:reference>/", document_views.show_document, name="show_document"),
    path(
        "area/documenti/<uuid:reference>/versioni/<int:version>/",
        document_views.download_document,
        name="download_document",
    ),
    path("area/documenti/<uuid:reference>/elimina/", document_views.delete_document, name="delete_document"),
    path("area/dati/", privacy_views.show_data, name="show_data"),
    path("area/dati/copia/", privacy_views.request_export, name="request_export"),
    path("area/dati/copia/<uuid:reference>/", privacy_views.download_export, name="download_export"),
    path("area/dati/elimina/", privacy_views.plan_erasure, name="plan_erasure"),
    path("area/dati/elimina/<str:token>/", privacy_views.confirm_erasure, name="confirm_erasure"),
    path("area/dati/conserva/", privacy_views.cancel_erasure, name="cancel_erasure"),
]
