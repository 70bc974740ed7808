import assert from "node:assert/strict";
import { test } from "node:test";
import { closeRecord, FakeSink, ManualTime, settle } from "../testing.ts";
import { createMessageSink, receiveBatches, type MessageSink } from "./message-sink.ts";
import { rowOf, type UsageRow } from "../entries/usage-row.ts";

function row(id: string, costNanoUsd: bigint | undefined): UsageRow {
  return rowOf(closeRecord(id, { clientRequestId: "ü\u2028\n" }), { input: 5 }, { costNanoUsd, snapshot: '{"source":"builtin"}' });
}

const rows = [row("req_1", 9_223_372_036_854_775_807n), row("req_2", 0n), row("req_3", undefined)];

interface Channel {
  readonly time: ManualTime;
  readonly primary: FakeSink;
  readonly worker: MessageSink;
  /** All messages, in order. */
  readonly wire: string[];
}

/** A worker and a primary that exchange only strings. */
function connect(): Channel {
  const time = new ManualTime();
  const primary = new FakeSink();
  const wire: string[] = [];
  const receiver = receiveBatches(primary);
  const worker: MessageSink = createMessageSink(
    (message) => {
      wire.push(message);
      assert.equal(
        receiver.receive(message, (answer) => {
          wire.push(answer);
          assert.equal(worker.receive(answer), true);
        }),
        true,
      );
    },
    { schedule: time.schedule, timeoutMs: 1000 },
  );
  return { time, primary, worker, wire };
}

test("a batch arrives complete, with all 64 bits of money, and is acknowledged when it is in the database", async () => {
  const { time, primary, worker, wire } = connect();
  await worker.write(rows);
  assert.deepEqual([...primary.rows.values()], rows);
  assert.deepEqual([primary.batches, wire.length, wire[1]], [[3], 2, 'ledger-ack {"id":1}']);
  assert.deepEqual(time.delays, []);
});

test("a journal's checkpoint is sent with its batch, or alone if there are no rows", async () => {
  const { primary, worker } = connect();
  await worker.write(rows, { journal: "one", seq: 2 ** 40 });
  await worker.write([], { journal: "one", seq: Number.MAX_SAFE_INTEGER });
  assert.deepEqual(primary.checkpoints, [
    { journal: "one", seq: 2 ** 40 },
    { journal: "one", seq: Number.MAX_SAFE_INTEGER },
  ]);
});

test("a batch that the primary cannot write is rejected with its reason, and may be sent again", async () => {
  const { primary, worker } = connect();
  primary.script = ["fail", "fail-after"];
  const message = (reason: string): { code: string; message: string } => ({
    code: "ledger_unavailable",
    message: `The primary process did not accept the usage entries: ${reason}.`,
  });
  await assert.rejects(worker.write(rows), message("disk I/O error"));
  await assert.rejects(worker.write(rows), message("the connection was lost after the commit"));
  await worker.write(rows);
  assert.deepEqual([...primary.rows.values()], rows);
});

test("a write without an acknowledgement in time is rejected; a late one does no harm", async () => {
  const time = new ManualTime();
  const sent: string[] = [];
  const worker = createMessageSink((message) => sent.push(message), { schedule: time.schedule, timeoutMs: 1000 });
  const first = assert.rejects(worker.write(rows), /no acknowledgement came within 1000 ms/);
  await time.advance(1000);
  await first;
  const second = worker.write(rows);
  assert.equal(worker.receive('ledger-ack {"id":1}'), true);
  let settled = false;
  void second.then(() => (settled = true));
  await settle();
  assert.equal(settled, false);
  worker.receive('ledger-ack {"id":2}');
  await second;
  assert.deepEqual([sent.length, time.delays], [2, []]);
});

test("a channel that throws or is closed rejects the writes", async () => {
  const broken = createMessageSink(() => {
    throw new Error("ERR_IPC_CHANNEL_CLOSED");
  });
  await assert.rejects(broken.write(rows), /did not accept the usage entries: ERR_IPC_CHANNEL_CLOSED/);

  const time = new ManualTime();
  const worker = createMessageSink(() => undefined, { schedule: time.schedule });
  const waiting = [worker.write(rows), worker.write(rows)];
  worker.disconnect("it has ended");
  const writes = [...waiting, worker.write(rows)];
  await Promise.all(writes.map((write) => assert.rejects(write, /did not accept the usage entries: it has ended/)));
  assert.deepEqual(time.delays, []);
});

test("messages of other kinds are not handled", () => {
  const { worker, primary } = connect();
  assert.deepEqual(
    [worker.receive("ledger-batch {}"), worker.receive("reload"), receiveBatches(primary).receive('ledger-ack {"id":1}', () => undefined)],
    [false, false, false],
  );
});

test("a batch of another version is refused", async () => {
  const sink = new FakeSink();
  const answers: string[] = [];
  receiveBatches(sink).receive('ledger-batch {"id":4,"rows":[["req_1",1]]}', (answer) => answers.push(answer));
  await settle();
  assert.deepEqual(
    [sink.batches, answers],
    [[], ['ledger-ack {"id":4,"error":"a usage entry has 2 values instead of 47: worker and primary are of different versions"}']],
  );
});

test("a worker that exits before its batch is written does not disturb the primary", async () => {
  const sink = new FakeSink();
  const wire: string[] = [];
  void createMessageSink((message) => wire.push(message), { schedule: new ManualTime().schedule }).write(rows);
  receiveBatches(sink).receive(wire[0]!, () => {
    throw new Error("channel closed");
  });
  await settle();
  assert.equal(sink.rows.size, 3);
});
