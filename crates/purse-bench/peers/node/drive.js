// Runs a lock for the comparison: reads requests, and writes responses, a line of JSON each.
const readline = require("node:readline");
const Redis = require("ioredis");

const ioredis = Redis.default ?? Redis;
const seconds = () => performance.now() / 1000;
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

async function runTasks(request, act) {
  const each = Math.max(Math.floor(request.count / request.tasks), 1);
  const task = async (number) => {
    for (let index = 0; index < each; index++) await act(number * each + index);
  };
  const started = seconds();
  await Promise.all(Array.from({ length: request.tasks }, (_, number) => task(number)));
  return { seconds: seconds() - started, done: each * request.tasks };
}

// A task that released the lock waits until another task holds it: see src/load/handover.rs.
async function measureHandovers(request, acquire) {
  const samples = [];
  const started = seconds();
  let released;
  let holders = 0;
  let wake = [];
  const nextAcquisition = () => new Promise((resolve) => wake.push(resolve));
  const task = async () => {
    while (holders <= request.count) {
      const release = await acquire(request.key);
      if (holders <= request.count && released !== undefined) samples.push(seconds() - released);
      const turn = ++holders;
      for (const resolve of wake.splice(0)) resolve();
      await sleep(1);
      released = seconds();
      await release();
      while (holders === turn && holders <= request.count) await nextAcquisition();
    }
  };
  // Tasks that still wait at the end are left, because all handovers of the request are measured.
  const tasks = Array.from({ length: request.tasks }, task);
  const allHandovers = async () => {
    while (holders <= request.count) await nextAcquisition();
  };
  await Promise.race([allHandovers(), Promise.all(tasks)]);
  return { seconds: seconds() - started, done: request.count, samples };
}

// `makeAcquire` turns the clients of all masters into a function that acquires the lock of a name,
// and returns the function that releases it.
module.exports = async function drive(makeAcquire) {
  const clients = process.argv.slice(2).map((url) => new ioredis(url));
  await Promise.all(clients.map((client) => client.ping()));
  const acquire = makeAcquire(clients);
  const run = (request) => {
    if (request.op === "lock_handover") return measureHandovers(request, acquire);
    if (request.op !== "lock") throw new Error(`no ${request.op}`);
    return runTasks(request, async (index) => (await acquire(`${request.key}:${index}`))());
  };
  console.log('{"seconds": 0.0, "done": 0}');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let response;
    try {
      response = await run(JSON.parse(line));
    } catch (error) {
      response = { error: `${error.name}: ${error.message}` };
    }
    console.log(JSON.stringify(response));
  }
  process.exit(0);
};
