// The events by which a rollout tells what clients were asked, and what became of it. Types only, any thread.

/** Ours alone: clients are asked something on behalf of a call. Codex passes over it. */
export interface ApprovalRequestedEvent {
  type: 'approval_requested';
  /** Names this question. */
  approval_id: string;
  turn_id: string;
  /** The model's call that needs the answer. */
  call_id: string;
  /** SHA-256 of what the call is to do, in hex: the answer holds for nothing else. */
  digest: string;
  /** The server request. */
  method: string;
  requested_at_ms: number;
}

/** Ours alone: what became of that question; call and digest are repeated, so that the line can stand alone. */
export interface ApprovalResolvedEvent {
  type: 'approval_resolved';
  approval_id: string;
  turn_id: string;
  call_id: string;
  digest: string;
  /** `answered`: see `answer`. All others grant nothing. */
  outcome: 'answered' | 'refused' | 'expired' | 'cancelled';
  /** The answer as the client gave it. */
  answer?: unknown;
  /** `client`, or what made the question lapse. */
  by: 'client' | 'deadline' | 'turn_end' | 'broken_off' | 'session_lost';
  /** Its name, as it gave it. */
  client?: string;
  resolved_at_ms: number;
}
