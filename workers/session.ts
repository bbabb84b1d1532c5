// Entry of a session worker: Piscina calls this once per session, many may run side by side in one thread.
export { runSession as default } from '../src/agent/run-session.js';
