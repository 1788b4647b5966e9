// A Chromium for tests: commands as lines of JSON in, one line of JSON out for each.
//
// Every command names a `tab`; a tab of another `visitor` is another browser profile. The chat is found as people find it,
// by roles and names, through its open shadow root.
const { chromium } = require("playwright-core");

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const profiles = new Map();
const tabs = new Map();
let browser;

const commands = {
  async start({ executable }) {
    browser = await chromium.launch({ executablePath: executable, args: ARGUMENTS });
    return browser.version();
  },
  async open({ tab, visitor = "visitor", url, scheme = "light", width = 1000, height = 720 }) {
    if (!profiles.has(visitor)) {
      const options = { colorScheme: scheme, viewport: { width, height }, locale: "en-GB", timezoneId: "Asia/Shanghai" };
      profiles.set(visitor, await browser.newContext(options));
    }
    const page = await profiles.get(visitor).newPage();
    page.said = [];
    page.on("console", (message) => page.said.push(message.text()));
    page.on("pageerror", (error) => page.said.push(`error: ${error.message}`));
    tabs.set(tab, page);
    await page.goto(url);
  },
  reload: ({ page }) => page.reload().then(() => null),
  close: ({ page }) => page.close(),
  click: ({ page, name }) => page.getByRole("button", { name, exact: true }).click(),
  fill: ({ page, label, text }) => page.getByLabel(label).fill(text),
  type: ({ page, label, text }) => page.getByLabel(label).pressSequentially(text),
  press: ({ page, key }) => page.keyboard.press(key),
  /** What stands in the chat: messages in order, each with who wrote it, its text, its files, and what became of it. */
  read: ({ page }) =>
    page.evaluate(() => {
      const root = [...document.body.children].map((it) => it.shadowRoot).find(Boolean);
      if (!root) return null;
      const text = (node) => node?.textContent ?? null;
      const shown = (node) => Boolean(node && !node.hidden && node.getClientRects().length);
      return {
        open: shown(root.querySelector(".panel")),
        status: text(root.querySelector(".status")),
        typing: shown(root.querySelector(".typing")),
        box: shown(root.querySelector(".box")),
        problem: text(root.querySelector(".problem")),
        unread: shown(root.querySelector(".badge")) ? text(root.querySelector(".badge")) : null,
        messages: [...root.querySelectorAll("li:not(.day)")].map((item) => ({
          from: item.classList[0],
          text: text(item.querySelector(".bubble > p")),
          links: [...item.querySelectorAll("a")].map((link) => link.href),
          files: [...item.querySelectorAll(".file")].map((file) => text(file.querySelector("b")) ?? file.querySelector("img").alt),
          pictures: [...item.querySelectorAll("img")].filter((image) => image.naturalWidth > 0).length,
          fate: text(item.querySelector(".fate")),
        })),
      };
    }),
  attach: ({ page, files }) =>
    page.locator("input[type=file]").setInputFiles(files.map((file) => ({ ...file, buffer: Buffer.from(file.base64, "base64") }))),
  /** Clicks on a file of the chat and gives what was saved. */
  async save({ page, name }) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
    const bytes = require("fs").readFileSync(await download.path());
    return { name: download.suggestedFilename(), base64: bytes.toString("base64") };
  },
  offline: ({ page, offline }) => page.context().setOffline(offline),
  evaluate: ({ page, script }) => page.evaluate(script),
  said: ({ page }) => page.said,
  screenshot: ({ page, path }) => page.screenshot({ path }).then(() => null),
  end: () => browser.close().then(() => null),
};

const lines = require("readline").createInterface({ input: process.stdin });
(async () => {
  for await (const line of lines) {
    const command = JSON.parse(line);
    let answer;
    try {
      const page = tabs.get(command.tab);
      page?.setDefaultTimeout(20000);
      answer = { ok: (await commands[command.do]({ ...command, page })) ?? null };
    } catch (error) {
      answer = { error: String(error.message ?? error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    // The other end holds our input open until we are gone.
    if (command.do === "end") process.exit(0);
  }
})();
