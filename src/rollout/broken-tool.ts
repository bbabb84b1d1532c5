// The end of a command or a patch that nobody has seen: its process died. Pure. Any thread.
import type { ToolItem } from './journal.js';

/** `output` is what the command is known to have written. */
export function brokenTool(item: ToolItem, output: string): ToolItem {
  if (item.type === 'FileChange') return { ...item, status: 'failed' };
  return { ...item, status: 'failed', aggregated_output: output, exit_code: null, duration: null };
}
