// From the configuration's approval_policy to the wire's. Any thread.
import type { AskForApproval } from '../protocol/thread.js';

/** What the files may say, `on-failure` included, which is asked like `on-request`. */
export type ApprovalPolicyValue =
  | 'untrusted'
  | 'on-failure'
  | 'on-request'
  | 'never'
  | {
      granular: {
        sandbox_approval: boolean;
        rules: boolean;
        mcp_elicitations: boolean;
        request_permissions?: boolean | undefined;
        skill_approval?: boolean | undefined;
      };
    };

export function toApprovalPolicy(value: ApprovalPolicyValue): AskForApproval {
  if (value === 'on-failure') return 'on-request';
  if (typeof value === 'string') return value;
  return { granular: { request_permissions: false, skill_approval: false, ...value.granular } };
}
