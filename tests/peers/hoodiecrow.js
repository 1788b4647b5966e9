// Somebody else's small IMAP server, with the extensions that are named, an empty INBOX and testuser/testpass.
// Says its port as one line of JSON and serves until its input ends.
const hoodiecrow = require("hoodiecrow-imap");

const server = hoodiecrow({ plugins: process.argv.slice(2), storage: { INBOX: { messages: [] } } });
server.server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.server.address().port })));
process.stdin.resume().on("end", () => process.exit(0));
