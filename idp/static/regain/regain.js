// What a script adds to pages that work without one. Nothing is kept, and nothing comes from elsewhere.
"use strict";

// A page that came back with a problem says so first (WCAG 2.2, 3.3.1).
document.querySelector(".summary[role=alert]")?.focus();

// Show and hide a password. It is hidden again before it leaves, so that browsers keep it as a password.
for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = button.parentElement.querySelector("input");
  const turn = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
    button.setAttribute("aria-label", shown ? button.dataset.hideLabel : button.dataset.showLabel);
  };
  button.addEventListener("click", () => turn(field.type === "password"));
  field.form.addEventListener("submit", () => turn(false));
  button.hidden = false;
}

// The length of a new password, counted in characters as people count them.
for (const rule of document.querySelectorAll("[data-least]")) {
  const field = document.getElementById("new-password");
  const check = () => {
    const met = [...field.value].length >= Number(rule.dataset.least);
    rule.classList.toggle("met", met);
    rule.querySelector(".vh").hidden = !met;
  };
  field.addEventListener("input", check);
  check();
}

// "Send again" counts down in silence and then opens. The server decides; this only saves a wasted press.
const again = document.querySelector("#send-again[data-seconds]");
if (again) {
  const opens = Date.now() + Number(again.dataset.seconds) * 1000;
  const number = again.querySelector(".num");
  const timer = setInterval(() => {
    const left = Math.ceil((opens - Date.now()) / 1000);
    if (left > 0) {
      number.textContent = left;
      return;
    }
    clearInterval(timer);
    again.removeAttribute("aria-disabled");
    again.textContent = again.dataset.ready;
  }, 1000);
  again.addEventListener("click", (event) => {
    if (again.hasAttribute("aria-disabled")) event.preventDefault();
  });
}

// While a message is on its way, its line is read again now and then; what somebody is typing stays.
const look = async (seconds) => {
  await new Promise((wake) => { setTimeout(wake, seconds * 1000); });
  const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, fresh] = [document, page].map((each) => each.querySelector("[data-delivery]"));
  if (!fresh) return;
  if (fresh.dataset.delivery !== old.dataset.delivery) old.innerHTML = fresh.innerHTML;
  old.dataset.delivery = fresh.dataset.delivery;
  if (fresh.dataset.refresh) look(fresh.dataset.refresh);
};
const waiting = document.querySelector("[data-refresh]");
if (waiting) look(waiting.dataset.refresh);

// A recovery that was finished on another device ends here by itself; without a script there is a link for it.
const journey = document.querySelector("form[data-journey]");
const whetherEnded = async () => {
  for (let end = Date.now() + 30 * 60 * 1000; Date.now() < end;) {
    await new Promise((wake) => { setTimeout(wake, journey.dataset.journey * 1000); });
    if (document.hidden) continue;
    const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
    if (answer?.redirected && new URL(answer.url).pathname === "/recovery/ended/") location.assign(answer.url);
  }
};
if (journey) whetherEnded();

// A second press of a button while the first is on its way is the same press: a code costs one try, not two.
for (const form of document.forms) {
  let sent = 0;
  form.addEventListener("submit", (event) => {
    if (Date.now() - sent < 3000) event.preventDefault();
    else sent = Date.now();
  });
  addEventListener("pageshow", () => { sent = 0; });
}

// Print what stands here; browsers without scripts have a menu for it.
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => print());
  button.hidden = false;
}

// Copy what stands beside; without a script it is marked and copied by hand.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
  });
  button.hidden = false;
}

// An answer that travels as a form goes on its way by itself; where there is no script, the button sends it.
document.querySelector("form[data-send]")?.requestSubmit();
