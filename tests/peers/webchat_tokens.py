"""Visitor tokens of PyJWT: {"key", "now", "ours"} in, {"tokens": [{name, token, status}], "ours": [claims]} out."""
import json
import sys

import jwt

asked = json.load(sys.stdin)
key, now = asked["key"], asked["now"]
good = {"sub": "customer-42", "exp": now + 600, "iat": now, "name": "李薇", "email": "li@shop.example"}


def made(name, status, claims=None, key=key, algorithm="HS256", headers=None):
    token = jwt.encode({**good, **(claims or {})}, key, algorithm=algorithm, headers=headers)
    return {"name": name, "token": token, "status": status}


def without(claim):
    return jwt.encode({k: v for k, v in good.items() if k != claim}, key, algorithm="HS256")


plain = made("", 200)["token"]
head, claims, signature = plain.split(".")
other = jwt.encode({**good, "sub": "customer-43"}, key, algorithm="HS256")
tokens = [
    made("good", 200),
    made("a key id in the header", 200, headers={"kid": "2026"}),
    made("good from a moment ago", 200, {"nbf": now - 5}),
    made("within the skew", 200, {"exp": now - 30}),
    made("fractions of a second", 200, {"exp": now + 60.5}),
    made("expired", 401, {"exp": now - 61}),
    made("not good yet", 401, {"nbf": now + 3600}),
    made("another key", 401, key="b-key-of-the-shop-with-32-bytes-or-more"),
    made("HS384", 401, key=key + "-made-longer-for-this", algorithm="HS384"),
    made("HS512", 401, key=key * 2, algorithm="HS512"),
    made("no signature, alg none", 401, key=None, algorithm="none"),
    made("for somebody else", 401, {"aud": "another-service"}),
    made("an id of an anonymous visitor", 401, {"sub": "anon-0123"}),
    made("a critical header", 401, headers={"crit": ["exp2"], "exp2": 1}),
    made("another type", 401, headers={"typ": "at+jwt"}),
    made("another origin", 403, {"origin": "https://evil.example"}),
    {"name": "without exp", "token": without("exp"), "status": 401},
    {"name": "without sub", "token": without("sub"), "status": 401},
    {"name": "claims of another token", "token": f"{head}.{other.split('.')[1]}.{signature}", "status": 401},
    {"name": "without a signature", "token": f"{head}.{claims}.", "status": 401},
    {"name": "without the last part", "token": f"{head}.{claims}", "status": 401},
]
ours = [jwt.decode(asked["ours"], key, algorithms=["HS256"], options={"verify_exp": False})]
json.dump({"tokens": tokens, "ours": ours}, sys.stdout)
