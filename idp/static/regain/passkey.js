// Passkeys, on pages that work without them. It speaks with our own server and the browser's authenticators only; what it
// says to people stands on the page, in their language.
"use strict";

(() => {
  const part = document.querySelector("[data-passkey]");
  if (!part || !window.PublicKeyCredential) return;
  const button = part.querySelector("#passkey");
  const { form } = button;
  const field = form.querySelector("input[name=passkey]");
  const trouble = part.querySelector("#passkey-trouble");
  const purpose = part.dataset.passkey;

  // Bytes travel as base64url.
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const named = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

  const options = async () => {
    const answer = await fetch(part.dataset.options, {
      method: "POST",
      body: new URLSearchParams({ csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value, purpose }),
      cache: "no-store",
    });
    // Too long ago that its person showed who they are: the page itself leads to where they do.
    if (answer.status === 403) location.reload();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const asked = await answer.json();
    return {
      ...asked,
      challenge: bytes(asked.challenge),
      ...(asked.user && { user: { ...asked.user, id: bytes(asked.user.id) } }),
      ...(asked.allowCredentials && { allowCredentials: named(asked.allowCredentials) }),
      ...(asked.excludeCredentials && { excludeCredentials: named(asked.excludeCredentials) }),
    };
  };

  // What `credential.toJSON()` says, which not every browser has yet.
  const asJson = ({ id, rawId, type, authenticatorAttachment, response }) => {
    const said = { clientDataJSON: text(response.clientDataJSON) };
    if (response.attestationObject) {
      said.attestationObject = text(response.attestationObject);
      said.transports = response.getTransports?.() ?? [];
    } else {
      said.authenticatorData = text(response.authenticatorData);
      said.signature = text(response.signature);
      if (response.userHandle) said.userHandle = text(response.userHandle);
    }
    return JSON.stringify({ id, rawId: text(rawId), type, authenticatorAttachment, response: said });
  };

  const send = (credential) => {
    field.value = asJson(credential);
    form.requestSubmit();
  };

  // --- The button ---------------------------------------------------------------------------------------

  let waiting = null;

  const say = (error) => {
    const known = { NotAllowedError: part.dataset.nothing, InvalidStateError: part.dataset.already };
    trouble.querySelector("span").textContent = known[error.name] || part.dataset.trouble;
    trouble.hidden = false;
  };

  const pressed = async () => {
    waiting?.abort();
    trouble.hidden = true;
    button.setAttribute("aria-disabled", "true");
    try {
      const publicKey = await options();
      send(await navigator.credentials[purpose === "register" ? "create" : "get"]({ publicKey }));
    } catch (error) {
      say(error);
      if (purpose === "sign-in") offer();
    } finally {
      button.removeAttribute("aria-disabled");
    }
  };

  button.addEventListener("click", (event) => {
    event.preventDefault();
    if (!button.hasAttribute("aria-disabled")) pressed();
  });

  // --- In the list under the name field (conditional UI) ------------------------------------------------

  // A challenge lives for five minutes; a page may stay open for longer, and then asks for another when it is looked at.
  const fourMinutes = () => new Promise((done) => { setTimeout(done, 4 * 60 * 1000); });
  const lookedAt = async () => {
    while (document.hidden) {
      await new Promise((done) => { document.addEventListener("visibilitychange", done, { once: true }); });
    }
  };

  const offer = async () => {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    for (let stale = true; stale;) {
      const mine = new AbortController();
      waiting = mine;
      stale = false;
      fourMinutes().then(lookedAt).then(() => {
        stale = !mine.signal.aborted;
        mine.abort();
      });
      try {
        const publicKey = await options();
        if (mine.signal.aborted) return;
        send(await navigator.credentials.get({ publicKey, mediation: "conditional", signal: mine.signal }));
        return;
      } catch {
        // Nobody chose one, or there is none: the page is what it was.
      }
    }
  };

  for (const each of document.querySelectorAll("[data-without-passkey]")) each.hidden = true;
  part.hidden = false;
  // Whoever was refused a moment ago presses the button if they want to try again: nothing here goes in circles.
  if (purpose === "sign-in" && !part.querySelector("#passkey-error")) offer();
})();
