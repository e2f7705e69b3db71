"""Alerts: what is wrong with a port now is told to its owner, once as it begins, again while it lasts, once it is over.

`Alerter(settings).look()` says what is wrong, `.run()` tells it as well. Nothing is rewritten and no run is launched.
What is told, to whom and how a message looks: `docs/alerts.md`. The modules are imported when they are needed: the
definitions of a domain use the settings alone, and SQLAlchemy, httpx and the guard cost half a second.
"""

from platform_resources.operations.alerts.settings import AlertSettings, MailSettings, look_interval

__all__ = ["AlertSettings", "MailSettings", "look_interval"]
