"""What platforms and a shop's own backend make, by other people's libraries: one order a line in, one line of JSON out.

  {"do": "visitor", "key", "claims"}: a visitor's token, by PyJWT: {"token"}
  {"do": "wechat", "token", "xml"}: a plain callback of an official account, signed by wechatpy: {"url"}
"""

import json
import sys
import time

import jwt
from wechatpy.utils import WeChatSigner


def visitor(order):
    now = int(time.time())
    return {"token": jwt.encode(order["claims"] | {"iat": now, "exp": now + 600}, order["key"], algorithm="HS256")}


def wechat(order):
    timestamp, nonce = str(int(time.time())), "1320562132"
    signer = WeChatSigner()
    signer.add_data(order["token"], timestamp, nonce)
    return {"url": f"/?signature={signer.signature}&timestamp={timestamp}&nonce={nonce}&openid={order['openid']}"}


for line in sys.stdin:
    order = json.loads(line)
    print(json.dumps({"visitor": visitor, "wechat": wechat}[order["do"]](order)), flush=True)
