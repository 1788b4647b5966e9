"""Calls as Mailgun, SendGrid and Postmark make them, and Authentication-Results, by other people's code; JSON on standard
output. Argument: the folder with mails (`*.eml`).

Forms are encoded by urllib3, httpx and the standard library, signatures made by the standard library's hmac, mails taken apart
by its email parser, and Authentication-Results written and read by authres."""

import base64
import email
import email.policy
import hashlib
import hmac
import json
import pathlib
import sys
import urllib.parse
from email.message import EmailMessage

import authres
import authres.dmarc
import httpx
import urllib3

NOW = 1_760_000_000
KEY = b"key-0123456789"
SENDER, RECIPIENT = "bounce@example.cn", "support+abcdefgh01234567@shop.example"
TOKENS = iter(range(10**6))


def signed():
    token = hashlib.sha256(str(next(TOKENS)).encode()).hexdigest()[:50]
    signature = hmac.new(KEY, f"{NOW}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": str(NOW), "token": token, "signature": signature, "sender": SENDER, "recipient": RECIPIENT}


def call(url, media_type, body, login=None):
    authorization = login and "Basic " + base64.b64encode(login.encode()).decode()
    return {"url": url, "type": media_type, "authorization": authorization, "body": base64.b64encode(body).decode()}


def by_urllib3(url, fields):
    body, media_type = urllib3.encode_multipart_formdata(fields)
    return call(url, media_type, body)


def by_httpx(url, data, files):
    request = httpx.Request("POST", "http://localhost", data=data, files=files)
    return call(url, request.headers["content-type"], request.read(), "sendgrid:s3cret")


def postmark(document):
    return call("/postmark", "application/json", json.dumps(document, ensure_ascii=False).encode(), "postmark:s3cret")


ENVELOPE = json.dumps({"to": [RECIPIENT], "from": SENDER})


def raw(mail):
    """One mail by every raw mode; once with the line ends of a file."""
    yield by_urllib3("/mailgun/mime", {**signed(), "body-mime": mail})
    body = urllib.parse.urlencode({**signed(), "body-mime": mail.replace(b"\r\n", b"\n")})
    yield call("/mailgun/mime", "application/x-www-form-urlencoded", body.encode())
    yield by_httpx("/sendgrid", {"envelope": ENVELOPE}, {"email": (None, mail)})
    try:
        text = mail.decode()
    except UnicodeDecodeError:
        return
    yield postmark({"OriginalRecipient": RECIPIENT, "RawEmail": text,
                    "Headers": [{"Name": "Return-Path", "Value": f"<{SENDER}>"}]})


def made():
    """Mails as common clients write them."""
    def new(number, **fields):
        mail = EmailMessage(policy=email.policy.SMTP)
        mail["From"], mail["To"] = "张三 <zhang@example.cn>", f"Shop <{RECIPIENT}>"
        mail["Date"], mail["Message-ID"] = "Fri, 03 May 2024 10:12:00 +0800", f"<made-{number}@example.cn>"
        for name, value in fields.items():
            mail[name.replace("_", "-")] = value
        return mail

    plain = new(1, Subject="Re: 订单 1001 [#T1042]", In_Reply_To="<a@shop.example>", References="<a@shop.example> <b@x>")
    plain.set_content("包裹在哪里？\n\nOn Monday the shop wrote:\n> it is on its way\n")
    rich = new(2, Subject="A long subject that has to be folded because it goes on and on and does not fit on a line")
    rich.set_content("see the picture\n")
    rich.add_alternative('<p>see the picture <img src="cid:p1@x"></p>\n', subtype="html")
    rich.get_payload()[1].add_related(b"\x89PNG\r\n\0\xff", "image", "png", cid="<p1@x>", filename="图.png")
    rich.add_attachment(b"%PDF-1.7\r\n", maintype="application", subtype="pdf", filename="退款说明.pdf")
    rich.add_attachment("a,b\n1,2\n", subtype="csv", filename="list.csv")
    html = new(3, Subject="only html", Reply_To="orders@relay.example")
    html.set_content("<p>Grüße &amp; mehr</p>\n", subtype="html")
    machine = new(4, Subject="Away", Auto_Submitted="auto-replied", X_Mailer="Robot")
    machine.set_content("I am away until Monday.\n")
    return [plain, rich, html, machine]


def parts(mail):
    mail = email.message_from_bytes(mail, policy=email.policy.default)
    def body(kind):
        part = mail.get_body((kind,))
        return part.get_content().replace("\r\n", "\n").replace("\n", "\r\n") if part else ""
    attached = {id(part): part for part in mail.walk() if part.get_filename()}
    files = [(part.get_filename(), part.get_content_type(), (part["Content-ID"] or "").strip("<>"),
              part.get_payload(decode=True)) for part in attached.values()]
    return mail, body("plain"), body("html"), files


