// From the `<script>` tag to a chat, and what the shop's own scripts may ask of it.
{
  const tag = document.currentScript;
  const options = { ...(tag ? tag.dataset : {}) };
  options.lang ||= document.documentElement.lang || navigator.language || "en";
  options.lang = options.lang.toLowerCase();
  const base = new URL(".", tag ? tag.src : location.href).href.replace(/\/$/, "");

  const start = () => {
    const line = new Line(base, {
      item: (...it) => chat.item(...it),
      state: (word) => chat.state(word),
      session: (answer) => chat.session(answer),
      fate: (...it) => chat.fate(...it),
    });
    if (options.token) line.signIn(options.token);
    const chat = new ChatWindow(line, options);

    /** A page that nobody looks at and whose chat is closed holds no connection. */
    const look = () => {
      const visible = document.visibilityState === "visible";
      if (!visible && !chat.opened) line.rest();
      else if (visible && !line.wanted && (chat.opened || line.known)) chat.connect();
      if (visible) {
        line.hurry();
        chat.markRead();
      }
    };
    document.addEventListener("visibilitychange", look);
    addEventListener("online", () => line.hurry());
    addEventListener("offline", () => line.cut?.());
    addEventListener("storage", () => chat.showUnread());

    const turn = (source) => {
      line.signIn(source);
      chat.clear();
      look();
    };
    window.TributaryChat = {
      open: () => chat.open(),
      close: () => chat.close(),
      /** A token of the shop, or a function that fetches one: called again when it has expired. */
      signIn: (source) => turn(source),
      signOut: () => turn(null),
    };
    window.dispatchEvent(new CustomEvent("tributary-chat"));
    look();
  };
  if (document.body) start();
  else addEventListener("DOMContentLoaded", start);
}
