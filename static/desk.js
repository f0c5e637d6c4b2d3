// Reorder pinned papers by dragging their handles; pin a candidate by dragging it among them.
// The buttons do the same without JavaScript.
const pinned = document.getElementById("pinned");
const act = document.getElementById("act");
const orderOf = (list) => [...list.children].map((item) => item.dataset.paper).join(",");
const before = orderOf(pinned);

function placeAt(item, event) {
  const box = pinned.getBoundingClientRect();
  if (event.clientY < box.top - 24 || event.clientY > box.bottom + 24) return false;
  const below = [...pinned.children].find((other) => {
    const { top, height } = other.getBoundingClientRect();
    return other !== item && event.clientY < top + height / 2;
  });
  pinned.insertBefore(item, below || null);
  return true;
}

function submitOrder() {
  const order = document.createElement("input");
  Object.assign(order, { type: "hidden", name: "order", value: orderOf(pinned) });
  const action = document.createElement("input");
  Object.assign(action, { type: "hidden", name: "do", value: "order" });
  act.append(order, action);
  act.submit();
}

function drag(start) {
  const handle = start.target.closest(".handle");
  if (!handle || start.button !== 0) return;
  const item = handle.closest("li");
  const home = item.parentNode;
  const next = item.nextSibling;
  start.preventDefault();
  item.classList.add("dragged");

  const move = (event) => {
    if (!placeAt(item, event) && home !== pinned) home.insertBefore(item, next);
  };
  const end = (event) => {
    for (const [name, listener] of Object.entries(listeners)) {
      document.removeEventListener(name, listener);
    }
    item.classList.remove("dragged");
    if (event.type === "pointercancel") home.insertBefore(item, next);
    else if (orderOf(pinned) !== before) submitOrder();
  };
  // Listen on the document: an element that is moved in the DOM stops receiving pointer events.
  const listeners = { pointermove: move, pointerup: end, pointercancel: end };
  for (const [name, listener] of Object.entries(listeners)) {
    document.addEventListener(name, listener);
  }
}

document.addEventListener("pointerdown", drag);
