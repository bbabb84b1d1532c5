// The part of .oxlintrc.json that follows from the table of rooms: one override for each room, one for each exception.
import { isFile, LIBRARY_HOMES, ROOMS } from './rooms.js';
import type { Reach } from './rooms.js';

interface RestrictedPattern {
  regex?: string;
  group?: string[];
  message: string;
  allowTypeImports?: true;
}

export interface LintOverride {
  files: string[];
  rules: { 'no-restricted-imports': ['error', { patterns: RestrictedPattern[] }] };
}

/** Matches import specifiers of rooms as written in another: `../room/file.js`, or `../room.js` for a single file. */
function specifiersOf(rooms: readonly string[]): string {
  return `^(\\.\\./)+(src/)?(${rooms.join('|')})(/|\\.js$)`;
}

function restrictLibraries(file: string): RestrictedPattern {
  const isHome = (home: string): boolean => (home.endsWith('/') ? file.startsWith(home) : file === home);
  const names = Object.keys(LIBRARY_HOMES).filter((name) => !LIBRARY_HOMES[name]?.some(isHome));
  return {
    regex: `^(${names.join('|')})(/|$)`,
    message: 'Each library has its one home: test/house/rooms.ts',
    allowTypeImports: true,
  };
}

function restrictionsOf(room: string, file: string): LintOverride['rules'] {
  const may: Readonly<Record<string, Reach | undefined>> = ROOMS[room]?.may ?? {};
  const others = Object.keys(ROOMS).filter((other) => other !== room && other !== 'workers');
  const never = others.filter((other) => may[other] === undefined);
  const typesOnly = others.filter((other) => may[other] === 'types');
  const patterns: RestrictedPattern[] = [];
  if (never.length > 0) {
    patterns.push({ regex: specifiersOf(never), message: `${room} may not know this room: docs/architecture.md` });
  }
  if (typesOnly.length > 0) {
    patterns.push({
      regex: specifiersOf(typesOnly),
      message: `${room} may only import types of this room: docs/architecture.md`,
      allowTypeImports: true,
    });
  }
  for (const other of others) {
    const modules = may[other];
    if (modules === undefined || typeof modules === 'string') continue;
    patterns.push({
      group: [`../**/${other}/**`, ...modules.map((module) => `!../**/${other}/${module}.js`)],
      message: `${room} may only import types, and what ${modules.join(' and ')} export, of ${other}: docs/architecture.md`,
      allowTypeImports: true,
    });
  }
  return { 'no-restricted-imports': ['error', { patterns: [...patterns, restrictLibraries(file)] }] };
}

/** In the order of the file: the rooms, then what is the home of one library more than its room is. */
export function roomOverrides(): LintOverride[] {
  const pathOf = (room: string): string => {
    if (room === 'workers') return 'workers/';
    return isFile(room) ? `src/${room}.ts` : `src/${room}/`;
  };
  const homes = [...new Set(Object.values(LIBRARY_HOMES).flat())];
  const places = [
    ...Object.keys(ROOMS).map((room) => ({ room, place: pathOf(room) })),
    ...homes.flatMap((place) => {
      const [, room = '', inner = ''] = place.split('/');
      return inner === '' ? [] : [{ room, place }];
    }),
  ];
  return places.map(({ room, place }) => ({
    files: [place.endsWith('/') ? `${place}**` : place],
    rules: restrictionsOf(room, place),
  }));
}
