// A home that our daemon and the peer share, new for each test of a suite. Main thread.
import { requirePeerBinary } from '../support/peer-binary.js';
import { JointHome } from './joint-home.js';

export interface JointSuite {
  /** That of the test that runs. */
  home: () => JointHome;
  /** Path of the peer's program. */
  binary: () => string;
}

/** To be called in `describe`: the suite is skipped, or fails in CI, where there is no peer. */
export function useJointHome(): JointSuite {
  let binary: string;
  let home: JointHome;
  before(function () {
    binary = requirePeerBinary(this);
  });
  beforeEach(async () => {
    home = await JointHome.make();
  });
  afterEach(() => home.close());
  return { home: () => home, binary: () => binary };
}
