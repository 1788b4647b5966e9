"""抖店's reference clients as judges and as senders. Reads one JSON document from stdin, writes one to stdout.

in:  {"key", "secret", "calls": [{"headers", "body"}], "requests": [{"url", "body", "parameters"}]}
out: {"verdicts": [messages | null], "pushes": [{"headers", "body"}],
      "requests": [{"url", "sign", "body"}]}

`verdicts`: what `doudian`'s callback reads. `pushes`: messages signed as its callback verifies them. `requests`: for the
same parameters and the same moment, the signature that `doudian` makes over our body, and the URL and the body that
`doudian` (plain ASCII only: it escapes everything else) and `mcp-cn-commerce` would send.
"""
import hashlib
import json
import sys
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import doudian.core
from doudian import AppType, DouDian
from servers.doudian.client import DouDianClient

BIG = 9_007_199_254_740_993


def pushes(key, secret):
    samples = [
        [{"tag": "100", "msg_id": str(BIG), "data": json.dumps({"p_id": BIG, "create_time": 1795946400, "shop_id": 1})}],
        [{"tag": 101, "msg_id": "2", "data": {"p_id": BIG, "pay_time": 1795946500, "pay_amount": 1990, "shop_id": 1}}],
        [{"tag": "0", "msg_id": "0", "data": "测试"}],
        [{"tag": "400", "msg_id": "3", "data": json.dumps({"product_id": 5, "event": 1})}],
        [{"tag": "113", "msg_id": "4", "data": json.dumps({"p_id": BIG, "remark": "加急 <>&", "update_time": 1}, ensure_ascii=False)}],
    ]
    for messages in samples:
        body = json.dumps(messages, ensure_ascii=False)
        sign = hashlib.md5(f"{key}{body}{secret}".encode()).hexdigest()
        yield {"headers": {"app-id": key, "event-sign": sign}, "body": body}


def reference(client, other, request):
    """The same call by both reference clients, at the moment that our URL names."""
    url = urlsplit(request["url"])
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    moment = query["timestamp"]
    sent = {}

    def post(url, data, headers, proxies):
        sent.update(url=url, body=data)
        return SimpleNamespace(status_code=200, headers={}, content=b"{}")

    doudian.core.requests = SimpleNamespace(post=post)
    doudian.core.datetime = SimpleNamespace(now=lambda: SimpleNamespace(strftime=lambda _: moment))
    client._token = {"access_token": query.get("access_token"), "expires_in": 10**12}
    client._request(url.path, request["parameters"], token_request="access_token" not in query)
    theirs = dict(parse_qsl(urlsplit(sent["url"]).query, keep_blank_values=True))
    body = other._serialize_business(request["parameters"])
    common = {"app_key": query["app_key"], "method": query["method"], "timestamp": moment, "v": "2", "param_json": body}
    return {
        "ours": query,
        "over-our-body": client._sign(query["method"], request["body"], moment),
        "doudian": {"query": theirs, "body": sent["body"], "path": urlsplit(sent["url"]).path},
        "mcp": {"body": body, "sign": other._sign(common)},
    }


def main():
    given = json.load(sys.stdin)
    key, secret = given["key"], given["secret"]
    client = DouDian(app_key=key, app_secret=secret, app_type=AppType.TOOL)
    other = DouDianClient(key, secret, "access", "1")
    verdicts = [client.callback(call["headers"], call["body"].encode()) for call in given["calls"]]
    json.dump(
        {
            "verdicts": verdicts,
            "pushes": list(pushes(key, secret)),
            "requests": [reference(client, other, request) for request in given["requests"]],
        },
        sys.stdout,
    )


main()
