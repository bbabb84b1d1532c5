// The messages that the peer does not have, with the names that the contract gives them.

export const OWN_METHODS: Readonly<Record<string, { params: string; result: string }>> = {
  'daemon/status': { params: 'DaemonStatusParams', result: 'DaemonStatusResponse' },
  'daemon/drain': { params: 'DaemonDrainParams', result: 'DaemonDrainResponse' },
  'thread/unload': { params: 'ThreadUnloadParams', result: 'ThreadUnloadResponse' },
};

export const OWN_NOTIFICATIONS: Readonly<Record<string, string>> = {
  'thread/owner/changed': 'ThreadOwnerChangedNotification',
};
