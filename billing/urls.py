"""Customer-facing addresses of billing."""

from django.urls import path

from billing import views

app_name = "billing"
urlpatterns = [
    path("servizi/", views.list_services, name="list_services"),
    path("servizi/<slug:slug>/", views.show_service, name="show_service"),
    path("carrello/", views.show_cart, name="show_cart"),
    path("carrello/<slug:slug>/aggiungi/", views.add_to_cart, name="add_to_cart"),
    path("carrello/<slug:slug>/quantita/", views.change_cart, name="change_cart"),
    path("cassa/", views.check_out, name="check_out"),
    path("area/ordini/", views.list_orders, name="list_orders"),
    path("area/ordini/<number:number>/", views.show_order, name="show_order"),
    path("area/ordini/<number:number>/paga/", views.pay_order, name="pay_order"),
    path("area/ordini/<number:number>/paga/prepara/", views.prepare_payment, name="prepare_payment"),
    path("area/ordini/<number:number>/stato/", views.order_state, name="order_state"),
    path("area/ordini/<number:number>/annulla/", views.cancel_order, name="cancel_order"),
]
