// Visitor tokens of jose and jsonwebtoken: {"key", "now", "ours"} in, {"tokens": [{name, token, status}], "ours": [claims]} out.
const jose = require("jose");
const jsonwebtoken = require("jsonwebtoken");

(async () => {
  const { key, now, ours } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const secret = new TextEncoder().encode(key);
  const good = { sub: "customer-42", exp: now + 600, tier: "gold" };
  const josed = async (name, status, claims = {}, { alg = "HS256", by = secret, ...header } = {}) => ({
    name: `jose: ${name}`,
    status,
    token: await new jose.SignJWT({ ...good, ...claims }).setProtectedHeader({ alg, ...header }).sign(by),
  });
  const signed = (name, status, claims = {}, by = key, options = {}) => ({
    name: `jsonwebtoken: ${name}`,
    status,
    token: jsonwebtoken.sign({ ...good, ...claims }, by, { noTimestamp: true, ...options }),
  });
  const { privateKey } = require("crypto").generateKeyPairSync("rsa", { modulusLength: 2048 });
  const none = new jose.UnsecuredJWT(good).encode();
  const encrypted = await new jose.EncryptJWT(good).setProtectedHeader({ alg: "dir", enc: "A128CBC-HS256" }).encrypt(secret.slice(0, 32));
  const tokens = [
    await josed("good", 200),
    await josed("with a type", 200, {}, { typ: "JWT" }),
    await josed("another key", 401, {}, { by: new TextEncoder().encode(key.replace("a", "b")) }),
    await josed("HS512", 401, {}, { alg: "HS512" }),
    await josed("RS256", 401, {}, { alg: "RS256", by: privateKey }),
    await josed("expired", 401, { exp: now - 3600 }),
    await josed("several audiences", 401, { aud: ["a", "b"] }),
    await josed("another origin", 403, { origin: "https://evil.example" }),
    { name: "jose: unsecured", status: 401, token: none },
    { name: "jose: encrypted", status: 401, token: encrypted },
    signed("good", 200),
    signed("with claims of its own", 200, { plan: { a: [1, 2] }, iss: "shop", jti: "1" }),
    signed("HS384", 401, {}, key, { algorithm: "HS384" }),
    signed("not good yet", 401, { nbf: now + 900 }),
    signed("none", 401, {}, "", { algorithm: "none" }),
  ];
  const read = [
    (await jose.jwtVerify(ours, secret, { currentDate: new Date(now * 1000), algorithms: ["HS256"] })).payload,
    jsonwebtoken.verify(ours, key, { algorithms: ["HS256"], clockTimestamp: now }),
  ];
  process.stdout.write(JSON.stringify({ tokens, ours: read }));
})();
