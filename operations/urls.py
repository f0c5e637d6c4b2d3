from django.urls import path

from operations import admin_views, health
from operations.metrics import metrics

urlpatterns = [
    path("healthz", health.live, name="health-live"),
    path("healthz/live", health.live),
    path("healthz/ready", health.ready, name="health-ready"),
    path("healthz/editions", health.editions, name="health-editions"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin_views.index_view),
    path("admin/doctor/", admin_views.doctor_view, name="doctor"),
]
