// Sign-up forms tell the reader's time zone, so that the digest comes at their own hour.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function tellZone(part) {
  for (const field of part.querySelectorAll("input[type=hidden][name=timezone]")) {
    field.value = zone || "";
    field.form.dataset.timezone = field.value;
  }
}

tellZone(document);
// The form that comes with a preview is put in place by htmx.
document.addEventListener("htmx:load", (event) => tellZone(event.target));

// The page of a paper reports that it was opened, for readers who allowed that; never one that a
// browser loads ahead and nobody sees.
const opened = document.getElementById("opened");

function reportOpened() {
  if (document.visibilityState !== "visible") return;
  document.removeEventListener("visibilitychange", reportOpened);
  fetch(opened.action, { method: "POST", body: new FormData(opened), keepalive: true });
}

if (opened) {
  document.addEventListener("visibilitychange", reportOpened);
  reportOpened();
}
