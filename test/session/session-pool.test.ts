import { expect } from 'chai';
import { pickLeastLoaded } from '../../src/session/session-pool.js';

const worker = (currentUsage: number, terminating = false) => ({ currentUsage, terminating, destroyed: false });

describe('pickLeastLoaded', () => {
  it('takes an idle thread before it starts another', () => {
    const idle = worker(0);
    expect(pickLeastLoaded([worker(3), idle], 4, 10)).to.equal(idle);
  });

  it('lets the pool grow while every thread is busy and more may be had', () => {
    expect(pickLeastLoaded([worker(1)], 2, 10)).to.equal(null);
  });

  it('shares the least loaded thread once no more may be had', () => {
    const least = worker(2);
    expect(pickLeastLoaded([worker(3), least], 2, 10)).to.equal(least);
  });

  it('gives no thread more sessions than it may have, nor any to one that ends', () => {
    expect(pickLeastLoaded([worker(1), worker(1)], 2, 1)).to.equal(null);
    expect(pickLeastLoaded([worker(0, true)], 1, 5)).to.equal(null);
  });
});
