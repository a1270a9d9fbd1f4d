// What the pages of sign-in do beyond their forms. Without scripts codes are typed, and passwords stay hidden.
(function () {
  "use strict";

  // The code that came after "#" in a link goes into its field and out of the address bar.
  function takeCode() {
    var form = document.querySelector("[data-takes-code]");
    var field = form && form.querySelector("#code");
    var code = location.hash.slice(1);
    if (!field || !/^[0-9A-Za-z-]{10,60}$/.test(code) || document.getElementById(code)) return;
    field.value = code;
    history.replaceState(null, "", location.pathname + location.search);
  }

  // A password can be looked at while it is typed.
  function offerToShow(field) {
    var button = document.createElement("button");
    var label = document.querySelector('label[for="' + field.id + '"]');
    button.type = "button";
    button.className = "govuk-button govuk-button--secondary app-show";
    function say() {
      var shown = field.type === "text";
      button.textContent = shown ? "Hide" : "Show";
      button.setAttribute("aria-label", (shown ? "Hide: " : "Show: ") + (label ? label.textContent : ""));
    }
    button.addEventListener("click", function () {
      field.type = field.type === "text" ? "password" : "text";
      say();
    });
    if (field.form) {
      field.form.addEventListener("submit", function () {
        field.type = "password";
        say();
      });
    }
    say();
    field.after(button);
  }

  takeCode();
  window.addEventListener("hashchange", takeCode);
  document.querySelectorAll('input[type="password"]').forEach(offerToShow);
})();
