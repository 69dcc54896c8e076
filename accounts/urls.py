"""Customer-facing addresses of the accounts app."""

from django.conf import settings
from django.urls import path

from accounts import views
from accounts.documents import views as document_views
from accounts.login import views as login_views
from accounts.mfa import views as mfa_views
from accounts.privacy import views as privacy_views

app_name = "accounts"
urlpatterns = [
    path("account/registrati/", views.register, name="register"),
    path("account/verifica/", views.resend_verification, name="resend_verification"),
    path("account/verifica/<str:token>/", views.verify_email, name="verify_email"),
    path("account/accedi/", login_views.log_in, name="log_in"),
    path("account/codice/", login_views.verify_code, name="verify_code"),
    path("account/sblocca/<str:token>/", login_views.unlock, name="unlock"),
    path("account/conferma/", login_views.confirm_identity, name="confirm_identity"),
    path("account/esci/", login_views.log_out, name="log_out"),
    path("account/nuova-password/", views.request_password_reset, name="request_password_reset"),
    path("account/nuova-password/<str:token>/", views.reset_password, name="reset_password"),
    path(f"{settings.ADMIN_PATH}/login/", login_views.enter_back_office, name="enter_back_office"),
    path("area/profilo/", views.edit_billing_profile, name="edit_billing_profile"),
    path("area/sicurezza/", mfa_views.show_security, name="show_security"),
    path("area/sicurezza/password/", mfa_views.change_password, name="change_password"),
    path("area/sicurezza/app/nuova/", mfa_views.begin_totp, name="begin_totp"),
    path("area/sicurezza/app/", mfa_views.set_up_totp, name="set_up_totp"),
    path("area/sicurezza/app/disattiva/", mfa_views.disable_totp, name="disable_totp"),
    path("area/sicurezza/codici/", mfa_views.renew_backup_codes, name="renew_backup_codes"),
    path("area/sicurezza/sessioni/altre/", mfa_views.end_other_sessions, name="end_other_sessions"),
    path("area/sicurezza/sessioni/<uuid:session_id>/", mfa_views.end_session, name="end_session"),
    path("area/sicurezza/dispositivi/<int:device_id>/", mfa_views.distrust_device, name="distrust_device"),
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
