"""A mail server that keeps what arrives and says it, one line of JSON per mail on standard output.

It reads orders, one line of JSON each, on standard input, and ends when that is closed:
  {"stage": "connect" | "mail" | "rcpt" | "data", "answer": "451 4.3.0 later", "times": 2, "only": "a@b.example"}
gives this answer the next `times` times at this stage (`only`: to this recipient). Each order is answered by {"ok": true}.

The mails are read by Python's own email package, so what is checked is what somebody else's reader understands.
"""

import argparse
import asyncio
import base64
import email
import email.policy
import json
import logging
import pathlib
import ssl
import sys
import threading
import warnings

from aiosmtpd.smtp import SMTP

# Clients that hang up and handshakes that fail are what some tests are about; what counts is said on standard output.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")


def said(line):
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def text_of(message, kind):
    part = message.get_body(preferencelist=(kind,))
    return None if part is None else part.get_content()


def file_of(part):
    data = part.get_payload(decode=True)
    return {"name": part.get_filename(), "type": part.get_content_type(), "data": base64.b64encode(data).decode()}


def described(number, session, envelope):
    raw = envelope.original_content or envelope.content or b""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return {
        "number": number,
        "mail_from": envelope.mail_from,
        "rcpt_to": envelope.rcpt_tos,
        "tls": session.ssl is not None,
        "user": getattr(session, "auth_data", None) and session.auth_data.login.decode(),
        "headers": [[name, str(value)] for name, value in message.items()],
        "text": text_of(message, "plain"),
        "html": text_of(message, "html"),
        "files": [file_of(part) for part in message.iter_attachments()],
        "defects": [type(defect).__name__ for defect in message.defects],
        "raw": raw.decode("latin-1"),
    }


class Relay:
    """The handler of aiosmtpd: keeps the mails, gives the answers it was told to give."""

    def __init__(self, folder):
        self.folder = folder
        self.number = 0
        self.orders = []
        self.lock = threading.Lock()

    def order(self, order):
        with self.lock:
            self.orders.append({"times": 1, **order})

    def told(self, stage, recipient=None):
        with self.lock:
            for order in self.orders:
                if order["stage"] == stage and order["times"] > 0 and order.get("only") in (None, recipient):
                    order["times"] -= 1
                    return order["answer"]
        return None

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        told = self.told("mail")
        if told:
            return told
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        told = self.told("rcpt", address)
        if told:
            return told
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        told = self.told("data", envelope.rcpt_tos[0] if envelope.rcpt_tos else None)
        if told:
            return told
        self.number += 1
        number = self.number
        if self.folder:
            unfinished = self.folder / f"{number:04}.part"
            unfinished.write_bytes(envelope.original_content or b"")
        mail = described(number, session, envelope)
        if self.folder:
            (self.folder / f"{number:04}.txt").write_text(mail["text"] or "", encoding="utf-8")
            unfinished.rename(self.folder / f"{number:04}.eml")
        said({"mail": mail})
        return f"250 2.0.0 kept as {number}"


class Session(SMTP):
    """One connection, which may be refused at its start."""

    def connection_made(self, transport):
        told = self.event_handler.told("connect")
        if told:
            transport.write(told.encode() + b"\r\n")
            transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, error):
        if self.session is not None:
            super().connection_lost(error)


def orders(relay):
    for line in sys.stdin:
        relay.order(json.loads(line))
        said({"ok": True})


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--folder", type=pathlib.Path, help="keep the mails here too, as NUMBER.eml, and their texts as NUMBER.txt")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="offer STARTTLS")
    parser.add_argument("--require-tls", action="store_true")
    parser.add_argument("--user", nargs=2, metavar=("NAME", "PASSWORD"), help="ask for AUTH")
    options = parser.parse_args()

    relay = Relay(options.folder)
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*options.tls)

    def authenticate(server, session, envelope, mechanism, data):
        from aiosmtpd.smtp import AuthResult

        name, password = options.user
        good = (data.login, data.password) == (name.encode(), password.encode())
        return AuthResult(success=good, auth_data=data if good else None)

    def session():
        return Session(
            relay,
            hostname="relay.example",
            enable_SMTPUTF8=True,
            tls_context=context,
            require_starttls=options.require_tls,
            auth_required=bool(options.user),
            auth_require_tls=False,
            authenticator=authenticate if options.user else None,
            data_size_limit=64 * 1024 * 1024,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", options.port)
    said({"port": server.sockets[0].getsockname()[1]})
    await asyncio.to_thread(orders, relay)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
