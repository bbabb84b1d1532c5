// The ids of providers that mean something to the daemon itself. Constants, any thread.

/** Id of the built-in provider that needs no network, and the name of its model. */
export const OFFLINE = 'offline';

/** Stands for the model server of this machine that answers; the conversation gets the id of that one. */
export const OSS = 'oss';

/** The model servers that are found by themselves, in the order in which they are preferred. */
export const LOCAL_PROVIDERS: readonly string[] = ['ollama', 'lmstudio'];
