// The window: what is shown, and what the visitor does with it.

/** An agent who said nothing for so long writes no more. */
const TYPING_ENDS = 6000;

/** The shop is told at most this often that the visitor writes. */
const TYPING_EVERY = 3000;

class ChatWindow {
  constructor(line, options) {
    this.line = line;
    this.options = options;
    this.language = options.lang;
    this.texts = TEXTS[this.language.split("-")[0]] || TEXTS.en;
    this.opened = false;
    this.hours = { open: true };
    this.word = "connecting";
    this.build();
    this.clear();
  }

  say(key) {
    return this.texts[key];
  }

  reason(code) {
    const words = this.texts.error[code] || this.texts.error.unknown;
    return words.replace("{limit}", size(SETTINGS.maxFile));
  }

  build() {
    const t = (key) => this.say(key);
    const title = this.options.title || inLanguage(SETTINGS.title, this.language);
    this.badge = element("span", { class: "badge", hidden: true });
    this.launcher = element(
      "button",
      { class: "launcher", type: "button", "aria-label": t("open"), "aria-expanded": "false", onclick: () => this.toggle() },
      icon(ICONS.chat),
      icon(ICONS.close),
      this.badge,
    );
    this.status = element("p", { class: "status", role: "status" });
    this.list = element("ol", {});
    this.typing = element("p", { class: "typing", hidden: true }, element("i"), element("i"), element("i"));
    this.typing.append(element("span", { class: "spoken" }, `${t("shop")} ${t("typing")}`));
    this.log = element(
      "div",
      { class: "log", role: "log", "aria-live": "polite", "aria-label": t("log"), tabindex: "0", onscroll: () => this.markRead() },
      element("p", { class: "greeting" }, inLanguage(SETTINGS.greeting, this.language)),
      this.list,
      this.typing,
    );
    const field = (name, type, complete) =>
      element(
        "label",
        { class: name },
        element("span", {}, t(name)),
        element("input", { name, type, autocomplete: complete, oninput: () => this.explain("") }),
      );
    this.box = element(
      "div",
      { class: "box", hidden: true },
      element("p", {}, inLanguage(SETTINGS.boxText, this.language)),
      field("name", "text", "name"),
      field("email", "email", "email"),
      field("phone", "tel", "tel"),
    );
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.input = element("textarea", {
      rows: "1",
      placeholder: t("write"),
      "aria-label": t("write"),
      oninput: () => this.typed(),
      onkeydown: (event) => {
        // While an input method composes, Enter takes its suggestion.
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
          event.preventDefault();
          this.submit();
        }
      },
      onpaste: (event) => this.offer(event.clipboardData.files, event),
    });
    this.picker = element("input", {
      type: "file",
      multiple: true,
      accept: SETTINGS.fileTypes.join(","),
      hidden: true,
      onchange: () => {
        this.offer(this.picker.files);
        this.picker.value = "";
      },
    });
    const attach = element(
      "button",
      { class: "attach", type: "button", "aria-label": t("attach"), title: t("attach"), onclick: () => this.picker.click() },
      icon(ICONS.clip),
    );
    const send = element("button", { class: "send", type: "submit", "aria-label": t("send"), title: t("send") }, icon(ICONS.send));
    this.form = element(
      "form",
      {
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          this.submit();
        },
      },
      this.box,
      this.problem,
      element("div", { class: "row" }, SETTINGS.fileTypes.length ? attach : null, this.picker, this.input, send),
    );
    this.panel = element(
      "section",
      {
        class: "panel",
        role: "dialog",
        "aria-label": title,
        hidden: true,
        onkeydown: (event) => event.key === "Escape" && this.close(),
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => this.offer(event.dataTransfer.files, event),
      },
      element(
        "header",
        {},
        element("div", {}, element("h2", {}, title), this.status),
        element("button", { class: "shut", type: "button", "aria-label": t("close"), onclick: () => this.close() }, icon(ICONS.close)),
      ),
      this.log,
      this.form,
    );
    // The page's styles reach the outer element alone; the inner one takes nothing over from it.
    this.root = element("div", { class: "root", lang: this.language, "data-theme": this.options.theme }, this.panel, this.launcher);
    const colour = /^#[0-9a-f]{6}$/i.test(this.options.colour || "") ? this.options.colour : SETTINGS.colour;
    this.root.style.setProperty("--accent", colour);
    this.root.style.setProperty("--ink", ink(colour));
    this.host = element("tributary-chat");
    const shadow = this.host.attachShadow({ mode: "open" });
    // A sheet made here needs no leave from the page's `style-src`.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(this.root);
    document.body.append(this.host);
  }

  /** Another visitor: nothing of the one before is shown. */
  clear() {
    this.messages = new Map();
    this.list.replaceChildren();
    this.readUpTo = null;
    this.explain("");
    this.showUnread();
  }

  toggle() {
    if (this.opened) this.close();
    else this.open();
  }

  async open() {
    this.opened = true;
    this.panel.hidden = false;
    this.launcher.setAttribute("aria-expanded", "true");
    this.launcher.classList.add("opened");
    this.bottom();
    this.input.focus();
    await this.connect();
    this.markRead();
  }

  close() {
    this.opened = false;
    this.panel.hidden = true;
    this.launcher.setAttribute("aria-expanded", "false");
    this.launcher.classList.remove("opened");
    this.launcher.focus();
  }

  /** Ask whether somebody is there, again and again until there is an answer, and follow what is new. */
  async connect() {
    clearTimeout(this.asking);
    this.attempt = (this.attempt || 0) + 1;
    try {
      await this.line.session();
      this.attempt = 0;
      this.line.follow();
    } catch (failure) {
      this.state(failure.passes === false ? failure.code : "offline");
      if (failure.passes !== false) this.asking = setTimeout(() => this.connect(), backoff(this.attempt));
    }
  }

  /** What the shop says about the visitor and about itself. */
  session(answer) {
    this.hours = answer;
    const shown = !answer.open;
    this.box.hidden = !shown;
    for (const name of ["name", "email", "phone"]) {
      const field = this.box.querySelector(`.${name}`);
      field.hidden = Boolean(answer[name]);
      const input = field.querySelector("input");
      input.value ||= this.line.store.get("contact")?.[name] || "";
    }
    this.state(this.word);
    clearTimeout(this.turning);
    if (answer.until) {
      // A timer holds 24 days at most.
      this.turning = setTimeout(() => this.connect(), Math.min(answer.until - answer.now + 1000, 2 ** 31 - 1));
    }
  }

  state(word) {
    this.word = word;
    const fine = word === "connected";
    this.status.textContent = fine
      ? this.say(this.hours.open ? "here" : "away")
      : this.say(word) && typeof this.say(word) === "string"
        ? this.say(word)
        : this.reason(word);
    this.status.classList.toggle("fine", fine && this.hours.open);
    if (!fine) this.typing.hidden = true;
  }

  /** One item of the visitor's topic. */
  item(name, data, number) {
    if (name === "typing") {
      this.typing.hidden = false;
      this.bottom();
      clearTimeout(this.typingEnds);
      this.typingEnds = setTimeout(() => (this.typing.hidden = true), TYPING_ENDS);
    } else if (name === "read") {
      this.readUpTo = data.id;
      this.showFate();
    } else if (name === "message") {
      if (data.from !== "visitor") this.typing.hidden = true;
      this.show({ ...data, number, fate: "sent" });
      if (data.from === "agent" || data.from === "bot" || data.from === "system") this.arrived(data, number);
    }
  }

  /** Puts a message where it belongs: by the shop's number, those that are on their way last. */
  show(message) {
    const atBottom = this.isAtBottom();
    const before = this.messages.get(message.id);
    const files = before?.local ? { local: before.local } : {};
    message = { ...before, ...message, ...files };
    if (before) before.node.remove();
    message.node = this.draw(message);
    this.messages.set(message.id, message);
    const order = (it) => it.number || Infinity;
    const all = [...this.messages.values()].filter((it) => it !== message);
    const next = all.filter((it) => order(it) > order(message)).sort((a, b) => order(a) - order(b))[0];
    this.list.insertBefore(message.node, next ? next.node : null);
    this.showDays();
    this.showFate();
    if (atBottom || message.from === "visitor") this.bottom();
  }

  draw(message) {
    const mine = message.from === "visitor";
    const time = new Intl.DateTimeFormat(this.language, { hour: "2-digit", minute: "2-digit" }).format(message.at);
    const bubble = element("div", { class: "bubble" });
    bubble.append(element("span", { class: "spoken" }, `${this.say(mine ? "you" : "shop")}: `));
    if (message.text) bubble.append(element("p", { dir: "auto" }, ...linked(message.text)));
    for (const file of message.files || []) bubble.append(this.drawFile(file, message));
    const foot = element("small", {}, element("time", { datetime: new Date(message.at).toISOString() }, time), element("span", { class: "fate" }));
    return element("li", { class: mine ? "mine" : `theirs ${message.from}`, "data-id": message.id }, bubble, foot);
  }

  drawFile(file, message) {
    const fetched = () => (message.local ? Promise.resolve(message.local) : (file.url ||= this.line.file(file.id)));
    const failed = (error) => {
      file.url = null;
      this.explain(this.reason(error.code));
    };
    const save = () =>
      fetched().then((href) => element("a", { href, download: file.name }).click(), failed);
    const words = [element("b", {}, file.name), element("small", {}, size(file.size))];
    const button = element("button", { class: "file", type: "button", title: this.say("download"), onclick: save }, icon(ICONS.file), element("span", {}, ...words));
    if (/^image\/(png|jpeg|gif|webp)$/.test(file.type)) {
      const image = element("img", { alt: file.name, onload: () => this.followed && this.bottom() });
      // Only what is looked at is fetched.
      const watcher = new IntersectionObserver((seen) => {
        if (!seen.some((one) => one.isIntersecting)) return;
        watcher.disconnect();
        this.followed = this.isAtBottom();
        fetched().then((href) => {
          image.src = href;
          button.replaceChildren(image);
          button.classList.add("picture");
        }, failed);
      });
      watcher.observe(button);
    }
    return button;
  }

  /** A line before the first message of each day. */
  showDays() {
    this.list.querySelectorAll(".day").forEach((line) => line.remove());
    let shown = null;
    for (const node of [...this.list.children]) {
      const message = this.messages.get(node.dataset.id);
      const day = new Date(message.at).toDateString();
      if (day !== shown) {
        const today = day === new Date().toDateString();
        const words = new Intl.DateTimeFormat(this.language, { weekday: "short", day: "numeric", month: "short" });
        node.before(element("li", { class: "day" }, today ? this.say("today") : words.format(message.at)));
      }
      shown = day;
    }
  }

  /** Below the visitor's own messages: what became of those that are not simply sent, and the newest. */
  showFate() {
    const mine = [...this.list.children].map((node) => this.messages.get(node.dataset.id)).filter((it) => it?.from === "visitor");
    const read = mine.findIndex((it) => it.id === this.readUpTo);
    mine.forEach((message, at) => {
      const fate = message.node.querySelector(".fate");
      message.node.classList.toggle("pending", message.fate === "sending" || message.fate === "waiting");
      message.node.classList.toggle("failed", message.fate === "failed");
      if (message.fate === "failed") {
        fate.replaceChildren(`${this.reason(message.failure)} `, element("button", { type: "button", onclick: () => this.again(message) }, this.say("again")));
      } else if (message.fate !== "sent") {
        fate.textContent = this.say(message.fate);
      } else {
        fate.textContent = at === read ? this.say("read") : at === mine.length - 1 && at > read ? this.say("sent") : "";
      }
    });
  }

  /** What became of a message on its way. */
  fate(message, failure) {
    const shown = this.messages.get(message.id);
    if (!shown || shown.number) return;
    shown.fate = !failure ? "sent" : failure.passes ? "waiting" : "failed";
    shown.failure = failure?.code;
    if (failure?.code === "rate") this.explain(this.reason("rate"));
    if (failure && ["contact", "email", "phone"].includes(failure.code)) {
      // The shop has just closed, or an address is none: the text goes back to where it can be sent from.
      this.messages.delete(message.id);
      shown.node.remove();
      this.input.value = this.input.value || message.text;
      this.explain(this.reason(failure.code), failure.code);
      if (failure.code === "contact") this.connect();
    }
    this.showFate();
  }

  again(message) {
    message.fate = "sending";
    this.showFate();
    this.line.send(message.sent);
  }

  contact() {
    const value = (name) => this.box.querySelector(`[name=${name}]`).value.trim() || undefined;
    return { name: value("name"), email: value("email"), phone: value("phone") };
  }

  submit() {
    const text = this.input.value.trim();
    if (!text) return;
    if (new TextEncoder().encode(text).length > SETTINGS.maxText) return this.explain(this.reason("text"));
    const message = { id: random(), text, page: location.href, order: this.options.order, lang: this.language };
    if (!this.hours.open) {
      message.contact = this.contact();
      const known = this.hours.email || this.hours.phone || message.contact.email || message.contact.phone;
      if (this.hours.contact && !known) return this.explain(this.reason("contact"), "email");
      this.line.store.set("contact", message.contact);
    }
    this.explain("");
    this.input.value = "";
    this.grow();
    this.show({ id: message.id, from: "visitor", text, at: Date.now(), files: [], fate: "sending", sent: message });
    this.line.send(message);
    this.input.focus();
  }

  /** Files that were chosen, dropped or pasted. */
  offer(files, event) {
    if (files.length) event?.preventDefault();
    for (const file of files) {
      if (!SETTINGS.fileTypes.includes(file.type)) this.explain(this.reason("file-type"));
      else if (file.size > SETTINGS.maxFile) this.explain(this.reason("file-size"));
      else {
        const id = random();
        const shown = [{ id: null, name: file.name, type: file.type, size: file.size }];
        const local = URL.createObjectURL(file);
        this.show({ id, from: "visitor", text: "", at: Date.now(), files: shown, fate: "sending", local, sent: { id, file } });
        this.line.send({ id, file });
      }
    }
  }

  typed() {
    this.grow();
    const now = Date.now();
    if (!this.input.value || !this.hours.open || this.word !== "connected" || now - (this.told || 0) < TYPING_EVERY) return;
    this.told = now;
    this.line.call("POST", "/typing").catch(() => {});
  }

  grow() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 120)}px`;
  }

  /** What is wrong, and at which field. */
  explain(words, name) {
    this.problem.textContent = words;
    this.problem.hidden = !words;
    this.box.querySelectorAll("input").forEach((input) => input.toggleAttribute("aria-invalid", Boolean(words) && input.name === name));
    if (name) this.box.querySelector(`[name=${name}]`)?.focus();
  }

  isAtBottom() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
  }

  bottom() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** A message of the shop is in this browser. Automatic ones of the box have no mark: nobody waits for theirs. */
  arrived(data, number) {
    if (number > (this.line.store.get("got") || 0)) {
      this.line.store.set("got", number);
      if (data.id.includes(".")) this.tell("delivered", data.id);
    }
    this.showUnread();
    this.markRead();
  }

  unread() {
    const read = this.line.store.get("read") || 0;
    return [...this.messages.values()].filter((it) => it.from !== "visitor" && it.number > read);
  }

  /** What is before the visitor's eyes is read. */
  markRead() {
    if (!this.opened || document.visibilityState !== "visible" || !this.isAtBottom()) return;
    const unread = this.unread();
    if (!unread.length) return;
    this.line.store.set("read", Math.max(...unread.map((it) => it.number)));
    unread.filter((it) => it.id.includes(".")).forEach((it) => this.tell("read", it.id));
    this.showUnread();
  }

  showUnread() {
    const number = this.messages ? this.unread().length : 0;
    this.badge.hidden = number === 0;
    this.badge.textContent = number > 99 ? "99+" : String(number);
    const words = number ? ` (${this.say("unread")}: ${number})` : "";
    this.launcher.setAttribute("aria-label", this.say("open") + words);
  }

  /** Several in one call, and again until it has arrived. */
  tell(what, id) {
    this.telling ||= { delivered: new Set(), read: new Set() };
    this.telling[what].add(id);
    clearTimeout(this.tellingSoon);
    const tell = (attempt) => async () => {
      const told = this.telling;
      this.telling = null;
      const lists = { delivered: [...told.delivered].slice(-100), read: [...told.read].slice(-100) };
      try {
        await this.line.call("POST", "/read", { json: lists });
      } catch (failure) {
        if (!failure.passes) return;
        this.telling ||= { delivered: new Set(), read: new Set() };
        for (const key of ["delivered", "read"]) told[key].forEach((one) => this.telling[key].add(one));
        this.tellingSoon = setTimeout(tell(attempt + 1), backoff(attempt));
      }
    };
    this.tellingSoon = setTimeout(tell(0), 200);
  }
}
