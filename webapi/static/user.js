/* The user page without reloads: asks the API whether anything changed, and if so takes it from the page itself.

Without this script everything works as links and forms. Nothing here makes markup of text: what is shown was escaped
by the server, and a parsed page runs no scripts. */
"use strict";
(() => {
  const EVERY = 4000, LONGEST = 300000;
  const page = document.getElementById("user-page");
  const received = new WeakMap();  // what a part was when it came, before its times were rewritten
  let etags = { listens: page.dataset.listens, playing: page.dataset.playing };
  let asked = 0, shown = 0;  // answers that were overtaken are not shown
  let delay = EVERY, timer = null, acting = Promise.resolve();

  class Refused extends Error {
    constructor(answer) {
      super(`answered ${answer.status}`);
      this.status = answer.status;
    }
  }

  function localTimes(root) {
    const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
    const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    for (const time of root.querySelectorAll("time")) {
      const at = new Date(time.dateTime);
      time.title = time.textContent;
      time.textContent = ("day" in time.dataset ? day : moment).format(at);
    }
  }

  function settle(root) {
    for (const part of root.querySelectorAll("[data-live]")) received.set(part, part.innerHTML);
    localTimes(root);
  }

  /* Take over what changed of a part; the focus stays on the same button. */
  function take(old, fresh) {
    const html = fresh.innerHTML;
    if (received.get(old) === html) return;
    const held = old.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
    received.set(old, html);
    old.replaceChildren(...fresh.childNodes);
    localTimes(old);
    if (held) (old.querySelector(`[data-act="${held}"]`) ?? old.querySelector("[data-act]"))?.focus();
  }

  function remove(item) {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    const held = item.contains(document.activeElement);
    item.remove();
    if (held) (next?.querySelector("[data-act]") ?? document.getElementById("recent-heading")).focus();
  }

  function takeListens(fresh) {
    const list = document.getElementById("listens");
    const had = new Map([...list.children].map((item) => [item.dataset.key, item]));
    const coming = [...fresh.children];
    const keys = new Set(coming.map((item) => item.dataset.key));
    for (const [key, item] of had) if (!keys.has(key)) remove(item);
    let place = list.firstElementChild;
    for (const item of coming) {
      const old = had.get(item.dataset.key);
      if (old) {
        take(old.querySelector(".acts"), item.querySelector(".acts"));
        place = old.nextElementSibling;
      } else {
        settle(item);
        item.classList.add("new");
        list.insertBefore(item, place);
      }
    }
  }

  function say(message, problem) {
    const said = document.getElementById("said");
    said.className = problem ? "message problem" : "message done";
    said.textContent = message;
    said.hidden = !message;
  }

  /* Show what the server answered: this page as it is now. */
  async function show(answer, turn) {
    if (!answer.ok) throw new Refused(answer);
    const came = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = came.getElementById("user-page");
    if (!fresh) {
      location.assign(answer.url);  // the log-in, when the session has ended
      return;
    }
    if (turn < shown) return;
    shown = turn;
    etags = { listens: fresh.dataset.listens, playing: fresh.dataset.playing };
    takeListens(fresh.querySelector("#listens"));
    for (const id of ["playing", "counts", "none", "pages", "summary"]) {
      take(document.getElementById(id), fresh.querySelector(`#${id}`));
    }
    const message = came.querySelector("main > .message");
    if (message) say(message.textContent, message.classList.contains("problem"));
  }

  async function changed(path, etag) {
    const answer = await fetch(page.dataset.api + path, { headers: { "If-None-Match": `W/"${etag}"` } });
    if (!answer.ok && answer.status !== 304) throw new Refused(answer);
    return answer.status !== 304;
  }

  async function poll() {
    timer = null;
    try {
      const changes = await Promise.all([changed("/playing-now", etags.playing), changed("/listens?count=1", etags.listens)]);
      if (changes.includes(true)) {
        const turn = ++asked;
        await show(await fetch(location.href, { headers: { Accept: "text/html" } }), turn);
      }
      delay = EVERY;
    } catch (problem) {
      if (problem.status === 404) return;  // the account is gone
      delay = Math.min(delay * 2, LONGEST);
    }
    wait(delay);
  }

  function wait(milliseconds) {
    clearTimeout(timer);
    timer = document.hidden ? null : setTimeout(poll, milliseconds);
  }

  async function send(form, button, action) {
    const body = new URLSearchParams(new FormData(form));
    body.append(button.name, button.value);
    say("", false);
    try {
      const answer = await fetch(action, { method: "POST", body, headers: { Accept: "text/html" } });
      await show(answer, ++asked);  // newer than whatever was asked for while it was on its way
    } catch {
      say("That did not work. Load the page again and try once more.", true);
    }
  }

  document.addEventListener("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (form.id !== "act" || !button) return;
    event.preventDefault();
    const action = button.getAttribute("formaction") ?? form.getAttribute("action");
    acting = acting.then(() => send(form, button, action));
  });
  document.addEventListener("visibilitychange", () => wait(document.hidden ? EVERY : 0));
  settle(page);
  wait(EVERY);
})();
