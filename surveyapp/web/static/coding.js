// The coding screen by keyboard. Without this script its form works by itself: every box is a box, every way a link.
// What is ticked is saved at once. Shortcuts of a single key can be switched off and never work while one types.
(() => {
  "use strict";

  const find = (id) => document.getElementById(id);
  const live = document.querySelector("[data-live]");
  if (live) setInterval(() => refresh(live), 15000);
  const form = find("coding") || find("settling");
  if (!form) return;

  const boxes = [...form.querySelectorAll("input[name=codes]")];
  const alone = [...form.querySelectorAll("[data-alone] input")];
  const saves = form.id === "coding" && !boxes.some((box) => box.disabled);
  const OFF = "coding-keys-off", UNDO = "coding-undo", UNDOING = "coding-undoing", BACK = "coding-back";
  const place = location.pathname;
  let waiting = Promise.resolve(true);
  let before = given();
  let leaving = false;

  // ── what is ticked ──

  function given() {
    return boxes.filter((box) => box.checked).map((box) => box.value);
  }

  function tick(codes) {
    for (const box of boxes) box.checked = codes.includes(box.value);
  }

  // Themes and the marks in their place do not go together: the last one given stands.
  function keepApart(box) {
    if (!box.checked) return;
    const others = alone.includes(box) ? boxes : alone;
    for (const other of others) if (other !== box) other.checked = false;
  }

  function changed(box) {
    keepApart(box);
    remember({ place, search: location.search, codes: before });
    before = given();
    const name = box.labels[0].firstChild.textContent.trim();
    save(`${name}: ${box.checked ? "given" : "taken back"}.`);
  }

  // ── saving ──

  // One after the other, so that the last word is the last that is kept.
  function save(words) {
    if (!saves) return tell(words);
    const body = new URLSearchParams(new FormData(form));
    waiting = waiting.then(() => send(body, words));
  }

  async function send(body, words) {
    try {
      const answer = await fetch(form.action, {
        method: "POST", body, headers: { Accept: "application/json" }, redirect: "error", credentials: "same-origin",
      });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.fault);
      find("coded").textContent = found.coded;
      find("bar").value = found.coded;
      tell(`${words} Saved.`);
      return true;
    } catch {
      tell("This could not be saved. Press “Save and go on” to try again.");
      return false;
    }
  }

  function tell(words) {
    const told = find("told");
    if (told) told.textContent = words;
  }

  // ── going on ──

  async function go(address) {
    if (!address || leaving) return;
    leaving = true;
    if (await waiting) {
      sessionStorage.setItem(BACK, "1");
      location.assign(address);
    }
    leaving = false;
  }

  async function on() {
    if (!saves) return form.requestSubmit();
    if (leaving) return;
    leaving = true;
    await waiting;
    sessionStorage.setItem(BACK, "1");
    form.submit();
  }

  // ── taking back ──

  function stack() {
    try {
      return JSON.parse(sessionStorage.getItem(UNDO)) || [];
    } catch {
      return [];
    }
  }

  function remember(change) {
    sessionStorage.setItem(UNDO, JSON.stringify([...stack(), change].slice(-50)));
  }

  function undo() {
    const changes = stack();
    const last = changes.pop();
    if (!last) return tell("There is nothing to undo.");
    if (last.place !== place) {
      sessionStorage.setItem(UNDOING, "1");
      return go(last.place + last.search);
    }
    sessionStorage.setItem(UNDO, JSON.stringify(changes));
    tick(last.codes);
    before = given();
    save("Undone.");
  }

  // ── keys ──

  const keys = Object.fromEntries(boxes.filter((box) => box.dataset.key).map((box) => [box.dataset.key, box]));

  function areOn() {
    return localStorage.getItem(OFF) !== "1";
  }

  const typing = "input:not([type=checkbox]), textarea, select, [contenteditable]";
  const acting = "a, button, summary, select, textarea, input:not([type=checkbox])";

  function pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    const at = event.target instanceof Element ? event.target : document.body;
    if (!areOn() || at.closest(typing)) return;
    const act = ways(event.key, at) || box(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  }

  function ways(key, at) {
    if (key === "Enter") return at.closest(acting) || !find("on") ? null : on;
    if (at.closest(".app-frame") && key.startsWith("Arrow")) return null;
    if (key === "ArrowLeft") return () => go(find("before")?.href);
    if (key === "ArrowRight") return () => go(find("after")?.href);
    if (key === "u" && saves) return undo;
    if (key === "?" && find("keys")) return showKeys;
    return null;
  }

  function box(key) {
    const found = keys[key];
    if (!found || found.disabled) return null;
    return () => {
      found.checked = !found.checked;
      changed(found);
    };
  }

  function showKeys() {
    const shown = find("keys");
    shown.open = !shown.open;
    if (shown.open) shown.querySelector("summary").focus();
  }

  // ── the switch ──

  function showSwitch() {
    const button = find("switch");
    if (!button) return;
    button.hidden = false;
    button.setAttribute("aria-pressed", String(areOn()));
    button.textContent = areOn() ? "Single-key shortcuts are on" : "Single-key shortcuts are off";
    document.body.classList.toggle("app-coding-no-keys", !areOn());
  }

  find("switch")?.addEventListener("click", () => {
    if (areOn()) localStorage.setItem(OFF, "1");
    else localStorage.removeItem(OFF);
    showSwitch();
  });

  // ── agreement ──

  async function refresh(part) {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-live]");
      if (fresh && fresh.textContent !== part.textContent) part.replaceChildren(...fresh.childNodes);
    } catch {
      // The next time will do.
    }
  }

  for (const each of boxes) each.addEventListener("change", () => changed(each));
  document.addEventListener("keydown", pressed);
  showSwitch();
  // Who came here by a key has the answer read out; who came by a link starts at the top, as on every page.
  if (sessionStorage.getItem(BACK)) {
    sessionStorage.removeItem(BACK);
    find("words")?.focus();
  }
  if (sessionStorage.getItem(UNDOING)) {
    sessionStorage.removeItem(UNDOING);
    undo();
  }
})();
