// Builds the body of a Responses API request from a conversation. Session worker.
import { isResponseItem } from '../../rollout/response-item.js';
import type { ContentItem, OutputContentItem, ResponseItem } from '../../rollout/response-item.js';
import type { ModelRequest } from './model.js';

/** The JSON text of each item that was sent before; empty text for one that is never sent. */
export type InputTexts = WeakMap<ResponseItem, string>;

/**
 * The JSON text to post. Nothing is stored at the provider (`store: false`): every request carries the whole
 * conversation, and reasoning comes and goes encrypted. An item is turned into text once and remembered in `texts`, so
 * that a long conversation costs a request little: items must not change. Throws only for what is no plain data.
 */
export function buildRequestBody(request: ModelRequest, texts: InputTexts = new WeakMap()): string {
  const { reasoningEffort, reasoningSummary, tools } = request;
  const summary = reasoningSummary === 'none' ? null : reasoningSummary;
  const reasons = reasoningEffort !== null || summary !== null;
  const head = repairSurrogates(
    JSON.stringify({
      model: request.model,
      stream: true,
      ...(request.instructions === null ? {} : { instructions: request.instructions }),
      // Some servers refuse the choice of a tool where there is none.
      ...(tools.length === 0 ? {} : { tools, tool_choice: 'auto', parallel_tool_calls: true }),
      ...(reasons
        ? {
            reasoning: {
              ...(reasoningEffort === null ? {} : { effort: reasoningEffort }),
              ...(summary === null ? {} : { summary }),
            },
            include: ['reasoning.encrypted_content'],
          }
        : {}),
      store: false,
      prompt_cache_key: request.cacheKey,
      ...(request.outputSchema === null || request.outputSchema === undefined
        ? {}
        : {
            text: {
              format: { type: 'json_schema', name: 'output_schema', strict: true, schema: request.outputSchema },
            },
          }),
    }),
  );
  const input: string[] = [];
  for (const item of request.input) {
    const text = inputText(item, texts);
    if (text !== '') input.push(text);
  }
  return `${head.slice(0, -1)},"input":[${input.join(',')}]}`;
}

function inputText(item: ResponseItem, texts: InputTexts): string {
  const known = texts.get(item);
  if (known !== undefined) return known;
  const text = toInputItem(item)
    .map((input) => repairSurrogates(JSON.stringify(input)))
    .join(',');
  texts.set(item, text);
  return text;
}

/**
 * An item as the API takes it, or none. Ids are left out: with nothing stored they refer to nothing, and an unknown id
 * is refused. Reasoning goes back only where it says something the provider can use. That calls and outputs pair up is
 * the history's business, not looked at here.
 */
function toInputItem(item: ResponseItem): unknown[] {
  if (isResponseItem(item, 'message')) {
    const { role, phase } = item;
    const content = item.content.map((part) => toInputPart(part));
    return [{ type: 'message', role, content, ...(role === 'assistant' && phase ? { phase } : {}) }];
  }
  if (isResponseItem(item, 'reasoning')) {
    const { summary, encrypted_content, content } = item;
    if (encrypted_content) return [{ type: 'reasoning', summary, encrypted_content }];
    return content && content.length > 0 ? [{ type: 'reasoning', summary, content }] : [];
  }
  if (isResponseItem(item, 'function_call')) {
    const { call_id, name, namespace } = item;
    return [{ type: item.type, call_id, name, ...(namespace ? { namespace } : {}), arguments: item.arguments }];
  }
  if (isResponseItem(item, 'function_call_output')) {
    const { call_id, output } = item;
    return [call_id ? { type: item.type, call_id, output } : toNote(item)];
  }
  if (isResponseItem(item, 'custom_tool_call')) {
    const { call_id, name, namespace, input } = item;
    return [{ type: item.type, call_id, name, ...(namespace ? { namespace } : {}), input }];
  }
  if (isResponseItem(item, 'custom_tool_call_output')) {
    return [{ type: item.type, call_id: item.call_id, output: item.output }];
  }
  if (LOCAL_TYPES.has(item.type)) return [];
  // The metadata is other people's; of the types that come here, some are only valid with their id.
  const { internal_chat_message_metadata_passthrough: _, metadata: __, ...rest } = item as Record<string, unknown>;
  if (ID_IS_OPTIONAL.has(item.type)) delete rest['id'];
  return [rest];
}

/** Marks that writers keep in their files and no provider knows. */
const LOCAL_TYPES = new Set(['ghost_snapshot', 'other']);

const ID_IS_OPTIONAL = new Set(['local_shell_call', 'web_search_call', 'compaction']);

/** Only what the API asks for: annotations and log probabilities are of no use to the model. */
function toInputPart(part: ContentItem): unknown {
  return part.type === 'output_text' ? { type: part.type, text: part.text } : part;
}

/** An output nobody asked for has no call to belong to; as a developer message it is valid everywhere. */
function toNote(item: { name?: string | null; output: string | OutputContentItem[] }): unknown {
  const { name, output } = item;
  const parts: OutputContentItem[] = typeof output === 'string' ? [{ type: 'input_text', text: output }] : output;
  const title = { type: 'input_text', text: `${name ?? 'note'}:` };
  return { type: 'message', role: 'developer', content: [title, ...parts] };
}

/**
 * JSON.stringify writes a lone half of a surrogate pair as an escape, which makes the API refuse the whole conversation
 * from then on. Only halves are escaped so; the first alternative steps over escaped backslashes.
 */
function repairSurrogates(json: string): string {
  if (!json.includes('\\ud')) return json;
  return json.replace(/\\\\|\\ud[0-9a-f]{3}/g, (escape) => (escape === '\\\\' ? escape : '\ufffd'));
}
