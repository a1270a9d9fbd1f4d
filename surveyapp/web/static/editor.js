// What the editor does beyond its form: line numbers, problems and the preview as one types, a word before unsaved
// work is left. Without scripts a button checks, and saving works as ever.
(function () {
  "use strict";

  var PAUSE = 400; // milliseconds without a key before the text is checked
  var form = document.getElementById("editor");
  if (!form) return;
  var area = document.getElementById("document");
  var unsaved = form.hasAttribute("data-unsaved");
  var saved = unsaved ? null : area.value;

  window.addEventListener("beforeunload", function (event) {
    if (area.value !== saved) event.preventDefault();
  });
  form.addEventListener("submit", function (event) {
    var button = event.submitter;
    if (button && button.formTarget) return;
    saved = area.value;
    keep();
  });

  // A text that was sent waits in this tab until the page comes back with it: the session may have ended.
  function keep() {
    try {
      sessionStorage.setItem(form.action, area.value);
    } catch (full) {
      // a browser that keeps nothing
    }
  }

  function bringBack() {
    var notice = document.getElementById("kept");
    var kept = sessionStorage.getItem(form.action);
    if (!notice || kept === null) return;
    if (kept === area.value) {
      sessionStorage.removeItem(form.action);
      return;
    }
    notice.hidden = false;
    notice.querySelector("button").addEventListener("click", function () {
      area.value = kept;
      notice.hidden = true;
      sessionStorage.removeItem(form.action);
      area.focus();
      area.dispatchEvent(new Event("input"));
    });
  }

  bringBack();

  var address = form.dataset.check;
  if (!address) return;
  var numbers = document.getElementById("numbers");
  var list = document.getElementById("problems");
  var count = document.getElementById("count");
  var frame = document.getElementById("preview");
  var language = document.getElementById("language");
  var lineField = document.getElementById("line");
  var wrong = new Set();
  var shown = 0; // lines that have a number
  var shownLine = 0; // the line that the preview is of
  var focus = "";
  var waiting, asking, again;

  document.querySelectorAll("[data-without-script]").forEach(function (button) { button.remove(); });
  numbers.hidden = false;

  // ── lines ──

  function line() {
    var before = area.value.slice(0, area.selectionStart);
    return before.split("\n").length;
  }

  function number(force) {
    var lines = area.value.split("\n").length;
    if (lines === shown && !force) return;
    shown = lines;
    var words = [];
    for (var i = 1; i <= lines; i++) words.push((wrong.has(i) ? "! " : "") + i);
    numbers.textContent = words.join("\n") + "\n\n";
    numbers.scrollTop = area.scrollTop;
  }

  function goTo(wanted) {
    var lines = area.value.split("\n");
    var at = Math.min(Math.max(wanted, 1), lines.length);
    var start = lines.slice(0, at - 1).join("\n").length + (at > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start + lines[at - 1].length);
    var height = parseFloat(getComputedStyle(area).lineHeight);
    area.scrollTop = Math.max(0, (at - 5) * height);
    area.scrollLeft = 0;
    numbers.scrollTop = area.scrollTop;
    soon();
  }

  // ── checking ──

  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(check, PAUSE);
  }

  function check() {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    var now = line();
    lineField.value = now;
    var body = new FormData(form);
    body.set("as", "json");
    fetch(address, { method: "POST", body: body, credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        return answer.json();
      })
      .then(function (found) {
        shownLine = now;
        tell(found);
      })
      .catch(function () {
        keep();
        count.textContent = "The text could not be checked just now. It is kept in this tab; save it.";
      })
      .finally(function () {
        asking = false;
        if (again) {
          again = false;
          soon();
        }
      });
  }

  function tell(found) {
    var problems = found.problems;
    var words = problems.length === 1 ? "1 problem" : problems.length ? problems.length + " problems" : "No problems";
    if (count.textContent !== words) count.textContent = words;
    list.replaceChildren.apply(list, problems.map(item));
    wrong = new Set(problems.map(function (problem) { return problem.line; }));
    number(true);
    if (found.preview) show(found);
  }

  function item(problem) {
    var entry = document.createElement("li");
    var link = document.createElement("a");
    link.className = "govuk-link";
    link.href = "#document";
    link.dataset.line = problem.line;
    link.textContent = "Line " + problem.line;
    entry.append(link, ": " + problem.what + "; " + problem.do);
    return entry;
  }

  function show(found) {
    focus = found.focus;
    document.getElementById("preview-where").textContent = found.where;
    var when = found.when.map(function (words) {
      var entry = document.createElement("li");
      entry.textContent = words;
      return entry;
    });
    var whens = document.getElementById("preview-when");
    whens.replaceChildren.apply(whens, when);
    if (frame.getAttribute("srcdoc") === found.preview) lead();
    else frame.setAttribute("srcdoc", found.preview);
  }

  // Show the question under the cursor in the preview.
  function lead() {
    var page = frame.contentDocument;
    var field = page && focus && page.getElementById(focus);
    var group = field && (field.closest(".app-question") || field);
    if (page && page.scrollingElement) page.scrollingElement.scrollTop = group ? group.offsetTop - 10 : 0;
  }

  // ── what happens ──

  frame.addEventListener("load", lead);
  area.addEventListener("scroll", function () { numbers.scrollTop = area.scrollTop; });
  area.addEventListener("input", function () {
    number(false);
    soon();
  });
  document.addEventListener("selectionchange", function () {
    if (document.activeElement === area && line() !== shownLine) soon();
  });
  if (language) language.addEventListener("change", soon);
  list.addEventListener("click", function (event) {
    var link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    goTo(Number(link.dataset.line));
  });
  area.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  list.querySelectorAll("[data-line]").forEach(function (link) { wrong.add(Number(link.dataset.line)); });
  number(true);
  if (Number(lineField.value) > 1) goTo(Number(lineField.value));
}());
