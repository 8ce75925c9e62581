// node oidc-provider with its state in Redis, and as little around it as signs people in.
// Configured to do what Regain does: PKCE, rotation of refresh tokens, ES256, opaque tokens, consent granted already.
import { createServer } from 'node:http';
import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import Redis from 'ioredis';
import { Provider } from 'oidc-provider';

const { PORT, REDIS_URL, SECRET, CALLBACK } = process.env;
const redis = new Redis(REDIS_URL);
const GRANTABLE = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest']);

class RedisAdapter {
  constructor(name) { this.name = name; }

  key(id) { return `${this.name}:${id}`; }

  async upsert(id, payload, expiresIn) {
    const multi = redis.multi();
    multi.set(this.key(id), JSON.stringify(payload), ...(expiresIn ? ['EX', expiresIn] : []));
    if (GRANTABLE.has(this.name) && payload.grantId) {
      multi.rpush(`grant:${payload.grantId}`, this.key(id));
      if (expiresIn) multi.expire(`grant:${payload.grantId}`, expiresIn);
    }
    if (payload.uid) multi.set(`uid:${payload.uid}`, id, ...(expiresIn ? ['EX', expiresIn] : []));
    await multi.exec();
  }

  async find(id) {
    const found = await redis.get(this.key(id));
    return found ? JSON.parse(found) : undefined;
  }

  async findByUid(uid) {
    const id = await redis.get(`uid:${uid}`);
    return id ? this.find(id) : undefined;
  }

  async consume(id) {
    const payload = await this.find(id);
    payload.consumed = Math.floor(Date.now() / 1000);
    await redis.set(this.key(id), JSON.stringify(payload), 'KEEPTTL');
  }

  async destroy(id) { await redis.del(this.key(id)); }

  async revokeByGrantId(grantId) {
    const keys = await redis.lrange(`grant:${grantId}`, 0, -1);
    await redis.del(`grant:${grantId}`, ...keys);
  }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const common = {
  client_secret: SECRET,
  redirect_uris: [CALLBACK],
  response_types: ['code'],
  id_token_signed_response_alg: 'ES256',
};
const provider = new Provider(`http://localhost:${PORT}`, {
  adapter: RedisAdapter,
  clients: [
    { ...common, client_id: 'web', grant_types: ['authorization_code'] },
    { ...common, client_id: 'offline', grant_types: ['authorization_code', 'refresh_token'] },
    { ...common, client_id: 'machine', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
  ],
  cookies: { keys: [SECRET] },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'] },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: 'Somebody', preferred_username: id }),
  }),
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const known = ctx.oidc.result?.consent?.grantId || session.grantIdFor(client.clientId);
    if (known) return ctx.oidc.provider.Grant.find(known);
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile');
    await grant.save();
    return grant;
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  ttl: {
    AccessToken: 600, AuthorizationCode: 60, ClientCredentials: 600, Grant: 86400, IdToken: 3600,
    Interaction: 3600, RefreshToken: 86400, Session: 43200,
  },
});

const FORM = '<form method="post"><input name="username"><input name="password" type="password"><button>Sign in</button></form>';
const handle = provider.callback();

createServer(async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return handle(request, response);
  if (request.method !== 'POST') return response.setHeader('Content-Type', 'text/html').end(FORM);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const sent = new URLSearchParams(Buffer.concat(chunks).toString());
  // There is no password to check here: what hashing costs is measured with the others.
  return provider.interactionFinished(request, response, { login: { accountId: sent.get('username') } }, {
    mergeWithLastSubmission: false,
  });
}).listen(Number(PORT), '127.0.0.1');
