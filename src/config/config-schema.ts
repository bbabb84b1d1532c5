// The keys that act, their types and what is said when one is wrong. Main thread.
import { z } from 'zod';
import { PASSIVE_KEYS, PASSIVE_PROVIDER_KEYS } from './known-keys.js';

// Every message ends the sentence "KEY ...", and "not WHAT WAS FOUND" follows it.
const text = () => z.string({ error: 'must be a string' });
const filledText = () => text().min(1, { error: 'must be a string with something in it' });
const flag = () => z.boolean({ error: 'must be true or false' });
const texts = () => z.array(text(), { error: 'must be an array of strings' });
const textTable = () => z.record(z.string(), text(), { error: 'must be a table of strings' });
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, { error: `must be one of ${values.map((value) => JSON.stringify(value)).join(', ')}` });

function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
  const error = `must be a whole number, ${range}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol);
}

const httpUrl = () =>
  text().refine((value) => isUrl(value, ['http:', 'https:']), { error: 'must be an http:// or https:// address' });

// A timer of Node holds at most 2^31 - 1 ms.
const milliseconds = () => wholeNumber(1, 2_147_483_647);

const wireApi = z.literal('responses', {
  error: (issue) =>
    issue.input === 'chat'
      ? 'must be "responses" (the Chat Completions API is not spoken; most servers offer /v1/responses too)'
      : 'must be "responses"',
});

const providerShape = {
  name: text().optional(),
  base_url: httpUrl().optional(),
  env_key: filledText().optional(),
  env_key_instructions: text().optional(),
  experimental_bearer_token: filledText().optional(),
  requires_openai_auth: flag().optional(),
  wire_api: wireApi.optional(),
  http_headers: textTable().optional(),
  env_http_headers: textTable().optional(),
  query_params: textTable().optional(),
  request_max_retries: wholeNumber(0).optional(),
  stream_max_retries: wholeNumber(0).optional(),
  stream_idle_timeout_ms: milliseconds().optional(),
};

const granularShape = {
  sandbox_approval: flag(),
  rules: flag(),
  mcp_elicitations: flag(),
  request_permissions: flag().optional(),
  skill_approval: flag().optional(),
};

const approvalPolicy = z.union(
  [z.enum(['untrusted', 'on-failure', 'on-request', 'never']), z.object({ granular: z.object(granularShape) })],
  {
    error:
      'must be "untrusted", "on-request", "never", or { granular = { sandbox_approval, rules, mcp_elicitations = true or false } }',
  },
);

const workspaceWriteShape = {
  writable_roots: texts().optional(),
  network_access: flag().optional(),
  exclude_tmpdir_env_var: flag().optional(),
  exclude_slash_tmp: flag().optional(),
};

/** Codex's keys that act here. */
const sharedShape = {
  model: filledText().optional(),
  model_provider: filledText().optional(),
  model_providers: z
    .record(z.string(), z.object(providerShape, { error: 'must be a table' }), { error: 'must be a table of tables' })
    .optional(),
  openai_base_url: httpUrl().optional(),
  // Codex takes any text until it is needed, and refuses then: so does resolving it.
  oss_provider: text().optional(),
  model_reasoning_effort: filledText().optional(),
  model_reasoning_summary: oneOf(['auto', 'concise', 'detailed', 'none']).optional(),
  web_search: oneOf(['disabled', 'cached', 'live']).optional(),
  project_doc_max_bytes: wholeNumber(0, 16 * 1024 * 1024).optional(),
  project_doc_fallback_filenames: z.array(z.string()).optional(),
  model_verbosity: oneOf(['low', 'medium', 'high']).optional(),
  model_context_window: wholeNumber(1).optional(),
  instructions: text().optional(),
  developer_instructions: text().optional(),
  model_instructions_file: filledText().optional(),
  experimental_resume: filledText().optional(),
  approval_policy: approvalPolicy.optional(),
  sandbox_mode: oneOf(['read-only', 'workspace-write', 'danger-full-access']).optional(),
  sandbox_workspace_write: z.object(workspaceWriteShape, { error: 'must be a table' }).optional(),
  // A timer of Node holds at most 2^31 - 1 ms.
  thread_unload_delay_secs: wholeNumber(0, 2_147_483).optional(),
};

/** Our keys that a conversation may set. */
const conversationShape = {
  // A timer of Node holds at most 2^31 - 1 ms.
  approval_timeout_secs: wholeNumber(0, 2_147_483).optional(),
  request_max_retries: wholeNumber(0).optional(),
  stream_max_retries: wholeNumber(0).optional(),
  stream_idle_timeout_ms: milliseconds().optional(),
};

/** Our keys that belong to the daemon as a whole. */
const daemonShape = {
  listen: text()
    .refine((value) => isUrl(value, ['ws:']), { error: 'must be an address such as ws://127.0.0.1:4517' })
    .optional(),
  allowed_origins: texts().optional(),
  allowed_hosts: texts().optional(),
  log_level: oneOf(['error', 'warn', 'info', 'debug']).optional(),
  sessions_per_worker: wholeNumber(1).optional(),
  max_threads: wholeNumber(0, 1024).optional(),
  worker_heap_mb: wholeNumber(0, 1_000_000).optional(),
  worker_stuck_secs: wholeNumber(0, 1_000_000).optional(),
  memory_limit_mb: wholeNumber(0, 100_000_000).optional(),
  replay_bytes: wholeNumber(0).optional(),
  shutdown_grace_secs: wholeNumber(0, 3_600).optional(),
};

/** Any layer; keys that do not act are dropped unchecked. */
export const configSchema = z.object({ ...sharedShape, ...conversationShape, ...daemonShape });

/** All layers merged: what config/defaults.toml sets is there. */
export const effectiveSchema = configSchema
  .required({
    model_providers: true,
    approval_policy: true,
    sandbox_mode: true,
    thread_unload_delay_secs: true,
    approval_timeout_secs: true,
    request_max_retries: true,
    stream_max_retries: true,
    stream_idle_timeout_ms: true,
    listen: true,
    allowed_origins: true,
    allowed_hosts: true,
    log_level: true,
    sessions_per_worker: true,
    max_threads: true,
    worker_heap_mb: true,
    worker_stuck_secs: true,
    memory_limit_mb: true,
    replay_bytes: true,
    shutdown_grace_secs: true,
  })
  .extend({ sandbox_workspace_write: z.object(workspaceWriteShape).required() });

/** The acting keys with their types, in the files' own names. */
export type ConfigValues = z.infer<typeof effectiveSchema>;

export const SHARED_KEYS: readonly string[] = [...Object.keys(sharedShape), ...PASSIVE_KEYS];
export const DAEMON_KEYS: readonly string[] = Object.keys(daemonShape);
export const OWN_KEYS: readonly string[] = [...Object.keys(conversationShape), ...DAEMON_KEYS];
export const PROVIDER_KEYS: readonly string[] = [...Object.keys(providerShape), ...PASSIVE_PROVIDER_KEYS];
export const WORKSPACE_WRITE_KEYS: readonly string[] = Object.keys(workspaceWriteShape);
export const GRANULAR_KEYS: readonly string[] = Object.keys(granularShape);
