// An application in Node, signed in with openid-client, and nothing else from npm.
//
// ISSUER, CLIENT_ID, CLIENT_SECRET and PORT say where it belongs. openid-client makes and checks `state`, `nonce`
// and the PKCE verifier when it is given them, verifies the ID token, and compares `iss` of the answer (RFC 9207).

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import * as openid from "openid-client";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env;
const HERE = `http://127.0.0.1:${PORT}`;

const provider = await openid.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  // ES256 is what Regain signs with; openid-client believes nothing that was not asked for.
  { client_secret: CLIENT_SECRET, id_token_signed_response_alg: "ES256" },
  openid.ClientSecretBasic(CLIENT_SECRET),
  // Plain http is for trying it out on one machine.
  ISSUER.startsWith("http://localhost:") ? { execute: [openid.allowInsecureRequests] } : undefined,
);

// What a browser's cookie stands for. An application with several processes keeps this in its session store.
const sessions = new Map();

const pages = {
  "GET /": (session) => ({ claims: session.claims ?? null, userinfo: session.userinfo, renewals: session.renewals }),

  async "GET /sign-in"(session) {
    const code_verifier = openid.randomPKCECodeVerifier();
    const state = openid.randomState();
    const nonce = openid.randomNonce();
    session.asked = { state, nonce, code_verifier };
    return openid.buildAuthorizationUrl(provider, {
      redirect_uri: `${HERE}/callback`,
      scope: "openid profile email offline_access",
      code_challenge: await openid.calculatePKCECodeChallenge(code_verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
  },

  async "GET /callback"(session, url) {
    const { state, nonce, code_verifier } = session.asked ?? {};
    delete session.asked; // good for one answer
    const tokens = await openid.authorizationCodeGrant(provider, url, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: code_verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    // It refuses userinfo that speaks of somebody else.
    const userinfo = await openid.fetchUserInfo(provider, tokens.access_token, claims.sub);
    Object.assign(session, { tokens, claims, userinfo, renewals: 0 });
    return new URL(HERE);
  },

  async "POST /refresh"(session) {
    const tokens = await openid.refreshTokenGrant(provider, session.tokens.refresh_token);
    // The refresh token is a new one each time; the ID token of the sign-in stays what sign-out is asked with.
    session.tokens = { ...session.tokens, ...tokens };
    session.userinfo = await openid.fetchUserInfo(provider, tokens.access_token, session.claims.sub);
    session.renewals += 1;
    return new URL(HERE);
  },

  "GET /sign-out"(session) {
    const { id_token } = session.tokens;
    for (const name of Object.keys(session)) delete session[name];
    return openid.buildEndSessionUrl(provider, {
      id_token_hint: id_token,
      post_logout_redirect_uri: `${HERE}/signed-out`,
    });
  },

  "GET /signed-out": () => ({ signed_out: true }),
};

createServer(async (request, response) => {
  const url = new URL(request.url, HERE);
  try {
    const page = pages[`${request.method} ${url.pathname}`];
    const answer = page ? await page(sessionOf(request, response), url) : { error: "not_found" };
    if (answer instanceof URL) {
      response.writeHead(303, { Location: answer.href }).end();
    } else {
      response.writeHead(page ? 200 : 404, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
    }
  } catch (error) {
    console.error(error);
    const body = JSON.stringify({ error: error.error ?? error.code ?? error.name });
    response.writeHead(400, { "Content-Type": "application/json" }).end(body);
  }
}).listen(Number(PORT), "127.0.0.1");

function sessionOf(request, response) {
  const [, known] = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? "") ?? [];
  if (sessions.has(known)) return sessions.get(known);
  const name = randomBytes(32).toString("base64url");
  sessions.set(name, {});
  // Lax, not Strict: the way back comes from another site.
  response.setHeader("Set-Cookie", `session=${name}; HttpOnly; SameSite=Lax; Path=/`);
  return sessions.get(name);
}
