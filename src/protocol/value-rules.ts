// What params must keep beyond their types: values that cannot be, fields that exclude or need each other. Main thread.
import type { MethodName, ParamsOf } from './methods.js';

export interface BrokenRule {
  /** JSON path of what is wrong: `params.itemIds`. */
  path: string;
  message: string;
}

/** Whether it is broken, the field, and what to say: in the words of the peer, as far as it has any. */
type Check = [broken: boolean, field: string, message: string];

const MAX_EXCLUDED_IDS = 100;
const MAX_ITEM_IDS = 100;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const RULES: { readonly [Method in MethodName]?: (params: ParamsOf<Method>) => Check[] } = {
  'thread/fork': (params) => {
    const cut = isGiven(params.lastTurnId) || isGiven(params.beforeTurnId);
    const { attachToSource, deferGoalContinuation, ephemeral, experimentalPredictionMode: predicts } = params;
    return [
      [
        isGiven(params.lastTurnId) && isGiven(params.beforeTurnId),
        'beforeTurnId',
        '`beforeTurnId` cannot be combined with `lastTurnId`',
      ],
      [
        isGiven(params.permissions) && isGiven(params.sandbox),
        'permissions',
        '`permissions` cannot be combined with `sandbox`',
      ],
      [
        attachToSource === true && (ephemeral === true || deferGoalContinuation === true),
        'attachToSource',
        'attachToSource cannot be combined with ephemeral or deferGoalContinuation',
      ],
      [
        params.experimentalDisablePredictionMcp === true && predicts !== true,
        'experimentalDisablePredictionMcp',
        '`experimentalDisablePredictionMcp` requires `experimentalPredictionMode: true`',
      ],
      [
        predicts === true && ephemeral !== true,
        'experimentalPredictionMode',
        '`experimentalPredictionMode` requires `ephemeral: true`',
      ],
      [
        predicts === true && (cut || isFilled(params.path)),
        'experimentalPredictionMode',
        '`experimentalPredictionMode` requires a thread id without a path or turn cutoff',
      ],
    ];
  },
  'thread/items/list': ({ cursor, turnId }) => [
    [
      typeof cursor === 'object' && cursor !== null && !isFilled(turnId),
      'turnId',
      'turnId is required when cursor is an item anchor',
    ],
  ],
  'thread/items/read': ({ itemIds }) => [
    [itemIds.length === 0 || itemIds.length > MAX_ITEM_IDS, 'itemIds', 'itemIds must contain 1 to 100 IDs'],
  ],
  'thread/list': (params) => {
    const { parentThreadId, ancestorThreadId, attachedToThreadId } = params;
    const excluded = params.excludedThreadIds ?? [];
    const spawned = isGiven(parentThreadId) || isGiven(ancestorThreadId);
    return [
      [
        isGiven(parentThreadId) && isGiven(ancestorThreadId),
        'ancestorThreadId',
        'parentThreadId and ancestorThreadId are mutually exclusive',
      ],
      [
        isGiven(attachedToThreadId) && spawned,
        'attachedToThreadId',
        'attachedToThreadId cannot be combined with parentThreadId or ancestorThreadId',
      ],
      checkId('parentThreadId', parentThreadId, 'parent thread'),
      checkId('ancestorThreadId', ancestorThreadId, 'ancestor thread'),
      checkId('attachedToThreadId', attachedToThreadId, 'attached thread parent'),
      [excluded.length > MAX_EXCLUDED_IDS, 'excludedThreadIds', 'excludedThreadIds accepts at most 100 entries'],
      ...excluded.map((id, index) => checkId(`excludedThreadIds[${index}]`, id, 'excluded thread')),
      [
        (params.originators ?? []).length > 0,
        'originators',
        'originator filtering is not supported by the local app-server',
      ],
      [params.projectId === '', 'projectId', 'projectId must not be empty'],
      [
        params.sortKey === 'section_position' && !isGiven(params.sectionId),
        'sortKey',
        'section-position sorting requires a section filter',
      ],
      [
        params.includeAttachedThreads === true && !isFilled(params.searchTerm),
        'includeAttachedThreads',
        'includeAttachedThreads requires a non-empty searchTerm',
      ],
    ];
  },
  'thread/resume': ({ afterEpoch, afterSeq }) => [
    [isGiven(afterEpoch) && !isGiven(afterSeq), 'afterSeq', '`afterEpoch` requires `afterSeq`'],
    [isGiven(afterSeq) && !isGiven(afterEpoch), 'afterEpoch', '`afterSeq` requires `afterEpoch`'],
  ],
  'thread/name/set': ({ name }) => [[name.trim() === '', 'name', 'thread name must not be empty']],
  'thread/metadata/update': ({ gitInfo, projectId, daybreakEnabled }) => [
    [
      !isGiven(gitInfo) && !isGiven(projectId) && !isGiven(daybreakEnabled),
      'gitInfo',
      'thread metadata update must include at least one field',
    ],
    [
      isGiven(gitInfo) && Object.values(gitInfo).every((value) => value === undefined),
      'gitInfo',
      'gitInfo must include at least one field',
    ],
    ...Object.entries(gitInfo ?? {}).map(([key, value]): Check => {
      return [value?.trim() === '', `gitInfo.${key}`, `gitInfo.${key} must not be empty`];
    }),
  ],
  'thread/settings/update': ({ permissions, sandboxPolicy }) => [
    [
      isGiven(permissions) && isGiven(sandboxPolicy),
      'permissions',
      '`permissions` cannot be combined with `sandboxPolicy`',
    ],
  ],
  'command/exec': (params) => {
    const { size, timeoutMs } = params;
    return [
      [
        isGiven(timeoutMs) && params.disableTimeout === true,
        'disableTimeout',
        'command/exec cannot set both timeoutMs and disableTimeout',
      ],
      [
        isGiven(params.outputBytesCap) && params.disableOutputCap === true,
        'disableOutputCap',
        'command/exec cannot set both outputBytesCap and disableOutputCap',
      ],
      [isGiven(size) && params.tty !== true, 'size', 'command/exec size requires tty: true'],
      checkSize(size),
      checkTimeout('command/exec', timeoutMs),
    ];
  },
  'command/exec/resize': ({ size }) => [checkSize(size)],
  'command/exec/write': ({ deltaBase64, closeStdin }) => [
    [
      !isGiven(deltaBase64) && closeStdin !== true,
      'deltaBase64',
      'command/exec/write requires deltaBase64 or closeStdin',
    ],
    [isGiven(deltaBase64) && !BASE64.test(deltaBase64), 'deltaBase64', 'invalid deltaBase64: it is not base64'],
  ],
  'thread/shellCommand': ({ timeoutMs }) => [checkTimeout('thread/shellCommand', timeoutMs)],
  'thread/inject_items': ({ items }) => [[items.length === 0, 'items', 'items must not be empty']],
};

