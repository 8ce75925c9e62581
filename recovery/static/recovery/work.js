// The task of recovery/work.py: derive keys until one begins as it should, then send the form. The browser's own
// cryptography does it, beside the page, which stays usable. Where there is none, the wait and its button remain.
"use strict";

const form = document.querySelector("form[data-challenge]");
const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const derived = async (task, counter) => {
  const nonce = bytes(task.nonce);
  const secret = new Uint8Array(nonce.length + 4);
  secret.set(nonce);
  new DataView(secret.buffer).setUint32(nonce.length, counter);
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: bytes(task.salt), iterations: task.cost };
  return hex(await crypto.subtle.deriveBits(how, key, task.keyLength * 8));
};

const AT_ONCE = 8;
const solve = async (task) => {
  for (let first = 0; ; first += AT_ONCE) {
    const counters = Array.from({ length: AT_ONCE }, (_, step) => first + step);
    const keys = await Promise.all(counters.map((counter) => derived(task, counter)));
    const found = keys.findIndex((key) => key.startsWith(task.keyPrefix));
    if (found >= 0) return { counter: counters[found], derivedKey: keys[found] };
  }
};

if (form && globalThis.crypto?.subtle) {
  const challenge = JSON.parse(form.dataset.challenge);
  const button = form.querySelector("button");
  const waiting = document.querySelector("[data-waiting]");
  button.hidden = true;
  waiting.hidden = true;
  document.querySelector("[data-working]").hidden = false;
  solve(challenge.parameters).then((solution) => {
    form.elements.solution.value = btoa(JSON.stringify({ challenge, solution }));
    form.requestSubmit();
  }).catch(() => {
    button.hidden = false;
    waiting.hidden = false;
    document.querySelector("[data-working]").hidden = true;
  });
}
