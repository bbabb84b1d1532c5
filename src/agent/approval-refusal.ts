// What the model is told when a person did not allow what it called for. Pure. Session worker.
import type { Answer } from './approvals.js';

type Approval = Answer<'item/commandExecution/requestApproval' | 'item/fileChange/requestApproval'>;

/** Null when it was allowed; `consequence` begins the sentence, as in `Not run`. */
export function refusalOf(answer: Approval, consequence: string): string | null {
  switch (answer.type) {
    case 'answered': {
      const { decision } = answer.result;
      const isDeclined =
        decision === 'decline' ||
        decision === 'cancel' ||
        (typeof decision === 'object' && 'applyNetworkPolicyAmendment' in decision);
      return isDeclined ? `${consequence}: the user declined.` : null;
    }
    case 'refused':
      return `${consequence}: nobody could be asked (${answer.message}).`;
    case 'expired':
      return `${consequence}: nobody answered in time.`;
    case 'cancelled':
      return 'aborted';
  }
}
