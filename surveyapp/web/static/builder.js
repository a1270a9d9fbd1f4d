// What the builder does beyond its form: the table follows what is chosen, without a press of the button.
// Without scripts the form works: “Show the table” asks for the same page.
(function () {
  "use strict";

  var PAUSE = 400; // milliseconds without a key before what is typed counts
  var asked; // the request under way
  var waiting;
  var pressed = false; // whether a button of the mouse is down: what is clicked on must not go away under it
  var ready; // what to show once it is up
  var said = document.getElementById("builder-said");

  function form() { return document.getElementById("builder-form"); }

  // Only what is chosen stands in the address, so that it can be kept and read.
  function address(more) {
    var chosen = new URLSearchParams();
    new FormData(form()).forEach(function (value, name) { if (value) chosen.append(name, value); });
    if (more) chosen.append("more", more);
    var query = chosen.toString();
    return form().getAttribute("action") + (query ? "?" + query : "");
  }

  // Whatever changes makes the answer under way stale: it would undo the change.
  function forget() {
    clearTimeout(waiting);
    if (asked) asked.abort();
    ready = null;
  }

  function refresh(more) {
    forget();
    asked = new AbortController();
    var to = address(more && more.value);
    fetch(to, { signal: asked.signal, credentials: "same-origin" })
      .then(function (answer) { return answer.text(); })
      .then(function (text) {
        var page = new DOMParser().parseFromString(text, "text/html");
        if (!page.getElementById("builder")) { window.location.assign(to); return; } // signed out, or refused
        ready = function () {
          ready = null;
          show(page);
          var next = more && document.getElementById(more.dataset.then);
          if (next) next.focus();
          window.history.replaceState(null, "", to);
        };
        if (!pressed) ready();
      })
      .catch(function (error) { if (error.name !== "AbortError") form().submit(); });
  }

  // What is open stays open, and what has the focus keeps it.
  function show(page) {
    var old = document.getElementById("builder");
    var fresh = page.getElementById("builder");
    var focus = document.activeElement && document.activeElement.id;
    var caret = document.activeElement && document.activeElement.selectionStart;
    fresh.querySelectorAll("details[id]").forEach(function (part) {
      var before = document.getElementById(part.id);
      if (before) part.open = before.open || part.open;
    });
    old.replaceWith(document.adoptNode(fresh));
    document.title = page.title;
    var again = focus && document.getElementById(focus);
    if (again) {
      again.focus({ preventScroll: true });
      if (again.matches("input:not([type=checkbox])") && caret !== null) again.setSelectionRange(caret, caret);
    }
    var problem = document.querySelector("#result .govuk-error-summary");
    said.textContent = problem ? problem.textContent.trim().replace(/\s+/g, " ") : fresh.dataset.said;
  }

  function ours(event) { return form() && form().contains(event.target); }
  function typed(event) { return event.target.matches("input.govuk-input"); }

  // Never at once after typing: whoever leaves a field by a click must meet what they click on.
  function soon() {
    forget();
    waiting = setTimeout(function () { refresh(); }, PAUSE);
  }

  // Who presses “Show the table” leaves this page: an answer that still comes must not write over the address.
  document.addEventListener("submit", function (event) {
    if (ours(event)) forget();
  });

  document.addEventListener("pointerdown", function () { pressed = true; });

  ["pointerup", "pointercancel"].forEach(function (name) {
    document.addEventListener(name, function () {
      pressed = false;
      setTimeout(function () { if (ready && !pressed) ready(); }); // after the click
    });
  });

  document.addEventListener("change", function (event) {
    if (!ours(event)) return;
    if (typed(event)) soon();
    else refresh();
  });

  // One more column, filter or net: the button asks for the page with it, and the cursor goes there.
  document.addEventListener("click", function (event) {
    var more = event.target.closest && event.target.closest("button[name=more]");
    if (!more || !ours(event)) return;
    event.preventDefault();
    refresh(more);
  });

  document.addEventListener("input", function (event) {
    if (ours(event) && typed(event)) soon();
  });
})();
