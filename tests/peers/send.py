"""Sends one mail file as it is, by Python's own client, where no other mail client is at hand."""

import argparse
import pathlib
import smtplib
import ssl

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--server", required=True, metavar="HOST:PORT")
parser.add_argument("--from", dest="sender", required=True)
parser.add_argument("--to", required=True, action="append")
parser.add_argument("--data", required=True, type=pathlib.Path)
parser.add_argument("--starttls", metavar="CA", help="go over to TLS, trusting this certificate")
options = parser.parse_args()

host, port = options.server.rsplit(":", 1)
with smtplib.SMTP(host, int(port), local_hostname="client.example", timeout=60) as client:
    client.ehlo()
    if options.starttls:
        client.starttls(context=ssl.create_default_context(cafile=options.starttls))
        client.ehlo()
    client.sendmail(options.sender, options.to, options.data.read_bytes())
