"""smtplib's LMTP against the listener: PORT. Three recipients, one unknown and one failing: three answers."""

import smtplib
import sys

with smtplib.LMTP("127.0.0.1", int(sys.argv[1])) as s:
    code, _ = s.lhlo() if hasattr(s, "lhlo") else s.ehlo()
    assert code == 250, code
    assert s.mail("a@client.example")[0] == 250
    assert [s.rcpt(f"{who}@x.example")[0] for who in ("sales", "unknown", "failing")] == [250, 550, 250]
    answers = [s.data(b"hi\r\n"), s.getreply()]
    assert [code for code, _ in answers] == [250, 451], answers
    assert s.noop()[0] == 250
