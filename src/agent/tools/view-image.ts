// view_image: the model looks at a picture of this machine. Session worker.
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { toThreadItem } from '../../rollout/thread-item.js';
import type { CoreItem } from '../../rollout/line.js';
import { announceCompletion, announceStart } from '../item-news.js';
import { isBelow } from '../patch/patch-targets.js';
import { itemLines } from '../turn-lines.js';
import { readImage } from '../user-input.js';
import { ToolFailure } from './tool.js';
import type { Tool } from './tool.js';

export const VIEW_IMAGE: Tool = {
  name: 'view_image',
  isParallel: true,
  definition: {
    type: 'function',
    name: 'view_image',
    description: 'Looks at a picture file: PNG, JPEG, GIF or WebP.',
    strict: false,
    parameters: {
      type: 'object',
      properties: { path: { type: 'string', description: 'Absolute, or relative to the working directory.' } },
      required: ['path'],
      additionalProperties: false,
    },
  },
  run: async ({ state, turn, itemId, input, signal, markShown }) => {
    const { path: wanted } = (input ?? {}) as { path?: unknown };
    if (typeof wanted !== 'string' || wanted === '') throw new ToolFailure('view_image needs `path`');
    const file = path.resolve(state.settings.cwd, wanted);
    const real = await realpath(file).catch(() => file);
    if (isBelow(real, state.tools.hidden)) throw new ToolFailure(`${file} can not be looked at.`);
    const part = await readImage(real);
    if (part.type !== 'input_image') throw new ToolFailure(part.text);
    if (signal.aborted) return 'aborted';
    const now = Date.now();
    const item: CoreItem = { type: 'ImageView', id: itemId, path: pathToFileURL(file).href };
    markShown();
    announceStart(state, turn, toThreadItem(item, { startedAtMs: now, completedAtMs: null }), now);
    state.recorder.writeAll(itemLines(state.recorder.mode, state.conversationId, turn.id, item, now, now));
    announceCompletion(state, turn, toThreadItem(item, { startedAtMs: now, completedAtMs: now }), now);
    return [part];
  },
};
