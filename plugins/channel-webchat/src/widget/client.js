// The line to the shop: who the visitor is, what is sent until it has arrived, and what comes.

/** What this browser keeps between pages, shared by its tabs. Without storage it is kept as long as the page. */
class Store {
  constructor(name) {
    this.name = name;
    this.memory = {};
  }
  all() {
    try {
      return JSON.parse(localStorage.getItem(this.name)) || {};
    } catch {
      return this.memory;
    }
  }
  get(key) {
    return this.all()[key];
  }
  set(key, value) {
    const all = { ...this.all(), [key]: value };
    this.memory = all;
    try {
      localStorage.setItem(this.name, JSON.stringify(all));
    } catch {
      // Storage is full or forbidden: the memory has it.
    }
  }
}

/** Why a call did not work. `status` 0: nobody answered. */
class Failure extends Error {
  constructor(status, code, wait) {
    super(code);
    this.status = status;
    this.code = code;
    this.wait = wait;
  }
  /** The same call may work later. */
  get passes() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Half a second, then twice as long each time up to half a minute, and never the same for all visitors at once. */
const backoff = (attempt) => Math.min(30000, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);

/** A line that says nothing for so long is broken, whatever the network thinks. */
const SILENCE = 75000;

/** So much before its end a token is renewed. */
const MARGIN = 60000;

class Line {
  /** `on`: what to do about `item(name, data, number)`, `state(word)`, `session(answer)`, `fate(message, failure)`. */
  constructor(base, on) {
    this.base = base;
    this.on = on;
    this.store = new Store("tributary-chat " + base);
    this.source = null;
    this.forget();
  }

  /** Nothing was seen yet of whoever is the visitor now, and what another one wrote is not sent in this one's name. */
  forget() {
    this.last = "0";
    this.outbox = [];
    this.token = null;
    this.abort?.abort();
    this.abort = null;
    this.wanted = false;
  }

  /** Who the visitor is: a token of the shop, a function that fetches one, or nothing. */
  signIn(source) {
    this.forget();
    this.source = source || null;
  }

  /** Signed in by the shop, or known to it as an anonymous visitor from an earlier page. */
  get known() {
    return Boolean(this.source || this.store.get("active"));
  }

  async authorise() {
    if (this.token) return this.token;
    if (this.source) {
      this.token = typeof this.source === "function" ? await this.source() : this.source;
      return this.token;
    }
    const kept = this.store.get("session");
    if (kept && kept.expires - MARGIN > Date.now()) return (this.token = kept.token);
    await this.session();
    return this.token;
  }

  /** Who am I, and is somebody there? An anonymous visitor gets a token. */
  async session() {
    const source = this.source;
    let answer;
    if (source) {
      answer = await this.call("POST", "/session", { json: {} });
    } else {
      if (!SETTINGS.anonymous) throw new Failure(403, "anonymous");
      if (!this.store.get("seed")) this.store.set("seed", random() + random());
      answer = await this.request("POST", "/session", { json: { seed: this.store.get("seed") } }).then((it) => it.json());
      if (!this.source) this.token = answer.token;
      // By the browser's own clock, which may be wrong.
      this.store.set("session", { token: answer.token, expires: Date.now() + answer.expires - answer.now });
    }
    if (this.source !== source) throw new Failure(0, "offline");
    if (this.store.get("visitor") !== answer.visitor) {
      this.store.set("visitor", answer.visitor);
      this.store.set("got", 0);
      this.store.set("read", 0);
    }
    this.on.session(answer);
    return answer;
  }

