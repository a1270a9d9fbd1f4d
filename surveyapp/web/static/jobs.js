// Shows by itself how far jobs are. Without scripts there is the link "Look again".
(function () {
  "use strict";

  var PAUSE = 1000; // milliseconds between two looks
  var LONGEST = 20 * 60 * 1000; // a page that was left open must not keep somebody signed in
  var live = document.getElementById("live");
  var one = document.getElementById("progress") || document.querySelector("#live [role=status]");
  var began = Date.now();

  function look() {
    if (!live || live.dataset.live !== "yes" || Date.now() - began > LONGEST) return;
    fetch(location.href, { redirect: "error" })
      .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(answer.status); })
      .then(show)
      .catch(function () { /* the server starts anew, or somebody signed out: look again later */ })
      .then(function () { window.setTimeout(look, PAUSE); });
  }

  function show(text) {
    var found = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!found) return;
    if (found.dataset.live === "no" && one) return location.reload(); // its buttons are others now
    if (!live.contains(document.activeElement)) renew(found);
  }

  // Words that stay as they are keep their place, so that nothing is read aloud twice.
  function renew(found) {
    var was = live.querySelector("[role=status]");
    var is = found.querySelector("[role=status]");
    if (was && is && was.textContent === is.textContent) is.replaceWith(was);
    live.replaceChildren.apply(live, Array.from(found.childNodes));
    live.dataset.live = found.dataset.live;
  }

  window.setTimeout(look, PAUSE);
})();
