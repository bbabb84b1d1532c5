import { expect } from 'chai';
import { readQuestions } from '../../../src/agent/tools/request-user-input.js';

const QUESTION = { id: 'color', header: 'Color', question: 'Which color?' };

describe('request_user_input', () => {
  const read = (...questions: unknown[]) => readQuestions(JSON.stringify({ questions }));

  it('takes questions with and without options', () => {
    const option = { label: 'Blue', description: 'b' };
    const asked = { ...QUESTION, isOther: true, isSecret: false };
    expect(read({ ...QUESTION, options: [option, { label: 'Red' }] }, { ...QUESTION, id: 'b' })).to.deep.equal([
      { ...asked, options: [option, { label: 'Red', description: '' }] },
      { ...asked, id: 'b', options: null },
    ]);
    expect(read({ ...QUESTION, options: [] })).to.deep.equal([{ ...asked, options: null }]);
  });

  it('says what is wrong with anything else', () => {
    const bad: [unknown, string][] = [
      [undefined, 'the arguments are not JSON'],
      ['{"questions":', 'the arguments are not JSON'],
      ['null', '`questions` must be a list with at least one question'],
      ['{"questions":{}}', '`questions` must be a list with at least one question'],
    ];
    for (const [args, complaint] of bad) expect(readQuestions(args)).to.equal(complaint);
    expect(read(null)).to.match(/^questions\[0\]: `id`, `header` and `question`/);
    expect(read({ ...QUESTION, header: ' ' })).to.match(/^questions\[0\]: `id`, `header` and `question`/);
    expect(read(QUESTION, QUESTION)).to.equal('questions[1]: another one has the id color');
    expect(read({ ...QUESTION, options: 'Blue' })).to.equal('questions[0]: `options` must be a list');
    expect(read({ ...QUESTION, options: ['Blue'] })).to.match(/^questions\[0\]: each of `options`/);
    expect(read({ ...QUESTION, options: [{ label: 'Blue', description: 1 }] })).to.match(/^questions\[0\]: each of/);
  });
});
