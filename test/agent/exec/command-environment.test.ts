// What commands find in their environment. Main thread.
import { expect } from 'chai';
import { commandEnvironment } from '../../../src/agent/exec/command-environment.js';
import { ownerMark, thisOwner } from '../../../src/session/process-mark.js';
import { useTempFolder } from '../../support/temp-folder.js';

describe('commandEnvironment()', () => {
  const folder = useTempFolder();

  it("gives the daemon's environment without its secrets and settings, with marks and what the command changes", () => {
    const environment = commandEnvironment({
      base: {
        PATH: '/bin',
        LANG: 'C',
        PAGER: 'less',
        EDITOR: 'vi',
        OPENAI_API_KEY: 'secret',
        ROLLOUTD_TOKEN: 'secret',
        NODE_CHANNEL_FD: '3',
        UNSET: undefined,
      },
      secretNames: ['OPENAI_API_KEY'],
      home: folder(),
      conversationId: 'c1',
      processId: 7,
      changes: { LANG: 'de', EDITOR: null },
    });
    expect(environment).to.deep.equal({
      PATH: '/bin',
      LANG: 'de',
      PAGER: 'cat',
      GIT_PAGER: 'cat',
      GH_PAGER: 'cat',
      NO_COLOR: '1',
      TERM: 'dumb',
      ROLLOUTD_OWNER: ownerMark(thisOwner(folder())),
      ROLLOUTD_CONVERSATION: 'c1',
      ROLLOUTD_COMMAND: 'c1.7',
    });
  });
});
