// What several runs have in common: patches, plans and answers. Any thread.

export const PATCH = '*** Begin Patch\n*** Add File: new.txt\n+one\n+two\n*** End Patch';
export const PLAN = {
  plan: [
    { step: 'look', status: 'completed' },
    { step: 'leap', status: 'in_progress' },
  ],
};

/** The smallest image. */
export const DOT = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

/** What the model says in plan mode; the tagged part becomes a plan. */
export const PROPOSAL = 'Before it.\n<proposed_plan>\n# Plan\n- one\n- two\n</proposed_plan>\n';
/** What the model says at the end of a review. */
export const FINDINGS = JSON.stringify({
  findings: [],
  overall_correctness: 'patch is correct',
  overall_explanation: 'Nothing found.',
  overall_confidence_score: 1,
});

export const INJECTED = {
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text: 'injected' }],
};
