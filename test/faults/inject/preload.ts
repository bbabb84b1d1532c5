// The fault layer: `node --import` loads it into every thread of a daemon before anything else. The main thread passes on
// what the driver orders; workers, the writer and the index do as they are told. Any thread of the daemon.
import { BroadcastChannel, isMainThread } from 'node:worker_threads';
import { FAULTS_CHANNEL } from './orders.js';
import { relayOrders } from './relay.js';
import { obeyOrders } from './thread-agent.js';

const channel = new BroadcastChannel(FAULTS_CHANNEL);
if (isMainThread) relayOrders(channel);
else obeyOrders(channel);
// Nobody stays alive for it.
channel.unref();
