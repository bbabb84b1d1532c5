// Ways in which a command leaves processes behind, for the tests of their end. Types and data, main thread.

export interface StopStory {
  name: string;
  /** Sleeps as long as `$T` says, which no other process does; says `ready` when all its processes run. */
  script: string;
  /** How many of its processes name `$T` when it is ready. */
  sleepers: number;
}

export const STOP_STORIES: readonly StopStory[] = [
  { name: 'a plain command', script: 'echo ready; exec sleep $T', sleepers: 1 },
  { name: 'plain children', script: 'sleep $T & sleep $T & echo ready; wait', sleepers: 2 },
  { name: 'a child under nohup', script: 'nohup sleep $T >/dev/null 2>&1 & echo ready; wait', sleepers: 1 },
  { name: 'a child in a session of its own', script: 'setsid sleep $T & echo ready; wait', sleepers: 1 },
  {
    name: 'a grandchild whose parent has gone',
    script: '(setsid sh -c "sleep $T &" &); echo ready; cat',
    sleepers: 1,
  },
  {
    name: 'a daemon that left everything',
    script: 'setsid -f nohup sleep $T >/dev/null 2>&1; echo ready; cat',
    sleepers: 1,
  },
  { name: 'a child without its environment', script: 'env -i setsid sleep $T & echo ready; wait', sleepers: 1 },
  {
    name: 'a command that ignores SIGTERM',
    script: 'trap "" TERM INT HUP; sleep $T & echo ready; while :; do sleep 0.1; done',
    sleepers: 1,
  },
  {
    name: 'a command that starts another one at SIGTERM',
    script: 'trap "setsid sleep $T & setsid sleep $T & wait" TERM; sleep $T & echo ready; wait; wait; wait',
    sleepers: 1,
  },
  {
    name: 'a stopped child',
    script: 'sleep $T & until grep -q "^sleep" /proc/$!/cmdline; do :; done; kill -STOP $!; echo ready; wait',
    sleepers: 1,
  },
  { name: 'a child that keeps the output open', script: 'sleep $T & echo ready; exit 0', sleepers: 1 },
];
