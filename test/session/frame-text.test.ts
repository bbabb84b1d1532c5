import { expect } from 'chai';
import fc from 'fast-check';
import { deltaFrameHead, deltaFrameText, findDelta, frameText } from '../../src/session/frame-text.js';

const METHOD = 'item/agentMessage/delta';
/** With the very bytes that are looked for, as a model or a client may name things. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('"},"emittedAtMs":1', ',"delta":"', '\\",\\"delta\\":\\"', 'a"},"emittedAtMs":', '\\', '"'),
);

describe('the text of a delta', () => {
  it('says the same as any notification, with the delta last', () => {
    const { emittedAtMs: _, ...frame } = JSON.parse(
      `${deltaFrameText(deltaFrameHead(METHOD, { itemId: 'i' }), 'tëxt')}}`,
    );
    const { emittedAtMs: __, ...same } = JSON.parse(`${frameText(METHOD, { itemId: 'i', delta: 'tëxt' })}}`);
    expect(frame).to.deep.equal(same);
  });

  it('is found in the bytes, whatever it says and whatever the item is called', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (threadId, itemId, delta) => {
        const sound = delta.toWellFormed();
        const open = deltaFrameText(`${deltaFrameHead(METHOD, { threadId, itemId })},"summaryIndex":3`, sound);
        const bytes = Buffer.from(`${open},"epoch":"e","seq":12}`);
        const { start, end } = findDelta(bytes);
        expect(JSON.parse(`"${bytes.toString('utf8', start, end)}"`)).to.equal(sound);
        expect(bytes.toString('latin1', end).replace(/\d{10,}/, 'NOW')).to.equal(
          '"},"emittedAtMs":NOW,"epoch":"e","seq":12}',
        );
      }),
    );
  });
});
