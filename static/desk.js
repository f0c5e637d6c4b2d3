// Order the pinned papers by dragging their handles, and pin by dragging a candidate among them.
// The buttons do the same without this.
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
  const what = document.createElement("input");
  Object.assign(what, { type: "hidden", name: "do", value: "order" });
  act.append(order, what);
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
    for (const [name, what] of Object.entries(heard)) document.removeEventListener(name, what);
    item.classList.remove("dragged");
    if (event.type === "pointercancel") home.insertBefore(item, next);
    else if (orderOf(pinned) !== before) submitOrder();
  };
  // Of the document: what was pressed is moved about in it, and would hear no more of the pointer.
  const heard = { pointermove: move, pointerup: end, pointercancel: end };
  for (const [name, what] of Object.entries(heard)) document.addEventListener(name, what);
}

document.addEventListener("pointerdown", drag);
