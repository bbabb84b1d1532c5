// Asks one model server which models it has: a single request, bounded in time and size. Main thread.
import { request as sendHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { ProviderSettings } from '../agent/model/model.js';

/** The names of its models in its own order, or why there are none to tell. */
export type ModelsAnswer = { models: string[] } | { problem: string };

/** Hundreds of models, and read within a millisecond or two. */
const MAX_BYTES = 256 * 1024;
const MAX_MODELS = 500;
const MAX_NAME_LENGTH = 200;

/** For messages: without query and credentials. */
export function describeAddress(baseUrl: string | null): string {
  if (baseUrl === null || !URL.canParse(baseUrl)) return 'no address';
  const { origin, pathname } = new URL(baseUrl);
  return `${origin}${pathname}`;
}

/** GETs `{baseUrl}/models`. Follows no redirects, keeps no connection. Never rejects; `signal` ends it at once. */
export function askModels(provider: ProviderSettings, timeoutMs: number, signal: AbortSignal): Promise<ModelsAnswer> {
  return new Promise((resolve) => {
    let onDone = (): void => undefined;
    const settle = (answer: ModelsAnswer): void => {
      onDone();
      resolve(answer);
    };
    try {
      const request = send(provider, signal, (response) => void readAnswer(response).then(settle));
      const fire = (): void => settle({ problem: `no answer within ${timeoutMs} ms` });
      const timer = setTimeout(fire, timeoutMs);
      onDone = () => {
        clearTimeout(timer);
        request.destroy();
      };
      request.on('error', (error) => settle({ problem: describeFailure(error) }));
      request.end();
    } catch {
      // What no request can be made of; turns fail with the details.
      settle({ problem: 'its address or its headers cannot be used' });
    }
  });
}

function send(provider: ProviderSettings, signal: AbortSignal, onResponse: (response: IncomingMessage) => void) {
  const url = new URL(provider.baseUrl ?? '');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/models`;
  for (const [name, value] of Object.entries(provider.queryParams)) url.searchParams.set(name, value);
  const headers: Record<string, string> = {
    accept: 'application/json',
    'user-agent': 'rolloutd',
    ...(provider.apiKey === null ? {} : { authorization: `Bearer ${provider.apiKey}` }),
  };
  for (const [name, value] of Object.entries(provider.headers)) headers[name.toLowerCase()] = value;
  // Loading TLS costs memory that a model server on this machine does not need.
  const https = url.protocol === 'https:' ? process.getBuiltinModule('node:https') : null;
  return (https === null ? sendHttp : https.request)(url, { headers, agent: false, signal }, onResponse);
}

async function readAnswer(response: IncomingMessage): Promise<ModelsAnswer> {
  if (response.statusCode !== 200) return { problem: `it answered ${response.statusCode}` };
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BYTES) return { problem: `its list of models is longer than ${MAX_BYTES} bytes` };
      chunks.push(chunk);
    }
  } catch (error) {
    return { problem: describeFailure(error as Error) };
  }
  return parseModels(Buffer.concat(chunks).toString());
}

/** Of an error its code alone: a message could hold what the server said. */
function describeFailure(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'nobody listens there';
  return `it cannot be asked (${error.code ?? 'no connection'})`;
}

/** The form of OpenAI's list, which every server of the Responses API has: `{data: [{id}]}`. */
function parseModels(text: string): ModelsAnswer {
  let data: unknown;
  try {
    data = (JSON.parse(text) as { data?: unknown } | null)?.data;
  } catch {
    // Told below, like everything else that is no list.
  }
  if (!Array.isArray(data)) return { problem: 'it did not answer with a list of models' };
  const names = data.map((entry: unknown) => (entry as { id?: unknown } | null)?.id).filter(isConversational);
  return { models: [...new Set(names)].slice(0, MAX_MODELS) };
}

/** Models for embeddings are in the same list, and hold no conversation. */
function isConversational(name: unknown): name is string {
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH) return false;
  return !/embed|\p{Cc}/iu.test(name);
}
