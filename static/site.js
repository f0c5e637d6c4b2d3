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

// The preview's form is folded where it is not beside the sign-up.
const preview = document.getElementById("preview");
if (preview) preview.open = window.matchMedia("(min-width: 48rem)").matches;

// A preview takes the place of what was there before: it comes into view and is read from its
// heading, also on a phone, where it stands below the screen.
document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.id !== "result") return;
  const heading = target.querySelector(".found, [role=alert]") || target.firstElementChild;
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  const { top } = heading.getBoundingClientRect();
  const isError = heading.matches("[role=alert]"); // its field stays in sight
  if (isError) heading.scrollIntoView({ block: "nearest" });
  else if (top < 0 || top > window.innerHeight / 2) heading.scrollIntoView({ block: "start" });
});

// What htmx cannot show in place, the browser shows as a page.
for (const failure of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(failure, ({ detail }) => {
    const { status } = detail.xhr;
    if (detail.elt.matches("form.try") && (!status || status >= 500)) detail.elt.submit();
  });
}

// Of a row that scrolls sideways, the chosen one is in sight.
for (const chosen of document.querySelectorAll(".dayline + nav [aria-current]")) {
  const row = chosen.closest("ul");
  row.scrollLeft = chosen.offsetLeft - (row.clientWidth - chosen.offsetWidth) / 2;
}

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