  async request(method, path, { json, body, headers = {}, signal, token } = {}) {
    if (token) headers.Authorization = "Bearer " + token;
    if (json) headers["Content-Type"] = "application/json";
    let answer;
    try {
      const options = { method, headers, signal, body: json ? JSON.stringify(json) : body };
      answer = await fetch(this.base + path, { ...options, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure(0, "offline");
    }
    if (answer.ok) return answer;
    const words = await answer.json().catch(() => ({}));
    throw new Failure(answer.status, words.error || "unknown", Number(answer.headers.get("Retry-After")) * 1000 || 0);
  }

  /** A call of the visitor. A token that is not taken any more is renewed, once. */
  async call(method, path, options = {}) {
    const raw = async () => this.request(method, path, { ...options, headers: { ...options.headers }, token: await this.authorise() });
    let answer;
    try {
      answer = await raw();
    } catch (error) {
      if (error.status !== 401 || typeof this.source === "string") throw error;
      this.token = null;
      if (!this.source) this.store.set("session", null);
      answer = await raw();
    }
    return options.raw ? answer : answer.status === 204 ? null : answer.json();
  }

  /** Follow what is new, until `rest`. */
  async follow() {
    if (this.wanted) return;
    this.wanted = true;
    const mine = (this.abort = new AbortController());
    const gone = () => mine.signal.aborted;
    for (let attempt = 0; !gone(); attempt++) {
      try {
        this.on.state("connecting");
        await this.listen(mine.signal, () => {
          attempt = 0;
          this.on.state("connected");
        });
      } catch (error) {
        if (gone()) return;
        if (error instanceof Failure && !error.passes) {
          this.wanted = false;
          this.on.state(error.code);
          return;
        }
        attempt = Math.max(attempt, error.wait ? 4 : 0);
      }
      if (gone()) return;
      this.on.state("offline");
      await Promise.race([pause(backoff(attempt)), new Promise((resolve) => (this.wake = resolve))]);
    }
  }

  rest() {
    this.wanted = false;
    this.abort?.abort();
  }

  /** One connection: server-sent events (the HTML standard, 9.2.6), read here because the token belongs in a header. */
  async listen(outer, opened) {
    const inner = new AbortController();
    const stop = () => inner.abort();
    outer.addEventListener("abort", stop);
    this.cut = stop;
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE);
    };
    try {
      alive();
      const answer = await this.call("GET", "/stream", { raw: true, headers: { "Last-Event-ID": this.last }, signal: inner.signal });
      opened();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      let event = { name: "message", data: [], id: null };
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        alive();
        rest += value;
        const lines = rest.split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop();
        for (const line of lines) {
          if (line === "") {
            if (event.id !== null) this.last = event.id;
            if (event.data.length) this.on.item(event.name, JSON.parse(event.data.join("\n")), Number(event.id));
            event = { name: "message", data: [], id: null };
            continue;
          }
          const [, field, text] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
          if (field === "event") event.name = text;
          else if (field === "data") event.data.push(text || "");
          else if (field === "id") event.id = text || "";
        }
      }
    } finally {
      clearTimeout(timer);
      outer.removeEventListener("abort", stop);
      inner.abort();
    }
  }

  /** Something says that the network is back: try at once. */
  hurry() {
    this.wake?.();
    this.wakeOutbox?.();
  }

  /** Send in the order it was written, each until it has arrived. The id makes a second attempt the same message. */
  send(message) {
    this.outbox.push(message);
    this.store.set("active", true);
    if (this.outbox.length === 1) this.flush();
  }

  async flush() {
    const outbox = this.outbox;
    for (let attempt = 0; outbox.length && outbox === this.outbox; attempt++) {
      const message = outbox[0];
      try {
        const answer = message.file
          ? await this.call("POST", "/files", {
              body: message.file,
              headers: {
                "Content-Type": message.file.type || "application/octet-stream",
                "X-Message-ID": message.id,
                "X-File-Name": encodeURIComponent(message.file.name || "file"),
              },
            })
          : await this.call("POST", "/messages", { json: message });
        message.at = answer.at;
        outbox.shift();
        this.on.fate(message, null);
        attempt = -1;
      } catch (failure) {
        const known = failure instanceof Failure ? failure : new Failure(0, "offline");
        this.on.fate(message, known);
        if (known.passes) {
          const wait = new Promise((resolve) => (this.wakeOutbox = resolve));
          await Promise.race([pause(known.wait || backoff(attempt)), wait]);
        } else {
          outbox.shift();
          attempt = -1;
        }
      }
    }
  }

  /** A file of a message, as an address that this page alone can open. */
  async file(id) {
    const answer = await this.call("GET", "/files/" + id, { raw: true });
    return URL.createObjectURL(await answer.blob());
  }
}
