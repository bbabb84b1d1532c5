// What a command may try to get out of its sandbox. Each script says ESCAPED when it got out. Data, main thread.

export interface Escape {
  name: string;
  /** A shell script. Its environment: PROJECT, OUTSIDE, RHOME, VICTIM (a process), SOCKET, OTHER_SOCKET, PORT, NODE. */
  script: string;
  /** Whether it gets out without a sandbox: only then does the test show anything. Some would do harm, or need root. */
  bare: 'escapes' | 'escapes as root' | 'not tried';
}

const CONNECT = (target: string): string =>
  `"$NODE" -e 'require("net").connect(${target}).on("connect",()=>{console.log("ESCAPED");process.exit()}).on("error",()=>process.exit(1))'`;

export const ESCAPES: readonly Escape[] = [
  { name: 'write outside of the workspace', script: 'echo x > "$OUTSIDE/new" && echo ESCAPED', bare: 'escapes' },
  {
    name: 'write outside through a link that it makes',
    script: 'ln -s "$OUTSIDE" way-out && echo x > way-out/new && echo ESCAPED',
    bare: 'escapes',
  },
  { name: 'change what is outside', script: 'echo x >> "$OUTSIDE/file" && echo ESCAPED', bare: 'escapes' },
  { name: 'delete what is outside', script: 'rm "$OUTSIDE/file" && echo ESCAPED', bare: 'escapes' },
  { name: 'write to the git settings', script: 'echo x >> .git/config && echo ESCAPED', bare: 'escapes' },
  { name: 'plant a git hook', script: 'echo x > .git/hooks/pre-commit && echo ESCAPED', bare: 'escapes' },
  { name: 'put another .git in its place', script: 'mv .git old && mkdir .git && echo ESCAPED', bare: 'escapes' },
  {
    name: 'make settings of an agent',
    script: 'mkdir -p .codex && echo x > .codex/config.toml && echo ESCAPED',
    bare: 'escapes',
  },
  { name: "write the daemon's settings", script: 'echo x >> "$RHOME/config.toml" && echo ESCAPED', bare: 'escapes' },
  { name: 'make a file in the home', script: 'echo x > "$RHOME/new" && echo ESCAPED', bare: 'escapes' },
  { name: 'write rules of approval', script: 'echo x > "$RHOME/rules/default.rules" && echo ESCAPED', bare: 'escapes' },
  { name: 'read the token', script: 'grep -q SECRET "$RHOME/rolloutd/token" && echo ESCAPED', bare: 'escapes' },
  { name: 'read the keys', script: 'grep -q SECRET "$RHOME/auth.json" && echo ESCAPED', bare: 'escapes' },
  { name: 'read another conversation', script: 'grep -rq SECRET "$RHOME/sessions" && echo ESCAPED', bare: 'escapes' },
  { name: 'find any secret of the home', script: 'grep -rq SECRET "$RHOME" && echo ESCAPED', bare: 'escapes' },
  {
    name: 'read the token by way of a process',
    script: 'for p in /proc/[0-9]*; do grep -q SECRET "$p/root$RHOME/rolloutd/token" && echo ESCAPED && break; done',
    bare: 'escapes as root',
  },
  { name: "reach the daemon's socket", script: CONNECT('process.env.SOCKET'), bare: 'escapes' },
  { name: 'reach its socket elsewhere', script: CONNECT('process.env.OTHER_SOCKET'), bare: 'escapes' },
  { name: 'reach a port of this machine', script: CONNECT('+process.env.PORT,"127.0.0.1"'), bare: 'escapes' },
  {
    name: 'read the environment of a process',
    script: 'grep -q SECRET "/proc/$VICTIM/environ" && echo ESCAPED',
    bare: 'escapes',
  },
  {
    name: 'see what processes there are',
    script: 'grep -q "sleep" "/proc/$VICTIM/cmdline" && echo ESCAPED',
    bare: 'escapes',
  },
  { name: 'signal a process', script: 'kill -CONT "$VICTIM" && echo ESCAPED', bare: 'escapes' },
  { name: 'kill everything', script: 'kill -9 -1; kill -9 "$VICTIM" && echo ESCAPED', bare: 'not tried' },
  {
    name: 'make the root writable again',
    script: 'mount -o remount,rw,bind / && echo x > "$OUTSIDE/new" && echo ESCAPED',
    bare: 'not tried',
  },
  {
    name: 'take the cover off the home',
    script: 'umount -l "$RHOME" && grep -q SECRET "$RHOME/rolloutd/token" && echo ESCAPED',
    bare: 'not tried',
  },
  {
    name: 'take the cover off in a namespace of its own',
    script:
      'unshare -Urm sh -c \'umount -l "$RHOME"; mount -o remount,rw,bind "$OUTSIDE"; mount -o remount,rw,bind /; echo x > "$OUTSIDE/new"; grep -q SECRET "$RHOME/rolloutd/token" || test -e "$OUTSIDE/new"\' && echo ESCAPED',
    bare: 'escapes as root',
  },
  {
    name: 'look under the cover by mounting the folder above elsewhere',
    script:
      'mkdir -p peek && unshare -Urm sh -c \'mount --bind "$(dirname "$RHOME")" peek; grep -q SECRET "peek/$(basename "$RHOME")/rolloutd/token"\' && echo ESCAPED',
    bare: 'escapes as root',
  },
  {
    name: 'read a disk',
    script:
      'd=$(awk \'$5=="/"{print $3}\' /proc/self/mountinfo | head -1); mknod disk b "${d%:*}" "${d#*:}" && head -c 1 disk >/dev/null && echo ESCAPED',
    bare: 'not tried',
  },
  {
    name: 'become root by a program that may',
    script: 'su -c "echo x > $OUTSIDE/new" && test -e "$OUTSIDE/new" && echo ESCAPED',
    bare: 'not tried',
  },
];
