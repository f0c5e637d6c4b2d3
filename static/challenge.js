// Solve the sign-up challenge if the operator has enabled it (ALTCHA proof of work, version 2):
// find a counter whose PBKDF2 key starts with the given prefix.
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (buffer) => Array.from(buffer, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function derive({ nonce, salt, cost, keyLength }, counter) {
  const password = new Uint8Array(nonce.length / 2 + 4);
  password.set(bytes(nonce));
  new DataView(password.buffer).setUint32(nonce.length / 2, counter);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
  return hex(new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, keyLength * 8)));
}

async function solve(challenge) {
  for (let counter = 0; ; counter++) {
    const derivedKey = await derive(challenge.parameters, counter);
    if (derivedKey.startsWith(challenge.parameters.keyPrefix)) return { counter, derivedKey };
  }
}

async function fillInSolution(form) {
  const challenge = await (await fetch(form.dataset.challenge)).json();
  form.elements.altcha.value = btoa(JSON.stringify({ challenge, solution: await solve(challenge) }));
}

// A listener on the document also covers the form that htmx inserts with a preview.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.challenge || form.elements.altcha.value) return;
  event.preventDefault();
  form.querySelector("button").disabled = true;
  try {
    await fillInSolution(form);
  } finally {
    form.submit(); // without a solution, the next page explains the error
  }
});