/** The first rule that the params break, or null. They must have been validated. Never throws. */
export function findBrokenRule<Method extends MethodName>(method: Method, params: ParamsOf<Method>): BrokenRule | null {
  const broken = RULES[method]?.(params).find(([isBroken]) => isBroken);
  return broken === undefined ? null : { path: `params.${broken[1]}`, message: broken[2] };
}

function isGiven<Value>(value: Value | null | undefined): value is Value {
  return value !== undefined && value !== null;
}

function isFilled(value: string | null | undefined): boolean {
  return isGiven(value) && value !== '';
}

function checkSize(size: { rows: number; cols: number } | null | undefined): Check {
  const isBroken = isGiven(size) && (size.rows === 0 || size.cols === 0);
  return [isBroken, 'size', 'command/exec size rows and cols must be greater than 0'];
}

function checkTimeout(method: MethodName, timeoutMs: number | null | undefined): Check {
  const isBroken = isGiven(timeoutMs) && timeoutMs < 0;
  return [isBroken, 'timeoutMs', `${method} timeoutMs must be non-negative, got ${timeoutMs}`];
}

function checkId(field: string, id: string | null | undefined, what: string): Check {
  return [isGiven(id) && !UUID.test(id), field, `invalid ${what} id: ${(id ?? '').slice(0, 100)}`];
}
