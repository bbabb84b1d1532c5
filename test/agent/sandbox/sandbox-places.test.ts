// What a sandbox hides beside the home. Main thread.
import { expect } from 'chai';
import { controlPlaces, homePlaces, joinPlaces } from '../../../src/agent/sandbox/sandbox-places.js';

describe('controlPlaces()', () => {
  it('hides the sockets that the environment names, and covers the folder of the session', () => {
    const { hidden, covered } = controlPlaces({
      SSH_AUTH_SOCK: '/tmp/ssh-1/agent.2',
      XDG_RUNTIME_DIR: '/run/user/1000',
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/1000/bus,guid=1;tcp:host=x',
    });
    expect([hidden.slice(-2), hidden.includes('/run/docker.sock'), covered]).to.deep.equal([
      ['/tmp/ssh-1/agent.2', '/run/user/1000/bus'],
      true,
      ['/run/user/1000'],
    ]);
  });

  it('takes nothing that is no absolute path', () => {
    const { hidden, covered } = controlPlaces({
      SSH_AUTH_SOCK: 'agent',
      XDG_RUNTIME_DIR: '',
      DBUS_SESSION_BUS_ADDRESS: 'x',
    });
    expect([hidden.filter((path) => !path.startsWith('/')), covered]).to.deep.equal([[], []]);
  });
});

describe('joinPlaces()', () => {
  it('has those of all', () => {
    const joined = joinPlaces(homePlaces('/home'), { hidden: ['/a'], covered: ['/b'], shown: ['/c'] });
    expect([joined.hidden.at(-1), joined.covered, joined.shown.at(-1)]).to.deep.equal(['/a', ['/home', '/b'], '/c']);
  });
});
