// While the tray is being opened the page is looked at again every few seconds; without scripts there is a link.
(function () {
  "use strict";

  var PAUSE = 3000; // milliseconds
  if (document.getElementById("running")) setTimeout(function () { location.reload(); }, PAUSE);
})();
