// A message of each kind that the daemon asks, and an answer to it. Used by tests only.
import type {
  ServerRequestName,
  ServerRequestParams,
  ServerRequestResult,
} from '../../src/protocol/server-requests.js';

type Examples = {
  [Name in ServerRequestName]: { params: ServerRequestParams<Name>[]; results: ServerRequestResult<Name>[] };
};

const inItem = { threadId: 't', turnId: 'u', itemId: 'i' };

export const exampleRequests: Examples = {
  'item/commandExecution/requestApproval': {
    params: [
      {
        kind: 'command',
        ...inItem,
        startedAtMs: 1,
        approvalId: null,
        environmentId: 'local',
        reason: 'writes files',
        networkApprovalContext: { host: 'example.org', protocol: 'https' },
        command: "/bin/bash -lc 'touch a'",
        cwd: '/srv',
        commandActions: [{ type: 'unknown', command: 'touch a' }],
        proposedExecpolicyAmendment: ['touch'],
        proposedNetworkPolicyAmendments: [{ host: 'example.org', action: 'allow' }],
        availableDecisions: [
          'accept',
          { acceptWithExecpolicyAmendment: { execpolicy_amendment: ['touch'] } },
          'cancel',
        ],
      },
    ],
    results: [
      { decision: 'acceptForSession' },
      { decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: ['touch'] } } },
      {
        decision: {
          applyNetworkPolicyAmendment: { network_policy_amendment: { host: 'example.org', action: 'deny' } },
        },
      },
    ],
  },
  'item/fileChange/requestApproval': {
    params: [{ ...inItem, startedAtMs: 1, reason: null, grantRoot: null }],
    results: [{ decision: 'decline' }],
  },
  'item/tool/requestUserInput': {
    params: [
      {
        ...inItem,
        questions: [
          {
            id: 'q',
            header: 'Color',
            question: 'Which?',
            isOther: true,
            isSecret: false,
            options: [{ label: 'Blue', description: 'b' }],
          },
        ],
        isBlocking: true,
        autoResolutionMs: null,
      },
    ],
    results: [{ answers: { q: { answers: ['Blue'] } } }],
  },
  'item/tool/call': {
    params: [{ threadId: 't', turnId: 'u', callId: 'c', namespace: null, tool: 'rake', arguments: { depth: 3 } }],
    results: [{ contentItems: [{ type: 'inputText', text: 'done' }], success: true }],
  },
};
