// May a patch be applied, must a person be asked, or is it refused? The answer is a table. Pure. Session worker.
import { isConfined, mayAsk } from './decide-command.js';
import type { PolicyState } from './decide-command.js';

export interface PatchRequest {
  /** Absolute paths of all files that it adds, changes, removes, or moves from or to. */
  files: readonly string[];
  /** Those of them that the sandbox policy does not let be written: findClosedFiles. */
  closedFiles: readonly string[];
}

export type PatchDecision =
  | { type: 'run' }
  /** Once it is accepted it is applied as it is, wherever its files lie. */
  | { type: 'ask'; reason: string | null }
  | { type: 'forbid'; messageForModel: string };

export interface PatchFacts {
  /** Every file of it was accepted for the session. */
  accepted: boolean;
  untrusted: boolean;
  asksForSandbox: boolean;
  confined: boolean;
  /** All its files may be written as it is. */
  open: boolean;
}

/** From above: the first row whose facts all hold decides. */
export const PATCH_TABLE: readonly { when: Partial<PatchFacts>; outcome: PatchDecision['type'] }[] = [
  { when: { accepted: true }, outcome: 'run' },
  { when: { untrusted: true }, outcome: 'ask' },
  { when: { confined: false }, outcome: 'run' },
  { when: { open: true }, outcome: 'run' },
  { when: { asksForSandbox: true }, outcome: 'ask' },
  { when: {}, outcome: 'forbid' },
];

/** Never throws. Whoever applies it must not follow a link that was not there when closedFiles were found. */
export function decidePatch(request: PatchRequest, state: Omit<PolicyState, 'rules'>): PatchDecision {
  const facts: PatchFacts = {
    accepted: state.approvals.hasFiles(request.files),
    untrusted: state.approvalPolicy === 'untrusted',
    asksForSandbox: mayAsk(state.approvalPolicy, 'sandbox_approval'),
    confined: isConfined(state.sandboxPolicy),
    open: request.closedFiles.length === 0,
  };
  const { outcome } = PATCH_TABLE.find(({ when }) =>
    Object.entries(when).every(([name, value]) => facts[name as keyof PatchFacts] === value),
  )!;
  const isReadOnly = state.sandboxPolicy.type === 'readOnly';
  const place = isReadOnly
    ? 'the sandbox is read-only'
    : `files lie outside of what may be written: ${request.closedFiles.join(', ')}`;
  switch (outcome) {
    case 'run':
      return { type: 'run' };
    case 'ask':
      return { type: 'ask', reason: facts.open || isReadOnly ? null : `Its ${place}` };
    case 'forbid':
      return {
        type: 'forbid',
        messageForModel: `Nothing was changed: ${place}, and the approval policy lets nobody be asked.`,
      };
  }
}
