"""smtplib against the listener: PORT CA-FILE. Fails with what was answered otherwise."""

import smtplib
import ssl
import sys

PORT, AUTHORITY = int(sys.argv[1]), sys.argv[2]
SENDER = "a@client.example"


def expect(code, enhanced, call):
    try:
        call()
    except smtplib.SMTPRecipientsRefused as refused:
        answer = next(iter(refused.recipients.values()))
    except smtplib.SMTPResponseException as refused:
        answer = (refused.smtp_code, refused.smtp_error)
    else:
        raise AssertionError(f"expected {code}, it was taken")
    assert answer[0] == code and answer[1].startswith(enhanced), answer


with smtplib.SMTP("localhost", PORT, local_hostname="py.example", timeout=20) as s:
    s.ehlo()
    offered = {"pipelining", "size", "8bitmime", "smtputf8", "chunking", "starttls", "enhancedstatuscodes"}
    assert set(s.esmtp_features) == offered, s.esmtp_features
    assert s.esmtp_features["size"] == "2000000"

    s.sendmail(SENDER, ["plain@x.example"], b"Subject: plain\r\n\r\n.dot\r\n..\r\n")
    every = bytes(b for b in range(256) if b not in b"\r\n")
    s.sendmail(SENDER, ["bytes@x.example"], b"Subject: bytes\r\n\r\n" + every + b"\r\n", mail_options=["BODY=8BITMIME"])
    s.sendmail("", ["long@x.example"], b"Subject: long\r\n\r\n" + b"l" * 1_000_000 + b"\r\n")
    s.sendmail("müller@client.example", ["陈@x.example"], "Subject: 你好\r\n\r\n你好\r\n".encode(), mail_options=["SMTPUTF8", "BODY=8BITMIME"])

    # smtplib says SIZE= of its own accord.
    expect(552, b"5.3.4", lambda: s.sendmail(SENDER, ["b@x.example"], b"x" * 2_000_001))
    expect(550, b"5.1.1", lambda: s.sendmail(SENDER, ["unknown@x.example"], b"hi\r\n"))
    expect(451, b"4.3.0", lambda: s.sendmail(SENDER, ["failing@x.example"], b"hi\r\n"))
    expect(451, b"4.3.2", lambda: s.sendmail(SENDER, ["overloaded@x.example"], b"hi\r\n"))
    expect(554, b"5.6.0", lambda: s.sendmail(SENDER, ["rejecting@x.example"], b"hi\r\n"))
    expect(552, b"5.3.4", lambda: s.sendmail(SENDER, ["small@x.example"], b"hi\r\n"))

    refused = s.sendmail(SENDER, ["many+1@x.example", "many+2@x.example", "many+3@x.example"], b"Subject: many\r\n\r\nhi\r\n")
    assert list(refused) == ["many+3@x.example"], refused
    assert refused["many+3@x.example"][0] == 452, refused

with smtplib.SMTP("localhost", PORT, timeout=20) as s:
    s.starttls(context=ssl.create_default_context(cafile=AUTHORITY))
    s.ehlo()
    assert "starttls" not in s.esmtp_features
    s.sendmail(SENDER, ["secret@x.example"], b"Subject: secret\r\n\r\nhi\r\n")
