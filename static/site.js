// Fill in the time zone of sign-up forms, so that digests arrive at the reader's local time.
const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function fillInTimeZone(part) {
  for (const field of part.querySelectorAll("input[type=hidden][name=timezone]")) {
    field.value = timeZone || "";
    field.form.dataset.timezone = field.value;
  }
}

fillInTimeZone(document);
// htmx inserts the form of a preview later.
document.addEventListener("htmx:load", (event) => fillInTimeZone(event.target));

// The preview form is open only where it fits beside the sign-up form.
const preview = document.getElementById("preview");
if (preview) preview.open = window.matchMedia("(min-width: 48rem)").matches;

// Move focus to a new preview and scroll it into view; on a phone it is below the fold.
document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.id !== "result") return;
  const heading = target.querySelector(".found, [role=alert]") || target.firstElementChild;
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  const { top } = heading.getBoundingClientRect();
  const isError = heading.matches("[role=alert]"); // keep its field visible
  if (isError) heading.scrollIntoView({ block: "nearest" });
  else if (top < 0 || top > window.innerHeight / 2) heading.scrollIntoView({ block: "start" });
});

// If htmx fails, submit the form normally and show the response as a page.
for (const failure of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(failure, ({ detail }) => {
    const { status } = detail.xhr;
    if (detail.elt.matches("form.try") && (!status || status >= 500)) detail.elt.submit();
  });
}

// Scroll horizontal rows so that the selected item is visible.
for (const selected of document.querySelectorAll(".dayline + nav [aria-current]")) {
  const row = selected.closest("ul");
  row.scrollLeft = selected.offsetLeft - (row.clientWidth - selected.offsetWidth) / 2;
}

// Report that a paper was opened, for readers who allowed it. Prerendered pages report it only
// when they become visible.
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
