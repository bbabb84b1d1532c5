import { expect } from 'chai';
import fc from 'fast-check';
import { ConversationSlots } from '../../src/registry/conversation-slots.js';
import type { LoadedConversation } from '../../src/registry/loaded-conversation.js';

const ID = 'one';

/** As much of a loaded conversation as its slot looks at. */
class FakeLoaded {
  readonly conversation = { id: ID, isOver: false };
  readonly released: Promise<void>;
  #release!: () => void;

  constructor() {
    this.released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  end(): void {
    this.conversation.isOver = true;
    this.#release();
  }

  get loaded(): LoadedConversation {
    return this as unknown as LoadedConversation;
  }
}

describe('ConversationSlots', () => {
  it('starts once for all who ask at once', async () => {
    const slots = new ConversationSlots();
    let starts = 0;
    const load = async (): Promise<LoadedConversation> => {
      starts += 1;
      await Promise.resolve();
      return new FakeLoaded().loaded;
    };
    const opened = await Promise.all(Array.from({ length: 10 }, () => slots.open(ID, load)));
    expect(starts).to.equal(1);
    expect(opened.filter(({ loadedNow }) => loadedNow)).to.have.length(1);
    expect(new Set(opened.map(({ loaded }) => loaded)).size).to.equal(1);
  });

  it('is free again when the start fails, for whoever asks next', async () => {
    const slots = new ConversationSlots();
    const failed = await slots.open(ID, () => Promise.reject(new Error('no'))).catch((error: Error) => error.message);
    expect(failed).to.equal('no');
    expect(slots.ids()).to.deep.equal([]);
    expect((await slots.open(ID, async () => new FakeLoaded().loaded)).loadedNow).to.equal(true);
  });

  it('keeps the session of a holder that failed, and frees the slot of one that ended it', async () => {
    const slots = new ConversationSlots();
    const fake = new FakeLoaded();
    await slots.open(ID, async () => fake.loaded);
    await slots.hold(ID, () => Promise.reject(new Error('refused'))).catch(() => undefined);
    expect(slots.find(ID)).not.to.equal(null);
    await slots
      .hold(ID, async () => {
        fake.end();
        throw new Error('half done');
      })
      .catch(() => undefined);
    expect(slots.ids()).to.deep.equal([]);
  });

  it('lets a held conversation be looked at and left, until its session is over', async () => {
    const slots = new ConversationSlots();
    const fake = new FakeLoaded();
    await slots.open(ID, async () => fake.loaded);
    await slots.hold(ID, async (loaded) => {
      expect([slots.find(ID), slots.loaded()]).to.deep.equal([loaded, [loaded]]);
      fake.end();
      expect([slots.find(ID), slots.loaded()]).to.deep.equal([null, []]);
      return { result: null, loaded };
    });
    expect(slots.ids()).to.deep.equal([]);
  });

  it('lets nobody hold what somebody reads, and lets readers read side by side', async () => {
    const slots = new ConversationSlots();
    const order: string[] = [];
    let finish!: () => void;
    const reading = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const first = slots.share(ID, () => reading.then(() => void order.push('read')));
    const second = slots.share(ID, async () => void order.push('read beside'));
    const holding = slots.hold(ID, async () => {
      order.push('held');
      return { result: null, loaded: null };
    });
    await second;
    finish();
    await Promise.all([first, holding]);
    expect(order).to.deep.equal(['read beside', 'read', 'held']);
  });

  it('never lets two be at work on one conversation, whatever is asked in whatever order', async () => {
    const action = fc.constantFrom('open', 'hold', 'end', 'share' as const);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(action, fc.nat(3)), { maxLength: 30 }), async (asked) => {
        const slots = new ConversationSlots();
        let busy = 0;
        let live = 0;
        let isHeld = false;
        const work = async (ticks: number): Promise<void> => {
          busy += 1;
          expect(busy, 'starting, ending or holding at once').to.equal(1);
          for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
          busy -= 1;
        };
        await Promise.all(
          asked.map(async ([what, ticks]) => {
            if (what === 'open') {
              await slots.open(ID, async () => {
                await work(ticks);
                live += 1;
                expect(live, 'live sessions').to.equal(1);
                return new FakeLoaded().loaded;
              });
            } else if (what === 'hold') {
              await slots.hold(ID, async (loaded) => {
                isHeld = true;
                await work(ticks);
                isHeld = false;
                return { result: null, loaded };
              });
            } else if (what === 'end') {
              const loaded = (await slots.beginEnding(ID)) as unknown as FakeLoaded | null;
              if (loaded === null) return;
              await work(ticks);
              live -= 1;
              loaded.end();
            } else {
              await slots.share(ID, async () => {
                expect(isHeld).to.equal(false);
                for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
              });
            }
          }),
        );
        expect(slots.ids()).to.have.length(live);
      }),
    );
  });
});
