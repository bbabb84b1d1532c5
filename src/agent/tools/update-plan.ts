// update_plan: the model tells what it means to do, step by step; people see it, nothing else comes of it. Session worker.
import { pushNotification } from '../frame.js';
import { ToolFailure } from './tool.js';
import type { Tool } from './tool.js';

const STATUSES: Readonly<Record<string, string>> = {
  pending: 'pending',
  in_progress: 'inProgress',
  completed: 'completed',
};

interface PlanStep {
  step: string;
  status: string;
}

export const UPDATE_PLAN: Tool = {
  name: 'update_plan',
  isParallel: true,
  definition: {
    type: 'function',
    name: 'update_plan',
    description: 'Shows the user a plan of short steps, replacing the former one. At most one step is in progress.',
    strict: false,
    parameters: {
      type: 'object',
      properties: {
        explanation: { type: 'string', description: 'Why the plan changed.' },
        plan: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              step: { type: 'string' },
              status: { type: 'string', enum: Object.keys(STATUSES) },
            },
            required: ['step', 'status'],
            additionalProperties: false,
          },
        },
      },
      required: ['plan'],
      additionalProperties: false,
    },
  },
  run: async ({ state, turn, input }) => {
    const { explanation, plan } = (input ?? {}) as { explanation?: unknown; plan?: unknown };
    if (!Array.isArray(plan) || !plan.every(isStep)) {
      throw new ToolFailure(
        'update_plan needs `plan`: a list of {step, status}; status is pending, in_progress or completed',
      );
    }
    pushNotification(state.outbox, 'turn/plan/updated', {
      threadId: state.conversationId,
      turnId: turn.id,
      explanation: typeof explanation === 'string' ? explanation : null,
      plan: plan.map(({ step, status }) => ({ step, status: STATUSES[status] })),
    });
    return 'Plan updated';
  },
};

function isStep(value: unknown): value is PlanStep {
  const { step, status } = (value ?? {}) as Partial<PlanStep>;
  return typeof step === 'string' && typeof status === 'string' && Object.hasOwn(STATUSES, status);
}
