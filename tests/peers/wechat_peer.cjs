// WeChat's encrypted mode by @wecom/crypto: makes bells and verifications, and reads what we encrypt.
//
// It reads orders on standard input, one line of JSON each, and answers each with one line. `token`, `key` and `id` are the
// account's.
//   {"do": "seal", "text", "timestamp", "nonce"}: {"encrypt", "signature"}
//   {"do": "open", "encrypt", "signature", "timestamp", "nonce"}: {"text", "id"}, or {"refused": "signature"}
"use strict";
const { encrypt, decrypt, getSignature } = require("@wecom/crypto");

const orders = {
  seal({ token, key, id, text, timestamp, nonce }) {
    const sealed = encrypt(key, text, id);
    return { encrypt: sealed, signature: getSignature(token, timestamp, nonce, sealed) };
  },
  open({ token, key, encrypt: sealed, signature, timestamp, nonce }) {
    if (getSignature(token, timestamp, nonce, sealed) !== signature) return { refused: "signature" };
    const { message, id } = decrypt(key, sealed);
    return { text: message, id };
  },
};

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const order = JSON.parse(line);
    process.stdout.write(JSON.stringify(orders[order.do](order)) + "\n");
  });
