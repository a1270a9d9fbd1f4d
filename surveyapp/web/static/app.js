// What a page does beyond its forms. Each of these is a convenience: without scripts every page works.
// The words come from data- attributes, in the page's language.
(function () {
  "use strict";

  var PAUSE = 1000; // milliseconds without a key before something is read aloud
  var TWICE = 1000; // and within which a second click on a button is the same click

  // An access code that came after "#" in a link goes into its field and out of the address bar.
  function takeCode() {
    var code = location.hash.slice(1);
    var field = document.getElementById("code");
    if (!field || !/^[0-9A-Za-z-]{10,60}$/.test(code) || document.getElementById(code)) return;
    field.value = code;
    history.replaceState(null, "", location.pathname + location.search);
  }

  // A double click sends a form once.
  function sendOnce() {
    var last = new WeakMap();
    document.addEventListener("click", function (event) {
      var button = event.target.closest("button");
      if (!button || !button.form || event.defaultPrevented) return;
      var now = Date.now();
      if (now - (last.get(button.form) || 0) < TWICE) event.preventDefault();
      else last.set(button.form, now);
    });
  }

  // Enter presses a form's first button even where that is out of sight: the first large one in sight instead.
  function pressInSight(event) {
    var button = event.target.closest("button");
    if (!button || !button.form || button.getClientRects().length && !button.hasAttribute("aria-hidden")) return;
    var seen = Array.from(button.form.querySelectorAll(".govuk-button")).find(function (other) {
      return other.getClientRects().length;
    });
    event.preventDefault();
    if (seen) seen.click();
  }

  // "None of these" unticks the others, and they untick it.
  function keepExclusive(event) {
    var box = event.target;
    if (box.type !== "checkbox" || !box.checked || !box.form) return;
    box.form.querySelectorAll("input[type=checkbox]").forEach(function (other) {
      var apart = "exclusive" in box.dataset || "exclusive" in other.dataset;
      if (other !== box && other.name === box.name && apart) other.checked = false;
    });
  }

  // A line that the eye sees change at once, and that is read aloud when the typing pauses.
  function follow(line, fields, words) {
    var aloud = document.createElement("div");
    var waiting;
    aloud.className = "govuk-visually-hidden";
    aloud.setAttribute("aria-live", "polite");
    line.setAttribute("aria-hidden", "true");
    line.after(aloud);
    function show() {
      line.textContent = words();
      line.hidden = !line.textContent;
    }
    function typed() {
      show();
      clearTimeout(waiting);
      waiting = setTimeout(function () { aloud.textContent = line.textContent; }, PAUSE);
    }
    fields.forEach(function (field) { field.addEventListener("input", typed); });
    window.addEventListener("pageshow", show); // the browser may have put words back
    show();
  }

  function printed(number) {
    return number.toLocaleString(document.documentElement.lang || "en", { maximumFractionDigits: 4 });
  }

  // The sum of what is typed; nothing while one of them is not a number, or all are blank.
  function sum(fields) {
    var typed = fields.map(function (field) { return field.value.replace(/[\s,£€$%]/g, ""); });
    if (!typed.some(Boolean)) return NaN;
    return typed.reduce(function (total, value) { return total + Number(value); }, 0);
  }

  function followTotal(line) {
    var fields = Array.from(line.closest("fieldset").querySelectorAll("input"));
    follow(line, fields, function () {
      var total = sum(fields);
      return isFinite(total) ? line.dataset.addUp.replace("{n}", printed(total)) : "";
    });
  }

  // Counts as the server does: in UTF-16 units, without blanks at the ends.
  function followLength(line) {
    var area = line.parentElement.querySelector("textarea");
    var limit = line.parentElement.querySelector("[data-limit-said]");
    limit.classList.add("govuk-visually-hidden"); // the line says it now
    follow(line, [area], function () {
      var left = line.dataset.limit - area.value.normalize("NFC").trim().length;
      var words = left < 0 ? "over" : "left";
      line.classList.toggle("govuk-error-message", left < 0);
      area.classList.toggle("govuk-textarea--error", left < 0);
      return line.dataset[Math.abs(left) === 1 ? words + "Single" : words].replace("{n}", printed(Math.abs(left)));
    });
  }

  // Says in good time that the visit will end, with a button that saves the page and goes on with it.
  function warnInTime(line) {
    setTimeout(function () { line.hidden = false; }, 1000 * line.dataset.warnAfter);
  }

  takeCode();
  window.addEventListener("hashchange", takeCode);
  document.addEventListener("click", pressInSight);
  sendOnce();
  document.addEventListener("change", keepExclusive);
  document.querySelectorAll("[data-add-up]").forEach(followTotal);
  document.querySelectorAll("[data-limit]").forEach(followLength);
  document.querySelectorAll("[data-warn-after]").forEach(warnInTime);
})();
