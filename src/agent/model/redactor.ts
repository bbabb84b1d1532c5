// Takes the secrets of a provider's settings out of texts that leave the model client. Session worker.
import type { ProviderSettings } from './model.js';

/** Shorter header values are no secrets, and taking them out would only mangle the text. */
const MIN_SECRET_LENGTH = 8;
const SECRET_PARAMETER = /key|token|secret|sig|auth|pass/i;

/**
 * A function that replaces the API key, header values, secret query parameters and a password in the URL with `***`, in
 * whatever form a server may echo them. Messages go to clients, logs and rollouts: every one passes through here.
 */
export function createRedactor(provider: ProviderSettings): (text: string) => string {
  const forms = new Set(collectSecrets(provider).flatMap(spell));
  forms.delete('');
  // Longest first: a secret may be part of another.
  const secrets = [...forms].sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
}

function collectSecrets(provider: ProviderSettings): string[] {
  const secrets = provider.apiKey === null ? [] : [provider.apiKey];
  for (const value of Object.values(provider.headers)) {
    secrets.push(...[value, ...value.split(/\s+/)].filter((part) => part.length >= MIN_SECRET_LENGTH));
  }
  for (const [name, value] of Object.entries(provider.queryParams)) {
    if (SECRET_PARAMETER.test(name) && value.length >= MIN_SECRET_LENGTH) secrets.push(value);
  }
  if (provider.baseUrl !== null && URL.canParse(provider.baseUrl)) {
    const { password } = new URL(provider.baseUrl);
    secrets.push(password, decodeLoosely(password));
  }
  return secrets;
}

function spell(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ];
}

function decodeLoosely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign: then it was never encoded.
    return text;
  }
}
