"""WeChat's side, by other people's libraries: makes callbacks, reads what we send, and makes the calls that we should make.

It reads orders on standard input, one line of JSON each, and answers each with one line. `by` is the library: wechatpy or
werobot; `platform` is official (an official account) or service (WeCom); `token`, `key` and `id` are the account's. Bytes
are texts of latin-1.
  {"do": "callback", "form": "plain" | "compatible" | "encrypted", "xml", "timestamp", "nonce", "openid"}: {"url", "body"}
  {"do": "echo", "text", "timestamp", "nonce"}: the URL of a verification, encrypted for WeCom: {"url"}
  {"do": "read", "url", "body"}: the fields of a callback that we made, its signatures checked: {"fields"}
  {"do": "open", "body"}: an encrypted answer of ours, its signature checked: {"fields"}
  {"do": "client", "acts": [{"act", "arguments", "answers"}]}: the requests of wechatpy's client for each act, which are
      answered by these JSON texts: {"acts": [[request …] …]}
  {"do": "describe", "method", "url", "headers", "body"}: a request of ours in the form of those: {"request"}
What a library refuses is {"refused": the exception's name}.
"""

import collections
import email
import email.policy
import http.server
import io
import json
import sys
import threading
import urllib.parse

import werobot.crypto
import werobot.parser
import werobot.utils
import wechatpy
import wechatpy.crypto
import wechatpy.enterprise
import wechatpy.enterprise.crypto
import wechatpy.utils
import xmltodict


def sign(*parts):
    signer = wechatpy.utils.WeChatSigner()
    signer.add_data(*parts)
    return signer.signature


def crypto(order):
    if order["by"] == "werobot":
        return werobot.crypto.MessageCrypt(order["token"], order["key"], order["id"])
    module = wechatpy.enterprise.crypto if order["platform"] == "service" else wechatpy.crypto
    return module.WeChatCrypto(order["token"], order["key"], order["id"])


def callback(order):
    timestamp, nonce, token = order["timestamp"], order["nonce"], order["token"]
    query = {"timestamp": timestamp, "nonce": nonce}
    body = order["xml"]
    if order["platform"] == "official":
        query |= {"signature": sign(token, timestamp, nonce), "openid": order["openid"]}
    if order["form"] != "plain":
        if order["by"] == "werobot":
            sealed = crypto(order).encrypt_message(body, timestamp, nonce)
        else:
            sealed = crypto(order).encrypt_message(body, nonce, timestamp)
        sealed = xmltodict.parse(sealed)["xml"]
        query |= {"encrypt_type": "aes", "msg_signature": sealed["MsgSignature"]}
        fields = xmltodict.parse(body)["xml"] if order["form"] == "compatible" else {"ToUserName": "gh_1"}
        if order["platform"] == "service":
            fields["AgentID"] = ""
        body = xmltodict.unparse({"xml": fields | {"Encrypt": sealed["Encrypt"]}}, full_document=False)
    return {"url": "/?" + urllib.parse.urlencode(query), "body": body}


def echo(order):
    timestamp, nonce, token = order["timestamp"], order["nonce"], order["token"]
    key = crypto(order).key
    sealed = wechatpy.enterprise.crypto.PrpCrypto(key).encrypt(order["text"], order["id"]).decode()
    query = {"timestamp": timestamp, "nonce": nonce, "echostr": sealed}
    query["msg_signature"] = sign(token, timestamp, nonce, sealed)
    return {"url": "/?" + urllib.parse.urlencode(query)}


def fields_of(xml, by):
    if by == "werobot":
        message = werobot.parser.parse_user_msg(xml)
        named = {"id": message.message_id, "from": message.source, "type": message.type, "time": message.time}
        return named | {"content": getattr(message, "content", None)}
    message = wechatpy.parse_message(xml)
    named = {"id": message.id, "from": message.source, "type": message.type, "time": message.time}
    return named | {"content": getattr(message, "content", None), "raw": dict(message._data)}


def read(order):
    query = dict(urllib.parse.parse_qsl(order["url"].partition("?")[2], keep_blank_values=True))
    timestamp, nonce = query["timestamp"], query["nonce"]
    if order["platform"] == "official":
        if order["by"] == "werobot":
            if not werobot.utils.check_signature(order["token"], timestamp, nonce, query["signature"]):
                return {"refused": "signature"}
        else:
            wechatpy.utils.check_signature(order["token"], query["signature"], timestamp, nonce)
    xml = order["body"]
    if "msg_signature" in query:
        if order["by"] == "werobot":
            sealed = werobot.parser.parse_xml(xml)["Encrypt"]
            xml = crypto(order).decrypt_message(timestamp, nonce, query["msg_signature"], sealed).decode()
        else:
            xml = crypto(order).decrypt_message(xml, query["msg_signature"], timestamp, nonce)
    return {"fields": fields_of(xml, order["by"])}


def opened(order):
    outer = xmltodict.parse(order["body"])["xml"]
    xml = crypto(order).decrypt_message(order["body"], outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"])
    return {"fields": dict(xmltodict.parse(xml)["xml"])}


def described(method, url, kind, body):
    parts = urllib.parse.urlsplit(url)
    request = {"method": method, "path": parts.path, "query": urllib.parse.parse_qs(parts.query)}
    if kind.startswith("multipart/"):
        head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1")
        form = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        request["form"] = [
            [
                part.get_param("name", header="content-disposition"),
                part.get_filename(),
                part.get_payload(decode=True).decode("latin-1"),
            ]
            for part in form.iter_parts()
        ]
    elif body:
        request["json"] = json.loads(body.decode("utf-8"))
        request["literal"] = b"\\u" not in body
    return request


class Recorder(http.server.BaseHTTPRequestHandler):
    """Keeps requests and gives the answers it was told to give."""

    answers = collections.deque()
    requests = []

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kind = self.headers.get("content-type") or ""
        self.requests.append(described(self.command, self.path, kind, body))
        answer = self.answers.popleft().encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def client_of(order, port):
    """wechatpy's own client, which only believes that the platform is at another place."""
    official = order["platform"] == "official"
    base = wechatpy.WeChatClient if official else wechatpy.enterprise.WeChatClient

    class Client(base):
        API_BASE_URL = f"http://127.0.0.1:{port}/cgi-bin/"

        def _fetch_access_token(self, url, params):
            return super()._fetch_access_token(f"http://127.0.0.1:{port}" + urllib.parse.urlsplit(url).path, params)

    return Client(order["id"], order["secret"])


def client(order):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    acts = []
    for act in order["acts"]:
        one = client_of(order, server.server_address[1])
        Recorder.answers, Recorder.requests = collections.deque(act["answers"]), []
        arguments = act["arguments"]
        if act["act"] == "media.upload":
            file = io.BytesIO(arguments[2].encode("latin-1"))
            file.name = arguments[1]
            arguments = [arguments[0], file]
        endpoint, _, method = act["act"].partition(".")
        getattr(getattr(one, endpoint), method)(*arguments)
        acts.append(Recorder.requests)
    server.shutdown()
    return {"acts": acts}


def describe(order):
    body = order["body"].encode("latin-1")
    return {"request": described(order["method"], order["url"], order["headers"].get("content-type", ""), body)}


ORDERS = {"callback": callback, "echo": echo, "read": read, "open": opened, "client": client, "describe": describe}

for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = ORDERS[order["do"]](order)
    except (wechatpy.exceptions.WeChatException, werobot.crypto.InvalidSignature, werobot.crypto.AppIdValidationError) as error:
        answer = {"refused": type(error).__name__}
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    sys.stdout.flush()
