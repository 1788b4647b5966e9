"""Other people's code about calls, for the tests of channel-phone: JSON of questions on stdin, JSON of answers on stdout.

{"twilio": [{"url", "form" | "body", "signature", "algorithm", "token"}]}  ->  Twilio's own validator: its signature, and
    whether it accepts the one that is given
{"vtt": [text]}, {"srt": [text]}        ->  cues as [start ms, end ms, text] of webvtt-py and srt
{"vtt-made": [[start, end, speaker, text]]}, {"srt-made": …}  ->  files that they write
{"vcon-made": n}                        ->  n documents of the library vcon (0.0.1)
{"schema": PATH, "valid": [document]}   ->  the first fault that jsonschema finds in each, or null
"""
import datetime
import io
import json
import sys
import warnings

# One of the libraries warns about its own dependency.
warnings.showwarning = lambda *_: None

ASK = json.load(sys.stdin)
ANSWER = {}


def clock(millis):
    return "%02d:%02d:%02d.%03d" % (millis // 3600000, millis // 60000 % 60, millis // 1000 % 60, millis % 1000)


if "twilio" in ASK:
    from twilio.request_validator import RequestValidator

    ANSWER["twilio"] = []
    for call in ASK["twilio"]:
        validator = RequestValidator(call["token"])
        what = call.get("body", call.get("form"))
        signed = {} if "body" in call else what
        ANSWER["twilio"].append({
            "signature": validator.compute_signature(call["url"], signed, call["algorithm"]),
            "accepts": validator.validate(call["url"], what, call["signature"], call["algorithm"]),
        })

if "vtt" in ASK:
    import webvtt

    ANSWER["vtt"] = []
    for text in ASK["vtt"]:
        captions = webvtt.from_buffer(io.StringIO(text))
        millis = lambda time: ((time.hours * 60 + time.minutes) * 60 + time.seconds) * 1000 + time.milliseconds
        ANSWER["vtt"].append([[millis(c.start_time), millis(c.end_time), c.voice, c.text] for c in captions])

if "srt" in ASK:
    import srt

    whole = lambda delta: round(delta.total_seconds() * 1000)
    ANSWER["srt"] = [[[whole(s.start), whole(s.end), s.content] for s in srt.parse(text)] for text in ASK["srt"]]

if "vtt-made" in ASK:
    import webvtt

    file = webvtt.WebVTT()
    for start, end, speaker, text in ASK["vtt-made"]:
        file.captions.append(webvtt.Caption(clock(start), clock(end), "<v %s>%s" % (speaker, text)))
    ANSWER["vtt-made"] = file.content

if "srt-made" in ASK:
    import srt

    span = lambda millis: datetime.timedelta(milliseconds=millis)
    ANSWER["srt-made"] = srt.compose(
        [srt.Subtitle(None, span(a), span(b), "%s: %s" % (who, text)) for a, b, who, text in ASK["srt-made"]]
    )

if "vcon-made" in ASK:
    from vcon import Vcon
    from vcon.dialog import Dialog
    from vcon.party import Party

    ANSWER["vcon-made"] = []
    for number in range(ASK["vcon-made"]):
        made = Vcon.build_new()
        made.add_party(Party(tel="+493055500%02d" % number, name="Anna %d" % number, role="customer"))
        made.add_party(Party(tel="+4930111000", name="Bodo", role="agent", mailto="bodo@shop.example"))
        start = datetime.datetime(2026, 11, 29, 10, 15, number, tzinfo=datetime.timezone.utc)
        for turn in range(number % 4 + 1):
            at = start + datetime.timedelta(seconds=3 * turn)
            made.add_dialog(Dialog(type="text", start=at, parties=[turn % 2, (turn + 1) % 2], originator=turn % 2,
                                   mimetype="text/plain", body="turn %d of call %d" % (turn, number)))
        made.add_analysis(type="transcript", dialog=0, vendor="example", encoding="json",
                          body=json.dumps([{"speaker": "Bodo", "message": "said in analysis %d" % number}]))
        ANSWER["vcon-made"].append(json.loads(made.to_json()))

if "schema" in ASK:
    from jsonschema import Draft7Validator

    with open(ASK["schema"], encoding="utf-8") as file:
        validator = Draft7Validator(json.load(file), format_checker=Draft7Validator.FORMAT_CHECKER)
    faults = lambda document: next((error.message for error in validator.iter_errors(document)), None)
    ANSWER["valid"] = [faults(document) for document in ASK["valid"]]

json.dump(ANSWER, sys.stdout)
