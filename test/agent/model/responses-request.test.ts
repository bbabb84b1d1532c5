import { expect } from 'chai';
import type { ModelRequest } from '../../../src/agent/model/model.js';
import { buildRequestBody } from '../../../src/agent/model/responses-request.js';
import type { ResponseItem } from '../../../src/rollout/response-item.js';
import { makeRequest, userMessage } from './sampling.js';

function build(overrides: Partial<ModelRequest>): Record<string, unknown> {
  return JSON.parse(buildRequestBody(makeRequest('hello', overrides))) as Record<string, unknown>;
}

function buildInput(...input: ResponseItem[]): unknown {
  return build({ input })['input'];
}

const metadata = { internal_chat_message_metadata_passthrough: { turn_id: 't' }, metadata: { own: 1 } };

describe('buildRequestBody', () => {
  it('asks for a stream that is stored nowhere, and for nothing that was not set', () => {
    expect(build({})).to.deep.equal({
      model: 'scripted-model',
      stream: true,
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }],
      store: false,
      prompt_cache_key: 'conversation-1',
    });
  });

  it('sends instructions, tools, reasoning and the schema of the answer', () => {
    const tools = [{ type: 'function', name: 'exec', parameters: {} }];
    const outputSchema = { type: 'object', properties: {} };
    const set = build({
      instructions: 'be brief',
      tools,
      reasoningEffort: 'high',
      reasoningSummary: 'auto',
      outputSchema,
    });
    expect(set).to.deep.include({
      instructions: 'be brief',
      tools,
      tool_choice: 'auto',
      parallel_tool_calls: true,
      reasoning: { effort: 'high', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      text: { format: { type: 'json_schema', name: 'output_schema', strict: true, schema: outputSchema } },
    });
  });

  it('sends the half of the reasoning settings that is set; a summary of none is no setting', () => {
    expect(build({ reasoningEffort: 'low' })['reasoning']).to.deep.equal({ effort: 'low' });
    expect(build({ reasoningSummary: 'concise' })['reasoning']).to.deep.equal({ summary: 'concise' });
    expect(build({ reasoningSummary: 'none' })).not.to.have.any.keys('reasoning', 'include');
  });

  it('leaves ids, states and metadata of items at home', () => {
    const sent = buildInput(
      { ...userMessage('hello'), id: 'msg_1', ...metadata },
      {
        type: 'message',
        role: 'assistant',
        id: 'msg_2',
        status: 'incomplete',
        phase: 'commentary',
        content: [{ type: 'output_text', text: 'hi', annotations: [], logprobs: [] }],
        ...metadata,
      },
      {
        type: 'function_call',
        id: 'fc_1',
        status: 'completed',
        call_id: 'c1',
        name: 'exec',
        arguments: '{',
        ...metadata,
      },
      { type: 'function_call_output', id: 'fco_1', call_id: 'c1', output: 'done', ...metadata },
      { type: 'custom_tool_call', id: 'ctc', status: 'completed', call_id: 'c2', name: 'apply_patch', input: '*' },
      { type: 'custom_tool_call_output', id: 'ctco', call_id: 'c2', output: [{ type: 'input_text', text: 'ok' }] },
      { type: 'web_search_call', id: 'ws', status: 'completed', action: { type: 'search', query: 'q' }, ...metadata },
      { type: 'compaction', id: 'cmp', encrypted_content: 'enc' },
    );
    expect(sent).to.deep.equal([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hi' }], phase: 'commentary' },
      { type: 'function_call', call_id: 'c1', name: 'exec', arguments: '{' },
      { type: 'function_call_output', call_id: 'c1', output: 'done' },
      { type: 'custom_tool_call', call_id: 'c2', name: 'apply_patch', input: '*' },
      { type: 'custom_tool_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'ok' }] },
      { type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'q' } },
      { type: 'compaction', encrypted_content: 'enc' },
    ]);
  });

  it('sends reasoning back encrypted, else as raw text, else not at all', () => {
    const summary = [{ type: 'summary_text' as const, text: 's' }];
    const content = [{ type: 'reasoning_text' as const, text: 'raw' }];
    const sent = buildInput(
      { type: 'reasoning', id: 'rs_1', summary, content, encrypted_content: 'enc' },
      { type: 'reasoning', id: 'rs_2', summary, content },
      { type: 'reasoning', id: 'rs_3', summary, encrypted_content: null },
    );
    expect(sent).to.deep.equal([
      { type: 'reasoning', summary, encrypted_content: 'enc' },
      { type: 'reasoning', summary, content },
    ]);
  });

  it('turns an output that answers no call into a message', () => {
    const sent = buildInput({ type: 'function_call_output', name: 'goal', output: 'finish', ...metadata });
    const content = [
      { type: 'input_text', text: 'goal:' },
      { type: 'input_text', text: 'finish' },
    ];
    expect(sent).to.deep.equal([{ type: 'message', role: 'developer', content }]);
  });

  it('passes on items of unknown types without the metadata, and drops marks that are local to a file', () => {
    const sent = buildInput(
      { type: 'image_generation_call', id: 'ig_1', status: 'completed', result: 'data', ...metadata },
      { type: 'ghost_snapshot', ghost_commit: {} },
      { type: 'other' },
    );
    expect(sent).to.deep.equal([{ type: 'image_generation_call', id: 'ig_1', status: 'completed', result: 'data' }]);
  });

  it('repairs halves of surrogate pairs and nothing that only looks like one', () => {
    const text = 'a\ud83d b\udc00\\ud83d c👍 \\\ud83d';
    expect(buildInput(userMessage(text))).to.deep.equal([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'a\ufffd b\ufffd\\ud83d c👍 \\\ufffd' }] },
    ]);
  });

  it('does not change the items it is given', () => {
    const item = { ...userMessage('hello'), id: 'msg_1', ...metadata };
    const before = structuredClone(item);
    buildInput(item);
    expect(item).to.deep.equal(before);
  });
});
