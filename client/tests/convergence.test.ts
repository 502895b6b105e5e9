/**
 * Promise: whatever is cut or dies and whenever, what three people type ends up once in everyone's worksheet and in the
 * journal, all see the same, and no command is obeyed twice.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as Y from "yjs";

import { Site } from "../src/lib/site";
import type { Worksheet } from "../src/lib/worksheet";
import { Clock } from "./model/clock";
import { Network } from "./model/network";
import { ModelServer } from "./model/server";

const SEEDS = 40;
const STEPS = 80;

class People {
  readonly clock: Clock;
  readonly server: ModelServer;
  readonly network: Network;
  readonly sites: Site[] = [];
  readonly worksheets: Worksheet[] = [];
  /** What was typed; each is unlike all others. */
  readonly typed: string[] = [];
  readonly commands: { answered: number; refused: number; given: number } = {
    answered: 0,
    refused: 0,
    given: 0,
  };

  constructor(seed: number) {
    this.clock = new Clock(seed);
    this.server = new ModelServer(this.clock);
    this.network = new Network(this.clock, this.server.accept);
  }

  async come(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const { clock, network } = this;
      const site = new Site({
        addresses: ["http://a", "http://b"],
        openSocket: network.open,
        timing: clock,
        client: `client${index}`,
      });
      site.connect();
      this.sites.push(site);
      this.worksheets.push(
        await clock.settle(site.workspace("w").openWorksheet("x.ipynb", { create: true })),
      );
    }
  }

  /** One thing that a person, the network or a server might do. */
  async step(): Promise<void> {
    const { random } = this.clock;
    const worksheet = this.worksheets[random.below(this.worksheets.length)];
    assert(worksheet);
    const dice = random.below(100);
    if (dice < 55) this.type(worksheet);
    else if (dice < 65) worksheet.insertCell("code", this.word(), random.below(worksheet.cells.length + 1));
    else if (dice < 72) this.move(worksheet);
    else if (dice < 82) this.run(worksheet);
    else if (dice < 90) this.network.cutSome(() => random.next() < 0.4);
    else if (dice < 93) this.server.crashWorker();
    else if (dice < 95) this.server.replay = random.below(10);
    else this.network.delay = random.below(30);
    await this.clock.pass(random.below(120));
  }

  word(): string {
    const word = `[${this.typed.length}]`;
    this.typed.push(word);
    return word;
  }

  type(worksheet: Worksheet): void {
    const cell = worksheet.cells[this.clock.random.below(worksheet.cells.length)];
    if (!cell) return;
    // Never inside of another word, so that each can be found again.
    const text = cell.source.toString();
    const ends = [0, ...[...text.matchAll(/\]/g)].map((match) => match.index + 1)];
    cell.source.insert(ends[this.clock.random.below(ends.length)] ?? 0, this.word());
  }

  move(worksheet: Worksheet): void {
    const { random } = this.clock;
    const cell = worksheet.cells[random.below(worksheet.cells.length)];
    if (cell) worksheet.moveCell(cell.id, random.below(worksheet.cells.length));
  }

  run(worksheet: Worksheet): void {
    const cell = worksheet.cells[0];
    if (!cell) return;
    this.commands.given += 1;
    worksheet.run([cell.id]).then(
      () => (this.commands.answered += 1),
      (error: { code: string }) => {
        assert.equal(error.code, "fenced");
        this.commands.refused += 1;
      },
    );
  }

  leave(): void {
    for (const site of this.sites) site.close();
  }
}

function textOf(doc: Y.Doc): string {
  const cells = Object.entries(doc.getMap("cells").toJSON()).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([doc.getArray("order").toJSON(), cells]);
}

for (let seed = 1; seed <= SEEDS; seed += 1) {
  test(`three people, seed ${seed}`, async () => {
    const people = new People(seed);
    await people.come(3);
    for (let step = 0; step < STEPS; step += 1) await people.step();
    await people.clock.pass(60_000);

    const { worksheets, server } = people;
    const first: Worksheet | undefined = worksheets[0];
    assert(first);
    const journaled: Y.Doc = new Y.Doc();
    for (const update of server.stored.get(first.id)?.journal ?? []) Y.applyUpdate(journaled, update);
    for (const worksheet of worksheets) {
      assert.equal(worksheet.unacknowledged, 0);
      assert.equal(textOf(worksheet.doc), textOf(journaled));
      assert.deepEqual(
        worksheet.cells.map(({ id }) => worksheet.outputs(id)?.outputs),
        first.cells.map(({ id }) => first.outputs(id)?.outputs),
      );
    }
    const text: string = textOf(first.doc);
    for (const word of people.typed) assert.equal(text.split(word).length, 2, `${word} stands there once`);

    assert.equal(new Set(server.obeyed).size, server.obeyed.length);
    const withoutEpoch: string[] = server.obeyed.map((line) => line.replace(/^\d+ /, ""));
    assert.equal(new Set(withoutEpoch).size, withoutEpoch.length, "no command was obeyed at two epochs");
    const { given, answered, refused } = people.commands;
    assert.equal(answered + refused, given);
    people.leave();
  });
}
