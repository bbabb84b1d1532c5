import { expect } from 'chai';
import type { CoreUserInput } from '../../src/rollout/line.js';
import { previewOfInput, previewOfLine } from '../../src/rollout/preview.js';
import { agentItemLine, eventLine, userItemLine, userLine } from '../support/rollout-lines.js';

const text = (words: string): CoreUserInput => ({ type: 'text', text: words });
const image: CoreUserInput = { type: 'image', image_url: 'data:image/png;base64,' };

// What Codex 0.169 shows for the same input.
const PREVIEWS: [string, CoreUserInput[], string][] = [
  ['words without the blanks around them', [text('  hello  \n there \n')], 'hello  \n there'],
  ['all of a long text', [text('x'.repeat(20_000))], 'x'.repeat(20_000)],
  ['several texts as one', [text('look '), image, text(' again')], 'look  again'],
  ['a stand-in for an image alone', [image], '[Image]'],
  ['nothing for an empty text', [text('')], ''],
  ['nothing for nothing', [], ''],
  [
    'the words after the heading of an old IDE',
    [text('# Context\n\n## My request for Codex:\nreal request')],
    'real request',
  ],
];

describe('previewOfInput', () => {
  for (const [what, input, preview] of PREVIEWS) {
    it(`shows ${what}`, () => {
      expect(previewOfInput(input)).to.equal(preview);
    });
  }
});

describe('previewOfLine', () => {
  it("is that of a user's message in either history mode", () => {
    expect([
      previewOfLine(userItemLine('turn', 'u', ' q ')),
      previewOfLine(eventLine({ type: 'user_message', message: ' q ', kind: 'plain' })),
      previewOfLine(eventLine({ type: 'user_message', message: '', local_images: ['/a.png'] })),
    ]).to.deep.equal(['q', 'q', '[Image]']);
  });

  it('is none for what no user said', () => {
    expect([
      previewOfLine(agentItemLine('turn', 'a', 'x')),
      previewOfLine(userLine('q')),
      previewOfLine(eventLine({ type: 'user_message', message: 'x', kind: 'environment_context' })),
    ]).to.deep.equal([null, null, null]);
  });
});
