import { expect } from 'chai';
import { usePatchedFolder } from './patched-folder.js';

describe('editText keeps', () => {
  const { put, get, apply } = usePatchedFolder();

  it('CRLF', async () => {
    put('f', 'a\r\nb\r\nc\r\n');
    await apply('*** Update File: f', '@@', ' a', '-b', '+x', '+y', ' c');
    expect(get('f')).to.equal('a\r\nx\r\ny\r\nc\r\n');
  });

  it('CRLF beside CRLF and LF beside LF', async () => {
    put('f', 'a\r\nb\nc\n');
    await apply('*** Update File: f', '@@', ' a', '+x', ' b', '+y');
    expect(get('f')).to.equal('a\r\nx\r\nb\ny\nc\n');
  });

  it('what does not end in a newline so', async () => {
    put('f', 'a\nb');
    await apply('*** Update File: f', '@@', '-a', '+x');
    expect(get('f')).to.equal('x\nb');
    await apply('*** Update File: f', '@@', '-b', '+y');
    expect(get('f')).to.equal('x\ny');
    await apply('*** Update File: f', '@@', ' y', '+z');
    expect(get('f')).to.equal('x\ny\nz');
    await apply('*** Update File: f', '@@', ' y', '-z');
    expect(get('f')).to.equal('x\ny');
  });
});
