// An access code that came after "#" in a link goes into its field and out of the address bar.
// Without this script people type it.
(function () {
  "use strict";
  function take() {
    var code = location.hash.slice(1);
    var field = document.getElementById("code");
    if (!field || !/^[0-9A-Za-z-]{10,60}$/.test(code) || document.getElementById(code)) return;
    field.value = code;
    history.replaceState(null, "", location.pathname + location.search);
  }
  take();
  window.addEventListener("hashchange", take);
})();
