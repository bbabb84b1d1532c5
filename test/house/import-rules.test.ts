// Holds what the built files import against the table of rooms.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { findCycles, listSources, loadedBy, readImportGraph, ROOT } from './import-graph.js';
import { readRoomTable } from './room-table.js';
import { describeReach, LIBRARY_HOMES, mayImportValues, NEVER_IN_WORKERS, roomOf, ROOMS } from './rooms.js';

describe('the import rules of the house', () => {
  const graph = readImportGraph();

  it('know every folder and file of src/', () => {
    const rooms = new Set([...graph.keys()].map(roomOf));
    expect([...rooms].filter((room) => room === null || ROOMS[room] === undefined)).to.deep.equal([]);
  });

  it('are those of docs/architecture.md', () => {
    const documented = readRoomTable(readFileSync(path.join(ROOT, 'docs/architecture.md'), 'utf8'));
    expect(documented).to.deep.equal(
      Object.entries(ROOMS).map(([room, { thread, may }]) => ({ room, thread, may: describeReach(may) })),
    );
  });

  it('let a file import values only of the rooms that its own may use', () => {
    const forbidden = [...graph].flatMap(([file, { files }]) =>
      files
        .filter((target) => !mayImportValues(roomOf(file) ?? '', target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(forbidden).to.deep.equal([]);
  });

  it('forbid cycles', () => {
    expect(findCycles(graph)).to.deep.equal([]);
  });

  it('give each library one home', () => {
    const strays = [...graph].flatMap(([file, { packages }]) =>
      packages
        .filter(
          (name) => !LIBRARY_HOMES[name]?.some((home) => (home.endsWith('/') ? file.startsWith(home) : file === home)),
        )
        .map((name) => `${file} imports ${name}`),
    );
    expect(strays).to.deep.equal([]);
  });

  it('name a home for each dependency of package.json, and for nothing else', () => {
    const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(Object.keys(LIBRARY_HOMES)).to.deep.equal(Object.keys(manifest.dependencies));
  });

  for (const entry of listSources(['workers'])) {
    it(`load into ${entry} no library that only the main thread needs`, () => {
      const loaded = loadedBy(graph, entry);
      const ways = NEVER_IN_WORKERS.map((name) => loaded.get(name)?.join(' → ')).filter((way) => way !== undefined);
      expect(ways).to.deep.equal([]);
    });

    it(`load into ${entry} no room of the main thread`, () => {
      const rooms = new Set([...loadedBy(graph, entry).keys()].map(roomOf));
      expect([...rooms].filter((room) => room !== null && ROOMS[room]?.thread === 'main')).to.deep.equal([]);
    });
  }
});
