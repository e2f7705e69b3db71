"""Sending one message over the network: HTTP POST, or SMTP. What fails is told without addresses and secrets."""

from __future__ import annotations

import http.client
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from platform_resources.lake import mesh_name, public_url
from platform_resources.operations.alerts import messages
from platform_resources.operations.alerts.model import Alert, Channel, Notice
from platform_resources.operations.alerts.settings import AlertSettings, MailSettings

_SECONDS = 5.0  # to connect, to write, to answer


class UndeliveredError(Exception):
    """The message was not taken; the text says why, without the address."""


def send(alert: Alert, notice: Notice, channel: Channel, settings: AlertSettings, now: datetime) -> None:
    """Tell a channel.

    Raises
    ------
    UndeliveredError
        when it was not taken, or nothing may be sent there.
    """
    if channel.problem is not None:
        raise UndeliveredError(channel.problem)
    link = f"{public_url()}/products/{alert.product.replace('.', '/')}"
    if channel.form == "email":
        if settings.mail is None:
            raise UndeliveredError("no mail server is set (MESH_SMTP_HOST)")
        _mail(settings.mail, messages.mail(alert, notice, channel, settings.mail.sender, link, now))
        return
    if channel.form == "slack":
        body = messages.encoded(messages.slack_message(alert, notice, link, now))
    else:
        body = messages.encoded(messages.document(alert, notice, mesh_name(), link, now))
    headers = {"Content-Type": "application/json", "User-Agent": "mesh-alerts", "Mesh-Delivery": notice.id}
    if channel.secret is not None:
        headers["Mesh-Signature"] = messages.signature(channel.secret, body, now)
    _post(channel.address, body, headers)


class _NoRedirect(HTTPRedirectHandler):
    """A redirect is no answer: it could lead to where nothing may be posted."""

    def redirect_request(self, *_: object) -> None:
        return None


def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    """By urllib, because httpx writes each address into the log. What is answered is not read."""
    try:
        with build_opener(_NoRedirect).open(Request(url, body, headers), timeout=_SECONDS):  # 2xx, all else raises
            pass
    except HTTPError as error:
        error.close()
        raise UndeliveredError(f"it answers {error.code}") from None
    except URLError as error:  # what these say may repeat the address
        raise UndeliveredError(_unreachable(error.reason)) from None
    except TimeoutError:
        raise UndeliveredError(f"no answer within {_SECONDS:g} s") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise UndeliveredError("the connection broke") from None


def _unreachable(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no answer within {_SECONDS:g} s"
    return "its certificate does not hold" if isinstance(reason, ssl.SSLError) else "it can't be reached"


def _mail(server: MailSettings, message: EmailMessage) -> None:
    try:
        with _connected(server) as connection:
            if server.user is not None:
                connection.login(server.user, server.password or "")
            connection.send_message(message)
    except smtplib.SMTPAuthenticationError:
        raise UndeliveredError("the mail server takes neither user nor password") from None
    except smtplib.SMTPRecipientsRefused:
        raise UndeliveredError("the mail server refuses the recipient") from None
    except smtplib.SMTPResponseException as error:
        raise UndeliveredError(f"the mail server answers {error.smtp_code}") from None
    except smtplib.SMTPException as error:  # what servers say may repeat what they were told
        raise UndeliveredError(f"the mail server can't be used ({type(error).__name__})") from None
    except ssl.SSLError:
        raise UndeliveredError("the mail server's certificate does not hold") from None
    except TimeoutError:
        raise UndeliveredError(f"the mail server does not answer within {_SECONDS:g} s") from None
    except (OSError, UnicodeError):  # the latter of a name that is none
        raise UndeliveredError("the mail server can't be reached") from None


def _connected(server: MailSettings) -> smtplib.SMTP:
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=ssl.create_default_context())
    connection = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
    if server.security == "starttls":
        try:
            connection.starttls(context=ssl.create_default_context())
        except BaseException:  # also Ctrl-C: nobody else would close it
            connection.close()
            raise
    return connection
