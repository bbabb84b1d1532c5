import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  needsNoFiles,
  normalizeInput,
  toCoreInput,
  toModelContent,
  toModelContentSync,
} from '../../src/agent/user-input.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('the words of the user', () => {
  const folder = useTempFolder();

  it('are made well-formed, with their elements always there', () => {
    expect(normalizeInput([{ type: 'text', text: 'a\ud800b' } as never])).to.deep.equal([
      { type: 'text', text: 'a\ufffdb', text_elements: [] },
    ]);
  });

  it('are recorded in the spelling of the rollout', () => {
    const core = toCoreInput([
      { type: 'text', text: 'hi', text_elements: [{ byteRange: { start: 0, end: 2 }, placeholder: 'p' }] },
      { type: 'image', url: 'data:x', detail: 'high' },
      { type: 'image', fileId: 'file-1' },
      { type: 'localImage', path: '/a.png' },
      { type: 'skill', name: 's', path: '/s' },
    ] as never);
    expect(core).to.deep.equal([
      { type: 'text', text: 'hi', text_elements: [{ byte_range: { start: 0, end: 2 }, placeholder: 'p' }] },
      { type: 'image', image_url: 'data:x', detail: 'high' },
      { type: 'image', file_id: 'file-1' },
      { type: 'local_image', path: '/a.png' },
      { type: 'skill', name: 's', path: '/s' },
    ]);
  });

  it('reach the model at once unless a file must be read', () => {
    const text = { type: 'text' as const, text: 'hi', text_elements: [] };
    const image = { type: 'image' as const, url: 'data:x' };
    expect([needsNoFiles([text, image]), needsNoFiles([text, { type: 'localImage', path: '/a.png' }])]).to.deep.equal([
      true,
      false,
    ]);
    expect(toModelContentSync([text, image])).to.deep.equal([
      { type: 'input_text', text: 'hi' },
      { type: 'input_image', image_url: 'data:x' },
    ]);
  });

  it('bring an image file along, by the type that its name says', async () => {
    const path = join(folder(), 'Picture.JPG');
    writeFileSync(path, 'bytes');
    expect(await toModelContent([{ type: 'localImage', path }])).to.deep.equal([
      { type: 'input_image', image_url: `data:image/jpeg;base64,${Buffer.from('bytes').toString('base64')}` },
    ]);
  });

  it('say of an image that cannot be used why, and wait for no pipe', async () => {
    const place = (name: string): string => join(folder(), name);
    writeFileSync(place('text.txt'), 'x');
    writeFileSync(place('huge.png'), '');
    truncateSync(place('huge.png'), 21 * 1024 * 1024);
    execFileSync('mkfifo', [place('pipe.png')]);
    const names = ['missing.png', 'text.txt', 'huge.png', 'pipe.png'];
    const content = await toModelContent(names.map((name) => ({ type: 'localImage', path: place(name) })));
    const texts = content.map((part) => (part as { text: string }).text);
    expect(texts[0]).to.match(/missing\.png could not be read: ENOENT/);
    expect(texts[1]).to.match(/text\.txt has a type that is not supported/);
    expect(texts[2]).to.match(/huge\.png could not be read: it is larger than/);
    expect(texts[3]).to.match(/pipe\.png could not be read: it is not a file/);
  });
});
