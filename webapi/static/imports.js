// Keeps the list of imports up to date while one of them is open; the page says the same without it, when loaded again.
"use strict";
(() => {
  const list = document.querySelector("[data-imports]");
  if (!list) return;
  const LOOK_MS = 2000;
  const LONGEST_MS = 30000;
  let pause = LOOK_MS;

  const show = (one) => {
    const row = list.querySelector(`[data-import="${one.id}"]`);
    if (!row) return;
    for (const field of row.querySelectorAll("[data-field]")) {
      const text = one[field.dataset.field];
      if (field.textContent !== text) field.textContent = text;
      if (field.dataset.field === "error") field.hidden = !text;
    }
    const open = one.state === "waiting" || one.state === "running";
    const bar = row.querySelector("progress");
    bar.value = one.percent;
    bar.hidden = !open;
    const details = row.querySelector("[data-details]");
    if (!open && row.dataset.state !== one.state) details.hidden = !one.problems.length && !one.left_out.length;
    const cancel = row.querySelector("[data-cancel]");
    if (cancel && one.state !== "waiting") cancel.remove();
    row.dataset.state = one.state;
  };

  const anyOpen = () => list.querySelector('[data-state="waiting"], [data-state="running"]') !== null;

  const look = async () => {
    try {
      const answer = await fetch("/profile/imports", { headers: { Accept: "application/json" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      (await answer.json()).imports.forEach(show);
      pause = LOOK_MS;
    } catch {
      pause = Math.min(LONGEST_MS, pause * 2);
    }
    if (anyOpen()) setTimeout(look, pause);
  };

  if (anyOpen()) setTimeout(look, LOOK_MS);
})();
