// What the sheet for paper returns does beyond its form: it goes on by itself, and keeps what is typed.
// Without scripts the form works; Tab goes on, and a button keeps.
(function () {
  "use strict";

  var PAUSE = 3000; // milliseconds without a key before what is typed is kept
  var sheet = document.getElementById("sheet");
  if (!sheet) return;
  var quiet = sheet.querySelector("[data-quiet]");
  var check = sheet.querySelector("[data-check]");
  var waiting;
  var leaving = false;

  document.querySelectorAll("[data-with-script]").forEach(function (line) { line.hidden = false; });

  function boxes() {
    return Array.from(sheet.querySelectorAll("input[type=text], textarea, input[type=checkbox], [data-check]"));
  }

  // Words beside an answer that was not given are passed over.
  function passed(box) {
    if (!box.dataset.beside || box.value) return false;
    var answer = document.getElementById(box.dataset.beside).value;
    return !answer.split(/[^0-9A-Za-z_]+/).includes(box.dataset.number);
  }

  function goOn(from) {
    var all = boxes();
    var next = all.slice(all.indexOf(from) + 1).find(function (box) { return !passed(box); });
    if (!next) return;
    next.focus();
    if (next.select) next.select();
  }

  // One number of the list, and none that is longer begins with it; or the star.
  function complete(box) {
    var typed = box.value.trim();
    if (typed === "*") return true;
    if (box.dataset.length) return /^\d+$/.test(typed) && typed.length === Number(box.dataset.length);
    var keys = (box.dataset.keys || "").split(" ");
    return keys.includes(typed) && !keys.some(function (key) { return key !== typed && key.startsWith(typed); });
  }

  sheet.addEventListener("input", function (event) {
    clearTimeout(waiting);
    waiting = setTimeout(keep, PAUSE);
    var box = event.target;
    if (event.inputType === "insertText" && (box.dataset.keys || box.dataset.length) && complete(box)) goOn(box);
  });

  sheet.addEventListener("keydown", function (event) {
    if (event.key !== "Enter" || event.isComposing) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      sheet.requestSubmit(check);
    } else if (event.target.matches("input[type=text]")) {
      event.preventDefault();
      goOn(event.target);
    }
  });

  // The answer to it is empty, so the page stays as it is and nothing is lost by a reload or a crash.
  function keep() {
    if (!leaving) sheet.requestSubmit(quiet);
  }

  sheet.addEventListener("submit", function (event) {
    if (event.submitter === quiet) return;
    leaving = true;
    clearTimeout(waiting);
  });

  var first = document.querySelector(".govuk-error-summary") ? null : sheet.querySelector("input[type=text], textarea");
  if (first && !location.hash) first.focus();
})();