def parsed(mail):
    """One mail by every mode that takes it apart."""
    message, text, html, files = parts(mail)
    fields = {**signed(), "from": str(message["From"]), "subject": str(message["Subject"]), "body-plain": text,
              "body-html": html, "stripped-text": "never read", "attachment-count": str(len(files)),
              "message-headers": json.dumps([[name, str(value)] for name, value in message.items()]),
              "content-id-map": json.dumps({f"<{cid}>": f"attachment-{n}" for n, (_, _, cid, _) in enumerate(files, 1) if cid})}
    named = {f"attachment-{n}": (name, data, kind) for n, (name, kind, _, data) in enumerate(files, 1)}
    yield by_urllib3("/mailgun", {**fields, **named})
    if not files:
        yield call("/mailgun", "application/x-www-form-urlencoded", urllib.parse.urlencode(fields).encode())

    charset = "gb18030" if text and not html else "utf-8"
    data = {"headers": mail.split(b"\r\n\r\n")[0].replace(b"\r\n", b"\n") + b"\n", "envelope": ENVELOPE,
            "charsets": json.dumps({"to": "UTF-8", "text": charset, "html": "utf-8"}), "attachments": str(len(files)),
            "from": str(message["From"]), "subject": str(message["Subject"]),
            "attachment-info": json.dumps({f"attachment{n}": {"filename": name, "name": name, "type": kind, "content-id": cid}
                                           for n, (name, kind, cid, _) in enumerate(files, 1)})}
    data["text"], data["html"] = text.encode(charset), html.encode()
    # Every field as a part: httpx writes a form in the other way where there is no file.
    form = [(name, (None, value)) for name, value in data.items()]
    form += [(f"attachment{n}", (name, content, kind)) for n, (name, kind, _, content) in enumerate(files, 1)]
    yield by_httpx("/sendgrid/", {}, form)

    own = ("from", "to", "subject", "date", "reply-to")
    yield postmark({
        "From": str(message["From"]), "To": str(message["To"]), "Subject": str(message["Subject"]),
        "Date": str(message["Date"]), "ReplyTo": str(message["Reply-To"] or ""), "MailboxHash": "abcdefgh01234567",
        "MessageID": "0b1c", "TextBody": text, "HtmlBody": html, "StrippedTextReply": "never read",
        "Headers": [{"Name": name, "Value": str(value)} for name, value in message.items() if name.lower() not in own]
        + [{"Name": "Return-Path", "Value": f"<{SENDER}>"}],
        "Attachments": [{"Name": name, "Content": base64.b64encode(content).decode(), "ContentType": kind, "ContentID": cid,
                         "ContentLength": len(content)} for name, kind, cid, content in files]})


def results():
    """Fields that authres writes, and what it reads in them: whether the mail of a@good.example is proven."""
    good, other = "good.example", "bad.example"
    dkim = lambda result, domain: authres.DKIMAuthenticationResult(
        result=result, header_d=domain, header_i="@" + domain, result_comment='a "comment"; dmarc=pass (nested)')
    dmarc = lambda result, domain: authres.dmarc.DMARCAuthenticationResult(result=result, header_from=domain)
    spf = lambda domain: authres.SPFAuthenticationResult(result="pass", smtp_mailfrom=domain, reason="a; b=c")
    sets = [[], [spf(good)], [dmarc("pass", good)], [dmarc("pass", other)], [dmarc("fail", good), dkim("pass", good)],
            [dkim("pass", good), spf(other)], [dkim("fail", good)], [dkim("pass", other)], [dkim("fail", other), dkim("pass", good)],
            [spf(good), dkim("pass", good), dmarc("pass", good)]]
    for server in ("mx.shop.example", "mx.evil.example"):
        for chosen in sets:
            header = authres.AuthenticationResultsHeader(authserv_id=server, results=chosen, version="1")
            read = authres.FeatureContext(authres.dmarc).parse(str(header))
            of = lambda method, key: [(r.result, getattr(r, key, None)) for r in read.results or [] if r.method == method]
            judged = of("dmarc", "header_from") or of("dkim", "header_d")
            yield {"field": str(header), "proven": server == "mx.shop.example" and ("pass", good) in judged}


cases = []
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.eml")):
    mail = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    cases.append({"name": path.name, "mail": mail, "raw": list(raw(mail)), "parsed": []})
for mail in made():
    mail = mail.as_bytes()
    cases.append({"name": str(email.message_from_bytes(mail)["Message-ID"]), "mail": mail, "raw": list(raw(mail)), "parsed": list(parsed(mail))})
for case in cases:
    case["mail"] = base64.b64encode(case["mail"]).decode()
print(json.dumps({"now": NOW * 1000, "cases": cases, "results": list(results())}))
