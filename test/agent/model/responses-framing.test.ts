import { expect } from 'chai';
import * as fc from 'fast-check';
import type { ModelClient, ModelEvent } from '../../../src/agent/model/model.js';
import { createResponsesModel } from '../../../src/agent/model/responses-model.js';
import { formatEvent } from '../../support/model-reply.js';
import type { ModelServer } from '../../support/model-server.js';
import { startModelServer } from '../../support/model-server.js';
import { collectEvents, makeProvider, makeRequest } from './sampling.js';

const TEXT = 'Grüße, 世界 👩‍🚀 \u2028\r\n"\\';

describe('createResponsesModel, however the bytes arrive', () => {
  let server: ModelServer;
  let client: ModelClient;

  before(async () => {
    server = await startModelServer();
    client = createResponsesModel(makeProvider(server.baseUrl, { streamMaxRetries: 0 }));
  });

  after(async () => {
    client.close();
    await server.close();
  });

  /** What is told when the stream comes in these pieces. */
  function sample(pieces: readonly Uint8Array[]): Promise<ModelEvent[]> {
    server.script((_request, reply) => {
      for (const piece of pieces) reply.chunk(piece);
      reply.end();
    });
    return collectEvents(client, makeRequest('anything'));
  }

  it('reads the same when it is split at any byte', async () => {
    const bytes = Buffer.from(stream('\n'));
    for (let at = 1; at < bytes.length; at += 1) {
      expect(await sample([bytes.subarray(0, at), bytes.subarray(at)]), `split at ${at}`).to.deep.equal(TOLD);
    }
  });

  it('reads the same byte by byte', async () => {
    const bytes = Buffer.from(stream('\n'));
    expect(await sample(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).to.deep.equal(TOLD);
  });

  it('reads the same in any pieces, with any line ends', async () => {
    const splits = fc.tuple(fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat(600), { maxLength: 20 }));
    await fc.assert(
      fc.asyncProperty(splits, async ([lineEnd, cuts]) => {
        const bytes = Buffer.from(stream(lineEnd));
        const edges = [0, ...cuts.map((cut) => cut % bytes.length), bytes.length].sort((a, b) => a - b);
        const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        expect(await sample(pieces)).to.deep.equal(TOLD);
      }),
      { numRuns: 100 },
    );
  });

  it('reads the same without event names, with comments between, and data on several lines', async () => {
    const anonymous = stream('\n').replace(/^event: .*\n/gm, ': keep-alive\n');
    expect(await sample([Buffer.from(anonymous)])).to.deep.equal(TOLD);
    const spread = stream('\n').replaceAll(',"item_id"', ',\ndata: "item_id"');
    expect(await sample([Buffer.from(spread)])).to.deep.equal(TOLD);
  });

  it('passes over events it does not know, and the mark with which some servers end', async () => {
    const unknown = formatEvent({ type: 'response.something.new', item_id: 'm' }) + 'event: odd\ndata: not JSON\n\n';
    const bytes = Buffer.from(unknown + stream('\n').replace('event: response.completed', 'data: [DONE]\n\n$&'));
    expect(await sample([bytes])).to.deep.equal(TOLD);
  });
});

/** A short answer, small enough to be split at every byte. */
function stream(lineEnd: string): string {
  const message = { type: 'message', id: 'm', role: 'assistant', content: [{ type: 'output_text', text: TEXT }] };
  const events = [
    { type: 'response.output_item.added', output_index: 0, item: { type: 'message', id: 'm' } },
    { type: 'response.output_text.delta', item_id: 'm', delta: TEXT },
    { type: 'response.output_item.done', output_index: 0, item: message },
    { type: 'response.completed', response: { id: 'r' } },
  ];
  return events.map(formatEvent).join('').replaceAll('\n', lineEnd);
}

const TOLD: readonly ModelEvent[] = [
  { type: 'itemStarted', item: { id: 'm', kind: 'message', phase: null } },
  { type: 'textDelta', itemId: 'm', delta: TEXT },
  {
    type: 'itemDone',
    item: { type: 'message', id: 'm', role: 'assistant', content: [{ type: 'output_text', text: TEXT }] },
  },
  { type: 'completed', responseId: 'r', usage: null },
];
