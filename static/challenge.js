// Where the operator asks for it, a sign-up brings the answer to a riddle (ALTCHA's proof of work,
// version 2): a counter whose PBKDF2 key starts with the bytes that are wanted.
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (found) => Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function derive({ nonce, salt, cost, keyLength }, counter) {
  const password = new Uint8Array(nonce.length / 2 + 4);
  password.set(bytes(nonce));
  new DataView(password.buffer).setUint32(nonce.length / 2, counter);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
  return hex(new Uint8Array(await crypto.subtle.deriveBits(how, key, keyLength * 8)));
}

async function solve(challenge) {
  for (let counter = 0; ; counter++) {
    const derivedKey = await derive(challenge.parameters, counter);
    if (derivedKey.startsWith(challenge.parameters.keyPrefix)) return { counter, derivedKey };
  }
}

async function answer(form) {
  const challenge = await (await fetch(form.dataset.challenge)).json();
  form.elements.altcha.value = btoa(JSON.stringify({ challenge, solution: await solve(challenge) }));
}

// Also for the form that comes with a preview, which htmx puts in place later.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.challenge || form.elements.altcha.value) return;
  event.preventDefault();
  form.querySelector("button").disabled = true;
  try {
    await answer(form);
  } finally {
    form.submit(); // without an answer the page that follows says what is missing
  }
});
